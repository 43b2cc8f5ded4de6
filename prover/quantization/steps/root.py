"""``root``: square roots and inverse square roots, rounded down.

    x' = max(x >> shift, clamp_lo)            clamp_lo only where the step saturates
    y = floor(sqrt(x'))                       without ``scale``
    y = floor(sqrt(scale / x'))               with it

An x' below ``refuse_lo`` has no root, and no witness; rounding may have moved a 0 down to it.

Error: less than one unit of the result, and the operand's rounding. An x below ``clamp_lo`` is replaced by it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from prover.errors import QuantizationError
from prover.quantization.frame import Frame, Quantised, bit_length
from prover.quantization.intervals import FREE, Ends, known
from prover.quantization.operands import Operand, exponent, lifted, operand, result_bits, seen
from prover.quantization.plan import LinearForms, Param, Step
from prover.quantization.steps import StepKind
from prover.quantization.steps.function import noise_counts
from prover.quantization.trace import FloatStep
from prover.roots import integer_root

I64 = NDArray[np.int64]

_LARGEST_SCALE = 60
_WIDEST_ROOT = 30
"""Bits of an inverse root; where it may be larger, its argument is saturated."""

_BELOW_SEEN = 8
"""Arguments this many bits below the smallest positive one seen are as precise as it; saturation is no higher."""


def quantise(step: FloatStep, frame: Frame) -> Quantised:
    """``step.params``: ``inverse``, whether 1 is divided by the root."""
    values = seen(frame, step.inputs)
    if not (values > 0).any():
        raise QuantizationError(
            f"{step.node}: its root is of no positive number in any sample",
            "calibrate with samples the model can be run on",
        )
    smallest, largest = float(values[values > 0].min()), float(values.max())
    if step.params["inverse"]:
        return _inverse(step, frame, smallest, largest)
    bits = result_bits(frame, largest**0.5) + 1
    budget = frame.settings.hidden_error_bits
    # Variables that were not rounded have more bits than the root needs, and so must the weights they are read with.
    wanted = max(2 * bits, frame.hidden_fraction_bits(step.inputs))
    fraction, forms = frame.fit(step.inputs, wanted, step.node, error_bits=budget)
    source = _even(frame, forms, fraction, max(2 * bits, fraction + fraction % 2), step.node)
    target = source.bits
    clamp = _refused(frame, step, source, largest)
    if int(source.lo.min()) < 0 and not clamp:
        clamp = {"clamp_lo": 0}
    return _done(step, frame, source, clamp, 2.0 ** -(target // 2))


def evaluate(step: Step, inputs: I64) -> I64:
    values = inputs >> step.integer("shift")
    if "clamp_lo" in step.params or "refuse_lo" in step.params:
        values = np.maximum(values, floor_of(step))
    if "scale" not in step.params:
        return integer_root(values)
    if np.any(values <= 0):
        raise ValueError("the inverse root of a number that is not positive")
    return integer_root(np.asarray(step.integer("scale") // values, dtype=np.int64))


def undefined(step: Step, inputs: I64) -> NDArray[np.bool_]:
    """Inputs of which an argument is negative, by more than rounding: bool[s]."""
    if "refuse_lo" not in step.params:
        return np.zeros(len(inputs), dtype=np.bool_)
    return np.asarray((inputs >> step.integer("shift") < step.integer("refuse_lo")).any(axis=1))


def floor_of(step: Step) -> int:
    """What smaller arguments are taken for."""
    return step.integer("clamp_lo") if "clamp_lo" in step.params else 0


def _refused(frame: Frame, step: FloatStep, source: Operand, largest: float) -> dict[str, Param]:
    """``refuse_lo`` where arguments may be negative by more than rounding makes a 0."""
    noise = noise_counts(frame, step.inputs, source.bits)
    if noise > 1:  # of computed numbers, whose rounding may grow with them
        noise = max(noise, int(largest * 2.0 ** (source.bits - frame.settings.activation_bits)))
    return {"refuse_lo": -noise} if int(source.lo.min()) >> source.shift < -noise else {}


def _inverse(step: FloatStep, frame: Frame, smallest: float, largest: float) -> Quantised:
    """``scale`` = 2^c makes the root of the largest x seen at least 2^(activation bits + 2)."""
    precision = frame.settings.activation_bits + 2
    budget = frame.settings.hidden_error_bits
    wanted = max(0, frame.hidden_fraction_bits(step.inputs) - budget + precision - exponent(smallest))
    room = _LARGEST_SCALE - 2 * precision - exponent(largest)
    source = operand(frame, step.inputs, step.node, wanted)
    if source.bits > room:
        kept = max(0, min(room, precision + 2 + _BELOW_SEEN - exponent(smallest)), 2 - exponent(smallest))
        source = operand(frame, step.inputs, step.node, wanted, kept)
    counts = max(1, int(smallest * 2.0**source.bits))
    reach = (int(largest * 2.0**source.bits) + 1).bit_length()
    power = min(2 * precision + reach, _LARGEST_SCALE)
    power -= (power - source.bits) % 2
    params: dict[str, Param] = {"scale": 1 << power}
    least = int(source.lo.min())
    if least <= 0 or (1 << power) // least >> 2 * _WIDEST_ROOT:
        params["clamp_lo"] = max(1, counts >> _BELOW_SEEN)
        params |= _refused(frame, step, source, largest)
    if int(source.hi.max()) << 4 >= 1 << power:
        raise QuantizationError(
            f"{step.node}: its argument may be 2^{exponent(float(source.hi.max()) / counts)} times the smallest one "
            "seen, too wide a range for an inverse root",
            "narrow the ranges of the schema's features it is computed from",
        )
    return _done(step, frame, source, params, 2.0 ** ((source.bits - power) // 2))


def _done(step: FloatStep, frame: Frame, source: Operand, params: dict[str, Param], unit: float) -> Quantised:
    forms, every = source.forms, {**params, "shift": source.shift}
    observed = bit_length(frame.observed_inputs(forms))
    plain = Step("root", step.node, forms, forms.lo, forms.hi, source.bits, observed, every)
    ends = np.sort(evaluate(plain, np.stack((forms.lo, forms.hi))), axis=0)
    return Quantised(Step("root", step.node, forms, ends[0], ends[1], source.bits, observed, every), unit)


def _even(frame: Frame, forms: LinearForms, fraction: int, target: int, what: str) -> Operand:
    """``forms`` with ``target`` fraction bits, an even number, or with two fewer as often as their sums do not fit."""
    while target > fraction:
        try:
            return Operand(lifted(frame, forms, target - fraction, what), 0, target)
        except QuantizationError:
            target -= 2
    return Operand(forms, fraction - target, target)


def ends(step: Step, lo: I64, hi: I64) -> Ends:
    if "scale" in step.params:
        return np.zeros_like(lo), np.full_like(hi, integer_root(np.array([max(step.integer("scale"), 0)]))[0])
    sure = known(lo, hi)
    largest = np.maximum(np.where(sure, hi, 0) >> step.integer("shift"), max(floor_of(step), 0))
    return np.zeros_like(lo), np.where(sure, integer_root(largest), FREE)


KIND = StepKind("root", quantise, evaluate, undefined=undefined, ends=ends)
