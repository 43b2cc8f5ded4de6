"""The scalar field of BN254 and its array form.

An array of field elements is ``uint64[n, 4]``: canonical values below r, four little-endian limbs each. That is
the layout of iden3's files and the native core's.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

R = 21888242871839275222246405745257275088548364400416034343698204186575808495617
"""Order of BN254's groups: the field of circuits, witnesses and public signals."""

Q = 21888242871839275222246405745257275088696311157297823662689037894645226208583
"""Modulus of BN254's base field: the field of point coordinates."""

_R_LIMBS = np.frombuffer(R.to_bytes(32, "little"), dtype="<u8").astype(np.uint64)


def to_limbs(values: Iterable[int]) -> NDArray[np.uint64]:
    """Field elements from Python integers, reduced modulo r (so -1 is r - 1).

    Returns:
        uint64[n, 4].
    """
    raw = b"".join((value % R).to_bytes(32, "little") for value in values)
    return np.frombuffer(raw, dtype="<u8").reshape(-1, 4).astype(np.uint64)


def from_limbs(limbs: NDArray[np.uint64]) -> list[int]:
    """Python integers in [0, 2^256) from uint64[n, 4]. No check that they are below r."""
    raw = np.ascontiguousarray(limbs, dtype="<u8").tobytes()
    return [int.from_bytes(raw[start : start + 32], "little") for start in range(0, len(raw), 32)]


def limbs_from_int64(values: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Field elements from signed machine integers, without a Python loop: a negative x becomes r - |x|.

    Args:
        values: int64[n].

    Returns:
        uint64[n, 4].
    """
    limbs = np.zeros((values.size, 4), dtype=np.uint64)
    negative = values < 0
    # -(2^63) has no int64 negation: its two's complement bits read as unsigned are already its magnitude.
    magnitude = np.where(negative, np.negative(values), values).astype(np.uint64)
    limbs[:, 0] = magnitude
    if negative.any():
        small = magnitude[negative]
        limbs[negative] = _R_LIMBS
        limbs[negative, 0] = _R_LIMBS[0] - small  # wraps modulo 2^64 exactly when a borrow is due
        borrow = small > _R_LIMBS[0]
        rows = np.flatnonzero(negative)[borrow]
        limbs[rows, 1] -= np.uint64(1)  # limb 1 of r is far from zero: the borrow never goes further
    return limbs


def to_bytes32(value: int) -> bytes:
    """Canonical 32 big-endian bytes of a field element.

    Raises:
        ValueError: the value is not in [0, r).
    """
    if not 0 <= value < R:
        raise ValueError(f"{value} is not a canonical field element")
    return value.to_bytes(32, "big")


def signed(value: int, modulus: int = R) -> int:
    """The representative in (-modulus/2, modulus/2]: how a human reads a field element."""
    return value - modulus if value > modulus // 2 else value
