"""``function``: a piecewise quadratic, one table for all elements of the step.

    z = x >> shift;   y = quadratic_i(z - starts_i) >> out_shift   for starts_i <= z < starts_{i+1}

The rounding halves are part of the bias and of the coefficients. ``coefficients`` holds degree + 1 numbers a segment,
highest power first. The table covers the proven range of z; where that is much wider than what the samples show, and
dearer, the result stays what it is at ``clamp_lo`` and ``clamp_hi`` (arguments z; present only where it saturates).
Arguments below ``refuse_lo`` and above ``refuse_hi`` lie outside the function's domain and have no witness.
``bound_billionths`` bounds |y - f(x)| / max(1, |f(x)|) for x between the clamps, ``slope_billionths`` |f'(x)| where it
has a bound; see :mod:`prover.quantization.tables.piecewise`.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from prover.errors import UNDEFINED_HINT, QuantizationError
from prover.quantization.frame import RELATIVE_BITS, Frame, Quantised, bit_length
from prover.quantization.intervals import FREE, KNOWN, Ends, known, unknown
from prover.quantization.plan import LinearForms, Param, Step
from prover.quantization.steps import StepKind
from prover.quantization.tables import piecewise
from prover.quantization.tables.functions import Function, Tail, function
from prover.quantization.trace import Affine, FloatStep

I64 = NDArray[np.int64]

_TOLERANCE = 0.3
"""Largest error of a table before its results are rounded, in units of the wanted precision."""

_STEEPEST = 1e9
"""A bound on the slope beyond it says nothing."""

_LOOSE = 0.75
"""The same of results that are not rounded."""

_ABSORBING = frozenset({"relu", "function", "sigmoid", "tier", "argmax", "round", "compare", "maximum"})
"""Kinds of steps that decompose what they read, a constraint a bit."""

_ROOM = 57
"""Bits of the widest sum of results that stay as they are."""

_WIDTH = 36
"""Bits of the largest result; results that are larger get fewer fraction bits."""

_ROUNDED = 4
"""A sample may lie 2^(4 - activation bits) outside the domain: the cosine of two equal vectors is rounded above 1."""

_POLE = 3
"""At a pole, rounding is granted an eighth of that."""

_AFFORDABLE, _EXTRA = 1.5, 40
"""What a table that covers the proven range may cost, for one that covers what samples reach and saturates there: this
many times that, or this many constraints more for all elements together."""

_WIDER = 1 << 10
"""How many times the range of the samples' table that of the proven range may be, to be tried at all."""

_LARGER = 64
"""How many times the results of the samples' table those of the proven range may be: readers pay for their bits."""

_NOWHERE = 1 << 62

_MARGIN = 1.5
"""How far beyond the samples an exponential goes on growing: a factor of 4.5."""


def quantise(step: FloatStep, frame: Frame) -> Quantised:
    """``step.params``: ``"function"``, a name of :mod:`prover.quantization.tables.functions`, its ``"arguments"``,
    ``"within"``, where the arguments are known to lie, although their linear forms may not show it, and ``"ends"``,
    whether the domain's ends are taken as well where they are poles, since nobody reads the result there;
    ``"finer"``, bits of the result beyond an activation's.
    """
    name, arguments = str(step.params["function"]), tuple(sorted(step.params["arguments"].items()))
    shape, settings = function(name, arguments), frame.settings
    low, high = _domain(step, shape, frame)
    slope = _slope(shape, low, high)
    precision = settings.activation_bits + int(step.params["finer"])
    kept = min(max(precision + 1 + math.ceil(math.log2(slope)), 2), 2 * precision + 4)
    wanted = max(frame.hidden_fraction_bits(step.inputs) + max(math.ceil(math.log2(slope)), 0), kept)
    fraction, forms = frame.fit(step.inputs, wanted, step.node, error_bits=settings.hidden_error_bits, kept=kept)
    shift = max(fraction - kept, 0)
    forms = frame.centred(step.inputs, fraction, forms, (1 << shift) >> 1)
    position = fraction - shift
    first, last = forms.lo >> shift, forms.hi >> shift
    least, most = int(first.min()), int(last.max())
    refused = _refused(step, shape, frame, position, least, most)
    least, most = refused.get("refuse_lo", least), refused.get("refuse_hi", most)
    within = step.params["within"]
    clamp = [least, most]
    if math.isfinite(low):
        clamp[0] = min(max(least, math.ceil(low * 2.0**position)), most)
    if math.isfinite(high):
        clamp[1] = max(min(most, math.floor(high * 2.0**position)), clamp[0])
    tolerance = _TOLERANCE * 2.0**-precision
    spec = piecewise.Spec(
        name, arguments, least, most, (clamp[0], clamp[1]), position, 2.0**precision, tolerance, shift == 0
    )
    spec = _extended(spec, shape, (low > within[0], high < within[1]), precision, step)
    clamp = [*spec.clamp]
    bits, table = _chosen(spec, shape, step, frame)
    if refused and table.starts.size == 1:
        table = _halved(table, least, most)
    params = table_params(shift, table) | refused
    params["bound_billionths"] = min(math.ceil(table.error * 1e9), 1 << 60)
    if table.slope < _STEEPEST:
        params["slope_billionths"] = math.ceil(table.slope * 1e9)
    if clamp[0] > least and low > max(within[0], shape.domain[0]):
        params["clamp_lo"] = clamp[0]
    if clamp[1] < most and high < min(within[1], shape.domain[1]):
        params["clamp_hi"] = clamp[1]
    done = Step(
        "function", step.node, forms, *output_range(forms, shift, table, (least, most)), fraction,
        bit_length(frame.observed_inputs(forms)), params,
    )  # fmt: skip
    return Quantised(done, 2.0**-bits)


