"""``requantize``: integers of few bits from a linear form: scaled, rounded, moved by a zero point, saturated.

    y = low + min(max(x // divisor, 0), 2^bits - 1)      where the levels lie on a line; levels of one parity lose 1
                                                         where nothing remains, when halves go to even; at single
                                                         values of x, which float32 displaced, 1 more or less
    y = low + base + (number of cuts that x reaches)     elsewhere

What is computed is the operator's own arithmetic, tabulated: every level's exact threshold is found on it, and the line
(its factor and offset are in the forms) was checked against all of them. So the result is the specification's for
accumulators, for single values, and for sums that float32 holds exactly. A sum it does not hold, of dequantised
operands, is rounded from its real value: still exact where its terms are multiples of one unit. Nor does it hold what
float operators between the quantisers make: those fold into the forms, without the rounding of each. Other forms are
rounded first, within the error of a hidden layer, and there halves go up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prover.errors import QuantizationError
from prover.quantization.frame import Frame, Quantised, bit_length
from prover.quantization.intervals import Ends
from prover.quantization.plan import LinearForms, Param, Step
from prover.quantization.sparse import Sparse
from prover.quantization.steps import StepKind
from prover.quantization.tables.staircase import Line, Stairs, halved, line, nearly, stairs
from prover.quantization.trace import Affine, FloatStep

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

_FLOAT32_DIGITS = 24

_WHOLE_KINDS = frozenset({"requantize", "maximum", "contract", "wire", "argmax", "round", "tier", "one_hot", "select"})
"""Kinds that lose nothing of whole numbers."""

_LARGEST = 1 << 48
"""Divisors stay below it."""

_Rounding = Callable[[F64, np.float64, np.float64, int, int], I64]

_MULTIPLES = 255
"""A row's unit is its smallest coefficient divided by one of 1 .. 255."""

_WHOLE = 2.0**-14
"""Distance from an integer within which a multiple of the unit counts as one: float32 rounded the weights."""

_OFFSETS = 1024
"""Parts of a unit to which what is left of a bias is known."""


def rounded_quotient(x: F64, scale: np.float64, zero: np.float64, low: int, high: int) -> I64:
    """QuantizeLinear: ``saturate(round(float32(x) / scale) + zero)``, halves to even; scale is a float32."""
    with np.errstate(over="ignore"):
        steps = np.rint(x.astype(np.float32) / np.float32(scale)).astype(np.float64)
    return np.asarray(np.clip(steps + zero, low, high).astype(np.int64))


def rounded_real(x: F64, scale: np.float64, zero: np.float64, low: int, high: int) -> I64:
    """The same of a sum that float32 does not hold: its real value, since the order of the sum is nobody's rule."""
    return np.clip(np.rint(x / scale) + zero, low, high).astype(np.int64)


def rounded_product(x: F64, factor: np.float64, zero: np.float64, low: int, high: int) -> I64:
    """QLinearMatMul and QLinearConv: ``saturate(round(x * factor + zero))``, halves to even; factor is a float32."""
    return np.rint(np.clip(x * factor + zero, low, high)).astype(np.int64)


def quantise(step: FloatStep, frame: Frame) -> Quantised:
    """``step.params``: ``"integer"`` (the forms are accumulators), ``"folded"`` (float operators have made them, whose
    own rounding is not reproduced), ``"factor"`` and ``"zero"`` float64[n], ``"low"``, ``"bits"``."""
    low, bits = int(step.params["low"]), int(step.params["bits"])
    source = step.inputs
    counts = source.matrix.widen(frame.unit.size).scale_cols(frame.unit)
    if step.params["integer"]:
        units = np.ones(source.size)
        if np.any(counts.data != np.rint(counts.data)) or np.any(source.bias != np.rint(source.bias)):
            raise QuantizationError(f"{step.node}: an accumulator that is no integer", "quantise its inputs")
    else:
        units = row_units(counts)
    exact, rest = np.flatnonzero(units > 0), np.flatnonzero(units <= 0)
    parts: list[_Rows] = []
    if exact.size:
        parts.append(_tabulated(step, frame, counts.take(exact), source.bias[exact], units[exact], exact))
    if rest.size:
        parts.append(_approximated(step, frame, rest))
    order = np.argsort(np.concatenate((exact, rest)), kind="stable")
    forms = LinearForms.stack([part.forms for part in parts]).rows(order)
    divisors, tables, parities = (
        np.concatenate([getattr(part, name) for part in parts])[order] for name in ("divisors", "tables", "parities")
    )
    found = parts[0].stairs
    params: dict[str, Param] = {"low": low, "bits": bits, "divisors": _flat(divisors)}
    if found:
        params["tables"] = _flat(tables)
        params["counts"] = tuple(int(table.cuts.size) for table in found)
        params["bases"] = tuple(table.base for table in found)
        params["cuts"] = tuple(int(cut) for table in found for cut in table.cuts)
    if rest.size:
        params["rounded"] = int(rest.size)
    sums = source.size if step.params["folded"] else sum(part.sums for part in parts)
    if sums:
        params["sums"] = sums
    if np.any(parities >= 0):
        params["parities"] = _flat(parities)
    if parts[0].corrections:
        elements, values, signs = zip(*parts[0].corrections, strict=True)
        params |= {"corrected": elements, "at": values, "by": signs}
    done = Step("requantize", step.node, forms, forms.lo, forms.hi, 0, bit_length(frame.observed_inputs(forms)), params)
    lo, hi = (evaluate(done, end[None])[0] for end in (forms.lo, forms.hi))
    return Quantised(Step(done.kind, done.node, forms, lo, hi, 0, done.observed_bits, params), 1.0)


