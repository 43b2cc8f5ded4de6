"""How far the integer logits may be from those of the float model in exact arithmetic, on any input of the schema.

Every step's form is the model's own with rounded weights, over variables that are themselves off: for x' within their
proven ranges and x what the model has there,

    w'·x' + b' - (w·x + b) = (w' - w)·x' + (b' - b) + w·(x' - x).

The first two terms are an interval over the ranges of x', the last is at most |w|·e for variables off by e. A rectifier
and a maximum move no two numbers further apart, and their rounding adds half a unit. Other kinds of steps, and
saturation, have no such bound here: then there is none, and what was measured has to do. Nor is there one for a model
that keeps values as float16 or bfloat16: they round by up to 2^-9 of a value, which is more than float32's arithmetic.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from prover.graph import Graph
from prover.graph.dtypes import BFLOAT16
from prover.quantization.frame import Frame
from prover.quantization.plan import Step
from prover.quantization.sparse import Sparse
from prover.quantization.trace import FloatStep

F64 = NDArray[np.float64]

PARAM = "logit_bound_billionths"
"""Parameter of a last step: the bound on the error of its form, in 10^-9 of the model's unit, rounded up."""

HEADS = ("tier", "argmax", "sigmoid", "round")
_HIDDEN = ("relu", "maximum", "wire")

_MOST_TERMS = 1 << 22
"""Weights up to which the bound is computed: the two sets of weights are merged once more."""

_LARGEST = 10**9
"""Bounds beyond it say nothing, and are left out."""


def with_error_bound(traced: Sequence[FloatStep], steps: Sequence[Step], frame: Frame) -> list[Step]:
    """``steps`` with :data:`PARAM` in the last ones, where every step between the facts and them has a bound.

    Args:
        traced: the float steps, after pruning.
        steps: the same as integers.
        frame: which took them all.
    """
    done = list(steps)
    known = all(step.kind in (*_HIDDEN, *HEADS) for step in steps)
    if not known or sum(step.inputs.matrix.nnz for step in steps) > _MOST_TERMS:
        return done
    error: F64 = np.zeros(frame.facts.n_slots)
    for place, (source, step) in enumerate(zip(traced, steps, strict=True)):
        inside = _of_forms(source, step, error, frame)
        if step.kind in HEADS:
            bound = float(inside.max(initial=0.0))
            if bound < _LARGEST:
                done[place] = replace(step, params={**step.params, PARAM: int(np.ceil(bound * 1e9))})
            inside = np.zeros(step.n_outputs)  # what a last step gives is revealed, and read by none
        elif "cap" in step.params:
            return list(steps)
        else:
            inside = _of_outputs(step, inside, frame.unit[error.size : error.size + step.n_outputs])
        error = np.concatenate((error, inside))
    return done


def rounds_values(graph: Graph) -> bool:
    """Whether tensors of the model hold numbers rounded to 16 bits."""
    cast = any(node.op == "Cast" and node.attributes["to"] == BFLOAT16 for node in graph.nodes)
    return cast or any(tensor.dtype == np.float16 for tensor in graph.tensors.values())


def error_bound(steps: Sequence[Step]) -> float | None:
    """The bound that the last steps of a plan hold; None where one of them holds none."""
    last = [step for step in steps if step.kind in HEADS]
    if not last or not all(PARAM in step.params for step in last):
        return None
    return max(step.integer(PARAM) for step in last) / 1e9


def _of_forms(source: FloatStep, step: Step, error: F64, frame: Frame) -> F64:
    """float64[m]: bound on each form's error, in the model's unit."""
    size = error.size
    unit = frame.unit[:size]
    count = 2.0**-step.fraction_bits
    if step.kind == "round":
        count /= 10.0 ** int(source.params["decimals"])
    half = (1 << step.integer("shift")) >> 1 if "shift" in step.params else 0
    mine = step.inputs.matrix.widen(size)
    rounded = mine.with_data(mine.data * count).scale_cols(1.0 / unit)
    exact: Sparse = source.inputs.matrix.widen(size)
    change = rounded.add(exact.with_data(-exact.data))
    ends = [change.data * (end[:size] * unit)[change.cols] for end in (frame.bounds.lo, frame.bounds.hi)]
    offset = (step.inputs.bias - half) * count - source.inputs.bias
    low = change.row_sum(np.minimum(*ends)) + offset
    high = change.row_sum(np.maximum(*ends)) + offset
    inherited = exact.row_sum(np.abs(exact.data) * error[exact.cols])
    return np.asarray(np.maximum(np.abs(low), np.abs(high)) + inherited, dtype=np.float64)


def _of_outputs(step: Step, inside: F64, unit: F64) -> F64:
    if step.kind == "maximum":
        inside = inside.reshape(-1, step.integer("k")).max(axis=1)
    rounds = "shift" in step.params and step.integer("shift") > 0
    return inside + (unit / 2 if rounds else 0.0)
