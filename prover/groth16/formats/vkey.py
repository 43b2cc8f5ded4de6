"""The verifying key: verification_key.json and the bytes its hash is taken over."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from eth_hash.auto import keccak

from prover.errors import FormatError
from prover.groth16.formats.jsonfile import (
    expect,
    g1_from_json,
    g1_to_json,
    g2_from_json,
    g2_to_json,
    integers,
    load_json,
    save_json,
)
from prover.groth16.points import (
    G1_INFINITY,
    G2_GENERATOR,
    G2_INFINITY,
    G1Point,
    G2Point,
    g1_from_evm,
    g1_to_evm,
    g2_from_evm,
    g2_to_evm,
    is_in_g2,
    is_on_g1,
)

_HEADER = {"protocol": "groth16", "curve": "bn128"}
_NAMES = ("nPublic", "vk_alpha_1", "vk_beta_2", "vk_gamma_2", "vk_delta_2", "vk_alphabeta_12", "IC")
_FIXED_BYTES = 64 + 3 * 128


@dataclass(frozen=True)
class VerifyingKey:
    """A proof (A, B, C) of signals s holds when e(A, B) = e(α, β) · e(IC₀ + Σ sⱼICⱼ₊₁, γ) · e(C, δ).

    Attributes:
        alpha1: [α]₁.
        beta2: [β]₂.
        gamma2: [γ]₂: in iden3's keys always the generator.
        delta2: [δ]₂.
        ic: [βuⱼ(τ) + αvⱼ(τ) + wⱼ(τ)]₁ for the constant wire and each public signal.

    Raises:
        FormatError: a point is not in its group or at infinity, gamma is not the generator, or ``ic`` is empty. An
            infinite ``ic[j]`` would leave signal j - 1 out of the statement.
    """

    alpha1: G1Point
    beta2: G2Point
    gamma2: G2Point
    delta2: G2Point
    ic: tuple[G1Point, ...]

    def __post_init__(self) -> None:
        if not self.ic:
            raise FormatError("verifying key: IC is empty")
        for name, g1 in (("alpha", self.alpha1), *((f"IC[{j}]", point) for j, point in enumerate(self.ic))):
            if g1 == G1_INFINITY or not is_on_g1(g1):
                raise FormatError(f"verifying key: {name} is not a point of G1 other than infinity")
        for name, g2 in (("beta", self.beta2), ("delta", self.delta2)):
            if g2 == G2_INFINITY or not is_in_g2(g2):
                raise FormatError(f"verifying key: {name} is not a point of G2 other than infinity")
        if self.gamma2 != G2_GENERATOR:
            raise FormatError("verifying key: gamma is not the generator, as it is in every iden3 key")

    @property
    def n_public(self) -> int:
        """Number of public signals."""
        return len(self.ic) - 1

    @cached_property
    def data(self) -> bytes:
        """α₁ β₂ γ₂ δ₂ IC₀ IC₁ … uncompressed in EVM order: 64, 128, 128, 128 and 64 bytes each."""
        fixed = g1_to_evm(self.alpha1) + b"".join(map(g2_to_evm, (self.beta2, self.gamma2, self.delta2)))
        return fixed + b"".join(map(g1_to_evm, self.ic))

    @cached_property
    def hash(self) -> bytes:
        """vkHash: keccak256 of :attr:`data`; 32 bytes."""
        return bytes(keccak(self.data))

    @classmethod
    def from_bytes(cls, data: bytes) -> VerifyingKey:
        """The inverse of :attr:`data`.

        Raises:
            FormatError: another length, or points as in the class.
        """
        if len(data) < _FIXED_BYTES + 64 or (len(data) - _FIXED_BYTES) % 64:
            raise FormatError(f"verifying key: {len(data)} bytes is no length of one")
        beta2, gamma2, delta2 = (g2_from_evm(data[start : start + 128]) for start in range(64, _FIXED_BYTES, 128))
        ic = tuple(g1_from_evm(data[start : start + 64]) for start in range(_FIXED_BYTES, len(data), 64))
        return cls(g1_from_evm(data), beta2, gamma2, delta2, ic)

    def to_json(self) -> dict[str, Any]:
        """snarkjs's verification_key.json as a dictionary. Computes one pairing, a quarter of a second."""
        from prover.groth16.curve import pairing_tower  # here, because reading a key must not load py_ecc

        return {
            **_HEADER,
            "nPublic": self.n_public,
            "vk_alpha_1": g1_to_json(self.alpha1),
            "vk_beta_2": g2_to_json(self.beta2),
            "vk_gamma_2": g2_to_json(self.gamma2),
            "vk_delta_2": g2_to_json(self.delta2),
            "vk_alphabeta_12": [
                [[str(value) for value in pair] for pair in half] for half in pairing_tower(self.alpha1, self.beta2)
            ],
            "IC": [g1_to_json(point) for point in self.ic],
        }

    @classmethod
    def from_json(cls, value: Any) -> VerifyingKey:
        """From a parsed verification_key.json.

        ``vk_alphabeta_12`` is redundant and no verifier here reads it: its shape is checked, its value is not.

        Raises:
            FormatError: fields are missing, surplus or not canonical, or points as in the class.
        """
        what = "verification_key.json"
        fields = expect(value, _HEADER, _NAMES, what)
        if not isinstance(fields["IC"], list) or fields["nPublic"] != len(fields["IC"]) - 1:
            raise FormatError(f"{what}: IC does not have nPublic + 1 points")
        _check_tower(fields["vk_alphabeta_12"], what)
        return cls(
            g1_from_json(fields["vk_alpha_1"], f"{what}: vk_alpha_1"),
            g2_from_json(fields["vk_beta_2"], f"{what}: vk_beta_2"),
            g2_from_json(fields["vk_gamma_2"], f"{what}: vk_gamma_2"),
            g2_from_json(fields["vk_delta_2"], f"{what}: vk_delta_2"),
            tuple(g1_from_json(point, f"{what}: IC") for point in fields["IC"]),
        )

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write verification_key.json atomically."""
        return save_json(path, self.to_json())

    @classmethod
    def load(cls, source: str | os.PathLike[str] | bytes) -> VerifyingKey:
        """Read verification_key.json from a path or from its bytes; raises FormatError."""
        return cls.from_json(load_json(source, "verification_key.json"))


def _check_tower(value: Any, what: str) -> None:
    name = f"{what}: vk_alphabeta_12"
    if not isinstance(value, list) or len(value) != 2:
        raise FormatError(f"{name}: expected 2 × 3 × 2 numbers")
    for half in value:
        if not isinstance(half, list) or len(half) != 3:
            raise FormatError(f"{name}: expected 2 × 3 × 2 numbers")
        for pair in half:
            integers(pair, 2, name)