def evaluate(step: Step, inputs: I64) -> I64:
    require_sense(step)
    low, cap = step.integer("low"), (1 << step.integer("bits")) - 1
    divisors = np.maximum(step.integers("divisors"), 1)
    quotients = inputs // divisors
    result = np.clip(quotients, 0, cap)
    if "parities" in step.params:
        whole = (quotients == result) & (quotients * divisors == inputs)
        result = result - (whole & ((quotients & 1) == step.integers("parities")))
    if "corrected" in step.params:
        elements = step.integers("corrected")
        corrections = (inputs[:, elements] == step.integers("at")) * step.integers("by")
        np.add.at(result.T, elements, corrections.T)
    for table, chosen in tables(step):
        result[:, chosen] = table.base + np.searchsorted(table.cuts, inputs[:, chosen], side="right")
    return np.asarray(result + low, dtype=np.int64)


def require_sense(step: Step) -> None:
    """Refuse parameters that calibration does not make.

    Raises:
        ValueError: lists of other lengths, numbers out of range, or an element that has neither a line nor a table.
    """
    count, divisors = len(step.inputs), step.integers("divisors")
    owner = step.integers("tables") if "tables" in step.params else np.full(count, -1, dtype=np.int64)
    parities = step.integers("parities") if "parities" in step.params else np.full(count, -1, dtype=np.int64)
    if not divisors.size == owner.size == parities.size == count or not 0 < step.integer("bits") <= 16:
        raise ValueError("lists of other lengths than the step's inputs")
    if divisors.min(initial=0) < 0 or divisors.max(initial=0) >= _LARGEST or np.any((divisors == 0) != (owner >= 0)):
        raise ValueError("an element without a line and without a table, or with both")
    if np.any((parities >= 0) & ((parities > 1) | (divisors & (divisors - 1) != 0) | (divisors < 2))):
        raise ValueError("halves to even of a division by no power of two")
    if "tables" in step.params:
        counts, bases, cuts = (step.integers(name) for name in ("counts", "bases", "cuts"))
        if counts.size != bases.size or counts.min(initial=0) < 0 or counts.sum() != cuts.size:
            raise ValueError("tables of other lengths than their counts")
        if owner.max(initial=-1) >= counts.size:
            raise ValueError("an element names a table that is not there")
        if any(np.any(np.diff(table.cuts) < 0) for table, _ in tables(step)) or np.abs(bases).max(initial=0) >> 16:
            raise ValueError("a table that does not ascend")
    if "corrected" in step.params:
        elements, at, by = (step.integers(name) for name in ("corrected", "at", "by"))
        inside = elements.size == 0 or (elements.min() >= 0 and elements.max() < count)
        if not elements.size == at.size == by.size or not inside or np.abs(by).max(initial=0) > 1:
            raise ValueError("corrections of elements that are not there, or by more than 1")


def exactness(steps: Sequence[Step]) -> str:
    """What the quantised integers of a program are; empty without any, or where some are rounded from other values."""
    own = [step for step in steps if step.kind == "requantize"]
    if not own or any("rounded" in step.params for step in own) or {step.kind for step in steps} - _WHOLE_KINDS:
        return ""
    if any("sums" in step.params for step in own):
        return (
            "quantised integers follow sums and products in real arithmetic: where float32 rounds one at a threshold, "
            "a runtime may differ by 1"
        )
    return "every quantised integer is the ONNX specification's"


