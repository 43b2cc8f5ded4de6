"""The smallest circuit with a decision's layout: three constraints over [commitment, output, context]; its verifier.

x · x = commitment;  value · 1 = output - 2^63;  context · context = t. Real keys and real proofs, in milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from prover.chain.artifacts import Artifact
from prover.chain.models import ModelCommitment
from prover.chain.solc import compile_sources
from prover.constraint.r1cs import R1CS, Matrix
from prover.field import R, to_limbs
from prover.groth16 import ProvingKey, export_solidity, prove, setup
from prover.schema.hashing import keccak256
from prover.schema.layout import LANE_OFFSET, Layout, Polarity, Reveal

LAYOUT = Layout(keccak256(b"tiny schema"), (0,), Polarity.HIGHER_IS_BETTER, Reveal.TIER, (400, 600))


@dataclass(frozen=True)
class TinyModel:
    """A key, its verifier, and what the registry is told about them."""

    key: ProvingKey
    r1cs: R1CS
    verifier: Artifact
    commitment: ModelCommitment

    def prove(self, secret: int, value: int, context: int) -> bytes:
        """256 bytes that prove: the facts behind ``commit(secret)`` are worth ``value``."""
        witness = [1, commit(secret), value + LANE_OFFSET, context, secret, value, context * context]
        return prove(self.key, self.r1cs, to_limbs(witness)).data


def commit(secret: int) -> int:
    """The toy's commitment."""
    return secret * secret % R


def make(folder: Path, name: str = "TinyVerifier", seed: bytes | None = None) -> TinyModel:
    """A new key each time, hence another verifier; with a seed the seed's."""
    r1cs = tiny_r1cs()
    key = setup(r1cs, folder / f"{name}.zkey", seed=seed)
    content, circuit = keccak256(b"tiny model"), keccak256(b"tiny circuit")
    source = export_solidity(
        key.verifying_key, contract_name=name, model_name="tiny", model_hash=content, circuit_hash=circuit
    )
    artifact = compile_sources({f"{name}.sol": source}, cache=False)[name]
    return TinyModel(key, r1cs, artifact, ModelCommitment(content, circuit, key.verifying_key.hash, LAYOUT))


def tiny_r1cs() -> R1CS:
    table = to_limbs([1, -LANE_OFFSET])
    return R1CS(
        n_wires=7,
        n_outputs=2,
        n_public_inputs=1,
        a=matrix([{4: 0}, {5: 0}, {3: 0}]),
        b=matrix([{4: 0}, {0: 0}, {3: 0}]),
        c=matrix([{1: 0}, {0: 1, 2: 0}, {6: 0}]),
        table=table,
        origins=("tiny",),
        origin_starts=np.array([0], dtype=np.int64),
    )


def matrix(rows: list[dict[int, int]]) -> Matrix:
    return Matrix(
        indptr=np.cumsum([0, *map(len, rows)]).astype(np.int64),
        wires=np.array([wire for row in rows for wire in sorted(row)], dtype=np.uint32),
        coef_ids=np.array([row[wire] for row in rows for wire in sorted(row)], dtype=np.uint32),
    )
