"""``argmax_rows``: the index of the largest of every k forms, ties to the first: y_i = argmax(x_ik, ..., x_ik+k-1)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from prover.quantization.frame import Frame, Quantised, bit_length
from prover.quantization.intervals import Ends, between
from prover.quantization.plan import Step
from prover.quantization.steps import StepKind
from prover.quantization.trace import FloatStep


def quantise(step: FloatStep, frame: Frame) -> Quantised:
    """``step.params["k"]``: forms to a row."""
    budget, k = frame.settings.logit_error_bits, int(step.params["k"])
    wanted = frame.fraction_bits(step.inputs, budget)
    fraction, forms = frame.fit(step.inputs, wanted, step.node, error_bits=budget)
    ends = np.zeros(step.n_outputs, dtype=np.int64), np.full(step.n_outputs, k - 1, dtype=np.int64)
    observed = bit_length(frame.observed_inputs(forms))
    return Quantised(Step("argmax_rows", step.node, forms, *ends, fraction, observed, {"k": k}), 1.0)


def evaluate(step: Step, inputs: NDArray[np.int64]) -> NDArray[np.int64]:
    rows = inputs.reshape(len(inputs), -1, step.integer("k"))
    return np.asarray(np.argmax(rows, axis=2), dtype=np.int64)


def ends(step: Step, lo: NDArray[np.int64], hi: NDArray[np.int64]) -> Ends:
    return between(step.n_outputs, 0, step.integer("k") - 1)


KIND = StepKind("argmax_rows", quantise, evaluate, ends=ends)
