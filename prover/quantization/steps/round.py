"""``round``: a linear form at the layout's decimal scale, ``y = x >> shift`` with the rounding half in the bias."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from prover.quantization.frame import Frame, Quantised, bit_length
from prover.quantization.intervals import FREE, Ends, known
from prover.quantization.plan import Step
from prover.quantization.steps import StepKind
from prover.quantization.trace import FloatStep


def quantise(step: FloatStep, frame: Frame) -> Quantised:
    """``step.params["decimals"]``: weights carry 10^decimals, so their rounding costs a quarter of a count.

    Where values are so large that their sums would not fit, weights carry fewer bits; see :meth:`Frame.fit`.
    """
    decimals = int(step.params["decimals"])
    wanted = frame.fraction_bits(step.inputs, budget_bits=2)
    shift, forms = frame.fit(step.inputs, wanted, step.node, error_bits=2, kept=0, scale=10.0**decimals)
    observed = bit_length(frame.observed_inputs(forms))
    ends = forms.lo >> shift, forms.hi >> shift
    return Quantised(Step("round", step.node, forms, *ends, shift, observed, {"shift": shift}), 10.0**-decimals)


def evaluate(step: Step, inputs: NDArray[np.int64]) -> NDArray[np.int64]:
    return inputs >> step.integer("shift")


def ends(step: Step, lo: NDArray[np.int64], hi: NDArray[np.int64]) -> Ends:
    shift, sure = step.integer("shift"), known(lo, hi)
    return np.where(sure, lo >> shift, -FREE), np.where(sure, hi >> shift, FREE)


KIND = StepKind("round", quantise, evaluate, ends=ends)
