"""Rank-1 constraint systems as arrays: A·w ∘ B·w = C·w over the witness w."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from prover.constraint.csr import Ints, row_sums
from prover.errors import UnsatisfiedError
from prover.field import R, from_limbs, signed

_SAFE = float(1 << 61)


@dataclass(frozen=True, eq=False)
class Matrix:
    """One of A, B, C: ``indptr`` int64[rows + 1], ``wires`` uint32[nnz] strictly ascending inside a row,
    ``coef_ids`` uint32[nnz] into the coefficient table."""

    indptr: Ints
    wires: NDArray[np.uint32]
    coef_ids: NDArray[np.uint32]


@dataclass(frozen=True, eq=False)
class R1CS:
    """A frozen constraint system.

    Attributes:
        n_wires: wires, the constant one (wire 0) included. Wires 1..n_public are the public signals.
        n_outputs: public outputs in the iden3 sense; they come first.
        n_public_inputs: public inputs; they follow the outputs.
        a, b, c: the matrices.
        table: uint64[k, 4], distinct canonical coefficients, little-endian limbs.
        origins: names of the emitting gadgets; ``origin_starts`` int64[len(origins)] the first row of each block.
        modulus: the field's prime.
    """

    n_wires: int
    n_outputs: int
    n_public_inputs: int
    a: Matrix
    b: Matrix
    c: Matrix
    table: NDArray[np.uint64]
    origins: tuple[str, ...]
    origin_starts: Ints
    modulus: int = R

    @property
    def n_public(self) -> int:
        """Public signals, without the constant."""
        return self.n_outputs + self.n_public_inputs

    @property
    def n_constraints(self) -> int:
        return self.a.indptr.size - 1

    @property
    def n_nonzeros(self) -> int:
        """Terms of A, B and C together."""
        return sum(matrix.wires.size for matrix in (self.a, self.b, self.c))

    def origin(self, row: int) -> str:
        """The gadget and scope that emitted a row."""
        return self.origins[int(np.searchsorted(self.origin_starts, row, side="right")) - 1]

    def rows_by_origin(self) -> dict[str, int]:
        """Number of constraints of every origin, in order of first appearance."""
        ends = np.append(self.origin_starts[1:], self.n_constraints)
        counts: dict[str, int] = {}
        for name, start, end in zip(self.origins, self.origin_starts.tolist(), ends.tolist(), strict=True):
            counts[name] = counts.get(name, 0) + end - start
        return counts

    def check(self, witness: NDArray[np.uint64]) -> None:
        """Check a witness uint64[n_wires, 4] against every row.

        Rows whose coefficients and values are small are evaluated in int64 with a proof that nothing wraps; the
        others in Python integers.

        Raises:
            UnsatisfiedError: with the first violated row and its origin, or when wire 0 is not one, a value is not
                canonical, or the witness has the wrong shape.
        """
        row = self.first_violation(witness)
        if row is not None:
            values = from_limbs(witness)
            left, right, out = (
                signed(self.evaluate(matrix, row, values), self.modulus) for matrix in (self.a, self.b, self.c)
            )
            raise UnsatisfiedError(
                f"constraint {row} of {self.origin(row)} is violated: {left} · {right} ≠ {out}",
                row=row,
                origin=self.origin(row),
            )

    def first_violation(self, witness: NDArray[np.uint64]) -> int | None:
        """The first violated row, or None. Raises like :meth:`check` for a witness that is malformed as a whole."""
        if witness.shape != (self.n_wires, 4) or witness.dtype != np.uint64:
            raise UnsatisfiedError(f"a witness of this circuit is uint64[{self.n_wires}, 4], got {witness.shape}")
        if not bool(canonical_limbs(witness, self.modulus).all()):
            raise UnsatisfiedError("a witness value is not a canonical field element")
        small, exact = small_integers(witness, self.modulus)
        if small[0] != 1 or not exact[0]:
            raise UnsatisfiedError("wire 0 of a witness is the constant one")
        coefs, coefs_exact = small_integers(self.table, self.modulus)
        fast = np.ones(self.n_constraints, dtype=np.bool_)
        forms = []
        for matrix in (self.a, self.b, self.c):
            fits = exact[matrix.wires] & coefs_exact[matrix.coef_ids]
            terms_c, terms_w = coefs[matrix.coef_ids], small[matrix.wires]
            size = row_sums(matrix.indptr, np.abs(terms_c.astype(np.float64) * terms_w))
            fast &= (row_sums(matrix.indptr, (~fits).astype(np.int64)) == 0) & (size < _SAFE)
            forms.append(row_sums(matrix.indptr, terms_c * terms_w))
        left, right, out = forms
        fast &= np.abs(left.astype(np.float64) * right) < _SAFE
        difference = left * right - out
        broken = fast & (difference % self.modulus != 0 if self.modulus < 1 << 61 else difference != 0)
        candidates = np.flatnonzero(broken | ~fast).tolist()
        if not candidates:
            return None
        values = from_limbs(witness)
        table = from_limbs(self.table)
        for row in candidates:
            if broken[row]:
                return int(row)
            x, y, z = (self._evaluate(m, row, values, table) for m in (self.a, self.b, self.c))
            if (x * y - z) % self.modulus:
                return int(row)
        return None

    def evaluate(self, matrix: Matrix, row: int, values: list[int]) -> int:
        """The field value of one form at a witness given as Python integers."""
        return self._evaluate(matrix, row, values, from_limbs(self.table))

    def _evaluate(self, matrix: Matrix, row: int, values: list[int], table: list[int]) -> int:
        span = slice(int(matrix.indptr[row]), int(matrix.indptr[row + 1]))
        terms = zip(matrix.coef_ids[span].tolist(), matrix.wires[span].tolist(), strict=True)
        return int(sum(table[coef] * values[wire] for coef, wire in terms) % self.modulus)


def small_integers(limbs: NDArray[np.uint64], modulus: int) -> tuple[Ints, NDArray[np.bool_]]:
    """Signed machine integers of field elements that have one of magnitude below 2^61.

    Returns:
        (int64[n], zero where there is none; bool[n] telling where there is one).
    """
    bound = np.uint64(1 << 61)
    low = limbs[:, 0]
    positive = (limbs[:, 1:] == 0).all(axis=1) & (low < bound)
    if modulus < 1 << 61:
        return np.where(positive, low, 0).astype(np.int64), positive
    limb = [np.uint64((modulus >> (64 * i)) & (2**64 - 1)) for i in range(4)]
    magnitude = limb[0] - low  # wraps modulo 2^64, like the subtraction of the lowest limbs
    borrow = (low > limb[0]).astype(np.uint64)
    upper = (limbs[:, 1] == limb[1] - borrow) & (limbs[:, 2] == limb[2]) & (limbs[:, 3] == limb[3])
    negative = ~positive & upper & (magnitude < bound) & (magnitude > 0)
    values = np.where(positive, low, np.where(negative, magnitude, 0).astype(np.uint64)).astype(np.int64)
    return np.where(negative, -values, values), positive | negative


def canonical_limbs(limbs: NDArray[np.uint64], modulus: int) -> NDArray[np.bool_]:
    """Which field elements of uint64[n, 4] are below the modulus: bool[n]."""
    below = np.zeros(limbs.shape[0], dtype=np.bool_)
    for i in range(4):  # from the lowest limb up: a higher limb decides unless it is equal
        limb = np.uint64((modulus >> (64 * i)) & (2**64 - 1))
        below = (limbs[:, i] < limb) | ((limbs[:, i] == limb) & below)
    return below