def tables(step: Step) -> list[tuple[Stairs, I64]]:
    """Tables of the elements whose levels lie on no line, with those elements."""
    if "tables" not in step.params:
        return []
    owner, counts, bases = (step.integers(name) for name in ("tables", "counts", "bases"))
    ends = np.concatenate(([0], np.cumsum(counts)))
    cuts = step.integers("cuts")
    return [
        (Stairs(int(bases[k]), cuts[ends[k] : ends[k + 1]], 0, 0), np.flatnonzero(owner == k))
        for k in range(counts.size)
    ]


def row_units(matrix: Sparse) -> F64:
    """float64[m]: of every row the largest unit of which all its coefficients are whole multiples; 0 where none is."""
    units = np.zeros(matrix.n_rows)
    units[np.diff(matrix.indptr) == 0] = 1.0
    pending = np.flatnonzero(units == 0)
    for multiple in range(1, _MULTIPLES + 1):
        if not pending.size:
            break
        rows = matrix.take(pending)
        starts = rows.indptr[:-1]
        unit = np.minimum.reduceat(np.abs(rows.data), starts) / multiple
        parts = rows.data / unit[rows.rows]
        fits = np.maximum.reduceat(np.abs(parts - np.rint(parts)), starts) <= _WHOLE
        units[pending[fits]] = unit[fits]
        pending = pending[~fits]
    return units


class _Rows:
    """Part of a step: forms, the divisor of each (0: a table), its table (-1: a line), its parity (-1: none), and
    corrections of lines as (element of the step, value of the form, what is added); how many elements are sums that
    float32 does not hold."""

    def __init__(
        self,
        forms: LinearForms,
        divisors: I64,
        tables: I64,
        parities: I64,
        found: Sequence[Stairs] = (),
        corrections: Sequence[tuple[int, int, int]] = (),
        sums: int = 0,
    ) -> None:
        self.forms, self.divisors, self.tables, self.parities = forms, divisors, tables, parities
        self.stairs, self.corrections, self.sums = list(found), list(corrections), sums


def _tabulated(step: FloatStep, frame: Frame, counts: Sparse, bias: F64, units: F64, chosen: I64) -> _Rows:
    """Elements whose forms are whole multiples of a unit: exact."""
    low, bits = int(step.params["low"]), int(step.params["bits"])
    cap = (1 << bits) - 1
    weights = counts.with_data(np.rint(counts.data / units[counts.rows]).astype(np.int64))
    whole = np.rint(bias / units)
    rest = np.rint((bias / units - whole) * _OFFSETS) / _OFFSETS
    lo, hi = frame.bounds.of(weights, whole.astype(np.int64), step.node)
    factor, zero = (np.asarray(step.params[name], dtype=np.float64)[chosen] for name in ("factor", "zero"))
    single = _single(counts, units, np.maximum(np.abs(lo), np.abs(hi)), rest)
    keys = np.stack((units, rest, factor, zero, single), axis=1)
    kinds, kind = np.unique(keys, axis=0, return_inverse=True)
    factors, offsets = np.ones(units.size, dtype=np.int64), np.zeros(units.size, dtype=np.int64)
    divisors, owner = np.zeros(units.size, dtype=np.int64), np.full(units.size, -1, dtype=np.int64)
    parities = np.full(units.size, -1, dtype=np.int64)
    found: list[Stairs] = []
    corrections: list[tuple[int, I64, tuple[int, ...]]] = []
    for number, (unit, part, scale, point, defined) in enumerate(kinds):
        function: _Rounding = rounded_quotient if defined else rounded_real
        if step.params["integer"]:
            function = rounded_product
        members = np.flatnonzero(kind.ravel() == number)

        levels = partial(_levels, function, unit, part, (scale, point, low, low + cap))
        table = stairs(levels, int(lo[members].min()), int(hi[members].max()))
        slope = unit * scale if function is rounded_product else unit / scale
        moved, even = point - low + part * slope, low if function is rounded_product else low - point
        parity = int(even + 1) & 1
        fit = (
            line(table, cap)
            or halved(table, cap, float(slope), float(moved), parity)
            or nearly(table, cap, float(slope))
        )
        if fit is not None and _cost(fit, table) <= _table_cost(table):
            factors[members], offsets[members], divisors[members] = fit.factor, fit.offset, fit.divisor
            parities[members] = -1 if fit.parity is None else fit.parity
            if fit.at:
                at = fit.factor * np.array(fit.at, dtype=np.int64) + fit.offset
                corrections += [(int(member), at, fit.by) for member in members]
        else:
            owner[members] = len(found)
            found.append(table)
    matrix = weights.with_data(weights.data * factors[weights.rows])
    forms = LinearForms(
        matrix, whole.astype(np.int64) * factors + offsets, lo * factors + offsets, hi * factors + offsets
    )
    where = [(int(chosen[member]), int(place), sign) for member, at, by in corrections
             for place, sign in zip(at.tolist(), by, strict=True)]  # fmt: skip
    return _Rows(
        forms, divisors, owner, parities, found, where, 0 if step.params["integer"] else int(np.count_nonzero(~single))
    )


