"""``select``: one of two numbers that are exact in counts of some unit, by a boolean.

    y = a if c else b

Inputs are n conditions, then n values a, then n values b.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from prover.errors import QuantizationError
from prover.quantization.frame import Frame, Quantised, bit_length
from prover.quantization.intervals import Ends
from prover.quantization.plan import Step
from prover.quantization.steps import StepKind
from prover.quantization.trace import FloatStep


def quantise(step: FloatStep, frame: Frame) -> Quantised:
    """``step.params["scale"]``: counts of one unit; a and b come multiplied with it."""
    fraction, forms = frame.fit(step.inputs, 0, step.node, error_bits=frame.settings.logit_error_bits)
    low, high = forms.lo.reshape(3, -1), forms.hi.reshape(3, -1)
    if fraction or int(low[0].min()) < 0 or int(high[0].max()) > 1:
        raise QuantizationError(f"{step.node}: a condition may be something else than 0 or 1", "cast it to bool")
    ends = np.minimum(low[1], low[2]), np.maximum(high[1], high[2])
    observed = bit_length(frame.observed_inputs(forms))
    return Quantised(Step("select", step.node, forms, *ends, 0, observed), 1.0 / int(step.params["scale"]))


def evaluate(step: Step, inputs: NDArray[np.int64]) -> NDArray[np.int64]:
    condition, a, b = np.split(inputs, 3, axis=1)
    return np.where(condition == 1, a, b)


def ends(step: Step, lo: NDArray[np.int64], hi: NDArray[np.int64]) -> Ends:
    low, high = lo.reshape(3, -1), hi.reshape(3, -1)
    return np.minimum(low[1], low[2]), np.maximum(high[1], high[2])


KIND = StepKind("select", quantise, evaluate, ends=ends)
