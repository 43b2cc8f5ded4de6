"""proof.json and public.json, and the 256 bytes of a proof that the contract reads."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prover.errors import FormatError
from prover.groth16.formats.jsonfile import (
    expect,
    g1_from_json,
    g1_to_json,
    g2_from_json,
    g2_to_json,
    integer,
    load_json,
    save_json,
)
from prover.groth16.points import (
    G1Point,
    G2Point,
    g1_from_evm,
    g1_to_evm,
    g2_from_evm,
    g2_to_evm,
)

PROOF_BYTES = 256
_HEADER = {"protocol": "groth16", "curve": "bn128"}


@dataclass(frozen=True, slots=True)
class Proof:
    """A Groth16 proof (A, B, C) as eight big-endian words: A.x A.y B.x.c1 B.x.c0 B.y.c1 B.y.c0 C.x C.y.

    Any 256 bytes make one, so that a malformed proof can be handed to ``verify``, which judges it as the contract does.
    Proofs are malleable (anyone can re-randomise one): never use these bytes as an id or a nonce.

    Raises:
        FormatError: ``data`` is not 256 bytes.
    """

    data: bytes

    def __post_init__(self) -> None:
        if len(self.data) != PROOF_BYTES:
            raise FormatError(f"a proof has {PROOF_BYTES} bytes, not {len(self.data)}")

    @property
    def a(self) -> G1Point:
        """A = [α + Σ wⱼuⱼ(τ) + rδ]₁."""
        return g1_from_evm(self.data[:64])

    @property
    def b(self) -> G2Point:
        """B = [β + Σ wⱼvⱼ(τ) + sδ]₂."""
        return g2_from_evm(self.data[64:192])

    @property
    def c(self) -> G1Point:
        """C = [(Σ_private wⱼ(βuⱼ + αvⱼ + wⱼ)(τ) + h(τ)Z(τ)) / δ]₁ + sA + rB₁ − rsδ₁."""
        return g1_from_evm(self.data[192:])

    @property
    def words(self) -> list[int]:
        """The eight words as integers in [0, 2^256)."""
        return [int.from_bytes(self.data[start : start + 32], "big") for start in range(0, PROOF_BYTES, 32)]

    @property
    def calldata(self) -> tuple[list[int], list[list[int]], list[int]]:
        """The verifier contract's first three arguments: a, b (imaginary parts first), c."""
        words = self.words
        return words[:2], [words[2:4], words[4:6]], words[6:]

    @classmethod
    def from_points(cls, a: G1Point, b: G2Point, c: G1Point) -> Proof:
        """From affine points with coordinates in [0, 2^256)."""
        return cls(g1_to_evm(a) + g2_to_evm(b) + g1_to_evm(c))

    def to_json(self) -> dict[str, Any]:
        """snarkjs's proof.json as a dictionary."""
        return {"pi_a": g1_to_json(self.a), "pi_b": g2_to_json(self.b), "pi_c": g1_to_json(self.c), **_HEADER}

    @classmethod
    def from_json(cls, value: Any) -> Proof:
        """From a parsed proof.json.

        Raises:
            FormatError: fields are missing, surplus, or not decimal strings below 2^256. Coordinates at or above q and
                points off the curve are kept: ``verify`` says what the contract would.
        """
        fields = expect(value, _HEADER, ("pi_a", "pi_b", "pi_c"), "proof.json")
        return cls.from_points(
            g1_from_json(fields["pi_a"], "proof.json: pi_a"),
            g2_from_json(fields["pi_b"], "proof.json: pi_b"),
            g1_from_json(fields["pi_c"], "proof.json: pi_c"),
        )

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write proof.json atomically."""
        return save_json(path, self.to_json())

    @classmethod
    def load(cls, source: str | os.PathLike[str] | bytes) -> Proof:
        """Read proof.json from a path or from its bytes; raises FormatError."""
        return cls.from_json(load_json(source, "proof.json"))


def save_public(path: str | os.PathLike[str], signals: Sequence[int]) -> Path:
    """Write public.json: the public signals in layout order."""
    return save_json(path, [str(signal) for signal in signals])


def load_public(source: str | os.PathLike[str] | bytes) -> list[int]:
    """Read public.json.

    Returns:
        Integers in [0, 2^256): those at or above r are for ``verify`` to refuse, as the contract does.

    Raises:
        FormatError: not a list of canonical decimal strings.
    """
    value = load_json(source, "public.json")
    if not isinstance(value, list):
        raise FormatError("public.json: not a list")
    return [integer(item, "public.json") for item in value]
