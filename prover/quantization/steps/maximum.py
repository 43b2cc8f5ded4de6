"""``maximum``: the largest of every k forms; rectified and rounded to activation bits where a ReLU follows.

    y_i = max(x_ik, ..., x_ik+k-1)                      nothing is rounded
    y_i = min(max(x_ik, ..., x_ik+k-1, 0) >> shift, cap)     with ``rectify``; the rounding half is part of the bias

``cap`` is explicit saturation, as in ``relu``. Where ``shift`` is absent nothing is rectified.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from prover.quantization.frame import Frame, Quantised, bit_length
from prover.quantization.intervals import Ends
from prover.quantization.plan import Param, Step
from prover.quantization.steps import StepKind
from prover.quantization.steps.relu import rectified, saturation
from prover.quantization.trace import FloatStep


def quantise(step: FloatStep, frame: Frame) -> Quantised:
    """``step.params``: ``"k"``, forms to a row, and ``"rectify"``."""
    k, rectify = int(step.params["k"]), bool(step.params["rectify"])
    kept = frame.result_bits(step.inputs) if rectify else None
    wanted = frame.hidden_fraction_bits(step.inputs)
    error_bits = frame.settings.hidden_error_bits
    fraction, forms = frame.fit(step.inputs, wanted, step.node, error_bits=error_bits, kept=kept)
    shift = max(fraction - kept, 0) if kept is not None else 0
    forms = frame.centred(step.inputs, fraction, forms, (1 << shift) >> 1)
    seen = frame.observed_inputs(forms)
    params: dict[str, Param] = {"k": k}
    lo, hi = forms.lo.reshape(-1, k).max(axis=1), forms.hi.reshape(-1, k).max(axis=1)
    if rectify:
        params["shift"] = shift
        lo, hi = np.maximum(lo, 0) >> shift, np.maximum(hi, 0) >> shift
        cap = saturation(forms, seen, shift, frame)
        if cap is not None and cap < int(hi.max()):
            params["cap"] = cap
            lo, hi = np.minimum(lo, cap), np.minimum(hi, cap)
    done = Step("maximum", step.node, forms, lo, hi, fraction, bit_length(seen), params)
    return Quantised(done, 2.0 ** (shift - fraction))


def evaluate(step: Step, inputs: NDArray[np.int64]) -> NDArray[np.int64]:
    result = np.asarray(inputs.reshape(len(inputs), -1, step.integer("k")).max(axis=2), dtype=np.int64)
    if "shift" in step.params:
        result = np.maximum(result, 0) >> step.integer("shift")
    return np.minimum(result, step.integer("cap")) if "cap" in step.params else result


def ends(step: Step, lo: NDArray[np.int64], hi: NDArray[np.int64]) -> Ends:
    k = step.integer("k")
    low, high = lo.reshape(-1, k).max(axis=1), hi.reshape(-1, k).max(axis=1)
    return rectified(step, low, high) if "shift" in step.params else (low, high)


KIND = StepKind("maximum", quantise, evaluate, ends=ends)