def table_params(shift: int, table: piecewise.Table) -> dict[str, Param]:
    """What :func:`evaluate` needs."""
    return {
        "shift": shift,
        "out_shift": table.shift,
        "starts": tuple(table.starts.tolist()),
        "coefficients": tuple(table.coefficients.ravel().tolist()),
    }


def output_range(
    forms: LinearForms, shift: int, table: piecewise.Table, within: tuple[int, int] = (-_NOWHERE, _NOWHERE)
) -> tuple[I64, I64]:
    """Proven range of every result; arguments have a witness ``within`` these ends only."""
    ends = np.clip(np.stack((forms.lo >> shift, forms.hi >> shift)), *within)
    ranges, place = np.unique(ends, axis=1, return_inverse=True)
    low, high = piecewise.extremes(ranges[0], ranges[1], table.starts, table.coefficients, table.shift)
    return low[place.reshape(-1)], high[place.reshape(-1)]


def evaluate(step: Step, inputs: I64) -> I64:
    starts = step.integers("starts")
    coefficients = step.integers("coefficients").reshape(starts.size, -1)
    z = np.clip(inputs >> step.integer("shift"), *_defined(step))
    return piecewise.evaluate(z, starts, coefficients, step.integer("out_shift"))


def undefined(step: Step, inputs: I64) -> NDArray[np.bool_]:
    """Inputs of which an argument lies outside the function's domain: bool[s]."""
    z, (low, high) = inputs >> step.integer("shift"), _defined(step)
    return np.asarray(((z < low) | (z > high)).any(axis=1))


def last_argument(step: Step) -> int:
    """The largest z with a witness, where the table has several segments."""
    return min(int(step.inputs.hi.max()) >> step.integer("shift"), _defined(step)[1])


def _defined(step: Step) -> tuple[int, int]:
    """The smallest and the largest z that are not refused."""
    low = step.integer("refuse_lo") if "refuse_lo" in step.params else -_NOWHERE
    return low, step.integer("refuse_hi") if "refuse_hi" in step.params else _NOWHERE


def _refused(step: FloatStep, shape: Function, frame: Frame, position: int, least: int, most: int) -> dict[str, int]:
    """``refuse_lo`` and ``refuse_hi``, where arguments least..most leave the function's domain.

    Arguments that rounding may have moved out of it are still taken for the end; facts at a pole are not.
    """
    strict = shape.open and not step.params["ends"]
    slack = noise_counts(frame, step.inputs, position)
    if strict:
        slack = 0 if slack == 1 else max(slack >> _POLE, 1)
    params: dict[str, int] = {}
    for name, natural, vouched, end, sign in (
        ("refuse_lo", shape.domain[0], step.params["within"][0], least, 1),
        ("refuse_hi", -shape.domain[1], -step.params["within"][1], -most, -1),
    ):
        if not math.isfinite(natural) or vouched > natural:
            continue
        edge = natural * 2.0**position
        first = math.floor(edge) + 1 if strict and not slack else math.ceil(edge) - slack
        if first > end:
            params[name] = sign * first
    return params


def noise_counts(frame: Frame, source: Affine, position: int) -> int:
    """How far rounding may have moved arguments, in counts of 2^-position: those of facts alone by one count."""
    if not source.size or int(source.matrix.cols.max(initial=0)) < frame.facts.n_slots:
        return 1
    return math.ceil(2.0 ** (position + _ROUNDED - frame.settings.activation_bits))


