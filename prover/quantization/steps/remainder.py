"""``remainder``: what whole numbers leave when divided by positive constants, never negative.

y = x mod d
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
    """``step.params["divisors"]``: int64[m], one of each form."""
    fraction, forms = frame.exact(step.inputs, step.node)
    if fraction:
        raise QuantizationError(f"{step.node}: the remainder of a number that is not whole", "cast it first")
    divisors = np.asarray(step.params["divisors"], dtype=np.int64)
    inside = forms.lo // divisors == forms.hi // divisors
    low = np.where(inside, forms.lo % divisors, 0)
    high = np.where(inside, forms.hi % divisors, divisors - 1)
    observed = bit_length(frame.observed_inputs(forms))
    params = {"divisors": tuple(int(divisor) for divisor in divisors)}
    return Quantised(Step("remainder", step.node, forms, low, high, 0, observed, dict(params)), 1.0)


def evaluate(step: Step, inputs: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.asarray(inputs % step.integers("divisors"), dtype=np.int64)


def ends(step: Step, lo: NDArray[np.int64], hi: NDArray[np.int64]) -> Ends:
    divisors = step.integers("divisors")
    inside = lo // divisors == hi // divisors
    return np.where(inside, lo % divisors, 0), np.where(inside, hi % divisors, divisors - 1)


KIND = StepKind("remainder", quantise, evaluate, ends=ends)
