"""Probabilities that exporters write out in pieces: sigmoids from exponentials, and shares of a sum of sigmoids.

Taken for what they are, they keep the order of their logits, over any range: a label is proved on the logits then, and
nothing else of the pieces is left in the circuit.
"""

from __future__ import annotations

import numpy as np

from prover.graph import Node
from prover.quantization.blocks.sums import shifted
from prover.quantization.blocks.variables import producer
from prover.quantization.sparse import Sparse
from prover.quantization.trace import Affine, Link, Trace, Value

_POSITIVE = frozenset({"Exp", "Sigmoid", "Softplus"})
"""Functions without a zero, whatever bits they are computed with."""


def inverted(trace: Trace, x: Affine) -> Link | None:
    """``1 / x`` as a sigmoid, where x is ``1 + exp(-logit)``."""
    found = producer(trace, shifted(x, -1.0))
    if found is None or found.step.kind != "function" or found.step.params["function"] != "Exp":
        return None
    return Link("sigmoid", found.step.inputs.pick(found.outputs.reshape(x.shape)).negated)


def shares(trace: Trace, node: Node, top: Value | None, total: Affine) -> Link | None:
    """``top / total`` as normalized sigmoids, where the divisor is the sum of one row of sigmoids."""
    if not isinstance(top, Link) or top.kind != "sigmoid" or total.size != 1 or top.logits.size < 2:
        return None
    odds = trace.proved(node, top)
    every = odds.mapped(_ones(odds.size), np.zeros(1), total.shape)
    same = (
        np.array_equal(every.bias, total.bias)
        and np.array_equal(every.matrix.cols, total.matrix.cols)
        and np.array_equal(every.matrix.data, total.matrix.data)
    )
    return Link("normalized", top.logits) if same else None


def is_zero(value: Value | None) -> bool:
    """Whether a tensor is the constant 0."""
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "fiub" and not value.any()
    return isinstance(value, Affine) and value.matrix.nnz == 0 and not value.bias.any() and not value.optional.any()


def is_positive(trace: Trace, x: Affine) -> bool:
    """Whether every element is above 0 because it sums functions that are."""
    if np.any(np.diff(x.matrix.indptr) == 0) or np.any(x.matrix.data < 0) or np.any(x.bias < 0):
        return False
    starts = np.cumsum([trace.facts.n_slots] + [step.n_outputs for step in trace.steps])
    for place in np.unique(np.searchsorted(starts, x.matrix.cols, side="right") - 1).tolist():
        if place < 0:
            return False
        step = trace.steps[place]
        if step.kind != "function" or step.params["function"] not in _POSITIVE:
            return False
    return True


def _ones(size: int) -> Sparse:
    return Sparse.from_dense(np.ones((1, size)))
