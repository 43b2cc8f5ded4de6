"""``quotient``: one number divided by another, rounded to the nearest multiple of the result's unit.

    d = max(|b >> shift|, clamp_lo) << lift        clamp_lo only where the step saturates
    y = floor((2 * a * sign + d) / (2 * d))        the quotient rounded half up

The inputs are the numerators and then the divisors; ``divisor`` says which one each numerator is divided by. ``sign``
is 1 or -1, the sign every divisor has, or 0 where both occur: then each divisor has its own, and 0 counts as positive.

A step that ``truncates`` divides whole numbers and drops the fraction, as ONNX divides integers:

    y = sign(a) * sign * floor(|a| / d)

Error: none where it truncates; otherwise half a unit of the result, and the operands' rounding. A divisor below
``clamp_lo`` is replaced by it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from prover.errors import QuantizationError
from prover.quantization.bounds import LIMIT
from prover.quantization.frame import Frame, Quantised, bit_length
from prover.quantization.intervals import FREE, KNOWN, Ends, known
from prover.quantization.operands import RESULT_BITS, Operand, exponent, lifted, operand, result_bits, seen
from prover.quantization.plan import LinearForms, Param, Step
from prover.quantization.steps import StepKind
from prover.quantization.trace import Affine, FloatStep

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

_BELOW_SEEN = 3
"""Saturation keeps divisors above the smallest one seen, divided by 2 this often."""


@dataclass(frozen=True)
class _Division:
    """Integers of one way to divide; the result counts 2^-kept."""

    top: LinearForms
    bottom: Operand
    lift: int
    kept: int
    sign: int
    clamp: int
    low: int
    high: int

    @property
    def reach(self) -> float:
        """Largest magnitude of 2 * a + d."""
        top = float(np.maximum(np.abs(self.top.lo), np.abs(self.top.hi)).max())
        return 2.0 * top + 2.0 * float(self.high) * 2.0**self.lift

    @property
    def cost(self) -> int:
        """Constraints: two range checks of the remainder for every numerator, one rounding for every divisor."""
        return len(self.top) * 2 * ((self.high << self.lift).bit_length() + 1) + self.bottom.cost


def quantise(step: FloatStep, frame: Frame) -> Quantised:
    """``step.params``: ``divisor``, ``least`` and ``relative``; see ``blocks/quotient.py``."""
    place = step.params["divisor"]
    ends = (np.arange(place.size), np.arange(place.size, step.inputs.size))
    top, bottom = (step.inputs.pick(part.astype(np.int64)) for part in ends)
    if step.params["whole"]:
        return _whole(step, frame, top, bottom)
    divisors = seen(frame, bottom)
    if not divisors.any():
        raise QuantizationError(
            f"{step.node}: its divisor is 0 in every sample", "calibrate with samples the model can be run on"
        )
    smallest = float(np.abs(divisors[divisors != 0]).min())
    safe = np.where(np.abs(divisors) < smallest, smallest, divisors)
    sizes = np.abs(seen(frame, top) / safe[:, place])
    largest = float(sizes.max())
    bits = result_bits(frame, largest)
    if step.params["relative"]:
        bits = max(bits, min(result_bits(frame, float(sizes.min())) + 2, RESULT_BITS - exponent(largest)))
    best = next(_divisions(frame, step, (top, bottom), smallest, largest, bits), None)
    if best is None:
        raise QuantizationError(
            f"{step.node}: no quotient of its ranges fits 61 bits",
            "narrow the ranges of the schema's features that its divisor is computed from",
        )
    forms = LinearForms.stack([best.top, best.bottom.forms])
    params: dict[str, Param] = {
        "divisor": tuple(place.tolist()),
        "shift": best.bottom.shift,
        "lift": best.lift,
        "sign": best.sign,
    }
    if best.clamp:
        params["clamp_lo"] = best.clamp
    low, high = _ends(best)
    observed = bit_length(frame.observed_inputs(forms))
    done = Step("quotient", step.node, forms, low, high, best.bottom.bits, observed, params)
    return Quantised(done, 2.0**-best.kept)


def _whole(step: FloatStep, frame: Frame, top: Affine, bottom: Affine) -> Quantised:
    """Exact division of integers; a divisor of 0 counts as 1, explicitly, where it is possible."""
    forms = LinearForms.stack([frame.exact(side, step.node)[1] for side in (top, bottom)])
    place, n = step.params["divisor"], top.size
    low, high = int(forms.lo[n:].min()), int(forms.hi[n:].max())
    params: dict[str, Param] = {
        "divisor": tuple(place.tolist()),
        "shift": 0,
        "lift": 0,
        "sign": 0 if low < 0 < high else 1 if low >= 0 else -1,
        "truncates": 1,
    }
    if low <= 0 <= high:
        params["clamp_lo"] = 1
    reach = np.maximum(np.abs(forms.lo[:n]), np.abs(forms.hi[:n]))
    negative = (forms.lo[:n] < 0) | (low < 0)
    ends = np.where(negative, -reach, 0), reach
    observed = bit_length(frame.observed_inputs(forms))
    return Quantised(Step("quotient", step.node, forms, *ends, 0, observed, params), 1.0)


def evaluate(step: Step, inputs: I64) -> I64:
    place, sign = step.integers("divisor"), step.integer("sign")
    top, bottom = inputs[:, : place.size], inputs[:, place.size :] >> step.integer("shift")
    signs = np.where(bottom >= 0, 1, -1) if sign == 0 else np.full_like(bottom, sign)
    size = bottom * signs
    if "clamp_lo" in step.params:
        size = np.maximum(size, step.integer("clamp_lo"))
    if np.any(size <= 0):
        raise ValueError("a divisor is not positive")
    divisor = (size << step.integer("lift"))[:, place]
    if "truncates" in step.params:
        return np.asarray(np.sign(top) * signs[:, place] * (np.abs(top) // divisor), dtype=np.int64)
    return np.asarray((2 * top * signs[:, place] + divisor) // (2 * divisor), dtype=np.int64)


def _divisions(
    frame: Frame, step: FloatStep, sides: tuple[Affine, Affine], smallest: float, largest: float, bits: int
) -> Iterator[_Division]:
    """The cheapest division at every precision that fits, from ``bits`` fraction bits downwards."""
    top, bottom = sides
    wanted_top = frame.hidden_fraction_bits(top) + max(0, exponent(1.0 / smallest))
    gain = max(0, exponent(largest / smallest))
    wanted = frame.hidden_fraction_bits(bottom) + gain
    budget = frame.settings.hidden_error_bits
    plain = operand(frame, bottom, step.node, wanted)
    precise = max(0, bits + 1 + gain, 1 - exponent(smallest))
    fraction, forms = frame.fit(top, wanted_top, step.node, error_bits=budget)
    for kept in range(bits, max(-1, bits - frame.settings.activation_bits), -1):
        rounded = operand(frame, bottom, step.node, wanted, max(0, precise - (bits - kept)))
        found = []
        for divisor in (plain, rounded):
            target = kept + divisor.bits
            try:
                scaled = lifted(frame, forms, max(target - fraction, 0), step.node)
            except QuantizationError:
                continue
            lift = max(fraction - target, 0)
            found.append(_signed(frame, _Division(scaled, divisor, lift, kept, 1, 0, 0, 0), step, smallest))
        fitting = [division for division in found if division.reach < LIMIT and division.high]
        if fitting:
            yield min(fitting, key=lambda division: division.cost)


def _signed(frame: Frame, division: _Division, step: FloatStep, smallest: float) -> _Division:
    """The division with its divisor's sign, range and saturation."""
    divisor = division.bottom
    low, high = int(divisor.lo.min()), int(divisor.hi.max())
    counts = int(smallest * 2.0**divisor.bits)
    known = int(float(step.params["least"]) * 2.0**divisor.bits)
    if low <= 0 <= high and known == 0:
        values = divisor.evaluate(frame.observed)
        sign = 0 if values.min() < 0 < values.max() else -1 if values.max() <= 0 else 1
    else:
        sign = -1 if high < 0 else 1
    least = max(low, known) if sign == 1 else -high if sign == -1 else 0
    most = high if sign == 1 else -low if sign == -1 else max(high, -low)
    clamp = max(1, counts >> _BELOW_SEEN)
    saturation = frame.settings.saturation_bits
    if least > 0 and not (saturation and least << saturation < counts):
        clamp = 0
    return replace(division, sign=sign, clamp=clamp, low=max(least, clamp), high=max(most, clamp))


