"""Compressed sparse rows: the array primitives under linear forms, constraint matrices and witness steps.

A matrix of m rows is ``indptr: int64[m + 1]`` with the terms of row i at ``indptr[i]:indptr[i + 1]``. Canonical
means: inside a row the columns strictly ascend and no coefficient is zero. Coefficients are ``int64`` or, for
field-sized ones, an object array of Python integers in [0, modulus).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prover.errors import MalformedCircuitError

Ints = NDArray[np.int64]
Coefs = NDArray[Any]
"""int64[nnz], or object[nnz] of Python integers."""

LIMIT = 1 << 62
"""Machine-integer coefficients and values stay strictly below this magnitude: one addition can never wrap."""


@dataclass(frozen=True, eq=False)
class IntMatrix:
    """Integer weights as sparse rows.

    Attributes:
        indptr: int64[rows + 1].
        columns: int64[nnz], each below ``n_columns``.
        values: int64[nnz], magnitude below 2^62.
        n_columns: width of the matrix.
    """

    indptr: Ints
    columns: Ints
    values: Ints
    n_columns: int

    @staticmethod
    def from_dense(dense: NDArray[np.integer[Any]]) -> IntMatrix:
        """Sparse rows of an integer array [rows, columns]; zeros are dropped."""
        if dense.ndim != 2:
            raise MalformedCircuitError(f"a weight matrix has two axes, got shape {dense.shape}")
        rows, columns = np.nonzero(dense)
        return IntMatrix(
            indptr_of(rows, dense.shape[0]),
            columns.astype(np.int64),
            dense[rows, columns].astype(np.int64),
            dense.shape[1],
        )

    @staticmethod
    def from_triples(rows: Ints, columns: Ints, values: Ints, shape: tuple[int, int]) -> IntMatrix:
        """Sparse rows from (row, column, value) in any order; values of a repeated position add up."""
        indptr, merged, coefs = canonical(shape[0], rows, columns, values)
        return IntMatrix(indptr, merged.astype(np.int64), coefs, shape[1])


def indptr_of(rows: NDArray[np.integer[Any]], m: int) -> Ints:
    """Row pointers of sorted or unsorted row numbers: int64[m + 1]."""
    indptr = np.zeros(m + 1, dtype=np.int64)
    np.cumsum(np.bincount(rows, minlength=m), out=indptr[1:])
    return indptr


def row_numbers(indptr: Ints) -> Ints:
    """The row of every term: int64[nnz]."""
    return np.repeat(np.arange(indptr.size - 1, dtype=np.int64), np.diff(indptr))


def gather(indptr: Ints, rows: Ints) -> Ints:
    """Positions of the terms of the given rows, one row after the other: int64[sum of their lengths]."""
    starts, counts = indptr[rows], indptr[rows + 1] - indptr[rows]
    total = int(counts.sum())
    offsets = np.repeat(starts - np.concatenate(([0], np.cumsum(counts)[:-1])), counts) if total else counts[:0]
    return np.asarray(np.arange(total, dtype=np.int64) + offsets, dtype=np.int64)


def row_sums(indptr: Ints, terms: Coefs) -> Coefs:
    """Sum of every row's terms, zero for an empty row. int64 wraps: exact whenever the true sum fits."""
    sums = np.zeros(indptr.size - 1, dtype=terms.dtype)
    filled = np.flatnonzero(indptr[1:] > indptr[:-1])
    if filled.size:
        sums[filled] = np.add.reduceat(terms, indptr[filled])
    return sums


def canonical(
    m: int, rows: Ints, wires: NDArray[Any], coefs: Coefs, modulus: int = 0
) -> tuple[Ints, NDArray[np.uint32], Coefs]:
    """Sort terms by (row, wire), add up duplicates, reduce wide coefficients modulo ``modulus``, drop zeros.

    Returns:
        (indptr int64[m + 1], wires uint32[nnz], coefs[nnz]).

    Raises:
        MalformedCircuitError: merged int64 coefficients reach 2^62.
    """
    keys = (rows.astype(np.int64) << 32) | wires.astype(np.int64)
    if keys.size > 1 and not bool(np.all(keys[1:] > keys[:-1])):
        order = np.argsort(keys, kind="stable")
        keys, coefs = keys[order], coefs[order]
        first = np.concatenate(([True], keys[1:] != keys[:-1]))
        if not first.all():
            starts = np.flatnonzero(first)
            if coefs.dtype != object:
                require_small(np.add.reduceat(np.abs(coefs.astype(np.float64)), starts), "a merged coefficient")
            keys, coefs = keys[starts], np.add.reduceat(coefs, starts)
    if coefs.dtype == object:
        coefs = coefs % modulus
    keep = np.asarray(coefs != 0, dtype=np.bool_)
    if not keep.all():
        keys, coefs = keys[keep], coefs[keep]
    return indptr_of(keys >> 32, m), (keys & 0xFFFFFFFF).astype(np.uint32), coefs


def require_small(magnitudes: NDArray[np.float64], what: str) -> None:
    """Refuse magnitudes (float64 estimates) that reach 2^62.

    Raises:
        MalformedCircuitError: one of them does.
    """
    if magnitudes.size and float(magnitudes.max()) >= float(LIMIT):
        raise MalformedCircuitError(f"{what} reaches 2^62 and does not fit a machine integer")
