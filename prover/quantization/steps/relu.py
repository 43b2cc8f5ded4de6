"""``relu``: rectify and round to activation bits in one decomposition.

    y = min(max(x, 0) >> shift, cap)

The rounding half is part of the bias. ``cap`` is explicit saturation, 2^k - 1, so that the digits above k tell it;
without it no cap is in the parameters.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from prover.quantization.bounds import Relaxation
from prover.quantization.frame import Frame, Quantised, bit_length
from prover.quantization.intervals import FREE, Ends, known
from prover.quantization.plan import LinearForms, Param, Step
from prover.quantization.steps import StepKind
from prover.quantization.trace import FloatStep

_CHAINED_BITS = 2
"""Behind a saturated step the limits of the samples bind already; there a saturation pays off, one row against a bit
of every neuron that reads it, from this excess on."""


def quantise(step: FloatStep, frame: Frame) -> Quantised:
    kept = frame.result_bits(step.inputs)
    wanted = frame.hidden_fraction_bits(step.inputs)
    error_bits = frame.settings.hidden_error_bits
    fraction, forms = frame.fit(step.inputs, wanted, step.node, error_bits=error_bits, kept=kept)
    shift = max(fraction - kept, 0)
    forms = frame.centred(step.inputs, fraction, forms, (1 << shift) >> 1)
    seen = frame.observed_inputs(forms)
    params: dict[str, Param] = {"shift": shift}
    lo, hi = np.maximum(forms.lo, 0) >> shift, np.maximum(forms.hi, 0) >> shift
    cap = saturation(forms, seen, shift, frame)
    if cap is not None and cap < int(hi.max()):
        params["cap"] = cap
        lo, hi = np.minimum(lo, cap), np.minimum(hi, cap)
    quantised = Step("relu", step.node, forms, lo, hi, fraction, bit_length(seen), params)
    relaxation = _relax(forms.lo, forms.hi, shift) if "cap" not in params else None
    return Quantised(quantised, 2.0 ** (shift - fraction), relaxation)


def saturation(forms: LinearForms, seen: NDArray[np.int64], shift: int, frame: Frame) -> int | None:
    """Where to saturate: all ones above 3/2 of the largest result seen; None where the proven width is near that."""
    limit = frame.settings.saturation_bits
    if limit and frame.saturated[forms.matrix.cols].any():
        limit = min(limit, _CHAINED_BITS)
    if not limit or forms.width <= bit_length(seen) + limit:
        return None
    largest = max(int(seen.max()), 0) >> shift
    return int((1 << max(1, (3 * largest // 2).bit_length())) - 1)


def evaluate(step: Step, inputs: NDArray[np.int64]) -> NDArray[np.int64]:
    result = np.maximum(inputs, 0) >> step.integer("shift")
    return np.minimum(result, step.integer("cap")) if "cap" in step.params else result


def _relax(lo: NDArray[np.int64], hi: NDArray[np.int64], shift: int) -> Relaxation:
    """The triangle above max(x, 0); below it x or 0, whichever leaves less area; the shift loses under one count."""
    low, high = np.minimum(lo, 0).astype(np.float64), np.maximum(hi, 0).astype(np.float64)
    unit = 2.0**-shift
    slope = np.where(high > low, high / np.maximum(high - low, 1.0), 0.0)
    slope = np.where(lo >= 0, 1.0, slope)
    below = np.where(high > -low, 1.0, 0.0)
    above = np.where(lo >= 0, 0.0, -slope * low)
    return Relaxation(below * unit, np.full(lo.size, unit - 1.0), slope * unit, above * unit)


def ends(step: Step, lo: NDArray[np.int64], hi: NDArray[np.int64]) -> Ends:
    return rectified(step, lo, hi)


def rectified(step: Step, lo: NDArray[np.int64], hi: NDArray[np.int64]) -> Ends:
    """Ends of ``min(max(x, 0) >> shift, cap)`` for x between lo and hi."""
    shift, sure = step.integer("shift"), known(lo, hi)
    low = np.where(sure, np.maximum(lo, 0) >> shift, 0)
    high = np.where(sure, np.maximum(hi, 0) >> shift, FREE)
    if "cap" in step.params:
        low, high = np.minimum(low, step.integer("cap")), np.minimum(high, step.integer("cap"))
    return low, high


KIND = StepKind("relu", quantise, evaluate, ends=ends)
