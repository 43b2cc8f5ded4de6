"""Vectors of linear forms over wires: what a graph tensor becomes inside a constraint system."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prover.constraint.csr import (
    LIMIT,
    Coefs,
    IntMatrix,
    Ints,
    canonical,
    gather,
    require_small,
    row_numbers,
    row_sums,
)
from prover.constraint.wires import ONE, WireTable
from prover.errors import MalformedCircuitError


class LinearVector:
    """m linear forms in canonical sparse rows; the constant term is the coefficient of wire 0.

    Immutable. Adding, scaling and multiplying by constant matrices cost no constraint.

    Attributes:
        table: the wires the forms are over.
        indptr: int64[m + 1]; wires: uint32[nnz]; coefs: int64[nnz] with magnitude below 2^62, or an object array of
            Python integers in [0, modulus) for "wide" forms (packing, Poseidon).
        lo, hi: int64[m], a proven interval of each form's integer value; both None when a form is field-valued or
            leaves 2^62. Bounds serve completeness (widths, int64 witness arithmetic), never soundness.
    """

    __slots__ = ("coefs", "hi", "indptr", "lo", "table", "wires")

    def __init__(
        self,
        table: WireTable,
        indptr: Ints,
        wires: NDArray[np.uint32],
        coefs: Coefs,
        bounds: tuple[Ints, Ints] | None = None,
    ) -> None:
        """Forms from canonical rows; ``bounds`` is met with the interval the wires' own bounds give."""
        self.table, self.indptr, self.wires, self.coefs = table, indptr, wires, coefs
        tight = _interval(table, indptr, wires, coefs)
        if tight is not None and bounds is not None:
            tight = np.maximum(tight[0], bounds[0]), np.minimum(tight[1], bounds[1])
        else:
            tight = tight if tight is not None else bounds
        self.lo: Ints | None = None if tight is None else tight[0]
        self.hi: Ints | None = None if tight is None else tight[1]

    @staticmethod
    def from_wires(table: WireTable, wires: NDArray[np.integer[Any]]) -> LinearVector:
        """One form per wire, coefficient one."""
        n = wires.size
        return LinearVector(table, np.arange(n + 1, dtype=np.int64), wires.astype(np.uint32), np.ones(n, np.int64))

    @staticmethod
    def constant(table: WireTable, values: Sequence[int] | Ints) -> LinearVector:
        """Forms without wires. Values of magnitude 2^62 and more become wide."""
        numbers = [int(value) for value in values]
        small = all(abs(number) < LIMIT for number in numbers)
        coefs: Coefs = np.array(numbers, dtype=np.int64 if small else object)
        rows = np.arange(len(numbers), dtype=np.int64)
        return LinearVector(table, *canonical(len(numbers), rows, np.full(len(numbers), ONE), coefs, table.modulus))

    @staticmethod
    def concat(vectors: Sequence[LinearVector]) -> LinearVector:
        """One vector after the other."""
        if len(vectors) == 1:
            return vectors[0]
        wide = any(vector.is_wide for vector in vectors)
        ends = np.cumsum([0] + [vector.wires.size for vector in vectors])
        indptr = np.concatenate([[0]] + [v.indptr[1:] + end for v, end in zip(vectors, ends, strict=False)])
        coefs = np.concatenate([_widen(v) if wide else v.coefs for v in vectors])
        bounds = None
        if all(vector.lo is not None for vector in vectors):
            bounds = (
                np.concatenate([v.lo for v in vectors if v.lo is not None]),
                np.concatenate([v.hi for v in vectors if v.hi is not None]),
            )
        wires = np.concatenate([v.wires for v in vectors])
        return LinearVector(vectors[0].table, indptr.astype(np.int64), wires, coefs, bounds)

    def __len__(self) -> int:
        return self.indptr.size - 1

    @property
    def is_wide(self) -> bool:
        """Whether the coefficients are field-sized Python integers."""
        return self.coefs.dtype == object

    @property
    def terms(self) -> Ints:
        """Number of terms of each form: int64[m]."""
        return np.diff(self.indptr)

    @property
    def bounds(self) -> tuple[Ints, Ints]:
        """(lo, hi) of integer-valued forms.

        Raises:
            MalformedCircuitError: a form has no proven machine-integer bounds.
        """
        if self.lo is None or self.hi is None:
            raise MalformedCircuitError("a linear form without proven integer bounds where bounded integers are needed")
        return self.lo, self.hi

    def with_bounds(self, lo: int | Ints, hi: int | Ints) -> LinearVector:
        """The same forms with a tighter proven interval.

        The caller answers for it: a constraint it emits, an analysis over declared input ranges, or the claim of a
        plan. Gadgets take bounds for widths of digits, which their constraints enforce, so that a wrong interval makes
        an honest witness fail and proves nothing false. Who leaves a constraint out because of an interval must have it
        from somewhere else: lowering has :mod:`prover.lowering.sure`.
        """
        m = len(self)
        given = np.broadcast_to(np.asarray(lo, np.int64), m), np.broadcast_to(np.asarray(hi, np.int64), m)
        bounds = given
        if self.lo is not None:
            bounds = np.maximum(self.bounds[0], given[0]), np.minimum(self.bounds[1], given[1])
        if m and bool(np.any(bounds[0] > bounds[1])):
            raise MalformedCircuitError("contradictory bounds: an interval is empty")
        copy = LinearVector.__new__(LinearVector)
        copy.table, copy.indptr, copy.wires, copy.coefs = self.table, self.indptr, self.wires, self.coefs
        copy.lo, copy.hi = bounds
        return copy

    def __getitem__(self, index: int | slice | Sequence[int] | Ints) -> LinearVector:
        """A vector of the chosen forms; an integer gives a vector of length one."""
        rows = np.atleast_1d(np.arange(len(self), dtype=np.int64)[index])
        positions = gather(self.indptr, rows)
        indptr = np.concatenate(([0], np.cumsum(self.indptr[rows + 1] - self.indptr[rows]))).astype(np.int64)
        bounds = None if self.lo is None else (self.bounds[0][rows], self.bounds[1][rows])
        return LinearVector(self.table, indptr, self.wires[positions], self.coefs[positions], bounds)

    def __add__(self, other: LinearVector | int | Ints) -> LinearVector:
        if not isinstance(other, LinearVector):
            return self.shift(other)
        left, right = _broadcast(self, other)
        wide = left.is_wide or right.is_wide
        coefs = np.concatenate([_widen(left), _widen(right)] if wide else [left.coefs, right.coefs])
        rows = np.concatenate((row_numbers(left.indptr), row_numbers(right.indptr)))
        merged = canonical(len(left), rows, np.concatenate((left.wires, right.wires)), coefs, self.table.modulus)
        bounds = None
        if left.lo is not None and right.lo is not None:
            bounds = _small(left.bounds[0] + right.bounds[0], left.bounds[1] + right.bounds[1])
        return LinearVector(self.table, *merged, bounds)

    def __neg__(self) -> LinearVector:
        return self.scale(-1)

    def __sub__(self, other: LinearVector | int | Ints) -> LinearVector:
        return self + (-other)

    def __radd__(self, other: int | Ints) -> LinearVector:
        return self.shift(other)

    def __rsub__(self, other: int | Ints) -> LinearVector:
        return (-self).shift(other)

    def shift(self, constant: int | Ints) -> LinearVector:
        """Add an integer, or int64[m] of them, to the forms."""
        if isinstance(constant, np.ndarray):
            return self + LinearVector.constant(self.table, constant)
        if constant == 0:
            return self
        return self + LinearVector.constant(self.table, [int(constant)])

    def scale(self, factor: int | Ints) -> LinearVector:
        """Multiply the forms by one integer of any size, or each by its own int64. Sizes past 2^62 become wide.

        Raises:
            MalformedCircuitError: int64 factors push a coefficient to 2^62.
        """
        if not isinstance(factor, np.ndarray):
            largest = int(np.abs(self.coefs).max()) if self.coefs.size else 0
            if self.is_wide or largest * abs(factor) >= LIMIT:
                coefs = np.array([int(c) * int(factor) for c in self.coefs], dtype=object)
                return self._with_coefs(coefs, None)
            factor = np.full(len(self), int(factor), dtype=np.int64)
        factors = factor.astype(object) if self.is_wide else factor
        terms = np.repeat(factors, self.terms)
        if not self.is_wide:
            require_small(np.abs(self.coefs.astype(np.float64) * terms), "a scaled coefficient")
        bounds = None
        if self.lo is not None:
            ends = np.stack((self.bounds[0] * factor, self.bounds[1] * factor))
            sizes = np.maximum(np.abs(self.bounds[0].astype(float)), np.abs(self.bounds[1].astype(float)))
            if not len(self) or float((sizes * np.abs(factor)).max()) < LIMIT:
                bounds = ends.min(axis=0), ends.max(axis=0)
        return self._with_coefs(self.coefs * terms, bounds)

    def _with_coefs(self, coefs: Coefs, bounds: tuple[Ints, Ints] | None) -> LinearVector:
        merged = canonical(len(self), row_numbers(self.indptr), self.wires, coefs, self.table.modulus)
        return LinearVector(self.table, *merged, bounds)

    def sum(self) -> LinearVector:
        """The sum of all forms, as a vector of length one."""
        return self.matmul(np.ones((1, len(self)), dtype=np.int64))

    def matmul(self, weights: IntMatrix | NDArray[np.integer[Any]]) -> LinearVector:
        """weights · self: k forms from an integer matrix [k, m]. No constraint, one vectorised merge.

        Raises:
            MalformedCircuitError: the matrix has another width, or an int64 coefficient reaches 2^62.
        """
        matrix = weights if isinstance(weights, IntMatrix) else IntMatrix.from_dense(weights)
        if matrix.n_columns != len(self):
            raise MalformedCircuitError(f"a matrix of {matrix.n_columns} columns times {len(self)} linear forms")
        k = matrix.indptr.size - 1
        positions = gather(self.indptr, matrix.columns)
        counts = self.terms[matrix.columns]
        values = matrix.values.astype(object) if self.is_wide else matrix.values
        factors = np.repeat(values, counts)
        if not self.is_wide:
            require_small(np.abs(factors.astype(np.float64) * self.coefs[positions]), "a weighted coefficient")
        rows = np.repeat(row_numbers(matrix.indptr), counts)
        merged = canonical(k, rows, self.wires[positions], self.coefs[positions] * factors, self.table.modulus)
        bounds = None
        if self.lo is not None:
            bounds = interval_sum(
                matrix.indptr, matrix.values, self.bounds[0][matrix.columns], self.bounds[1][matrix.columns]
            )
        return LinearVector(self.table, *merged, bounds)


