"""``trees``: the sums of the leaves that decision trees reach, and a constant.

    y_k = base_k + sum over trees of the leaf's value for output k

Inputs say of every group whether its atom is at least 1, 2, ...: descending booleans. A node leads to its first
reference when the group's atom is in the node's set, else to its second: see :mod:`prover.quantization.trees.forest`.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from prover.quantization.frame import Frame, Quantised
from prover.quantization.intervals import KNOWN, Ends, unknown
from prover.quantization.plan import Param, Step
from prover.quantization.steps import StepKind
from prover.quantization.trace import FloatStep
from prover.quantization.trees.forest import Forest

LISTS = (
    "atoms", "set_groups", "set_starts", "set_runs", "nodes", "roots", "leaf_starts", "leaf_outputs", "leaf_values",
    "base",
)  # fmt: skip


def quantise(step: FloatStep, frame: Frame) -> Quantised:
    """``step.params``: ``forest``, ``base`` (int per output), ``fraction``: leaves count 2^-fraction, ``sums``."""
    forest: Forest = step.params["forest"]
    base = [int(value) for value in step.params["base"]]
    fraction = int(step.params["fraction"])
    _, forms = frame.exact(step.inputs, step.node)
    # Labels and the missing flag exclude each other, which interval arithmetic cannot see in their sums.
    forms = replace(forms, lo=np.zeros_like(forms.lo), hi=np.ones_like(forms.hi))
    low, high = forest.ranges(len(base), base)
    params: dict[str, Param] = {**forest.params(len(base), base), "rounding": int(step.params["sums"][0].rounding)}
    done = Step("trees", step.node, forms, low, high, fraction, 1, params)
    return Quantised(done, 2.0**-fraction, sums=tuple(step.params["sums"]))


def evaluate(step: Step, inputs: NDArray[np.int64]) -> NDArray[np.int64]:
    lists = {name: step.integers(name) for name in LISTS}
    return Forest.read(lists).evaluate(inputs, lists["base"])


def ends(step: Step, lo: NDArray[np.int64], hi: NDArray[np.int64]) -> Ends:
    lists = {name: step.integers(name) for name in LISTS}
    forest, base = Forest.read(lists), lists["base"]
    largest = max((abs(value) for leaf in forest.leaves for _, value in leaf), default=0)
    if len(forest.roots) * largest + max(map(abs, base.tolist())) >= KNOWN:
        return unknown(base.size)
    return forest.ranges(base.size, base.tolist())


KIND = StepKind("trees", quantise, evaluate, ends=ends)
