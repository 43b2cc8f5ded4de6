"""Piecewise quadratics with integer coefficients for a real function, with a proven error.

An argument z counts 2^-position_bits, a result counts 1/scale. On the segment [start_i, start_{i+1})

    y = ((c2 * t + c1) * t + c0) >> shift,      t = z - start_i

where the rounding half is part of c0. A segment is as long as the error allows: coefficients are fitted on a grid of
at most :data:`_GRID` points, rounded from the highest power down (each lower one makes up for what the higher ones
lost), and the error is the largest on the grid plus what the second derivatives allow between two grid points. Where
the function is close to a straight line for good, one segment holds the rest of the range. Outside ``clamp`` the
result stays what it is at the clamp's ends.

The degree and the shift are those of the fewest constraints: a threshold costs one, an argument and a result one a
digit, a product one.
"""

from __future__ import annotations

import functools
import itertools
import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from prover.errors import QuantizationError
from prover.quantization.tables.functions import PRECISION, Function, function

I64 = NDArray[np.int64]
F64 = NDArray[np.float64]

_GRID = 129
"""Points on which a segment's error is measured; shorter segments are tried at every argument."""

_NEARLY, _VERY_NEARLY = 0.88, 0.98
"""A segment is long enough when its error is this part of the tolerance: while searching, and in the end."""

_LIMIT = 1 << 61

_FEW = 8
"""Where more quadratic segments than this are needed, straight ones would be too many to be cheaper."""

_COARSE = 6
"""Arguments with fewer fraction bits than this are those of steep or wide ranges, such as amounts of money."""

_MOST_SEGMENTS = 1 << 10


@dataclass(frozen=True)
class Spec:
    """What a table is made for.

    Attributes:
        name, arguments: the function.
        low, high: smallest and largest argument z.
        clamp: (low, high), arguments beyond which the result stays; within low..high.
        position_bits: z counts 2^-position_bits.
        scale: counts of a result for 1.
        tolerance: largest error before the result is rounded, and that fraction of results above 1.
        exact: the arguments are exact, not rounded to z.
        price: 0 for results rounded to 1/scale; otherwise they keep their ``shift`` further bits, and whatever reads
            them pays this many constraints a bit and element.
        most_shift: largest shift.
    """

    name: str
    arguments: tuple[tuple[str, float], ...]
    low: int
    high: int
    clamp: tuple[int, int]
    position_bits: int
    scale: float
    tolerance: float
    exact: bool
    price: float = 0.0
    most_shift: int = 60


@dataclass(frozen=True)
class Table:
    """Segments in ascending order; ``starts[0]`` is the smallest argument.

    Attributes:
        starts: int64[m].
        coefficients: int64[m, degree + 1], highest power first.
        shift: bits dropped at the end.
        error: proven bound of |y - f(x)| / max(1, |f(x)|) for every real argument x inside the clamp, the rounding of
            the argument included.
        slope: proven bound of |f'| inside the clamp; may be infinite.
    """

    starts: I64
    coefficients: I64
    shift: int
    error: float
    slope: float


def evaluate(z: I64, starts: I64, coefficients: I64, shift: int) -> I64:
    """Results of integer arguments, each at or above ``starts[0]``."""
    segment = np.searchsorted(starts, z, side="right") - 1
    t = z - starts[segment]
    value = coefficients[segment, 0]
    for column in range(1, coefficients.shape[1]):
        value = value * t + coefficients[segment, column]
    return np.asarray(value >> shift, dtype=np.int64)


def extremes(low: I64, high: I64, starts: I64, coefficients: I64, shift: int) -> tuple[I64, I64]:
    """Smallest and largest result for z in low_i..high_i: int64[n] each. Degree at most 2."""
    stops = np.append(starts[1:], np.iinfo(np.int64).max)
    first, last = np.maximum(low[:, None], starts), np.minimum(high[:, None], stops - 1)
    empty = first > last
    t0, t1 = np.where(empty, 0, first - starts), np.where(empty, 0, last - starts)
    places = [t0, t1]
    columns = np.concatenate((np.zeros((starts.size, 3 - coefficients.shape[1]), np.int64), coefficients), axis=1)
    c2, c1, c0 = columns.T
    if c2.any():
        vertex = np.floor(-c1 / np.where(c2 == 0, 1, 2 * c2)).astype(np.int64)
        places += [np.clip(vertex, t0, t1), np.clip(vertex + 1, t0, t1)]
    values = np.stack([((c2 * t + c1) * t + c0) >> shift for t in places])
    least = np.where(empty, np.iinfo(np.int64).max, values.min(axis=0)).min(axis=1)
    most = np.where(empty, np.iinfo(np.int64).min, values.max(axis=0)).max(axis=1)
    return least, most


