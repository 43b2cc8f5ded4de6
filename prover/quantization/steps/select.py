"""``select``: one of two whole numbers, by a boolean.

    y = a if c else b

Inputs are n conditions, then n values a, then n values b.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from prover.errors import QuantizationError
from prover.quantization.frame import Frame, Quantised, bit_length
from prover.quantization.plan import Step
from prover.quantization.steps import StepKind
from prover.quantization.trace import FloatStep


def quantise(step: FloatStep, frame: Frame) -> Quantised:
    fraction, forms = frame.exact(step.inputs, step.node)
    low, high = forms.lo.reshape(3, -1), forms.hi.reshape(3, -1)
    if fraction or int(low[0].min()) < 0 or int(high[0].max()) > 1:
        raise QuantizationError(f"{step.node}: a condition or a number to choose is not whole", "cast it first")
    ends = np.minimum(low[1], low[2]), np.maximum(high[1], high[2])
    return Quantised(Step("select", step.node, forms, *ends, 0, bit_length(frame.observed_inputs(forms))), 1.0)


def evaluate(step: Step, inputs: NDArray[np.int64]) -> NDArray[np.int64]:
    condition, a, b = np.split(inputs, 3, axis=1)
    return np.where(condition == 1, a, b)


KIND = StepKind("select", quantise, evaluate)
