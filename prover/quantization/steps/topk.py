"""``topk``: the k largest of every n forms in descending order, then their indices; of equal ones the first first.

Outputs are all values, row after row, and behind them all indices; or the values alone, where ``indices`` is 0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from prover.errors import QuantizationError
from prover.quantization.frame import Frame, Quantised, bit_length
from prover.quantization.intervals import Ends
from prover.quantization.plan import Param, Step
from prover.quantization.steps import StepKind
from prover.quantization.trace import FloatStep

_WIDTH = 60
"""Bits of a form with its index below it."""


def quantise(step: FloatStep, frame: Frame) -> Quantised:
    """``step.params``: ``"n"``, forms to a row, ``"k"``, and whether ``"indices"`` are wanted.

    Raises:
        QuantizationError: values so wide that no index fits beside them.
    """
    budget, n, k = frame.settings.hidden_error_bits, int(step.params["n"]), int(step.params["k"])
    wanted = frame.hidden_fraction_bits(step.inputs)
    fraction, forms = frame.fit(step.inputs, wanted, step.node, error_bits=budget)
    if forms.width + (n - 1).bit_length() > _WIDTH:
        raise QuantizationError(
            f"{step.node}: the {k} largest of values of {forms.width} bits are not proved",
            "narrow the ranges of the schema's features",
        )
    lo, hi = (np.sort(end.reshape(-1, n), axis=1)[:, ::-1][:, :k].ravel() for end in (forms.lo, forms.hi))
    unit = np.full(lo.size, 2.0**-fraction)
    indices = int(bool(step.params["indices"]))
    if indices:
        unit = np.append(unit, np.ones(lo.size))
        lo, hi = np.append(lo, np.zeros_like(lo)), np.append(hi, np.full_like(hi, n - 1))
    observed = bit_length(frame.observed_inputs(forms))
    params: dict[str, Param] = {"n": n, "k": k, "indices": indices}
    return Quantised(Step("topk", step.node, forms, lo, hi, fraction, observed, params), unit)


def evaluate(step: Step, inputs: NDArray[np.int64]) -> NDArray[np.int64]:
    rows = inputs.reshape(len(inputs), -1, step.integer("n"))
    order = np.argsort(-rows, axis=2, kind="stable")[:, :, : step.integer("k")]
    values = np.take_along_axis(rows, order, axis=2).reshape(len(inputs), -1)
    if not step.integer("indices"):
        return values
    return np.concatenate((values, order.reshape(len(inputs), -1)), axis=1).astype(np.int64)


def ends(step: Step, lo: NDArray[np.int64], hi: NDArray[np.int64]) -> Ends:
    n, k = step.integer("n"), step.integer("k")
    low, high = (np.sort(end.reshape(-1, n), axis=1)[:, ::-1][:, :k].ravel() for end in (lo, hi))
    if step.integer("indices"):
        low, high = np.append(low, np.zeros_like(low)), np.append(high, np.full_like(high, n - 1))
    return low, high


KIND = StepKind("topk", quantise, evaluate, ends=ends)
