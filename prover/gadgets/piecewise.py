"""Piecewise polynomials with integer coefficients, for the functions no polynomial of the inputs gives.

Statement: for starts_i ≤ x < starts_{i+1} and t = x - starts_i, y = P_i(t), where P_i is evaluated by Horner's rule
with a floor shift after every step: acc = (acc·t + c_k) >> shifts.
Construction: one interval one-hot selects start and coefficients linearly; degree d costs d products, and one
truncation for every shift that is not zero.
Constraints: m - 1 + 2n for the segment (none when there is only one), d products, and the digits of each truncation.
Soundness: the segment is unique (``interval`` bounds x by itself), the rest are equations and truncations, so y is a
function of x for every field element, and an x outside the segments has no witness.
:func:`piecewise_reference` is the same function on numpy integers; whoever chooses the coefficients proves their error
bound against it by trying every x (``prover/quantization/sigmoid.py`` does).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from prover.constraint.csr import LIMIT, Ints
from prover.constraint.linear import LinearVector
from prover.constraint.system import ConstraintSystem
from prover.errors import MalformedCircuitError
from prover.gadgets.interval import interval
from prover.gadgets.range import range_exact
from prover.gadgets.truncate import truncate


def piecewise_reference(x: Ints, starts: Ints, coefficients: Ints, shifts: Sequence[int]) -> Ints:
    """The integer semantics: arguments as for :func:`piecewise_polynomial`, x: int64[n], not below ``starts[0]``."""
    segment = np.searchsorted(starts, x, side="right") - 1
    t = x - starts[segment]
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
) -> LinearVector:
    """P_i(x - starts_i) of every form.

    Args:
        starts: int64[m], ascending; segment i is starts_i .. starts_{i+1} - 1, the last one ends before ``stop``.
        coefficients: int64[m, d + 1], highest power first.
        shifts: d of them, the bits dropped after each Horner step.

    Raises:
        MalformedCircuitError: shapes that disagree, or an intermediate value that may reach 2^62.
    """
    m = starts.size
    if coefficients.shape != (m, len(shifts) + 1) or not m:
        raise MalformedCircuitError(f"{origin}: {coefficients.shape} coefficients, {m} segments, {len(shifts)} shifts")
    lengths = np.diff(np.append(starts, stop))
    if m == 1:
        range_exact(cs, x, int(starts[0]), stop - 1, f"{origin}.range")
        hot = cs.constant([1] * len(x))
    else:
        hot = interval(cs, x, starts[1:], int(starts[0]), stop - 1, origin=f"{origin}.segment").one_hot
    choose = np.kron(np.eye(len(x), dtype=np.int64), np.ones((1, m), dtype=np.int64)).astype(np.int64)

    def chosen(column: Ints) -> LinearVector:
        return hot.matmul(choose * np.tile(column, len(x))).with_bounds(int(column.min()), int(column.max()))

    t = (x - chosen(starts)).with_bounds(0, int(lengths.max()) - 1)
    value, ranges = chosen(coefficients[:, 0]), [(int(c), int(c)) for c in coefficients[:, 0]]
    for k, shift in enumerate(shifts):
        column = coefficients[:, k + 1]
        reach = [_times(r, int(n) - 1) for r, n in zip(ranges, lengths, strict=True)]
        product = _product(cs, value, t, reach, f"{origin}.{k}")
        ranges = [(lo + int(c), hi + int(c)) for (lo, hi), c in zip(reach, column, strict=True)]
        value = (product + chosen(column)).with_bounds(*_hull(ranges))
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
