"""``sigmoid``: a probability at a decimal scale from a logit, through :mod:`prover.quantization.sigmoid`.

z = x >> shift (rounding half in the bias);  y = quadratic_i(z - starts_i) >> out_shift
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from prover.quantization import sigmoid
from prover.quantization.frame import Frame, Quantised, bit_length
from prover.quantization.plan import Param, Step
from prover.quantization.steps import StepKind
from prover.quantization.trace import FloatStep


def quantise(step: FloatStep, frame: Frame) -> Quantised:
    """``step.params["decimals"]``: decimal scale of the probability."""
    decimals = int(step.params["decimals"])
    budget, kept = frame.settings.logit_error_bits, sigmoid.POSITION_BITS
    wanted = max(frame.fraction_bits(step.inputs, budget), kept)
    fraction, forms = frame.fit(step.inputs, wanted, step.node, error_bits=budget, kept=kept, least=kept)
    shift = fraction - kept
    low, high = int(forms.lo[0]) >> shift, int(forms.hi[0]) >> shift
    table = sigmoid.sigmoid_table(low, high, decimals)
    params: dict[str, Param] = {
        "shift": shift,
        "out_shift": table.shift,
        "error_billionths": table.error_billionths,
        **{name: tuple(getattr(table, name).tolist()) for name in ("starts", "c0", "c1", "c2")},
    }
    ends = np.array([0], dtype=np.int64), np.array([10**decimals], dtype=np.int64)
    observed = bit_length(frame.observed_inputs(forms))
    return Quantised(Step("sigmoid", step.node, forms, *ends, fraction, observed, params), 10.0**-decimals)


def evaluate(step: Step, inputs: NDArray[np.int64]) -> NDArray[np.int64]:
    starts, c0, c1, c2 = (step.integers(name) for name in ("starts", "c0", "c1", "c2"))
    return sigmoid.evaluate(inputs >> step.integer("shift"), starts, c0, c1, c2, step.integer("out_shift"))


KIND = StepKind("sigmoid", quantise, evaluate)