def interval_sum(indptr: Ints, factors: Ints, lo: Ints, hi: Ints) -> tuple[Ints, Ints] | None:
    """Interval of Σ factor·value per row for values in [lo, hi]; None when it reaches 2^62 anywhere."""
    sizes = np.maximum(np.abs(lo.astype(np.float64)), np.abs(hi.astype(np.float64)))
    magnitude = row_sums(indptr, np.abs(factors.astype(np.float64)) * sizes)
    if magnitude.size and float(magnitude.max()) >= LIMIT:
        return None
    up = factors > 0
    low = row_sums(indptr, factors * np.where(up, lo, hi))
    high = row_sums(indptr, factors * np.where(up, hi, lo))
    return low, high


def _interval(table: WireTable, indptr: Ints, wires: NDArray[np.uint32], coefs: Coefs) -> tuple[Ints, Ints] | None:
    if coefs.dtype == object or bool(table.is_field[wires].any()):
        return None
    return interval_sum(indptr, coefs, table.lo[wires], table.hi[wires])


def _small(lo: Ints, hi: Ints) -> tuple[Ints, Ints] | None:
    # Sums of two numbers below 2^62 never wrap, so comparing after the addition is exact.
    fits = not lo.size or (int(lo.min()) > -LIMIT and int(hi.max()) < LIMIT)
    return (lo, hi) if fits else None


def _widen(vector: LinearVector) -> Coefs:
    return vector.coefs if vector.is_wide else vector.coefs.astype(object)


def _broadcast(left: LinearVector, right: LinearVector) -> tuple[LinearVector, LinearVector]:
    if len(left) == len(right):
        return left, right
    if len(right) == 1:
        return left, right[np.zeros(len(left), dtype=np.int64)]
    if len(left) == 1:
        return left[np.zeros(len(right), dtype=np.int64)], right
    raise MalformedCircuitError(f"linear vectors of lengths {len(left)} and {len(right)} do not combine")
