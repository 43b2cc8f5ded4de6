"""Piecewise polynomials with integer coefficients, for the functions no polynomial of the inputs gives.

Statement: with z = ⌊x / 2^granule⌋ (granule 0 by default), starts_i ≤ z < starts_{i+1} and t = z - starts_i:
y = P_i(t), by Horner's rule with a floor shift after every step, acc = (acc·t + c_k) >> shifts.
Construction: one interval decomposition names the segment and gives t; its booleans select each coefficient linearly.
Degree d costs d products, and one truncation for every shift that is not zero.
Constraints per x: m - 1 + n for the segment, with n the bit length of the longest one in units of x (a single segment:
the digits of one truncation, none when granule is 0), d products, and the digits of each truncation.
Soundness: the segment and z are unique (``interval`` bounds x by itself), the rest are equations and truncations, so y
is a function of x for every field element. An x outside the segments has no witness; a single segment is a polynomial,
defined everywhere.
:func:`piecewise_reference` is the same function on numpy integers; whoever chooses the coefficients proves their error
bound against it (``prover/quantization/tables/piecewise.py`` does).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from prover.constraint.csr import LIMIT, Ints
from prover.constraint.linear import LinearVector
from prover.constraint.system import ConstraintSystem
from prover.errors import MalformedCircuitError
from prover.gadgets.interval import chosen, interval
from prover.gadgets.truncate import truncate


def piecewise_reference(x: Ints, starts: Ints, coefficients: Ints, shifts: Sequence[int], granule: int = 0) -> Ints:
    """The integer semantics: arguments as for :func:`piecewise_polynomial`, x: int64[n], in the segments."""
    z = x >> granule
    segment = np.searchsorted(starts, z, side="right") - 1
    t = z - starts[segment]
    value = coefficients[segment, 0]
    for k, shift in enumerate(shifts):
        value = (value * t + coefficients[segment, k + 1]) >> shift
    return np.asarray(value, dtype=np.int64)


def piecewise_polynomial(
    cs: ConstraintSystem,
    x: LinearVector,
    starts: Ints,
    coefficients: Ints,
    shifts: Sequence[int],
    stop: int,
    origin: str = "piecewise",
    *,
    granule: int = 0,
    domain: bool = False,
) -> LinearVector:
    """P_i(z - starts_i) of every form.

    Args:
        starts: int64[m], ascending; segment i is starts_i .. starts_{i+1} - 1, the last one ends before ``stop``.
        coefficients: int64[m, d + 1], highest power first.
        shifts: d of them, the bits dropped after each Horner step.
        granule: low bits of x that are dropped first.
        domain: whether the segments, two or more, are all that the function is defined on.

    Raises:
        MalformedCircuitError: shapes that disagree, or an intermediate value that may reach 2^62.
    """
    m, n = starts.size, len(x)
    if coefficients.shape != (m, len(shifts) + 1) or not m:
        raise MalformedCircuitError(f"{origin}: {coefficients.shape} coefficients, {m} segments, {len(shifts)} shifts")
    lengths = np.diff(np.append(starts, stop))
    if m == 1:
        steps = cs.constant([])
        t = x - (int(starts[0]) << granule)
        t = truncate(cs, t, granule, origin=f"{origin}.position") if granule else t
    else:
        edges = starts << granule
        ends = int(edges[0]), (stop << granule) - 1
        segment = interval(cs, x, edges[1:], *ends, granule=granule, domain=domain, origin=f"{origin}.segment")
        steps, t = segment.at_least, segment.offset
    t = t.with_bounds(0, int(lengths.max()) - 1)
    value, ranges = chosen(steps, coefficients[:, 0], n), [(int(c), int(c)) for c in coefficients[:, 0]]
    for k, shift in enumerate(shifts):
        column = coefficients[:, k + 1]
        reach = [_times(r, int(length) - 1) for r, length in zip(ranges, lengths, strict=True)]
        product = _product(cs, value, t, reach, f"{origin}.{k}")
        ranges = [(lo + int(c), hi + int(c)) for (lo, hi), c in zip(reach, column, strict=True)]
        value = (product + chosen(steps, column, n)).with_bounds(*_hull(ranges))
        if shift:
            value = truncate(cs, value, shift, origin=f"{origin}.{k}.shift")
            ranges = [(lo >> shift, hi >> shift) for lo, hi in ranges]
    return value


def _times(values: tuple[int, int], last: int) -> tuple[int, int]:
    """Interval of value·t for t in 0..last."""
    return min(0, values[0] * last), max(0, values[1] * last)


def _hull(ranges: Sequence[tuple[int, int]]) -> tuple[int, int]:
    return min(lo for lo, _ in ranges), max(hi for _, hi in ranges)


def _product(
    cs: ConstraintSystem, a: LinearVector, b: LinearVector, reach: Sequence[tuple[int, int]], origin: str
) -> LinearVector:
    """a·b with the bounds of the segments one by one: plain intervals would mix one's slope with another's length."""
    lo, hi = _hull(reach)
    if max(-lo, hi) >= LIMIT:
        raise MalformedCircuitError(f"{origin}: a Horner step may reach 2^62")
    out = cs.solve("product", (a, b), len(a), bounds=(lo, hi), origin=origin)
    cs.enforce(a, b, out, origin)
    return out
