"""Keccak-256 as the EVM computes it, and the corner of Solidity's ``abi.encode`` that schemas and layouts need."""

from __future__ import annotations

from collections.abc import Sequence

from eth_hash.auto import keccak

WORD = 32
"""Bytes of one EVM word."""


def keccak256(data: bytes) -> bytes:
    """Keccak-256 with Ethereum's padding (not SHA3-256): 32 bytes."""
    return bytes(keccak(data))


def word(value: int) -> bytes:
    """One ABI word of an integer: 32 big-endian bytes, two's complement when negative.

    Raises:
        OverflowError: the value is not in [-2^255, 2^256).
    """
    return value.to_bytes(WORD, "big", signed=value < 0)


def abi_encode(*values: bytes | int | Sequence[int]) -> bytes:
    """``abi.encode`` of static words (``bytes32``, ``uintN``, ``intN``) and dynamic arrays of them.

    Args:
        values: bytes of length 32, an integer, or a sequence of integers (a dynamic array).
    """
    head, tail = b"", b""
    for value in values:
        if isinstance(value, bytes):
            if len(value) != WORD:
                raise ValueError(f"expected 32 bytes, got {len(value)}")
            head += value
        elif isinstance(value, int):
            head += word(value)
        else:
            head += word(WORD * len(values) + len(tail))
            tail += word(len(value)) + b"".join(word(item) for item in value)
    return head + tail
