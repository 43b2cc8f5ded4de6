"""``equal``: whether linear forms are zero.

    y = 1 if x == 0 else 0

Only of forms that are exact: equality of rounded numbers means nothing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from prover.errors import QuantizationError
from prover.quantization.commensurable import counted
from prover.quantization.frame import Frame, Quantised, bit_length
from prover.quantization.intervals import Ends, between
from prover.quantization.plan import LinearForms, Step
from prover.quantization.sparse import Sparse
from prover.quantization.steps import StepKind
from prover.quantization.trace import FloatStep


def quantise(step: FloatStep, frame: Frame) -> Quantised:
    source = step.inputs
    exact = counted(source, frame)
    whole = exact.offset == np.rint(exact.offset)  # a sum of counts never reaches other numbers
    matrix: Sparse = exact.matrix.with_data(np.where(whole[exact.matrix.rows], exact.matrix.data, 0))
    bias = np.where(whole, exact.offset, 1.0).astype(np.int64)
    low, high = frame.bounds.of(matrix, bias, step.node)
    parts = [LinearForms(matrix, bias, low, high)]
    rest = np.setdiff1d(np.arange(source.size), exact.rows)
    if rest.size:
        try:
            parts.append(frame.exact(source.pick(rest), step.node)[1])
        except QuantizationError as error:
            raise QuantizationError(
                f"{step.node}: two sums are compared for equality, and rounding would decide",
                "compare with >= or <=, or whole numbers only",
            ) from error
    forms = LinearForms.stack(parts).rows(np.argsort(np.concatenate((exact.rows, rest))))
    possible = ((forms.lo <= 0) & (forms.hi >= 0)).astype(np.int64)
    certain = ((forms.lo == 0) & (forms.hi == 0)).astype(np.int64)
    return Quantised(
        Step("equal", step.node, forms, certain, possible, 0, bit_length(frame.observed_inputs(forms))), 1.0
    )


def evaluate(step: Step, inputs: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.asarray(inputs == 0, dtype=np.int64)


def ends(step: Step, lo: NDArray[np.int64], hi: NDArray[np.int64]) -> Ends:
    return between(step.n_outputs, 0, 1)


KIND = StepKind("equal", quantise, evaluate, ends=ends)
