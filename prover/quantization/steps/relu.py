"""``relu``: rectify and round to activation bits in one decomposition.

    y = min(max(x, 0) >> shift, cap)

The rounding half is part of the bias. ``cap`` is explicit saturation; without it no cap is in the parameters.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from prover.quantization.bounds import Relaxation
from prover.quantization.frame import Frame, Quantised, bit_length
from prover.quantization.plan import Param, Step
from prover.quantization.steps import StepKind
from prover.quantization.trace import FloatStep


def quantise(step: FloatStep, frame: Frame) -> Quantised:
    settings = frame.settings
    kept = frame.result_bits(step.inputs)
    wanted = frame.hidden_fraction_bits(step.inputs)
    fraction, forms = frame.fit(step.inputs, wanted, step.node, error_bits=settings.hidden_error_bits, kept=kept)
    shift = max(fraction - kept, 0)
    params: dict[str, Param] = {"shift": shift}
    hi = np.maximum(forms.hi, 0) >> shift
    observed = bit_length(frame.observed_inputs(forms))
    if settings.saturation_bits and forms.width > observed + settings.saturation_bits:
        cap = (1 << max(1, observed + 2 - shift)) - 1
        if cap < int(hi.max()):
            params["cap"] = cap
            hi = np.minimum(hi, cap)
    quantised = Step(
        "relu", step.node, forms, np.maximum(forms.lo, 0) >> shift if "cap" not in params else np.zeros_like(hi), hi,
        fraction, observed, params,
    )  # fmt: skip
    relaxation = _relax(forms.lo, forms.hi, shift) if "cap" not in params else None
    return Quantised(quantised, 2.0 ** (shift - fraction), relaxation)


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


KIND = StepKind("relu", quantise, evaluate)
