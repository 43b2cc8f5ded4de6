"""``cuts``: in which interval of its own thresholds each form lies.

    y_ij = 1 if x_i >= t_ij else 0

The thresholds of one form ascend. Of features the forms are codes counted from the lowest one (0 where missing), and
nothing is rounded; of elements that mix features they are fixed-point numbers, as exact as those.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from prover.errors import QuantizationError
from prover.quantization.facts import FactSpace
from prover.quantization.frame import Frame, Quantised, bit_length
from prover.quantization.intervals import Ends, between
from prover.quantization.plan import LinearForms, Param, Step
from prover.quantization.sparse import Sparse
from prover.quantization.steps import StepKind
from prover.quantization.trace import FloatStep


def offsets(facts: FactSpace, features: NDArray[np.int64], n_variables: int) -> LinearForms:
    """``code - lowest code`` of numeric features, 0 where missing, as forms of the slots."""
    chosen = [facts.features[feature] for feature in features.tolist()]
    rows = np.arange(len(chosen))
    low = np.array([fact.feature.lo for fact in chosen], dtype=np.int64)
    flags = np.array([fact.missing for fact in chosen], dtype=np.int64)
    gone = np.flatnonzero(flags >= 0)
    matrix = Sparse.from_triplets(
        np.concatenate((rows, rows[gone])),
        np.concatenate((np.array([fact.start for fact in chosen], dtype=np.int64), flags[gone])),
        np.concatenate((np.ones(len(chosen), dtype=np.int64), low[gone])),
        (len(chosen), n_variables),
    )
    spans = np.array([fact.feature.span for fact in chosen], dtype=np.int64)
    return LinearForms(matrix, -low, np.zeros_like(spans), spans)


def quantise(step: FloatStep, frame: Frame) -> Quantised:
    """``step.params``: ``features`` (-1: the form itself, rounded), ``counts``, ``thresholds`` in the unit of each."""
    features = np.asarray(step.params["features"], dtype=np.int64)
    counts = np.asarray(step.params["counts"], dtype=np.int64)
    thresholds = [float(value) for value in step.params["thresholds"]]
    strict = list(step.params["strict"])
    fraction = 0
    exact = np.flatnonzero(features >= 0)
    parts = [offsets(frame.facts, features[exact], frame.unit.size)]
    rest = np.flatnonzero(features < 0)
    if rest.size:
        source, budget = step.inputs.pick(rest), frame.settings.logit_error_bits
        fraction, forms = frame.fit(source, frame.fraction_bits(source, budget), step.node, error_bits=budget)
        parts.append(forms)
    order = np.argsort(np.concatenate((exact, rest)))
    forms = LinearForms.stack(parts).rows(order)
    integers: list[int] = []
    ends = np.concatenate(([0], np.cumsum(counts)))
    for row, feature in enumerate(features.tolist()):
        scale = 1.0 if feature >= 0 else 2.0**fraction
        for place in range(int(ends[row]), int(ends[row + 1])):
            value = thresholds[place] * scale
            integers.append(math.floor(value) + 1 if strict[place] else math.ceil(value))
    if max((abs(value) for value in integers), default=0) >= 1 << 62:
        raise QuantizationError(f"{step.node}: a threshold is beyond 62 bits", "narrow the ranges of the features")
    cuts = np.array(integers, dtype=np.int64)
    low, high = np.repeat(forms.lo, counts), np.repeat(forms.hi, counts)
    params: dict[str, Param] = {
        "features": tuple(features.tolist()),
        "counts": tuple(counts.tolist()),
        "thresholds": tuple(integers),
    }
    done = Step(
        "cuts", step.node, forms, (low >= cuts).astype(np.int64), (high >= cuts).astype(np.int64), fraction,
        bit_length(frame.observed_inputs(forms)), params,
    )  # fmt: skip
    return Quantised(done, 1.0)


def evaluate(step: Step, inputs: NDArray[np.int64]) -> NDArray[np.int64]:
    owner = np.repeat(np.arange(inputs.shape[1]), step.integers("counts"))
    return np.asarray(inputs[:, owner] >= step.integers("thresholds"), dtype=np.int64)


def ends(step: Step, lo: NDArray[np.int64], hi: NDArray[np.int64]) -> Ends:
    return between(step.n_outputs, 0, 1)


KIND = StepKind("cuts", quantise, evaluate, ends=ends)
