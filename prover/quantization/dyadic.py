"""Multiples of powers of two among float64 numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def fraction_bits(values: NDArray[np.float64]) -> int:
    """Fewest fraction bits, 0 or more, at which all values are integers."""
    mantissa, exponent = np.frexp(values[values != 0])
    digits = np.abs(mantissa * 2.0**53).astype(np.int64)
    trailing = np.log2((digits & -digits).astype(np.float64)).astype(np.int64)
    return max(0, int((53 - exponent.astype(np.int64) - trailing).max(initial=0)))
