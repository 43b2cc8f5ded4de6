"""``floor``: whole numbers from real ones, y = x rounded in one of three ways after a division by a constant.

    floor       y = x // q
    round       y = x / q to the nearest whole number, halves to the even one
    truncate    y = x / q towards zero

x counts 1/q. Where all terms are multiples of a power of two, or of a decimal fraction such as 0.01, q is chosen so
that x is exact; elsewhere x is rounded to the precision of a logit.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from prover.errors import QuantizationError
from prover.quantization.frame import Frame, Quantised, bit_length
from prover.quantization.intervals import FREE, Ends, known
from prover.quantization.plan import LinearForms, Param, Step
from prover.quantization.steps import StepKind
from prover.quantization.trace import Affine, FloatStep

FLOOR, ROUND, TRUNCATE = range(3)
"""Values of the parameter ``mode``."""

_SINGLE = 2.0**-22
"""Relative distance within which a number is a decimal fraction: 0.01 is no float32, but a hundred of it is 1."""

_DECIMALS = 6

_MOST_BITS = 48
"""Numbers that need more fraction bits than this are no binary fractions anybody meant: 0.1 in float64 has 56."""


def quantise(step: FloatStep, frame: Frame) -> Quantised:
    """``step.params["mode"]``: one of the constants above."""
    divisor, fraction, forms = _counted(step, frame)
    mode = int(step.params["mode"])
    ends = _rounded(forms.lo, divisor, mode), _rounded(forms.hi, divisor, mode)
    observed = bit_length(frame.observed_inputs(forms))
    params: dict[str, Param] = {"mode": mode, "divisor": divisor}
    return Quantised(Step("floor", step.node, forms, *ends, fraction, observed, params), 1.0)


def evaluate(step: Step, inputs: NDArray[np.int64]) -> NDArray[np.int64]:
    return _rounded(inputs, step.integer("divisor"), step.integer("mode"))


def _rounded(x: NDArray[np.int64], divisor: int, mode: int) -> NDArray[np.int64]:
    if mode == FLOOR:
        return np.asarray(x // divisor, dtype=np.int64)
    if mode == TRUNCATE:
        return np.asarray(np.sign(x) * (np.abs(x) // divisor), dtype=np.int64)
    shifted = x + divisor // 2
    above = shifted // divisor
    tie = (shifted % divisor == 0) & (divisor % 2 == 0)
    return np.asarray(above - (tie & (above % 2 != 0)), dtype=np.int64)


def _counted(step: FloatStep, frame: Frame) -> tuple[int, int, LinearForms]:
    """(divisor, fraction bits, forms)."""
    try:
        fraction, forms = frame.exact(step.inputs, step.node)
        if fraction <= _MOST_BITS:
            return 1 << fraction, fraction, forms
    except QuantizationError:
        pass
    budget = frame.settings.logit_error_bits
    for decimals in range(1, _DECIMALS + 1):
        if _is_multiple(step.inputs, frame, 10.0**decimals):
            forms = frame.fit(step.inputs, 0, step.node, error_bits=budget, scale=10.0**decimals)[1]
            return 10**decimals, 0, forms
    fraction, forms = frame.fit(step.inputs, frame.fraction_bits(step.inputs, budget), step.node, error_bits=budget)
    return 1 << fraction, fraction, forms


def _is_multiple(source: Affine, frame: Frame, scale: float) -> bool:
    """Whether all coefficients and constants times ``scale`` are whole, but for what float32 has rounded."""
    counts = source.matrix.widen(frame.unit.size).scale_cols(frame.unit).data
    numbers = np.concatenate((counts, source.bias)) * scale
    return bool(np.all(np.abs(numbers - np.rint(numbers)) <= _SINGLE * np.abs(numbers)))


def ends(step: Step, lo: NDArray[np.int64], hi: NDArray[np.int64]) -> Ends:
    sure, divisor, mode = known(lo, hi), step.integer("divisor"), step.integer("mode")
    low, high = (_rounded(np.where(sure, end, 0), divisor, mode) for end in (lo, hi))
    return np.where(sure, low, -FREE), np.where(sure, high, FREE)


KIND = StepKind("floor", quantise, evaluate, ends=ends)
