"""Ranges of sparse linear forms over variables that vary each by itself, except the members of a one-hot group."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from prover.quantization.sparse import Sparse

Array = NDArray[Any]


def interval(matrix: Sparse, lo: Array, hi: Array, groups: NDArray[np.int64]) -> tuple[Array, Array]:
    """Smallest and largest value of every row of ``matrix @ variables``.

    Exactly one variable of a group is 1, the others are 0: a row gains its best member's coefficient, or nothing if a
    member it does not read is as good.

    Args:
        matrix: m rows; float64 or int64 coefficients.
        lo, hi: ranges of all variables, dtype as the coefficients (float64 ones may be infinite).
        groups: int64[n], the group of every variable, or -1.

    Returns:
        (low, high), each [m] of the matrix's dtype. int64 results are exact where no sum overflows.
    """
    member = groups[matrix.cols] >= 0
    single = np.flatnonzero(~member)
    data, cols = matrix.data[single], matrix.cols[single]
    ends = data * lo[cols], data * hi[cols]
    zero = matrix.data.dtype.type(0)
    low, high = np.zeros_like(matrix.data), np.zeros_like(matrix.data)
    low[single], high[single] = np.minimum(*ends), np.maximum(*ends)
    grouped = np.flatnonzero(member)
    if grouped.size:
        # Columns ascend in a row and a group's slots are neighbours, so its entries in a row are neighbours too.
        rows, names = matrix.rows[grouped], groups[matrix.cols[grouped]]
        first = np.flatnonzero(np.concatenate(([True], (rows[1:] != rows[:-1]) | (names[1:] != names[:-1]))))
        counts = np.diff(np.append(first, grouped.size))
        sizes = np.bincount(groups[groups >= 0])[names[first]]
        best = np.maximum.reduceat(matrix.data[grouped], first)
        worst = np.minimum.reduceat(matrix.data[grouped], first)
        whole = counts == sizes
        high[grouped[first]] = np.where(whole, best, np.maximum(best, zero))
        low[grouped[first]] = np.where(whole, worst, np.minimum(worst, zero))
    return matrix.row_sum(low), matrix.row_sum(high)


FREE = 1 << 62
"""An end of this magnitude is no bound at all: -FREE below, FREE above."""

KNOWN = 1 << 61
"""Sums below it are exact in int64; ends that reach it count as unknown."""

Ends = tuple[NDArray[np.int64], NDArray[np.int64]]
"""(lo, hi), int64[m] each."""


def unknown(count: int) -> Ends:
    """Numbers of which nothing is known."""
    return np.full(count, -FREE, dtype=np.int64), np.full(count, FREE, dtype=np.int64)


def between(count: int, lo: int, hi: int) -> Ends:
    """The same range for ``count`` numbers; Python integers beyond int64 are no bound."""
    low, high = (lo if lo > -KNOWN else -FREE), (hi if hi < KNOWN else FREE)
    return np.full(count, low, dtype=np.int64), np.full(count, high, dtype=np.int64)


def known(lo: NDArray[np.int64], hi: NDArray[np.int64]) -> NDArray[np.bool_]:
    """bool[m]: both ends are bounds."""
    return np.asarray((lo > -KNOWN) & (hi < KNOWN))
