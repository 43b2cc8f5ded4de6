"""Compressed sparse rows on numpy: the one matrix type of tracing (float64) and of the integer program (int64)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_BATCH_CELLS = 1 << 24
"""Most cells one gather of :meth:`Sparse.apply` may hold at a time (128 MB of int64)."""

_BLOCK_ROWS = 1024
"""Rows of one block of a product: neighbouring windows of a convolution read neighbouring elements."""

_DENSE = 64
"""Cells for each non-zero up to which a product of dense float64 blocks is faster than sums of gathered entries."""

_EXACT = 2.0**52
"""Integers below it, and the sum of magnitudes that stays below it, are exact in float64 with a bit to spare."""


@dataclass(frozen=True)
class Sparse:
    """An m x n matrix in CSR form; no stored zeros, columns ascending and distinct within a row.

    Attributes:
        indptr: int64[m + 1].
        cols: int64[nnz], each in [0, n_cols).
        data: float64[nnz] or int64[nnz].
        n_cols: n.
    """

    indptr: NDArray[np.int64]
    cols: NDArray[np.int64]
    data: Array
    n_cols: int

    @property
    def n_rows(self) -> int:
        return int(self.indptr.size - 1)

    @property
    def nnz(self) -> int:
        return int(self.cols.size)

    @property
    def rows(self) -> NDArray[np.int64]:
        """int64[nnz]: the row of every stored entry."""
        return np.repeat(np.arange(self.n_rows, dtype=np.int64), np.diff(self.indptr))

    @classmethod
    def from_triplets(cls, rows: Array, cols: Array, data: Array, shape: tuple[int, int]) -> Sparse:
        """Sum duplicates, drop zeros, sort. ``shape`` is (m, n)."""
        key = rows.astype(np.int64) * np.int64(shape[1]) + cols.astype(np.int64)
        order = np.argsort(key, kind="stable")
        key, data = key[order], data[order]
        if key.size:
            starts = np.flatnonzero(np.concatenate(([True], key[1:] != key[:-1])))
            key, data = key[starts], np.add.reduceat(data, starts)
        kept = data != 0
        key, data = key[kept], data[kept]
        out_rows, out_cols = np.divmod(key, np.int64(max(shape[1], 1)))
        indptr = np.zeros(shape[0] + 1, dtype=np.int64)
        np.cumsum(np.bincount(out_rows, minlength=shape[0]), out=indptr[1:])
        return cls(indptr, out_cols.astype(np.int64), data, shape[1])

    @classmethod
    def from_dense(cls, dense: Array) -> Sparse:
        """From a 2-D array."""
        rows, cols = np.nonzero(dense)
        return cls.from_triplets(rows, cols, dense[rows, cols], (dense.shape[0], dense.shape[1]))

    @classmethod
    def zeros(cls, n_rows: int, n_cols: int) -> Sparse:
        """The float64 zero matrix."""
        empty = np.zeros(0, dtype=np.int64)
        return cls(np.zeros(n_rows + 1, dtype=np.int64), empty, np.zeros(0, dtype=np.float64), n_cols)

    @classmethod
    def selection(cls, columns: Array, n_cols: int) -> Sparse:
        """The float64 matrix whose row i picks variable ``columns[i]``."""
        columns = np.asarray(columns, dtype=np.int64)
        return cls(np.arange(columns.size + 1, dtype=np.int64), columns, np.ones(columns.size), n_cols)

    def dense(self) -> Array:
        """The same matrix as a 2-D array."""
        out = np.zeros((self.n_rows, self.n_cols), dtype=self.data.dtype)
        out[self.rows, self.cols] = self.data
        return out

    def take(self, rows: Array) -> Sparse:
        """Rows by index array, repeats allowed."""
        rows = np.asarray(rows, dtype=np.int64)
        counts = np.diff(self.indptr)[rows]
        indptr = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
        offsets = np.repeat(self.indptr[rows] - indptr[:-1], counts)
        entries = np.arange(indptr[-1], dtype=np.int64) + offsets
        return Sparse(indptr, self.cols[entries], self.data[entries], self.n_cols)

    def widen(self, n_cols: int) -> Sparse:
        """The same rows over more variables."""
        return Sparse(self.indptr, self.cols, self.data, n_cols)

    @staticmethod
    def stack(parts: Sequence[Sparse]) -> Sparse:
        """Rows of all parts, one after another, over the widest variable space."""
        n_cols = max(part.n_cols for part in parts)
        sizes = np.concatenate([np.diff(part.indptr) for part in parts])
        indptr = np.concatenate(([0], np.cumsum(sizes))).astype(np.int64)
        cols = np.concatenate([part.cols for part in parts])
        return Sparse(indptr, cols, np.concatenate([part.data for part in parts]), n_cols)

    def renumbered(self, place: Array, n_cols: int) -> Sparse:
        """Column j becomes column ``place[j]``; ``place`` ascends on the columns that occur."""
        return Sparse(self.indptr, place[self.cols].astype(np.int64), self.data, n_cols)

    def scale_rows(self, factors: Array) -> Sparse:
        """Row i times ``factors[i]``."""
        return Sparse.from_triplets(self.rows, self.cols, self.data * factors[self.rows], (self.n_rows, self.n_cols))

    def scale_cols(self, factors: Array) -> Sparse:
        """Column j times ``factors[j]``."""
        return Sparse.from_triplets(self.rows, self.cols, self.data * factors[self.cols], (self.n_rows, self.n_cols))

    def with_data(self, data: Array) -> Sparse:
        """Other coefficients on the same pattern; zeros among them are dropped."""
        return Sparse.from_triplets(self.rows, self.cols, data, (self.n_rows, self.n_cols))

    def add(self, other: Sparse) -> Sparse:
        """Sum of two matrices with equally many rows."""
        n_cols = max(self.n_cols, other.n_cols)
        return Sparse.from_triplets(
            np.concatenate((self.rows, other.rows)),
            np.concatenate((self.cols, other.cols)),
            np.concatenate((self.data, other.data)),
            (self.n_rows, n_cols),
        )

    def compose(self, inner: Sparse) -> Sparse:
        """The product ``self @ inner``, by expanding every entry of ``self`` into a row of ``inner``."""
        counts = np.diff(inner.indptr)[self.cols]
        picked = inner.take(self.cols)
        rows = np.repeat(self.rows, counts)
        data = np.repeat(self.data, counts) * picked.data
        return Sparse.from_triplets(rows, picked.cols, data, (self.n_rows, inner.n_cols))

    def apply(self, values: Array) -> Array:
        """``values @ self.T`` for a batch: dtype[s, n_cols] -> dtype[s, m]. Exact for int64 that cannot overflow."""
        out = np.zeros((values.shape[0], self.n_rows), dtype=np.result_type(values.dtype, self.data.dtype))
        for start in range(0, self.n_rows, _BLOCK_ROWS):
            stop = min(start + _BLOCK_ROWS, self.n_rows)
            indptr = self.indptr[start : stop + 1]
            cols, data = self.cols[indptr[0] : indptr[-1]], self.data[indptr[0] : indptr[-1]]
            used, place = np.unique(cols, return_inverse=True)
            rows = np.repeat(np.arange(stop - start), np.diff(indptr))
            cells = (stop - start) * used.size
            if cells <= 4 * cols.size or (cells <= _DENSE * cols.size and _is_exact(values, used, place, rows, data)):
                block = np.zeros((stop - start, used.size), dtype=data.dtype)
                block[rows, place] = data
                out[:, start:stop] = _product(values[:, used], block)
            elif cols.size:
                filled = np.unique(rows)
                out[:, start + filled] = _gathered(values, cols, data, indptr[filled] - indptr[0])
        return out

    def row_sum(self, per_entry: Array) -> Array:
        """Sum of a per-entry array within each row: dtype[nnz] -> dtype[m]."""
        out = np.zeros(self.n_rows, dtype=per_entry.dtype)
        filled = np.flatnonzero(np.diff(self.indptr))
        if filled.size:
            out[filled] = np.add.reduceat(per_entry, self.indptr[filled])
        return out


def _gathered(values: Array, cols: Array, data: Array, starts: Array) -> Array:
    """Sums of ``values[:, cols] * data`` over the runs of entries that begin at ``starts``."""
    sums = [
        np.add.reduceat(values[first : first + step, cols] * data, starts, axis=1)
        for step in [max(1, _BATCH_CELLS // cols.size)]
        for first in range(0, len(values), step)
    ]
    return np.concatenate(sums)


def _is_exact(values: Array, used: Array, place: Array, rows: Array, data: Array) -> bool:
    """Whether float64 holds every partial sum of a block's product, so that it may be computed there."""
    if values.dtype.kind == data.dtype.kind == "f":
        return True
    largest = np.abs(values[:, used].astype(np.float64)).max(axis=0, initial=0.0)
    return bool(np.bincount(rows, np.abs(data.astype(np.float64)) * largest[place]).max(initial=0.0) < _EXACT)


def _product(values: Array, block: Array) -> Array:
    """``values @ block.T``; integers in float64, which is much faster, where every partial sum is exact in it."""
    if values.dtype == block.dtype == np.int64:
        largest = np.abs(values.astype(np.float64)).max(axis=0, initial=0.0)
        if (np.abs(block.astype(np.float64)) @ largest).max(initial=0.0) < _EXACT:
            return np.asarray(values.astype(np.float64) @ block.T.astype(np.float64)).astype(np.int64)
    return np.asarray(values @ block.T)
