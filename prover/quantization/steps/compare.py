"""``compare``: whether linear forms are at least zero.

    y = 1 if x >= 0 else 0

A row whose terms are whole multiples of one number is compared in counts of it, which is exact; others are rounded to
the precision of a logit.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from prover.quantization.commensurable import counted
from prover.quantization.frame import Frame, Quantised, bit_length
from prover.quantization.intervals import Ends, between
from prover.quantization.plan import LinearForms, Step
from prover.quantization.steps import StepKind
from prover.quantization.trace import FloatStep


def quantise(step: FloatStep, frame: Frame) -> Quantised:
    source, budget = step.inputs, frame.settings.logit_error_bits
    exact = counted(source, frame)
    parts = [exact.forms(frame, np.floor(exact.offset).astype(np.int64), step.node)]
    rest = np.setdiff1d(np.arange(source.size), exact.rows)
    fraction = 0
    if rest.size:
        rounded = source.pick(rest)
        fraction, forms = frame.fit(rounded, frame.fraction_bits(rounded, budget), step.node, error_bits=budget)
        parts.append(forms)
    forms = LinearForms.stack(parts).rows(np.argsort(np.concatenate((exact.rows, rest))))
    ends = (forms.lo >= 0).astype(np.int64), (forms.hi >= 0).astype(np.int64)
    return Quantised(Step("compare", step.node, forms, *ends, fraction, bit_length(frame.observed_inputs(forms))), 1.0)


def evaluate(step: Step, inputs: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.asarray(inputs >= 0, dtype=np.int64)


def ends(step: Step, lo: NDArray[np.int64], hi: NDArray[np.int64]) -> Ends:
    return between(step.n_outputs, 0, 1)


KIND = StepKind("compare", quantise, evaluate, ends=ends)
