"""How far the floating-point sum of tree leaves, as onnxruntime computes it, can be from the exact sum.

onnxruntime adds one leaf of each tree in tree order, then divides (AVERAGE) and adds the base value, every result
rounded to nearest in the type of the leaves. That is what it does on one thread, a row at a time, and what is meant
here: with several threads it may add groups of trees by themselves, and then its own answers differ. A result r costs
at most half a unit in its last place, 2^(e - 24) for 2^e <= \\|r\\| < 2^(e + 1) in float32; nothing where all numbers
so far are multiples of 2^-q and \\|r\\| <= 2^(24 - q). (Higham, Accuracy and Stability of Numerical Algorithms, 2nd
ed., §4.2, with the running error bound.)

Where few different sums can occur, all of them are computed both ways instead.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from prover.quantization.dyadic import fraction_bits

F64 = NDArray[np.float64]

MAX_STATES = 1 << 16
"""Most pairs of an exact and a float sum that are enumerated."""


class Rounding(IntEnum):
    """What is known of the float sums."""

    NONE = 0
    """They are the exact sums."""
    ENUMERATED = 1
    """All of them were computed."""
    BOUNDED = 2
    """They are within a proven distance of the exact sums."""


TEXT = {
    Rounding.NONE: "exact, sums need no rounding",
    Rounding.ENUMERATED: "exact, every sum there can be was computed in float32",
    Rounding.BOUNDED: "guarded: inputs whose sums are closer to a threshold, or to each other, than float32 can tell "
    "are refused",
}
"""For reports."""


@dataclass(frozen=True, eq=False)
class SumInfo:
    """The float sums of one output against the integers of the circuit.

    Attributes:
        rounding: what is known.
        error: bound on \\|float result - integer * 2^-fraction\\|; 0 for NONE.
        sums: int64[r] ascending, every integer there can be, for ENUMERATED.
        results: float64[r, 2], the smallest and largest float result that goes with each.
    """

    rounding: Rounding
    error: float
    sums: NDArray[np.int64] | None = None
    results: F64 | None = None


@dataclass(frozen=True, eq=False)
class Terms:
    """What one output adds up.

    Attributes:
        trees: by tree the different values its leaves add, exact in ``dtype``, before any division.
        base: added last, or 0.
        divisor: 1, or the number of trees (AVERAGE).
        dtype: float32 or float64, of the sums; the result is a float32 where ``narrow`` says so.
        narrow: whether the result is rounded to float32 after all.
    """

    trees: Sequence[F64]
    base: float
    divisor: int
    dtype: np.dtype[np.float32] | np.dtype[np.float64]
    narrow: bool

    @property
    def reach(self) -> float:
        """Largest magnitude of the result."""
        return sum(float(np.abs(values).max(initial=0.0)) for values in self.trees) / self.divisor + abs(self.base)

    def integers(self, values: F64, fraction: int) -> NDArray[np.int64]:
        """Leaf values (divided) in counts of 2^-fraction."""
        return np.rint(values / self.divisor * 2.0**fraction).astype(np.int64)

    def offset(self, fraction: int) -> int:
        """The base value in the same counts."""
        return round(self.base * 2.0**fraction)

    def quantised(self, fraction: int) -> float:
        """Bound on what rounding leaves and base to counts costs."""
        unit = 2.0**-fraction
        lost = abs(self.offset(fraction) * unit - self.base)
        for values in self.trees:
            lost += float(np.abs(self.integers(values, fraction) * unit - values / self.divisor).max(initial=0.0))
        return lost


def rounding_error(terms: Terms) -> float:
    """Bound on \\|float result - exact result\\|."""
    bits = 24 if terms.dtype == np.float32 else 53
    every = np.concatenate([*terms.trees, np.array([terms.base])])
    grid = fraction_bits(every)
    reach = sum(float(np.abs(values).max(initial=0.0)) for values in terms.trees) + abs(terms.base)
    divided = terms.divisor != 1
    if reach <= 2.0 ** (bits - grid) and not divided:
        error = 0.0
    else:
        error = _in_order(terms.trees, bits)
        if divided:
            error = error / terms.divisor + _half_ulp(reach / terms.divisor + error, bits)
        if terms.base:
            error += _half_ulp(reach + error, bits)
    if terms.narrow and terms.dtype != np.float32:
        error += _half_ulp(reach + error, 24)
    return error * (1.0 + 2.0**-20)


def _in_order(trees: Sequence[F64], bits: int) -> float:
    low = high = error = 0.0
    grid = 0
    for index, values in enumerate(trees):
        low, high = low + float(values.min()), high + float(values.max())
        grid = max(grid, fraction_bits(values))
        most = max(abs(low), abs(high)) + error
        if index and most > 2.0 ** (bits - grid):
            error += _half_ulp(most, bits)
    return error


def _half_ulp(size: float, bits: int) -> float:
    """Half the distance of neighbouring floats of ``bits`` digits at magnitudes up to ``size``."""
    return 2.0 ** (math.floor(math.log2(size)) - bits) if size > 0.0 else 0.0


def enumerate_sums(terms: Terms, fraction: int) -> tuple[NDArray[np.int64], F64] | None:
    """Every sum there can be, whatever leaves are reached together: (integers, [smallest, largest] float result).

    Integers count 2^-fraction. None where there are too many.
    """
    sums, floats = np.zeros(1, dtype=np.int64), np.zeros(1, dtype=terms.dtype)
    for values in terms.trees:
        if sums.size * values.size > 8 * MAX_STATES:
            return None
        steps = terms.integers(values, fraction)
        sums = (sums[:, None] + steps).ravel()
        floats = (floats[:, None] + values.astype(terms.dtype)).ravel()
        pairs = np.unique(np.stack([sums, floats.astype(np.float64).view(np.int64)], axis=1), axis=0)
        if len(pairs) > MAX_STATES:
            return None
        sums, floats = pairs[:, 0].copy(), pairs[:, 1].copy().view(np.float64).astype(terms.dtype)
    if terms.divisor != 1:
        floats = floats / terms.dtype.type(terms.divisor)
    if terms.base:
        floats = floats + terms.dtype.type(terms.base)
        sums = sums + terms.offset(fraction)
    results = (floats.astype(np.float32) if terms.narrow else floats).astype(np.float64)
    order = np.argsort(sums, kind="stable")
    sums, results = sums[order], results[order]
    starts = np.flatnonzero(np.concatenate(([True], sums[1:] != sums[:-1])))
    ends = np.stack([np.minimum.reduceat(results, starts), np.maximum.reduceat(results, starts)], axis=1)
    return sums[starts], ends


def describe(terms: Sequence[Terms]) -> tuple[int, tuple[SumInfo, ...]]:
    """(fraction bits for the circuit's integers, what is known of each output's float sums)."""
    errors = [rounding_error(each) for each in terms]
    exact = max(
        fraction_bits(np.concatenate([values / each.divisor for values in each.trees] + [np.array([each.base])]))
        for each in terms
    )
    reach = max(each.reach for each in terms)
    room = 58 - max(0, math.ceil(math.log2(max(reach, 1.0))))
    worst = max(errors)
    fraction = min(exact, room)
    if worst > 0.0:
        trees = max(len(each.trees) for each in terms)
        fraction = min(fraction, math.ceil(math.log2(4 * (trees + 1) / worst)))
    infos = []
    for each, error in zip(terms, errors, strict=True):
        total = error + each.quantised(fraction)
        if total == 0.0:
            infos.append(SumInfo(Rounding.NONE, 0.0))
            continue
        found = enumerate_sums(each, fraction)
        if found is None:
            infos.append(SumInfo(Rounding.BOUNDED, total))
        else:
            infos.append(SumInfo(Rounding.ENUMERATED, total, *found))
    return fraction, tuple(infos)
