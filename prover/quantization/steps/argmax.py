"""``argmax``: the class of the largest of k linear forms, ties to the first, as ONNX breaks them.

y = classes[argmax(x)]

Of sums of trees that the model rounds, the largest must lead by ``margin`` counts, or the input is refused.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from prover.quantization.frame import Frame, Quantised, bit_length
from prover.quantization.intervals import Ends, between
from prover.quantization.plan import Param, Step
from prover.quantization.steps import StepKind
from prover.quantization.trace import FloatStep
from prover.quantization.trees.decisions import margin_of


def quantise(step: FloatStep, frame: Frame) -> Quantised:
    """``step.params["classes"]``: the integer of each class."""
    budget = frame.settings.logit_error_bits
    wanted = frame.fraction_bits(step.inputs, budget)
    fraction, forms = frame.fit(step.inputs, wanted, step.node, error_bits=budget)
    classes = tuple(int(label) for label in step.params["classes"])
    ends = np.array([min(classes)], dtype=np.int64), np.array([max(classes)], dtype=np.int64)
    observed = bit_length(frame.observed_inputs(forms))
    params: dict[str, Param] = {"classes": classes}
    margin = margin_of(frame, step.inputs, fraction, forms)
    if margin is not None:
        params["exact"] = 1
    if margin:
        params["margin"] = margin
    return Quantised(Step("argmax", step.node, forms, *ends, fraction, observed, params), 1.0)


def evaluate(step: Step, inputs: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.asarray(step.integers("classes")[np.argmax(inputs, axis=1)][:, None], dtype=np.int64)


def refuses(step: Step, inputs: NDArray[np.int64]) -> NDArray[np.bool_]:
    if "margin" not in step.params:
        return np.zeros(len(inputs), dtype=np.bool_)
    ordered = np.sort(inputs, axis=1)
    return np.asarray(ordered[:, -1] - ordered[:, -2] < step.integer("margin"))


def ends(step: Step, lo: NDArray[np.int64], hi: NDArray[np.int64]) -> Ends:
    classes = step.integers("classes").tolist()
    return between(1, min(classes), max(classes))


KIND = StepKind("argmax", quantise, evaluate, refuses, ends=ends)
