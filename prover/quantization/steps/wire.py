"""``wire``: y = x. A linear form that is read often becomes a variable of its own.

Nothing is rounded where the inputs count in powers of two, as the results of steps do; other inputs are rounded as
those of any step are.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from prover.errors import QuantizationError
from prover.quantization.bounds import Relaxation
from prover.quantization.frame import Frame, Quantised, bit_length
from prover.quantization.intervals import Ends
from prover.quantization.plan import Step
from prover.quantization.steps import StepKind
from prover.quantization.trace import FloatStep


def quantise(step: FloatStep, frame: Frame) -> Quantised:
    try:
        fraction, forms = frame.exact(step.inputs, step.node)
    except QuantizationError:
        wanted, error_bits = frame.hidden_fraction_bits(step.inputs), frame.settings.hidden_error_bits
        fraction, forms = frame.fit(step.inputs, wanted, step.node, error_bits=error_bits)
    observed = bit_length(frame.observed_inputs(forms))
    ones, zeros = np.ones(len(forms)), np.zeros(len(forms))
    done = Step("wire", step.node, forms, forms.lo, forms.hi, fraction, observed)
    return Quantised(done, 2.0**-fraction, Relaxation(ones, zeros, ones, zeros))


def evaluate(step: Step, inputs: NDArray[np.int64]) -> NDArray[np.int64]:
    return inputs


def ends(step: Step, lo: NDArray[np.int64], hi: NDArray[np.int64]) -> Ends:
    return lo, hi


KIND = StepKind("wire", quantise, evaluate, ends=ends)
