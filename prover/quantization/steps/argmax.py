"""``argmax``: the class of the largest of k linear forms, ties to the first, as ONNX breaks them.

y = classes[argmax(x)]
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from prover.quantization.frame import Frame, Quantised, bit_length
from prover.quantization.plan import Step
from prover.quantization.steps import StepKind
from prover.quantization.trace import FloatStep


def quantise(step: FloatStep, frame: Frame) -> Quantised:
    """``step.params["classes"]``: the integer of each class."""
    budget = frame.settings.logit_error_bits
    wanted = frame.fraction_bits(step.inputs, budget)
    fraction, forms = frame.fit(step.inputs, wanted, step.node, error_bits=budget)
    classes = tuple(int(label) for label in step.params["classes"])
    ends = np.array([min(classes)], dtype=np.int64), np.array([max(classes)], dtype=np.int64)
    observed = bit_length(frame.observed_inputs(forms))
    return Quantised(Step("argmax", step.node, forms, *ends, fraction, observed, {"classes": classes}), 1.0)


def evaluate(step: Step, inputs: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.asarray(step.integers("classes")[np.argmax(inputs, axis=1)][:, None], dtype=np.int64)


KIND = StepKind("argmax", quantise, evaluate)
