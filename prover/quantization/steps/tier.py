"""``tier``: how many of a few ascending thresholds one linear form has passed.

    t = base + #{i : x >= thresholds[i]}

Thresholds outside the form's proven range are decided already: those at its lower end or below it make up ``base``,
those above it are dropped. Thresholds that differ by less than the form can tell are equal, and passed together.
Below a threshold on a sum of trees there may be a gap, whose integers are refused: see :mod:`decisions`.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from prover.quantization.frame import Frame, Quantised, bit_length
from prover.quantization.intervals import Ends, between
from prover.quantization.plan import Param, Step
from prover.quantization.steps import StepKind
from prover.quantization.trace import FloatStep
from prover.quantization.trees.decisions import Cut, cuts_of, refused


def quantise(step: FloatStep, frame: Frame) -> Quantised:
    """``step.params["thresholds"]``: float64 thresholds in the unit of the form; ``"strict"``: above, not at;
    ``"probabilities"``: the same before they became logits."""
    budget = frame.settings.logit_error_bits
    thresholds = [float(t) for t in step.params["thresholds"]]
    gap = min((right - left for left, right in pairwise(thresholds)), default=1.0)
    wanted = frame.fraction_bits(step.inputs, max(budget, math.ceil(-math.log2(gap)) + 1))
    fraction, forms = frame.fit(step.inputs, wanted, step.node, error_bits=budget)
    strict = int(bool(step.params.get("strict", False)))
    # x >= ceil(t) says the same of an integer x as x >= t does; x > t is x >= floor(t) + 1.
    exact = [t * 2.0**fraction for t in thresholds]
    known = cuts_of(frame, step.inputs, fraction, forms, thresholds, bool(strict), step.params.get("probabilities", ()))
    cuts = known or [Cut(math.floor(t) + 1 if strict else math.ceil(t), 0) for t in exact]
    low, high = int(forms.lo[0]), int(forms.hi[0])
    active = [cut for cut in cuts if low < cut.at and cut.at - cut.gap <= high]
    base = sum(cut.at <= low for cut in cuts)
    params: dict[str, Param] = {"base": base, "thresholds": tuple(cut.at for cut in active)}
    if known is not None:
        params["exact"] = 1
    if any(cut.gap for cut in active):
        params["gaps"] = tuple(cut.gap for cut in active)
    ends = np.array([base], dtype=np.int64), np.array([base + len(active)], dtype=np.int64)
    observed = bit_length(frame.observed_inputs(forms))
    return Quantised(Step("tier", step.node, forms, *ends, fraction, observed, params), 1.0)


def evaluate(step: Step, inputs: NDArray[np.int64]) -> NDArray[np.int64]:
    passed = np.searchsorted(step.integers("thresholds"), inputs, side="right")
    return np.asarray(passed, dtype=np.int64) + step.integer("base")


def refuses(step: Step, inputs: NDArray[np.int64]) -> NDArray[np.bool_]:
    if "gaps" not in step.params:
        return np.zeros(len(inputs), dtype=np.bool_)
    return refused(step.integers("thresholds"), step.integers("gaps"), inputs[:, 0])


def ends(step: Step, lo: NDArray[np.int64], hi: NDArray[np.int64]) -> Ends:
    base = step.integer("base")
    return between(1, base, base + step.integers("thresholds").size)


KIND = StepKind("tier", quantise, evaluate, refuses, ends=ends)
