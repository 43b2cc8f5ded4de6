"""Integer arrays in JSON: short ones as lists, long ones as base64 of the narrowest little-endian integers.

A packed array is ``"<bytes>:<base64>"`` with 1, 2, 4 or 8 bytes a number, two's complement. There is one text for
every array of a length, so a document stays canonical: the width is the least that holds every number, and base64 has
its padding and no stray bits. A layer of a quarter of a million weights takes one or two bytes a weight instead of
eight digits and a Python integer.
"""

from __future__ import annotations

import base64

import numpy as np
from numpy.typing import NDArray

LISTED = 64
"""Longest array that is written as a list: small models stay legible."""

_WIDTHS = (1, 2, 4, 8)


def pack(values: NDArray[np.int64]) -> list[int] | str:
    """The JSON value of int64[n]."""
    if values.size <= LISTED:
        return [int(value) for value in values]
    width = _width(values)
    raw = np.ascontiguousarray(values, dtype=f"<i{width}").tobytes()
    return f"{width}:{base64.b64encode(raw).decode('ascii')}"


def unpack(value: object) -> NDArray[np.int64]:
    """int64[n] of :func:`pack`; lists of any length read.

    Raises:
        ValueError: not a list of integers, and not the packed text of an array.
        OverflowError: an integer beyond int64.
    """
    if not isinstance(value, str):
        array = np.array(value, dtype=object)
        if array.ndim != 1 or not all(type(item) is int for item in array):
            raise ValueError("expected a list of integers")
        return array.astype(np.int64)
    prefix, _, text = value.partition(":")
    if prefix not in [str(width) for width in _WIDTHS]:
        raise ValueError(f"expected packed integers, not {value[:20]!r}")
    raw = base64.b64decode(text, validate=True)
    if len(raw) % int(prefix):
        raise ValueError("packed integers end in the middle of one")
    numbers = np.frombuffer(raw, dtype=f"<i{prefix}").astype(np.int64)
    if pack(numbers) != value:
        raise ValueError("packed integers that are not in their shortest form")
    return numbers


def _width(values: NDArray[np.int64]) -> int:
    low, high = int(values.min()), int(values.max())
    return next(width for width in _WIDTHS if -1 << (8 * width - 1) <= low and high < 1 << (8 * width - 1))