@functools.lru_cache(maxsize=256)
def cheapest_table(spec: Spec) -> Table:
    """The table of fewest constraints.

    Raises:
        QuantizationError: the error cannot be reached with :data:`_MOST_SEGMENTS` segments.
    """
    best: tuple[float, Table] | None = None
    bits = spec.position_bits
    if bits < _COARSE:  # segments are long in units of arguments: their coefficients need as many bits
        bits = max(bits, (spec.clamp[1] - spec.clamp[0]).bit_length() - 2)
    for degree, largest in ((2, 2 * (bits + 1)), (1, bits + 3)):
        if degree == 1 and best is not None and best[1].starts.size > _FEW:
            break
        worse = 0
        for shift in range(min(max(4, largest), spec.most_shift), 0, -2):
            found, too_many = _attempt(spec, degree, shift, best, _NEARLY)
            if best is None and too_many:
                break  # a smaller shift makes segments shorter still
            worse = worse + 1 if found is best else 0
            best = found
            if worse > 3 and best is not None:
                break
    if best is None:
        raise QuantizationError(
            f"{spec.name} from {spec.clamp[0] * 2.0**-spec.position_bits:g} to "
            f"{spec.clamp[1] * 2.0**-spec.position_bits:g} needs more than {_MOST_SEGMENTS} segments",
            "narrow the ranges of the schema's features, or use fewer activation bits",
        )
    degree, middle = best[1].coefficients.shape[1] - 1, best[1].shift
    for shift in (middle, middle - 1, min(middle + 1, spec.most_shift)):
        best = _attempt(spec, degree, shift, best, _VERY_NEARLY)[0] or best
    return best[1]


def _attempt(
    spec: Spec, degree: int, shift: int, best: tuple[float, Table] | None, nearly: float
) -> tuple[tuple[float, Table] | None, bool]:
    """The cheaper one of ``best`` and of what this degree and shift give, with its cost; whether segments ran out."""
    fit = _Fit(spec, degree, shift, nearly)
    table = fit.table(math.ceil(best[0]) if best else _MOST_SEGMENTS)
    if table is None:
        return best, fit.long
    cost = table_cost(table, spec)
    return ((cost, table) if best is None or cost < best[0] else best), False


def table_cost(table: Table, spec: Spec) -> float:
    """Constraints of one element: thresholds, digits of the offset, products, digits of the result."""
    lengths = np.diff(np.append(table.starts, spec.high + 1))
    thresholds, products = int(table.starts.size) - 1, table.coefficients.shape[1] - 1
    offset = int(lengths.max() - 1).bit_length()
    if spec.price:
        return float(thresholds + products + offset + spec.price * table.shift)
    least, most = extremes(table.starts, table.starts + lengths - 1, table.starts, table.coefficients, table.shift)
    spread = int(most.max()) - int(least.min())
    return float(thresholds + products + offset + spread.bit_length() + table.shift)


def unrounded(table: Table) -> Table:
    """The same without the last rounding: results have ``shift`` more fraction bits."""
    coefficients = table.coefficients.copy()
    coefficients[:, -1] -= (1 << table.shift) >> 1
    return replace(table, coefficients=coefficients, shift=0)


@dataclass(frozen=True)
class _Segment:
    """Attributes:
    coefficients: integers, highest power first.
    excess: error before rounding over what is tolerated.
    error: bound of |y - f(z)| / max(1, |f(z)|) for the segment's arguments z.
    moved: the same of what rounding a real argument to z changes.
    slope: bound of |f'|; may be infinite.
    """

    coefficients: tuple[int, ...]
    excess: float
    error: float
    moved: float
    slope: float


