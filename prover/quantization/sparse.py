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
        used = np.unique(self.cols)
        if 4 * self.nnz >= self.n_rows * used.size and self.n_rows * used.size <= _BATCH_CELLS:
            block = np.zeros((self.n_rows, used.size), dtype=self.data.dtype)
            block[self.rows, np.searchsorted(used, self.cols)] = self.data
            return _product(values[:, used], block)
        out = np.zeros((values.shape[0], self.n_rows), dtype=np.result_type(values.dtype, self.data.dtype))
        filled = np.flatnonzero(np.diff(self.indptr))
        if filled.size == 0:
            return out
        step = max(1, _BATCH_CELLS // self.nnz)
        for start in range(0, values.shape[0], step):
            products = values[start : start + step, self.cols] * self.data
            out[start : start + step, filled] = np.add.reduceat(products, self.indptr[filled], axis=1)
        return out

    def row_sum(self, per_entry: Array) -> Array:
        """Sum of a per-entry array within each row: dtype[nnz] -> dtype[m]."""
        out = np.zeros(self.n_rows, dtype=per_entry.dtype)
        filled = np.flatnonzero(np.diff(self.indptr))
        if filled.size:
            out[filled] = np.add.reduceat(per_entry, self.indptr[filled])
        return out


def _product(values: Array, block: Array) -> Array:
    """``values @ block.T``; integers in float64, which is much faster, where every partial sum is exact in it."""
    if values.dtype == block.dtype == np.int64:
        largest = np.abs(values.astype(np.float64)).max(axis=0, initial=0.0)
        if (np.abs(block.astype(np.float64)) @ largest).max(initial=0.0) < _EXACT:
            return np.asarray(values.astype(np.float64) @ block.T.astype(np.float64)).astype(np.int64)
    return np.asarray(values @ block.T)
