"""The order-preserving integer code of float32.

For the IEEE-754 bits u of x as uint32:  code(x) = u + 2^31 for a clear sign bit,  2^32 - 1 - u for a set one.
Then x < y implies code(x) < code(y), and code(-0) + 1 = code(+0). Codes fill [0, 2^32); those of finite
numbers fill [SMALLEST, LARGEST].
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SMALLEST = 0x0080_0000
"""code(-FLT_MAX)."""

LARGEST = 0xFF7F_FFFF
"""code(FLT_MAX)."""

_SIGN = np.uint32(0x8000_0000)


def code_of_float32(values: NDArray[np.float32]) -> NDArray[np.int64]:
    """Codes of an array of float32 of any shape; no check for NaN or infinities."""
    bits = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)
    return np.where(bits & _SIGN, ~bits, bits | _SIGN).astype(np.int64)


def float32_of_code(codes: NDArray[np.int64]) -> NDArray[np.float32]:
    """Inverse of :func:`code_of_float32`; codes in [0, 2^32)."""
    bits = codes.astype(np.uint32)
    return np.where(bits & _SIGN, bits ^ _SIGN, ~bits).astype(np.uint32).view(np.float32)
