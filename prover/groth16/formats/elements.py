"""Bulk checks of little-endian 256-bit numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def is_canonical(values: NDArray[np.uint64], modulus: int) -> bool:
    """Whether every row of uint64[n, 4] (little-endian limbs) is below ``modulus``."""
    return not bool(_at_least(values, modulus).any())


def _at_least(values: NDArray[np.uint64], modulus: int) -> NDArray[np.bool_]:
    """Row-wise values >= modulus, compared limb by limb from the least significant."""
    limbs = [np.uint64((modulus >> (64 * index)) & (2**64 - 1)) for index in range(4)]
    result = np.ones(len(values), dtype=np.bool_)
    for index, limb in enumerate(limbs):
        column = values[:, index]
        result = (column > limb) | ((column == limb) & result)
    return result
