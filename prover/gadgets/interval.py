"""In which of the intervals between sorted constants an integer lies.

Statement: lo ≤ x ≤ hi, and g_j = (x ≥ t_j) for constants lo < t_1 < ... < t_m ≤ hi.
Construction: g descending booleans (g_1 boolean, g_{j+1}·(g_j - g_{j+1}) = 0). They select the start of one interval,
L = lo + Σ (t_j - t_{j-1})·g_j with t_0 = lo, and the weights of its offset: x - L = Σ p_i where each part p_i is 0 or
its weight w_i, one row p_i·(w_i - p_i) = 0. The weights are linear in g: as powers of two they grow as far as the
shortest interval allows, above that each interval has its own, so that the sums are exactly 0 .. its length - 1.
Constraints per x: m + n, with n the bit length of the longest interval's last offset (one more for a recomposition
row when x or the thresholds are many, or an interval needs a weight of 1 twice). Two range checks, of x - L and of
U - x, would cost m + 2n. x itself needs no other range check.
Soundness: whatever x is, the row of a part leaves p_i two integers, both in 0 .. w_i, so x is an integer in
L .. L + Σ w_i, which is the interval g names. The intervals are disjoint, so exactly one choice of g passes. Parts are
auxiliary: where two subsets of the weights have one sum, both are true.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from prover.constraint.csr import IntMatrix, Ints
from prover.constraint.linear import LinearVector
from prover.constraint.system import ConstraintSystem
from prover.errors import MalformedCircuitError
from prover.gadgets.bits import SUBSTITUTION_TERMS
from prover.gadgets.one_hot import descending, differences


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
        MalformedCircuitError: thresholds that do not ascend strictly inside (lo, hi], or x has no proven bounds.
    """
    n, m = len(x), int(thresholds.size)
    x_lo, x_hi = x.bounds
    low = int(x_lo.min()) if lo is None else lo
    high = int(x_hi.max()) if hi is None else hi
    edges = np.concatenate(([low], thresholds, [high + 1])).astype(np.int64)
    if not m or bool((np.diff(edges) <= 0).any()):
        raise MalformedCircuitError(f"{origin}: thresholds must ascend strictly inside ({low}, {high}]")
    steps = cs.solve("thermometer", (x,), n * m, {"thresholds": thresholds}, (0, 1), origin=origin)
    descending(cs, steps, n, m, origin)
    # Interval arithmetic cannot see that the start follows x; an honest offset has these bounds by construction.
    offset = (x - _chosen(steps, edges[:-1], n)).with_bounds(0, int(np.diff(edges).max()) - 1)
    _enforce_parts(cs, x, offset, steps, edges, origin)
    return Interval(steps, differences(cs, steps, n, m + 1))


def offset_weights(spans: Ints) -> tuple[Ints, int]:
    """Weights whose subset sums are exactly 0..span, for every span.

    Returns:
        (int64[spans, columns], how many leading columns are powers of two common to all).
    """
    common = (int(spans.min()) + 1).bit_length() - 1
    common -= int(common > 2 and bool((spans == 1 << common).any()))  # or a weight of 1 would be left for that span
    columns = [np.full(spans.size, 1 << i, dtype=np.int64) for i in range(common)]
    reach = np.full(spans.size, (1 << common) - 1, dtype=np.int64)
    while bool((reach < spans).any()):
        weight = np.minimum(reach + 1, spans - reach)
        # Leave 2 rather than 1 for the next column: a second weight of 1 would rule out the substitution.
        weight -= (spans - reach - weight == 1) & (weight > 2)
        columns.append(weight)
        reach = reach + weight
    return np.stack(columns, axis=1) if columns else np.zeros((spans.size, 0), dtype=np.int64), common


def _chosen(steps: LinearVector, values: Ints, n: int) -> LinearVector:
    """values[j] of the interval j that each of n runs of descending booleans names."""
    m = values.size - 1
    columns = np.arange(n * m, dtype=np.int64)
    jumps = IntMatrix.from_triples(columns // m, columns, np.tile(np.diff(values), n), (n, n * m))
    return (steps.matmul(jumps) + int(values[0])).with_bounds(int(values.min()), int(values.max()))


def _enforce_parts(
    cs: ConstraintSystem, x: LinearVector, offset: LinearVector, steps: LinearVector, edges: Ints, origin: str
) -> None:
    n = len(x)
    weights, common = offset_weights(np.diff(edges) - 1)
    count = weights.shape[1]
    dense = int(offset.terms.max()) > SUBSTITUTION_TERMS
    skip = int(common > 0 and not dense and not bool((weights[:, common:] == 1).any()))
    params = {"starts": edges[:-1], "weights": weights.reshape(-1), "skip": skip}
    largest = np.tile(weights.max(axis=0)[skip:], n) if count else np.zeros(0, dtype=np.int64)
    wires = cs.solve("offset_parts", (x,), n * (count - skip), params, (0, largest), origin=f"{origin}.parts")
    columns = np.arange(len(wires), dtype=np.int64)
    ones = np.ones(columns.size, dtype=np.int64)
    rows = columns // max(count - skip, 1)
    rest = offset - wires.matmul(IntMatrix.from_triples(rows, columns, ones, (n, columns.size)))
    if skip:
        lowest = rest.with_bounds(0, 1)
        cs.enforce(lowest, lowest - 1, 0, f"{origin}.low")
    else:
        cs.enforce_zero(rest, f"{origin}.recompose")
    for i in range(skip, count):
        part = wires[np.arange(n) * (count - skip) + (i - skip)]
        weight = cs.constant([1 << i]) if i < common else _chosen(steps, weights[:, i], n)
        cs.enforce(part, weight - part, 0, f"{origin}.low" if i < common else f"{origin}.high")
