"""Range checks: powers of two by digits, any exact interval by booleans of uneven weight.

Statement: x, as a field element, is one of the integers lo .. hi.
Construction: with D = hi - lo and n its bit length, x - lo = Σ_{i<n-1} 2^i·b_i + (D - 2^(n-1) + 1)·b_{n-1}. The low
booleans reach every integer of 0 .. 2^(n-1) - 1, the last one shifts that run to end at D; since D ≤ 2^n - 1 both
runs overlap or touch, so the sums are exactly 0 .. D.
Constraints per form: n, when the lowest boolean is the linear form that remains; n + 1 with a recomposition row, for
dense forms. The exact check costs no more than the power of two around it (two decompositions would cost twice).
Soundness: booleans are 0 or 1, every sum of weights is an integer in 0 .. D < p. Nothing is assumed about x. The
booleans are auxiliary: an x inside the overlap has two representations, both true; nothing reads them.
When D = 2^(n-1) the last weight is 1 like the lowest; such a form keeps its recomposition row so that every wire is
still fixed by the others.
Source: the constants-as-weights trick of mixed-radix range checks; compare Zcash Sapling, appendix A.3.2.2.
"""

from __future__ import annotations

import numpy as np

from prover.constraint.csr import IntMatrix, Ints
from prover.constraint.linear import LinearVector
from prover.constraint.system import ConstraintSystem
from prover.errors import MalformedCircuitError
from prover.gadgets.bits import SUBSTITUTION_TERMS, decompose, unsigned_widths
from prover.gadgets.boolean import boolean


def range_bits(cs: ConstraintSystem, x: LinearVector, widths: int | Ints, origin: str) -> LinearVector:
    """Prove 0 ≤ x < 2^widths; returns x with those bounds (widths up to 61) or as it is."""
    width = decompose(cs, x, widths, origin).widths
    return x.with_bounds(0, (np.int64(1) << width) - 1) if not width.size or int(width.max()) < 62 else x


def range_exact(cs: ConstraintSystem, x: LinearVector, lo: int | Ints, hi: int | Ints, origin: str) -> LinearVector:
    """Prove lo ≤ x ≤ hi (scalars or int64[m]); returns x with those bounds.

    Raises:
        MalformedCircuitError: an empty interval, or one too long for the field.
    """
    m = len(x)
    low = np.broadcast_to(np.asarray(lo, np.int64), m)
    high = np.broadcast_to(np.asarray(hi, np.int64), m)
    span = high - low
    if m and (int(span.min()) < 0 or int(span.max()) >= 1 << 61 or 2 * int(span.max()) >= cs.modulus):
        raise MalformedCircuitError(f"{origin}: an exact range of {int(span.max()) + 1} values cannot be checked")
    offset = x - low
    widths = unsigned_widths(span)
    for chosen, check in (
        (np.flatnonzero(widths == 0), cs.enforce_zero),
        (np.flatnonzero(widths == 1), lambda form, name: boolean(cs, form, name)),
    ):
        if chosen.size:
            check(offset[chosen], f"{origin}.boolean")
    wide = np.flatnonzero(widths > 1)
    if wide.size:
        _weigh(cs, offset[wide], span[wide], widths[wide], origin)
    return x.with_bounds(low, high)


def _weigh(cs: ConstraintSystem, x: LinearVector, span: Ints, widths: Ints, origin: str) -> None:
    m = len(x)
    tops = span - (np.int64(1) << (widths - 1)) + 1
    skip = ((x.terms <= SUBSTITUTION_TERMS) & (tops > 1)).astype(np.int64)
    counts = widths - skip
    params = {"widths": widths, "tops": tops, "skip": skip}
    wires = cs.solve("weighted_bits", (x,), int(counts.sum()), params, (0, 1), origin=origin)
    rows = np.repeat(np.arange(m, dtype=np.int64), counts)
    exponent = np.arange(rows.size, dtype=np.int64) - np.repeat(np.cumsum(counts) - counts - skip, counts)
    weights = np.where(exponent == np.repeat(widths - 1, counts), np.repeat(tops, counts), np.int64(1) << exponent)
    matrix = IntMatrix.from_triples(rows, np.arange(rows.size, dtype=np.int64), weights, (m, rows.size))
    rest = x - wires.matmul(matrix)
    cs.enforce_zero(rest[np.flatnonzero(skip == 0)], f"{origin}.recompose")
    lowest = rest[np.flatnonzero(skip)]
    lowest = lowest.with_bounds(0, 1) if lowest.lo is not None else lowest
    booleans = LinearVector.concat([lowest, wires])
    cs.enforce(booleans, booleans - 1, 0, f"{origin}.boolean")
