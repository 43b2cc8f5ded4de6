"""Bit decomposition: x = Σ 2^i·b_i with every b_i boolean.

Statement: x, as a field element, is one of the integers 0 .. 2^n - 1, and the b_i are its binary digits.
Constraints per form: n + 1 (n boolean rows and a recomposition row), or n when bit 0 is not a wire but the linear
form x - Σ_{i≥1} 2^i·b_i. The second puts the terms of x into A and B of one row, the first into C, which no key
stores: forms of at most ``SUBSTITUTION_TERMS`` terms are substituted, denser ones get a row.
Soundness: each b_i is 0 or 1 (b·(b - 1) = 0 has no other roots in a field), the sum is below 2^n ≤ p, so no two
digit strings give the same field element. Nothing is assumed about x.
Source: circomlib's Num2Bits; the substitution is folklore (gnark eliminates linear rows the same way).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from prover.constraint.csr import IntMatrix, Ints, canonical
from prover.constraint.linear import LinearVector
from prover.constraint.system import ConstraintSystem
from prover.errors import MalformedCircuitError

MAX_BITS = 252
"""2^252 < r/2: a decomposition this wide is still unique, and its complement too."""

SUBSTITUTION_TERMS = 48
"""Densest form whose bit 0 is substituted. It saves a row and a wire (about 400 key bytes) and puts its terms into A
and B (88 key bytes a term). Proving 1,500 forms took the same time either way, within noise, up to 150 terms; the
limit is lower so that keys of wide layers stay small."""

_MACHINE_BITS = 62


@dataclass(frozen=True, eq=False)
class Bits:
    """Digits of m forms, lowest first, form after form.

    Attributes:
        digits: the boolean forms, Σ widths of them.
        widths: int64[m], digits of each form.
    """

    digits: LinearVector
    widths: Ints

    def recombine(self, low: int | Ints, high: int | Ints) -> LinearVector:
        """Σ_{low ≤ i < high} 2^(i - low)·b_i of every form; bounds of ``low`` and ``high`` are inside 0..width."""
        m = self.widths.size
        lows = np.broadcast_to(np.asarray(low, np.int64), m)
        counts = np.maximum(np.broadcast_to(np.asarray(high, np.int64), m) - lows, 0)
        starts = np.cumsum(self.widths) - self.widths + lows
        rows = np.repeat(np.arange(m, dtype=np.int64), counts)
        exponent = np.arange(rows.size, dtype=np.int64) - np.repeat(np.cumsum(counts) - counts, counts)
        chosen = self.digits[np.repeat(starts, counts) + exponent]
        return weighted_sum(chosen, rows, exponent, m)

    def digit(self, position: int | Ints) -> LinearVector:
        """Digit ``position`` (scalar or int64[m]) of every form."""
        return self.digits[np.cumsum(self.widths) - self.widths + position]

    @property
    def top(self) -> LinearVector:
        """The highest digit of every form."""
        return self.digit(self.widths - 1)


def decompose(
    cs: ConstraintSystem, x: LinearVector, widths: int | Ints, origin: str, *, substitute: bool | None = None
) -> Bits:
    """Prove 0 ≤ x_i < 2^widths_i and return the digits.

    Args:
        widths: scalar or int64[m], at most 252; width 0 proves x = 0.
        substitute: force (True) or forbid (False) substituting bit 0; by default each form's density decides.

    Raises:
        MalformedCircuitError: a width above 252 or the field's size, or proven bounds of x that leave the width.
    """
    m = len(x)
    width = np.broadcast_to(np.asarray(widths, np.int64), m).copy()
    _require_fit(cs, x, width, origin)
    terms = x.terms
    skip = (width > 0) & (terms > 0) & (width < 63)
    constant = np.zeros(m, dtype=np.bool_)  # a constant form keeps its recomposition row: it is all there is
    constant[terms == 1] = x.wires[x.indptr[:-1][terms == 1]] == 0
    skip &= ~constant & ((terms <= SUBSTITUTION_TERMS) if substitute is None else substitute)
    skipped = skip.astype(np.int64)
    counts = width - skipped
    wires = cs.solve("bits", (x,), int(counts.sum()), {"widths": width, "skip": skipped}, (0, 1), origin=origin)
    rows = np.repeat(np.arange(m, dtype=np.int64), counts)
    exponent = np.arange(rows.size, dtype=np.int64) - np.repeat(np.cumsum(counts) - counts - skipped, counts)
    rest = x - weighted_sum(wires, rows, exponent, m)
    lowest = rest[np.flatnonzero(skip)]
    lowest = lowest.with_bounds(0, 1) if lowest.lo is not None else lowest
    stored = np.flatnonzero(~skip & ((width > 0) | (terms > 0)))
    cs.enforce_zero(rest[stored], f"{origin}.recompose")
    position = np.cumsum(width) - width
    place = np.concatenate((position[rows] + exponent, position[np.flatnonzero(skip)]))
    digits = LinearVector.concat([wires, lowest])[np.argsort(place, kind="stable")]
    cs.enforce(digits, digits - 1, 0, f"{origin}.boolean")
    return Bits(digits, width)


def weighted_sum(forms: LinearVector, rows: Ints, exponents: Ints, m: int) -> LinearVector:
    """m forms Σ 2^exponent·form, each summand added to the row ``rows`` names. Exponents above 61 become wide."""
    large = bool(exponents.size) and int(exponents.max()) >= _MACHINE_BITS
    if not large:
        columns = np.arange(len(forms), dtype=np.int64)
        matrix = IntMatrix.from_triples(rows, columns, np.int64(1) << exponents, (m, len(forms)))
        return forms.matmul(matrix)
    factors = np.repeat(np.array([1 << int(e) for e in exponents], dtype=object), forms.terms)
    terms = canonical(
        m, np.repeat(rows, forms.terms), forms.wires, forms.coefs.astype(object) * factors, forms.table.modulus
    )
    return LinearVector(forms.table, *terms)


def signed_widths(lo: Ints, hi: Ints) -> Ints:
    """Least n with -2^(n-1) ≤ lo and hi < 2^(n-1), element by element: int64[m]."""
    return np.maximum(unsigned_widths(np.where(lo < 0, ~lo, 0)), unsigned_widths(np.maximum(hi, 0))) + 1


def unsigned_widths(hi: Ints) -> Ints:
    """Bit lengths of non-negative integers: int64[m]."""
    values = np.asarray(hi, dtype=np.int64)
    # float64 rounds what is just below a power of two up to it: one bit too many, which the shift tells.
    widths = np.frexp(values.astype(np.float64))[1].astype(np.int64)
    return np.asarray(widths - ((widths > 0) & (values >> np.maximum(widths - 1, 0) == 0)), dtype=np.int64)


def _require_fit(cs: ConstraintSystem, x: LinearVector, width: Ints, origin: str) -> None:
    if not width.size:
        return
    if int(width.min()) < 0 or int(width.max()) > MAX_BITS or 1 << int(width.max()) > cs.modulus:
        raise MalformedCircuitError(f"{origin}: a decomposition into {int(width.max())} bits is not unique")
    if x.lo is None:
        return
    lo, hi = x.bounds
    bad = np.flatnonzero((lo < 0) | ((hi >> np.minimum(width, 62)) != 0))
    if bad.size:
        i = int(bad[0])
        raise MalformedCircuitError(f"{origin}: form {i} lies in [{lo[i]}, {hi[i]}], which {width[i]} bits do not hold")
