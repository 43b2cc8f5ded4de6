"""Monotone step functions of an integer: their exact thresholds, and the cheapest integer line that has them all.

A requantisation is such a function: an accumulator is scaled in floating point, rounded, moved and saturated. Every
one of these is monotone, rounding errors included, so the function is known by the smallest integer of each level,
found by bisection on the function itself. Whether a line ``(factor * x + offset) // divisor`` rises at exactly these
integers is a question about digital lines (Reveillès 1991): each threshold bounds the line from below at one integer
and from above at the integer before it, so slopes between the extremes of such pairs are possible, and no other. Of
those the simplest fraction has the smallest divisor, and the divisor's bits are what a line costs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

I64 = NDArray[np.int64]
F64 = NDArray[np.float64]

Function = Callable[[I64], I64]
"""Monotone, element by element."""

_PAIRS = 1 << 24
"""Most pairs of points whose slopes are compared; beyond, factors near the mean slope are tried."""

_CORRECTIONS = 16
"""Most single arguments at which a line is corrected."""

_DYADIC = 30
"""Most fraction bits of a slope that is taken for a power of two's multiple: a float32 has 24 digits."""

_ROOM = 1 << 60
"""No number of a line reaches it."""


@dataclass(frozen=True)
class Stairs:
    """A monotone function on ``lo .. hi``.

    Attributes:
        base: its value at lo.
        cuts: int64[n], the smallest argument of each level above the base, ascending; a jump repeats one.
        lo, hi: range of the argument.
    """

    base: int
    cuts: I64
    lo: int
    hi: int

    @property
    def top(self) -> int:
        """The value at hi."""
        return self.base + self.cuts.size


@dataclass(frozen=True)
class Line:
    """``(factor * x + offset) // divisor``, and what is added to it at single arguments.

    Attributes:
        at, by: arguments and +1 or -1 each; an argument may occur twice.
        parity: of the levels that lose 1 where the division leaves nothing, as halves that go to even do; None: of
            none.
    """

    factor: int
    offset: int
    divisor: int
    at: tuple[int, ...] = ()
    by: tuple[int, ...] = ()
    parity: int | None = None

    def at_arguments(self, x: I64, cap: int) -> I64:
        """Its levels, saturated to ``0 .. cap``."""
        number = self.factor * x + self.offset
        quotient = number // self.divisor
        result = np.clip(quotient, 0, cap)
        if self.parity is not None:
            whole = (quotient == result) & (quotient * self.divisor == number)
            result = result - (whole & ((quotient & 1) == self.parity))
        for at, by in zip(self.at, self.by, strict=True):
            result = result + by * (x == at)
        return np.asarray(result, dtype=np.int64)


def stairs(function: Function, lo: int, hi: int) -> Stairs:
    """All levels of ``function`` between ``lo`` and ``hi``."""
    base, top = (int(function(np.array([end], dtype=np.int64))[0]) for end in (lo, hi))
    levels = np.arange(base + 1, top + 1, dtype=np.int64)
    low, high = np.full(levels.size, lo, dtype=np.int64), np.full(levels.size, hi, dtype=np.int64)
    while bool((high - low > 1).any()):
        middle = low + (high - low) // 2
        reached = function(middle) >= levels
        low, high = np.where(reached, low, middle), np.where(reached, middle, high)
    return Stairs(base, high, lo, hi)


def line(steps: Stairs, cap: int) -> Line | None:
    """The line with the smallest divisor that, saturated to ``0 .. cap``, has every level of ``steps``.

    Returns:
        None when there is none: levels that ties or rounding made uneven.
    """
    if not steps.cuts.size:
        return Line(0, steps.base, 1)
    levels = np.arange(steps.base + 1, steps.top + 1, dtype=np.int64)
    below, least = steps.cuts, levels  # the line reaches these levels here
    above, most = steps.cuts - 1, levels  # and does not reach these levels here
    if steps.base > 0:
        below, least = np.append(below, steps.lo), np.append(least, steps.base)
    if steps.top < cap:
        above, most = np.append(above, steps.hi), np.append(most, steps.top + 1)
    reach = max(abs(steps.lo), abs(steps.hi), 1)
    for slope in _slopes(below, least, above, most):
        factor, divisor = slope.numerator, slope.denominator
        if factor <= 0 or (steps.top + 2) * divisor >= _ROOM or factor * reach >= _ROOM:
            continue
        low = int((least * divisor - factor * below).max())
        high = int((most * divisor - factor * above).min()) - 1
        if low <= high:
            return Line(factor, low, divisor)
    return None


