"""Two tiny circuits with the public signals of a model, and real keys for them.

The contracts cannot tell them from a model's circuit: the signals are [inputCommitment, packed outputs, context].
``TIER`` computes its tier from the input behind the commitment, so that a forged tier has no proof. ``FREE`` accepts
any signals: what matters in its tests is the encoding, not the statement.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from prover.chain.artifacts import Artifact
from prover.chain.solc import compile_sources
from prover.constraint.r1cs import R1CS, Matrix
from prover.field import R, to_limbs
from prover.groth16 import ProvingKey, VerifyingKey, export_solidity, prove, setup

Row = tuple[Mapping[int, int], Mapping[int, int], Mapping[int, int]]
LANE_OFFSET = 1 << 63


@dataclass(frozen=True)
class Circuit:
    """A circuit with its key.

    Attributes:
        r1cs: the constraints.
        key: development key, made from a seed so that gas snapshots do not move.
    """

    r1cs: R1CS
    key: ProvingKey

    @property
    def verifying_key(self) -> VerifyingKey:
        return self.key.verifying_key

    def verifier(self, name: str, transcript_hash: bytes | None = None) -> Artifact:
        """The generated verifier, compiled."""
        source = export_solidity(
            self.verifying_key,
            contract_name=name,
            model_name="test circuit",
            model_hash=bytes(32),
            circuit_hash=bytes(32),
            transcript_hash=transcript_hash,
        )
        return compile_sources({f"contracts/generated/{name}.sol": source})[name]

    def prove(self, wires: Sequence[int]) -> bytes:
        """256 proof bytes for a full witness."""
        return prove(self.key, self.r1cs, to_limbs(wires), seed=b"tests/contracts").data


def tier_wires(secret: int, context: int) -> list[int]:
    """Witness of ``TIER``: wires [1, commitment, outputs, context, b1, b2, k, context^2].

    The input is x = b1 + 2 b2 + 4 k, its commitment x^2, its tier b1 + b2: 0, 1 or 2.
    """
    b1, b2, k = secret & 1, secret >> 1 & 1, secret >> 2
    return [1, secret * secret % R, LANE_OFFSET + b1 + b2, context, b1, b2, k, context * context % R]


def free_wires(signals: Sequence[int]) -> list[int]:
    """Witness of ``FREE``: the signals and their squares."""
    return [1, *signals, *(signal * signal % R for signal in signals)]


def tier_circuit(folder: Path) -> Circuit:
    """TIER, see the module."""
    x = {4: 1, 5: 2, 6: 4}
    rows: list[Row] = [
        ({4: 1}, {4: 1}, {4: 1}),
        ({5: 1}, {5: 1}, {5: 1}),
        (x, x, {1: 1}),
        ({0: LANE_OFFSET, 4: 1, 5: 1}, {0: 1}, {2: 1}),
        ({3: 1}, {3: 1}, {7: 1}),
    ]
    return _with_key(_r1cs(rows, n_wires=8, n_outputs=2), folder / "tier.zkey")


def free_circuit(folder: Path, n_signals: int) -> Circuit:
    """FREE with ``n_signals`` public signals."""
    rows: list[Row] = [({wire: 1}, {wire: 1}, {n_signals + wire: 1}) for wire in range(1, n_signals + 1)]
    return _with_key(_r1cs(rows, n_wires=1 + 2 * n_signals, n_outputs=n_signals - 1), folder / "free.zkey")


def _with_key(r1cs: R1CS, path: Path) -> Circuit:
    return Circuit(r1cs, setup(r1cs, path, seed=b"tests/contracts"))


def _r1cs(rows: Sequence[Row], n_wires: int, n_outputs: int) -> R1CS:
    coefficients = sorted({value % R for row in rows for side in row for value in side.values()})
    ids = {value: index for index, value in enumerate(coefficients)}
    a, b, c = (_matrix([row[side] for row in rows], ids) for side in range(3))
    return R1CS(
        n_wires=n_wires,
        n_outputs=n_outputs,
        n_public_inputs=1,
        a=a,
        b=b,
        c=c,
        table=to_limbs(coefficients),
        origins=("test",),
        origin_starts=np.array([0], dtype=np.int64),
    )


def _matrix(rows: Sequence[Mapping[int, int]], ids: Mapping[int, int]) -> Matrix:
    indptr = np.cumsum([0, *(len(row) for row in rows)], dtype=np.int64)
    wires = [wire for row in rows for wire in sorted(row)]
    coefficients = [ids[row[wire] % R] for row in rows for wire in sorted(row)]
    return Matrix(indptr, np.array(wires, dtype=np.uint32), np.array(coefficients, dtype=np.uint32))


@cache
def helper_contracts() -> dict[str, Artifact]:
    """Wallets, verifiers and tokens that misbehave, compiled from ``tests/contracts/solidity``."""
    folder = Path(__file__).parent / "solidity"
    sources = {f"tests/contracts/solidity/{path.name}": path.read_text() for path in sorted(folder.glob("*.sol"))}
    return compile_sources(sources)
