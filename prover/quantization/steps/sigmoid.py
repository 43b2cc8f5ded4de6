"""``sigmoid``: a probability at a decimal scale from a logit: a ``function`` step whose results count 10^-decimals.

The semantics are those of :mod:`prover.quantization.steps.function`. ``error_billionths`` bounds the distance of the
revealed probability from the sigmoid of the integer logit, in 10^-9.
"""

from __future__ import annotations

import math

import numpy as np

from prover.errors import QuantizationError
from prover.quantization.frame import Frame, Quantised, bit_length
from prover.quantization.plan import Step
from prover.quantization.steps import StepKind
from prover.quantization.steps.function import ends, evaluate, table_params
from prover.quantization.tables.piecewise import Spec, cheapest_table
from prover.quantization.trace import FloatStep

POSITION_BITS = 18
"""Fraction bits of an argument. Rounding to them moves a probability by at most 2^-19 / 4 = 4.8e-7."""

MAX_DECIMALS = 7
"""More decimals would be finer than the argument."""

_TOLERANCE = 0.45
"""Error in counts before rounding. Below a half, so that no probability is rounded out of 0 to 1."""


def quantise(step: FloatStep, frame: Frame) -> Quantised:
    """``step.params["decimals"]``: decimal scale of the probability.

    Raises:
        QuantizationError: more decimals than :data:`MAX_DECIMALS`.
    """
    decimals = int(step.params["decimals"])
    if decimals > MAX_DECIMALS:
        raise QuantizationError(
            f"a probability is revealed with at most {MAX_DECIMALS} decimals, not {decimals}", "6 are the default"
        )
    budget, kept = frame.settings.logit_error_bits, POSITION_BITS
    wanted = max(frame.fraction_bits(step.inputs, budget), kept)
    fraction, forms = frame.fit(step.inputs, wanted, step.node, error_bits=budget, kept=kept, least=kept)
    shift = fraction - kept
    low, high = int(forms.lo.min()) >> shift, int(forms.hi.max()) >> shift
    scale = 10.0**decimals
    table = cheapest_table(Spec("Sigmoid", (), low, high, (low, high), kept, scale, _TOLERANCE / scale, False))
    params = table_params(shift, table)
    params["error_billionths"] = math.ceil(table.error * 1e9)
    ends = np.zeros(len(forms), dtype=np.int64), np.full(len(forms), 10**decimals, dtype=np.int64)
    observed = bit_length(frame.observed_inputs(forms))
    return Quantised(Step("sigmoid", step.node, forms, *ends, fraction, observed, params), 1.0 / scale)


KIND = StepKind("sigmoid", quantise, evaluate, ends=ends)