def nearly(steps: Stairs, cap: int, slope: float) -> Line | None:
    """A line that misses few levels by little, and what corrects it: where ties or float32 displaced a threshold.

    Args:
        steps, cap: see :func:`line`; at least one level.
        slope: levels an argument, as closely as it is known.

    Returns:
        The cheapest: a digit of the line costs one constraint, a correction two. None above :data:`_CORRECTIONS`.
    """
    levels = np.arange(steps.base + 1, steps.top + 1, dtype=np.int64)
    reach = float(max(abs(steps.lo), abs(steps.hi), 1))
    best, price = None, 1 << 30
    for shift in range(60):
        scaled = slope * 2.0**shift
        if (steps.top + 2) * 2.0**shift >= _ROOM or scaled * reach >= _ROOM:
            break
        for factor in _between(scaled - 1.0, scaled + 1.0):
            found = _corrected(steps, levels, cap, factor, shift)
            if found is not None and (cost := shift + 2 * len(found.at)) < price:
                best, price = found, cost
    return best


def halved(steps: Stairs, cap: int, slope: float, offset: float, parity: int) -> Line | None:
    """The line ``slope * x + offset`` rounded to the nearest level, halves down where that gives ``parity``.

    Returns:
        None when the numbers are not multiples of a small power of two, or the levels are not those of ``steps``.
    """
    for shift in range(1, _DYADIC + 1):
        factor, moved = slope * 2.0**shift, offset * 2.0**shift
        if factor == np.rint(factor) and moved == np.rint(moved):
            break
    else:
        return None
    found = Line(int(factor), int(moved) + (1 << (shift - 1)), 1 << shift, parity=parity)
    zero, rest = divmod(-found.offset, found.factor)
    if parity == 0 and rest == 0 and steps.lo <= zero <= steps.hi:
        found = replace(found, at=(zero,), by=(1,))  # level 0 has none below it
    ends = np.array([steps.lo, steps.hi], dtype=np.int64)
    near = np.concatenate((steps.cuts, steps.cuts - 1, ends))
    wanted = steps.base + np.searchsorted(steps.cuts, near, side="right")
    return found if np.array_equal(found.at_arguments(near, cap), wanted) else None


def _corrected(steps: Stairs, levels: I64, cap: int, factor: int, shift: int) -> Line | None:
    """The line of a given slope whose offset suits most levels, corrected at the others."""
    low = (levels << shift) - factor * steps.cuts
    high = (levels << shift) - factor * (steps.cuts - 1) - 1
    suits = np.searchsorted(np.sort(low), low, side="right") - np.searchsorted(np.sort(high), low, side="left")
    offset = int(low[int(np.argmax(suits))])
    ends = [(factor * end + offset) >> shift for end in (steps.lo, steps.hi)]
    if min(max(ends[0], 0), cap) != steps.base or min(max(ends[1], 0), cap) != steps.top:
        return None
    cuts = -((offset - (levels << shift)) // factor)  # where the line reaches each level
    missed = np.abs(cuts - steps.cuts)
    if int(missed.sum()) > _CORRECTIONS:
        return None
    at, by = [], []
    for wrong, right in zip(cuts[missed > 0].tolist(), steps.cuts[missed > 0].tolist(), strict=True):
        at += list(range(min(wrong, right), max(wrong, right)))
        by += [-1 if wrong < right else 1] * abs(wrong - right)
    return Line(factor, offset, 1 << shift, tuple(at), tuple(by))


def _slopes(below: I64, least: I64, above: I64, most: I64) -> Iterator[Fraction]:
    """Slopes the line may have, the simplest first."""
    if below.size * above.size > _PAIRS:
        mean = Fraction(int(least[-1] - least[0] + 1), max(int(below[-1] - below[0]), 1))
        yield from (Fraction(round(mean * (1 << shift)), 1 << shift) for shift in range(48))
        return
    run = above[None, :] - below[:, None]
    rise = most[None, :] - least[:, None]
    slope = rise / np.where(run == 0, 1, run)
    steep, flat = np.where(run > 0, slope, np.inf), np.where(run < 0, slope, -np.inf)
    steepest, flattest = Fraction(1 << 31), Fraction(0)
    if np.isfinite(steep).any():
        i, j = np.unravel_index(int(np.argmin(steep)), steep.shape)
        steepest = Fraction(int(rise[i, j]), int(run[i, j]))
    if np.isfinite(flat).any():
        i, j = np.unravel_index(int(np.argmax(flat)), flat.shape)
        flattest = max(Fraction(int(rise[i, j]), int(run[i, j])), flattest)
    if flattest < steepest:
        yield simplest(flattest, steepest)


def simplest(low: Fraction, high: Fraction) -> Fraction:
    """The fraction strictly between two that are not negative whose denominator is smallest (Stern 1858)."""
    whole = low.numerator // low.denominator
    if whole + 1 < high:
        return Fraction(whole + 1)
    rest = low - whole
    if rest == 0:
        return whole + Fraction(1, (1 / (high - whole)).__floor__() + 1)
    return whole + 1 / simplest(1 / (high - whole), 1 / rest)


def _between(low: float, high: float) -> list[int]:
    """Up to four positive integers in a range, from the middle outwards; none in an empty one."""
    if low > high:
        return []
    first, last = max(int(np.ceil(low)), 1), int(np.floor(high))
    if first > last:
        return []
    middle = (first + last) // 2
    return sorted({min(max(middle + step, first), last) for step in (0, 1, -1, 2)}, key=lambda n: abs(n - middle))
