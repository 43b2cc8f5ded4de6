"""``round``: a linear form at the layout's decimal scale, ``y = x >> shift`` with the rounding half in the bias."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from prover.errors import QuantizationError
from prover.quantization.frame import Frame, Quantised, bit_length
from prover.quantization.plan import Step
from prover.quantization.steps import StepKind
from prover.quantization.trace import FloatStep


def quantise(step: FloatStep, frame: Frame) -> Quantised:
    """``step.params["decimals"]``: weights carry 10^decimals, so their rounding costs a quarter of a count at most."""
    decimals = int(step.params["decimals"])
    shift = frame.fraction_bits(step.inputs, budget_bits=2)
    try:
        forms = frame.forms(step.inputs, 10.0**decimals * 2.0**shift, step.node, bias=(1 << shift) >> 1)
    except QuantizationError as error:
        raise QuantizationError(
            f"{step.node}: the output does not fit the 64 bits of a revealed score at {decimals} decimals",
            "reveal fewer decimals, or narrow the ranges of the schema's features",
        ) from error
    observed = bit_length(frame.observed_inputs(forms))
    ends = forms.lo >> shift, forms.hi >> shift
    return Quantised(Step("round", step.node, forms, *ends, shift, observed, {"shift": shift}), 10.0**-decimals)


def evaluate(step: Step, inputs: NDArray[np.int64]) -> NDArray[np.int64]:
    return inputs >> step.integer("shift")


KIND = StepKind("round", quantise, evaluate)
