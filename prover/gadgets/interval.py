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
Granules: when all ends are whole numbers of 2^s from lo, the lowest s weights are 1, 2, .., 2^(s-1) and all others
multiples of 2^s, so the parts above them sum to 2^s·⌊(x - L) / 2^s⌋, whichever of them are chosen: x is rounded down
for nothing. Their wires hold them divided by 2^s.
Gaps: an interval may end before the next threshold; its weights reach to its own end, and no x between has a witness.
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
        offset: granules from the interval's start, one form per form.
        system: which has the constraints.
    """

    at_least: LinearVector
    offset: LinearVector
    system: ConstraintSystem

    @property
    def one_hot(self) -> LinearVector:
        """The interval's one-hot, m + 1 per form; place 0 is below all thresholds."""
        n = len(self.offset)
        return differences(self.system, self.at_least, n, len(self.at_least) // n + 1)


def interval(
    cs: ConstraintSystem,
    x: LinearVector,
    thresholds: Ints,
    lo: int | None = None,
    hi: int | None = None,
    *,
    granule: int = 0,
    gaps: Ints | None = None,
    domain: bool = False,
    origin: str = "interval",
) -> Interval:
    """Prove lo ≤ x ≤ hi (by default the proven bounds of x) and locate every form among ascending thresholds.

    Args:
        granule: s, where the lengths of all intervals are multiples of 2^s.
        gaps: int64[m], how many integers right below each threshold are refused; none by default.
        domain: whether an x outside lo..hi is an input's fault, being outside a function's domain.

    Raises:
        MalformedCircuitError: thresholds that do not ascend strictly inside (lo, hi], an interval that is all gap, or x
            has no proven bounds.
    """
    n, m = len(x), int(thresholds.size)
    x_lo, x_hi = x.bounds
    low = int(x_lo.min()) if lo is None else lo
    high = int(x_hi.max()) if hi is None else hi
    edges = np.concatenate(([low], thresholds, [high + 1])).astype(np.int64)
    if not m or bool((np.diff(edges) <= 0).any()):
        raise MalformedCircuitError(f"{origin}: thresholds must ascend strictly inside ({low}, {high}]")
    lengths = np.diff(edges)
    if gaps is not None:
        lengths[:-1] -= gaps
        if bool((lengths <= 0).any() or (gaps < 0).any()):
            raise MalformedCircuitError(f"{origin}: a gap leaves nothing of its interval")
    if bool((lengths & ((1 << granule) - 1)).any()):
        raise MalformedCircuitError(f"{origin}: an interval is no whole number of 2^{granule}")
    steps = cs.solve("thermometer", (x,), n * m, {"thresholds": thresholds}, (0, 1), origin=origin)
    descending(cs, steps, n, m, origin)
    # Interval arithmetic cannot see that the start follows x; an honest offset has these bounds by construction.
    offset = (x - chosen(steps, edges[:-1], n)).with_bounds(0, int(lengths.max()) - 1)
    granules = _enforce_parts(cs, x, offset, steps, edges[:-1], lengths, granule, origin, domain=domain)
    return Interval(steps, granules, cs)


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


def chosen(steps: LinearVector, values: Ints, n: int) -> LinearVector:
    """values[j] of the interval j that each of n runs of descending booleans names."""
    m = values.size - 1
    columns = np.arange(n * m, dtype=np.int64)
    jumps = IntMatrix.from_triples(columns // m, columns, np.tile(np.diff(values), n), (n, n * m))
    return (steps.matmul(jumps) + int(values[0])).with_bounds(int(values.min()), int(values.max()))


def _enforce_parts(
    cs: ConstraintSystem,
    x: LinearVector,
    offset: LinearVector,
    steps: LinearVector,
    starts: Ints,
    lengths: Ints,
    granule: int,
    origin: str,
    *,
    domain: bool,
) -> LinearVector:
    """Prove that the offsets are sums of parts; returns them in granules."""
    n = len(x)
    weights, common = offset_weights((lengths >> granule) - 1)
    digits = np.tile(np.int64(1) << np.arange(granule), (weights.shape[0], 1))
    full = np.concatenate((digits, weights << granule), axis=1)
    count, common = full.shape[1], common + granule
    factors = np.concatenate((np.ones(granule, np.int64), np.full(count - granule, 1 << granule)))
    dense = int(offset.terms.max()) > SUBSTITUTION_TERMS
    skip = int(common > 0 and not dense and not bool((full[:, common:] == 1).any()))
    params = {"starts": starts, "weights": full.reshape(-1), "skip": skip}
    if granule:
        params["granule"] = granule
    if domain:
        params["domain"] = 1
    most = (full.max(axis=0) // factors)[skip:] if count else np.zeros(0, dtype=np.int64)
    bounds = (0, np.tile(most, n))
    wires = cs.solve("offset_parts", (x,), n * (count - skip), params, bounds, origin=f"{origin}.parts")
    columns = np.arange(len(wires), dtype=np.int64)
    rows, place = np.divmod(columns, max(count - skip, 1))
    place = place + skip
    rest = offset - wires.matmul(IntMatrix.from_triples(rows, columns, factors[place], (n, columns.size)))
    if skip:
        lowest = rest.with_bounds(0, 1)
        cs.enforce(lowest, lowest - 1, 0, f"{origin}.low")
    else:
        cs.enforce_zero(rest, f"{origin}.recompose")
    for i in range(skip, count):
        part = wires[np.flatnonzero(place == i)]
        own = full[:, i] // factors[i]
        weight = cs.constant([int(own[0])]) if i < common else chosen(steps, own, n)
        cs.enforce(part, weight - part, 0, f"{origin}.low" if i < common else f"{origin}.high")
    if not granule:
        return offset
    above = np.flatnonzero(place >= granule)
    ones = np.ones(above.size, dtype=np.int64)
    matrix = IntMatrix.from_triples(rows[above], above, ones, (n, columns.size))
    return wires.matmul(matrix).with_bounds(0, int((lengths.max() - 1) >> granule))