def _single(counts: Sparse, units: F64, largest: I64, rest: F64) -> NDArray[np.bool_]:
    """bool[m]: rows whose value has one float32: of one term, or where float32 holds every sum."""
    mantissa = (np.frexp(units)[0] * 2.0**53).astype(np.int64)
    digits = 53 - np.log2((mantissa & -mantissa).astype(np.float64)) + np.ceil(np.log2(largest + 1.0))
    return np.asarray((np.diff(counts.indptr) <= 1) | ((digits <= _FLOAT32_DIGITS) & (rest == 0)))


def _levels(function: _Rounding, unit: float, part: float, params: tuple[Any, ...], x: I64) -> I64:
    """Levels above the lowest of forms that count ``unit``, ``part`` of one beside."""
    return function(_real(x.astype(np.float64) + part, unit), *params) - int(params[2])


def _real(x: F64, unit: float) -> F64:
    """``x * unit``; a unit such as 1/1000 divides, as the schema's own decimals are divided."""
    inverse = np.rint(1.0 / unit)
    if inverse > 0 and abs(unit * inverse - 1.0) < 2.0**-50:
        return np.asarray(x / inverse)
    return np.asarray(x * unit)


def _cost(fit: Line, table: Stairs) -> int:
    ends = [(fit.factor * end + fit.offset) // fit.divisor for end in (table.lo, table.hi)]
    ties = 0 if fit.parity is None else 2
    return max(abs(end) for end in ends).bit_length() + (fit.divisor - 1).bit_length() + 4 + ties + 2 * len(fit.at)


def _table_cost(table: Stairs) -> int:
    return int(np.unique(table.cuts).size) + (table.hi - table.lo).bit_length()


def _approximated(step: FloatStep, frame: Frame, rows: I64) -> _Rows:
    """Other elements: counted in output levels, with the fraction bits of a hidden layer."""
    source = step.inputs.pick(rows)
    factor, zero = (np.asarray(step.params[name], dtype=np.float64)[rows] for name in ("factor", "zero"))
    levels = Affine(
        source.shape,
        source.matrix.scale_rows(1.0 / factor),
        source.bias / factor + zero - int(step.params["low"]) + 0.5,
        source.optional,
    )
    wanted = frame.hidden_fraction_bits(levels)
    fraction, forms = frame.fit(levels, wanted, step.node, error_bits=frame.settings.hidden_error_bits)
    none = np.full(rows.size, -1, dtype=np.int64)
    return _Rows(forms, np.full(rows.size, 1 << fraction, dtype=np.int64), none, none)


def _flat(values: I64) -> tuple[int, ...]:
    return tuple(int(value) for value in values)


def ends(step: Step, lo: I64, hi: I64) -> Ends:
    """Between the values at both ends, which are monotone but for parities and corrections: those count one each."""
    plain = {name: value for name, value in step.params.items() if name not in ("parities", "corrected", "at", "by")}
    line = replace(step, params=plain)
    low, high = (evaluate(line, end[None])[0] for end in (lo, hi))
    if "parities" in step.params:
        low = low - (step.integers("parities") >= 0)
    if "corrected" in step.params:
        elements, by = step.integers("corrected"), step.integers("by")
        np.add.at(low, elements, np.minimum(by, 0))
        np.add.at(high, elements, np.maximum(by, 0))
    return low, high


KIND = StepKind("requantize", quantise, evaluate, ends=ends)
