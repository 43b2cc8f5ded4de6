"""In which of the intervals between sorted constants an integer lies.

Statement: lo ≤ x ≤ hi, and g_j = (x ≥ t_j) for constants lo < t_1 < ... < t_m ≤ hi.
Construction: g descending booleans (g_1 boolean, g_{j+1}·(g_j - g_{j+1}) = 0); they select the bounds of one interval,
L = lo + Σ (t_j - t_{j-1})·g_j with t_0 = lo, and U = t_1 - 1 + Σ (t_{j+1} - t_j)·g_j with t_{m+1} = hi + 1; then x - L
and U - x are checked to have n bits, n enough for the longest interval.
Constraints per x: m + 2n (m + 2n + 2 for many thresholds). All m comparisons of a tree feature cost one pair of range
checks; x itself needs no other range check.
Soundness: whatever x is, x - L and U - x in 0..2^n - 1 make x an integer with L ≤ x ≤ U; the intervals are disjoint,
so exactly one choice of g passes. (U - L is the sum of both, below 2^(n+1) < p: nothing wraps.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from prover.constraint.csr import IntMatrix, Ints
from prover.constraint.linear import LinearVector
from prover.constraint.system import ConstraintSystem
from prover.errors import MalformedCircuitError
from prover.gadgets.one_hot import descending, differences
from prover.gadgets.range import range_bits


@dataclass(frozen=True, eq=False)
class Interval:
    """Where each of n forms lies among m thresholds.

    Attributes:
        at_least: the booleans (x ≥ t_j), m per form, form after form.
        one_hot: the interval's one-hot, m + 1 per form; place 0 is below all thresholds.
    """

    at_least: LinearVector
    one_hot: LinearVector


def interval(
    cs: ConstraintSystem,
    x: LinearVector,
    thresholds: Ints,
    lo: int | None = None,
    hi: int | None = None,
    *,
    origin: str = "interval",
) -> Interval:
    """Prove lo ≤ x ≤ hi (by default the proven bounds of x) and locate every form among ascending thresholds.

    Raises:
        MalformedCircuitError: thresholds that do not ascend strictly inside (lo, hi], or an interval that is too long.
    """
    n, m = len(x), int(thresholds.size)
    low = int(x.bounds[0].min()) if lo is None else lo
    high = int(x.bounds[1].max()) if hi is None else hi
    edges = np.concatenate(([low], thresholds, [high + 1])).astype(np.int64)
    if not m or bool((np.diff(edges) <= 0).any()):
        raise MalformedCircuitError(f"{origin}: thresholds must ascend strictly inside ({low}, {high}]")
    steps = cs.solve("thermometer", (x,), n * m, {"thresholds": thresholds}, (0, 1), origin=origin)
    descending(cs, steps, n, m, origin)
    gaps = np.diff(edges)
    columns = np.arange(n * m, dtype=np.int64)
    below = steps.matmul(IntMatrix.from_triples(columns // m, columns, np.tile(gaps[:-1], n), (n, n * m))) + low
    above = steps.matmul(IntMatrix.from_triples(columns // m, columns, np.tile(gaps[1:], n), (n, n * m)))
    above = above + (int(thresholds[0]) - 1)
    longest = int(gaps.max()) - 1
    width = longest.bit_length()
    if 2 << width >= cs.modulus:
        raise MalformedCircuitError(f"{origin}: an interval of {longest + 1} values is too long for the field")
    range_bits(cs, _claim(x - below, width), width, f"{origin}.low")
    range_bits(cs, _claim(above - x, width), width, f"{origin}.high")
    return Interval(steps, differences(cs, steps, n, m + 1))


def _claim(form: LinearVector, width: int) -> LinearVector:
    # Interval arithmetic cannot see that L and U follow x; an honest witness has these bounds by construction.
    return form.with_bounds(0, (1 << width) - 1) if form.lo is not None else form