def _ends(division: _Division) -> tuple[I64, I64]:
    """Interval of every quotient: it is monotone in the numerator, and in the divisor for either sign of it."""
    low, high = division.top.lo, division.top.hi
    if division.sign == 0:
        high = np.maximum(np.abs(low), np.abs(high))
        low = -high
    elif division.sign == -1:
        low, high = -high, -low
    divisors = division.low << division.lift, division.high << division.lift
    corners = np.stack([(2 * end + d) // (2 * d) for end in (low, high) for d in divisors])
    return corners.min(axis=0), corners.max(axis=0)


def ends(step: Step, lo: I64, hi: I64) -> Ends:
    """The corners: a quotient is monotone in its numerator and in its divisor, which the circuit shows positive."""
    place, sign, shift = step.integers("divisor"), step.integer("sign"), step.integer("shift")
    sure = known(lo, hi)
    low, high = np.where(sure, lo, 0), np.where(sure, hi, 0)
    top = low[: place.size], high[: place.size]
    bottom = low[place.size :] >> shift, high[place.size :] >> shift
    if sign == 0:
        largest = np.maximum(np.abs(bottom[0]), np.abs(bottom[1]))
        bottom = np.zeros_like(largest), largest
    elif sign == -1:
        bottom = -bottom[1], -bottom[0]
    if sign != 1 or "truncates" in step.params:
        largest = np.maximum(np.abs(top[0]), np.abs(top[1]))
        top = -largest, largest
    least = np.maximum(step.integer("clamp_lo") if "clamp_lo" in step.params else 1, 1)
    lift = step.integer("lift")
    size = np.maximum(bottom[1], least)
    exact = sure[: place.size] & sure[place.size :][place]
    exact &= np.maximum(np.abs(top[0]), np.abs(top[1])) < KNOWN >> 2
    exact &= size[place].astype(np.float64) * 2.0**lift < KNOWN >> 2
    divisors = [np.where(exact, np.maximum(end, least)[place] << lift, 1) for end in bottom]
    corners = np.stack([(2 * end + d) // (2 * d) for end in top for d in divisors])
    return np.where(exact, corners.min(axis=0), -FREE), np.where(exact, corners.max(axis=0), FREE)


KIND = StepKind("quotient", quantise, evaluate, ends=ends)