class _Fit:
    """One attempt: a degree and a shift."""

    def __init__(self, spec: Spec, degree: int, shift: int, nearly: float) -> None:
        self.spec, self.degree, self.shift, self.nearly = spec, degree, shift, nearly
        self.function: Function = function(spec.name, spec.arguments)
        self.unit = 2.0**-spec.position_bits
        self.scale = spec.scale
        self.wanted = spec.tolerance * spec.scale
        self.long = False

    def table(self, limit: int) -> Table | None:
        """The whole table; None with more segments than ``limit`` (``long`` is set) or where integers do not fit."""
        spec, low, high = self.spec, *self.spec.clamp
        rows: list[tuple[int, _Segment]] = []
        if spec.low < low:
            rows.append((spec.low, self._constant(low)))
        edges = [low, *self._breaks(low, high), high + 1]
        for start, stop in itertools.pairwise(edges):
            length = 1
            while start < stop:
                found = self._longest(start, stop, length)
                self.long = len(rows) > limit
                if found is None or self.long:
                    return None
                length, segment = found
                rows.append((start, segment))
                start += length
        if high < spec.high:
            rows.append((high + 1, self._constant(high)))
        starts = np.array([start for start, _ in rows], dtype=np.int64)
        coefficients = np.array([segment.coefficients for _, segment in rows], dtype=np.int64)
        if coefficients.shape[1] > 2 and not coefficients[:, 0].any():
            coefficients = coefficients[:, 1:]
        # A real argument may be rounded across the end of a segment, so the two parts are bounded apart.
        error = max(segment.error for _, segment in rows) + max(segment.moved for _, segment in rows)
        return Table(starts, coefficients, self.shift, error, max(segment.slope for _, segment in rows))

    def _breaks(self, low: int, high: int) -> list[int]:
        places = sorted({math.ceil(place / self.unit) for place in self.function.breaks})
        return [place for place in places if low < place <= high]

    def _constant(self, z: int) -> _Segment:
        """The result at z, for all arguments."""
        found = self._segment(z, z + 1)
        if found is None:
            return _Segment((0,) * (self.degree + 1), math.inf, math.inf, 0.0, 0.0)
        return replace(found, coefficients=(*(0,) * self.degree, found.coefficients[-1]), slope=0.0)

    def _longest(self, start: int, stop: int, guess: int) -> tuple[int, _Segment] | None:
        """A segment that uses nearly all of the tolerance: (length, segment).

        The error grows with the power degree + 1 of the length, which tells the next length to try.
        """
        good, best, bad, most = 0, None, stop - start + 1, stop - start
        length = min(guess, most)
        while True:
            found = self._segment(start, start + length)
            excess = math.inf if found is None else found.excess
            if excess <= 1.0:
                good, best = length, found
            else:
                bad = length
            if good == most or self.nearly <= excess <= 1.0 or bad - good <= max(good >> 6, 1):
                return None if best is None else (good, best)
            factor = ((1 + self.nearly) / 2 / max(excess, 1e-9)) ** (1 / (self.degree + 1))
            margin = max((bad - good) // 8, 1) if bad <= most else 1  # errors do not always rise as they should
            length = min(max(int(length * min(max(factor, 0.25), 4.0)), good + margin), bad - margin)

    def _segment(self, start: int, end: int) -> _Segment | None:
        """Coefficients for start..end - 1 and their error; None where the arithmetic does not fit."""
        tail = self._tail(start, end)
        if tail is not None:
            return tail
        last = end - 1 - start
        every = last < _GRID
        t: F64 = np.arange(last + 1, dtype=np.float64) if every else np.linspace(0.0, last, _GRID)
        x = (start + t) * self.unit
        with np.errstate(all="ignore"):
            exact = np.asarray(self.function.evaluate(x), dtype=np.float64)
        if not np.isfinite(exact).all() or float(np.abs(exact).max()) * self.scale * 2.0**self.shift >= _LIMIT:
            return None
        values = exact * self.scale
        coefficients = self._coefficients(t, values, last)
        if coefficients is None:
            return None
        fitted = np.zeros(values.size)
        for coefficient in coefficients:
            fitted = fitted * t + coefficient
        step = (last / (_GRID - 1) if not every else 1.0) * self.unit
        bend = self.function.curvature(float(x[0]), float(x[-1])) if last else 0.0
        own = 2 * abs(coefficients[-3]) * 2.0**-self.shift / self.scale / self.unit**2 if len(coefficients) > 2 else 0.0
        between = 0.0 if every else step**2 / 8 * (bend + own) * self.scale
        half = (1 << self.shift) >> 1
        error = np.abs((fitted - half) * 2.0**-self.shift - values) + between + np.abs(values) * PRECISION
        if exact.size == 1:
            bend, exact_pair = self._beside(start)
            slope = float(np.abs(np.diff(exact_pair)).max(initial=0.0)) / self.unit + self.unit * bend
        else:
            slope = float(np.abs(np.diff(exact)).max()) / step + step * bend
        return self._judged(coefficients, error, exact, slope, self._moved(slope, bend, start, end))

    def _beside(self, z: int) -> tuple[float, F64]:
        """Curvature and values between an argument and its neighbour inside the clamp; nothing where there is none."""
        low, high = self.spec.clamp
        places = [z, z + 1] if z < high else [z - 1, z] if z > low else [z]
        x = np.array(places, dtype=np.float64) * self.unit
        with np.errstate(all="ignore"):
            values = np.asarray(self.function.evaluate(x), dtype=np.float64)
        return self.function.curvature(float(x[0]), float(x[-1])) if x.size > 1 else 0.0, values

    def _judged(self, coefficients: tuple[int, ...], error: F64, exact: F64, slope: float, moved: float) -> _Segment:
        size = np.maximum(np.abs(exact), 1.0)
        excess = float((error / (self.wanted * size)).max())
        least = max(1.0, float(np.abs(exact).min()) * (1 - 2.0**-10))
        rounding = 0.0 if self.spec.price else 0.5
        total = float(((error + rounding) / self.scale / size).max()) * (1 + 2.0**-10)
        return _Segment(coefficients, excess if math.isfinite(total) else math.inf, total, moved / least, slope)

    def _moved(self, slope: float, bend: float, start: int, end: int) -> float:
        """How far rounding an argument to z moves the result: half a unit times the steepest slope.

        Where the slope has no bound, at the end of a domain, the function is monotone and its neighbours tell.
        """
        if self.spec.exact:
            return 0.0
        if math.isfinite(slope):
            return slope * self.unit / 2 + bend * self.unit**2 / 8
        low, high = self.spec.clamp
        around: F64 = np.arange(max(start - 1, low), min(end, high) + 1, dtype=np.float64)
        with np.errstate(all="ignore"):
            near = np.asarray(self.function.evaluate(around * self.unit), dtype=np.float64)
        near = near[np.isfinite(near)]
        return float(np.abs(np.diff(near)).max(initial=0.0))

    def _tail(self, start: int, end: int) -> _Segment | None:
        """The line the function has approached within a third of the tolerance, if it has on all of the segment.

        A function within d of a line for good whose second derivative is at most c has a slope within 2 sqrt(c d) of
        the line's (Landau's inequality on the half-line).
        """
        first, last = start * self.unit, (end - 1) * self.unit
        for tail, near in ((self.function.low, last), (self.function.high, first)):
            if tail is None:
                continue
            distance = tail.error(near) * self.scale
            if not distance <= self.wanted / 3:
                continue
            one = 2.0**self.shift * self.scale
            slope = round(tail.slope * self.unit * one)
            middle = ((first + last) / 2 * tail.slope + tail.intercept) * one - slope * ((end - 1 - start) / 2)
            if abs(middle) + abs(slope) * (end - start) >= _LIMIT:
                return None
            t = np.array([0.0, float(end - 1 - start)])
            exact = tail.slope * (start + t) * self.unit + tail.intercept
            offset = round(middle)
            error = np.abs((offset + slope * t) * 2.0**-self.shift - exact * self.scale) + distance
            error += np.abs(exact) * self.scale * PRECISION
            coefficients = (*(0,) * (self.degree - 1), slope, offset + ((1 << self.shift) >> 1))
            bend = self.function.curvature(first, last)
            steepest = abs(tail.slope) + 2 * math.sqrt(bend * distance / self.scale)
            return self._judged(coefficients, error, exact, steepest, self._moved(steepest, bend, start, end))
        return None

    def _coefficients(self, t: F64, values: F64, last: int) -> tuple[int, ...] | None:
        """Integer coefficients, highest first, the rounding half included; None where they do not fit."""
        one = 2.0**self.shift
        degree = min(self.degree, last)
        rest, chosen = values * one, []
        for power in range(degree, 0, -1):
            leading = float(_leading(t.size, power) @ rest) / float(last) ** power
            if not abs(leading) < _LIMIT:
                return None
            coefficient = round(leading)
            rest = rest - coefficient * t**power
            chosen.append(coefficient)
        middle = (float(rest.min()) + float(rest.max())) / 2 + ((1 << self.shift) >> 1)
        chosen = [0] * (self.degree - degree) + chosen + [round(middle)]
        reach = 0
        for coefficient in chosen:
            reach = reach * last + abs(coefficient)
        return tuple(chosen) if reach < _LIMIT else None


@functools.lru_cache(maxsize=1024)
def _leading(n: int, degree: int) -> F64:
    """Weights that give the leading coefficient of a near-minimax fit to n equidistant values on [0, 1]."""
    u = np.linspace(0.0, 1.0, n)
    # Least squares with Chebyshev weights spreads the error as evenly as interpolation at Chebyshev nodes does.
    weights = (u * (1 - u) + 0.25 / n) ** -0.25
    basis = np.polynomial.chebyshev.chebvander(2 * u - 1, degree) * weights[:, None]
    inverse = np.linalg.pinv(basis)[degree] * weights
    return np.asarray(inverse * 2.0 ** (2 * degree - 1), dtype=np.float64)