def _halved(table: piecewise.Table, least: int, most: int) -> piecewise.Table:
    """The same polynomial as two segments, which prove that arguments lie in them."""
    if least >= most:
        raise QuantizationError("all arguments but one lie outside a function's domain", UNDEFINED_HINT)
    middle = (least + most + 1) // 2
    moved = middle - int(table.starts[0])
    whole = [0] * (3 - table.coefficients.shape[1]) + table.coefficients[0].tolist()
    shifted = [whole[0], whole[1] + 2 * whole[0] * moved, whole[2] + moved * (whole[1] + whole[0] * moved)]
    rows = np.array([whole, shifted], dtype=np.int64)[:, 3 - table.coefficients.shape[1] :]
    return replace(table, starts=np.array([int(table.starts[0]), middle], dtype=np.int64), coefficients=rows)


def _largest(spec: piecewise.Spec, shape: Function) -> float:
    """Largest magnitude of the function inside the clamp."""
    unit = 2.0**-spec.position_bits
    ends = shape.range(np.array([spec.clamp[0] * unit]), np.array([spec.clamp[1] * unit]))
    return float(np.abs(ends).max())


def _extended(
    spec: piecewise.Spec, shape: Function, cut: tuple[bool, bool], precision: int, step: FloatStep
) -> piecewise.Spec:
    """The same without an end that only samples set, where the table up to the proven range is about as cheap.

    Results may then be larger, up to a limit, and are no less precise.
    """
    unit = 2.0**-spec.position_bits
    low, high = spec.clamp
    least = min(_outermost(spec.low, shape.domain[0] / unit, shape.open), low) if cut[0] else low
    most = max(-_outermost(-spec.high, -shape.domain[1] / unit, shape.open), high) if cut[1] else high
    if (least, most) == (low, high):
        return spec
    bits, table = _table(spec, shape, precision, step.node)
    cost = piecewise.table_cost(table, replace(spec, scale=2.0**bits))
    affordable = max(cost * _AFFORDABLE, cost + _EXTRA / step.n_outputs)
    for ends in dict.fromkeys(((least, most), (least, high), (low, most))):
        wide = replace(spec, clamp=ends)
        if ends == (low, high) or ends[1] - ends[0] > _WIDER * (high - low + 1):
            continue
        if not _largest(wide, shape) <= _LARGER * max(_largest(spec, shape), 1.0):
            continue
        try:
            found = piecewise.cheapest_table(replace(wide, scale=2.0**bits))
        except QuantizationError:
            continue
        if piecewise.table_cost(found, replace(wide, scale=2.0**bits)) <= affordable:
            return wide
    return spec


def _outermost(proven: int, natural: float, is_pole: bool) -> int:
    """The lowest argument a table may follow its function to; none where its domain ends at a pole before."""
    if proven > natural:
        return proven
    return _NOWHERE if is_pole else math.ceil(natural)


def _chosen(spec: piecewise.Spec, shape: Function, step: FloatStep, frame: Frame) -> tuple[int, piecewise.Table]:
    """Fraction bits of the results, and the table: the cheaper one of results that are rounded and that are not.

    What is not rounded here is rounded by what reads it, which is cheaper where that is few forms, and it has the
    rounding's part of the error to spare.
    """
    settings, readers = frame.settings, frame.readers
    precision = settings.activation_bits + int(step.params["finer"])
    bits, table = _table(spec, shape, precision, step.node)
    if not readers.rows or not readers.kinds <= _ABSORBING or not math.isfinite(readers.reach):
        return bits, table
    largest = max(_largest(spec, shape), 1.0)
    # What reads them rounds its weights to the budget of a last layer, or to a fraction of its sum; see Frame.fit.
    reach = math.log2(max(readers.reach * largest, 1.0))
    precise = min(settings.logit_error_bits + reach, RELATIVE_BITS)
    if "round" in readers.kinds:
        precise = RELATIVE_BITS  # a decimal scale is finer than any budget of a last layer
    spare = math.floor(_ROOM - math.log2(readers.longest * largest) - precise - bits)
    if spare < 1:
        return bits, table
    loose = replace(
        spec,
        scale=2.0**bits,
        tolerance=_LOOSE * 2.0**-precision,
        price=readers.rows / step.n_outputs,
        most_shift=spare,
    )
    try:
        found = piecewise.cheapest_table(loose)
    except QuantizationError:
        return bits, table
    costs = piecewise.table_cost(table, replace(spec, scale=2.0**bits)), piecewise.table_cost(found, loose)
    return (bits + found.shift, piecewise.unrounded(found)) if costs[1] < costs[0] else (bits, table)


def _table(spec: piecewise.Spec, shape: Function, precision: int, node: str) -> tuple[int, piecewise.Table]:
    """Fraction bits of the results, and the table; fewer bits where the arithmetic would leave 61 bits."""
    largest = max(_largest(spec, shape), 1.0)
    if not math.isfinite(largest):
        raise QuantizationError(f"{node}: {spec.name} has no finite range", "narrow the ranges of the features")
    magnitude = math.ceil(math.log2(largest))
    bits = min(precision, _WIDTH - magnitude)
    while True:
        try:
            return bits, piecewise.cheapest_table(replace(spec, scale=2.0**bits))
        except QuantizationError as error:
            if bits <= precision - magnitude:
                raise QuantizationError(f"{node}: {error.message}", error.hint) from error
            bits = max(bits - 4, precision - magnitude)


