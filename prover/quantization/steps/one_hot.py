"""``one_hot``: whole numbers below k as vectors of k booleans, number after number.

y[i, j] = 1 if x[i] == j else 0, for 0 <= x[i] < k
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from prover.errors import QuantizationError
from prover.quantization.frame import Frame, Quantised, bit_length
from prover.quantization.intervals import Ends, between
from prover.quantization.plan import Step
from prover.quantization.steps import StepKind
from prover.quantization.trace import FloatStep


def quantise(step: FloatStep, frame: Frame) -> Quantised:
    """``step.params["k"]``: length of each vector."""
    k = int(step.params["k"])
    fraction, forms = frame.exact(step.inputs, step.node)
    if fraction:
        raise QuantizationError(f"{step.node}: an index is not a whole number", "round or cast it to an integer")
    low, high = int(forms.lo.min()), int(forms.hi.max())
    if low < 0 or high >= k:
        raise QuantizationError(
            f"{step.node}: an index lies in [{low}, {high}], not in 0 to {k - 1}",
            "narrow the range of the feature it comes from",
        )
    places = np.arange(k)
    certain = (forms.lo == forms.hi)[:, None] & (forms.lo[:, None] == places)
    possible = (forms.lo[:, None] <= places) & (places <= forms.hi[:, None])
    ends = certain.ravel().astype(np.int64), possible.ravel().astype(np.int64)
    observed = bit_length(frame.observed_inputs(forms))
    return Quantised(Step("one_hot", step.node, forms, *ends, 0, observed, {"k": k}), 1.0)


def evaluate(step: Step, inputs: NDArray[np.int64]) -> NDArray[np.int64]:
    hot = inputs[:, :, None] == np.arange(step.integer("k"))
    return np.asarray(hot.reshape(len(inputs), -1), dtype=np.int64)


def ends(step: Step, lo: NDArray[np.int64], hi: NDArray[np.int64]) -> Ends:
    return between(step.n_outputs, 0, 1)


KIND = StepKind("one_hot", quantise, evaluate, ends=ends)
