"""One-hot vectors of whole numbers: the way to read a table at a place that depends on the input."""

from __future__ import annotations

import numpy as np

from prover.graph import Node
from prover.quantization.blocks.finite import F64, mapped
from prover.quantization.trace import Affine, FloatStep, Trace, unsupported

INDEX = "narrow the range of the feature the index comes from, or declare it a category"
"""Hint where an index may leave its range."""


def one_hot(trace: Trace, node: Node, x: Affine, k: int) -> Affine:
    """``[x == 0, .., x == k - 1]`` of every element: whole, 0 or 1, shape ``(*x.shape, k)``.

    Raises:
        UnsupportedOpError: an x that takes few values, and one of them is no such number.
        QuantizationError: when the step is quantised, of an x that is not whole or not proven to lie in 0..k-1.
    """
    places = np.arange(k, dtype=np.float64)

    def meaning(values: F64) -> F64:
        hot = np.asarray(values[:, None] == places, dtype=np.float64)
        if not hot.any(axis=1).all():
            wrong = float(values[~hot.any(axis=1)][0])
            raise unsupported(node, f"an index may be {wrong:g}, outside 0 to {k - 1}", INDEX)
        return hot

    def step(rest: Affine) -> Affine:
        size = rest.size * k
        return trace.append(FloatStep("one_hot", node.name, rest, size, {"k": k}), (size,), whole=True, lo=0, hi=1)

    flat = mapped(trace, x, k, meaning, step)
    return flat.reshaped((*x.shape, k))