def _domain(step: FloatStep, shape: Function, frame: Frame) -> tuple[float, float]:
    """Arguments between which the table follows the function; infinite where it need not be cut off.

    Raises:
        QuantizationError: a sample outside the function's own domain.
    """
    source = step.inputs
    with np.errstate(invalid="ignore"):  # infinite weights are refused below
        values = source.matrix.widen(frame.unit.size).apply(frame.observed * frame.unit) + source.bias
    low, high = float(values.min()), float(values.max())
    if not (math.isfinite(low) and math.isfinite(high)):
        raise QuantizationError(f"{step.node}: a weight is not a finite number", "check the model's parameters")
    least, most = shape.domain
    slack = 2.0 ** (_ROUNDED - frame.settings.activation_bits)
    name = step.params["function"]
    if low < least - slack or high > most + slack or (shape.open and (high <= least or low >= most)):
        wrong = low if low < least - slack or high <= least else high
        raise QuantizationError(
            f"{step.node}: {name} of {wrong:g}, which a sample reaches, is not defined",
            f"{name} is defined from {least:g} to {most:g}: narrow the ranges of the features it reads",
        )
    finest = 2.0**-frame.settings.activation_bits
    low, high = max(low, least + finest * shape.open), min(high, most - finest * shape.open)
    width = max(high - low, 1.0)
    reach = max(abs(low), abs(high), 1.0)
    saturation = frame.settings.saturation_bits
    first, last = step.params["within"]
    if not math.isfinite(first) or first <= least:
        first = max(first, _end(low, least, shape, shape.low, width, reach, saturation))
    if not math.isfinite(last) or last >= most:
        last = min(last, -_end(-high, -most, shape, shape.high, width, reach, saturation))
    return first, last


def _end(
    seen: float, natural: float, shape: Function, tail: Tail | None, width: float, reach: float, saturation: int
) -> float:
    """The lower end of the domain (the upper one is the lower end of the mirrored function)."""
    if math.isfinite(natural) and shape.open:
        return natural + (seen - natural) / 4
    if tail is not None:
        return -math.inf if tail.slope == 0.0 or not saturation else -4.0 * reach
    return max(natural, seen - (_MARGIN if shape.steep else width))


def _slope(shape: Function, low: float, high: float) -> float:
    """Steepest |f'| / max(1, |f|), roughly: it only decides how fine arguments are."""
    low, high = max(low, -64.0), min(high, max(64.0, low + 64.0))
    near = np.geomspace(max(high - low, 2.0**-40) * 2.0**-24, max(high - low, 2.0**-40), 257)
    places = np.unique(np.clip(np.concatenate((low + near, high - near, [low, high])), low, high))
    with np.errstate(all="ignore"):
        values = np.asarray(shape.evaluate(places), dtype=np.float64)
        slopes = np.abs(np.diff(values)) / np.diff(places) / np.maximum(np.abs(values[:-1]), 1.0)
    slopes = slopes[np.isfinite(slopes)]
    return float(np.clip(slopes.max(initial=2.0**-8), 2.0**-8, 2.0**40))


def ends(step: Step, lo: I64, hi: I64) -> Ends:
    """Several segments prove by themselves that z lies in them, before the plan's end of the last."""
    shift, starts = step.integer("shift"), step.integers("starts")
    coefficients = step.integers("coefficients").reshape(starts.size, -1)
    sure = known(lo, hi)
    low, high = np.where(sure, lo, -FREE) >> shift, np.where(sure, hi, FREE) >> shift
    if starts.size > 1:
        single = low == high  # a constant, wherever it lies
        stop = last_argument(step)
        low, high = (np.where(single, end, np.clip(end, starts[0], stop)) for end in (low, high))
        sure = np.ones_like(sure)
    last = np.append(starts[1:] - 1, max(int(high.max(where=sure, initial=starts[-1])), int(starts[-1])))
    value = np.zeros(starts.size)
    for column in np.abs(coefficients.astype(np.float64)).T:
        value = value * (last - starts).astype(np.float64) + column
    if np.any(value >= KNOWN) or coefficients.shape[1] > 3 or np.any(low < starts[0], where=sure):
        return unknown(lo.size)
    least, most = unknown(lo.size)
    least[sure], most[sure] = piecewise.extremes(low[sure], high[sure], starts, coefficients, step.integer("out_shift"))
    return least, most


KIND = StepKind("function", quantise, evaluate, undefined=undefined, ends=ends)
