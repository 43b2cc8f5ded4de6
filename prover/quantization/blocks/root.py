"""Square roots and inverse square roots: exact to the last bit of their result, over any range."""

from __future__ import annotations

import numpy as np

from prover.graph import Node
from prover.quantization.trace import Affine, FloatStep, Trace


def square_root(trace: Trace, node: Node, x: Affine) -> Affine:
    """``sqrt(x)``, rounded down. An x that may be negative is saturated at 0, and reported."""
    low, high = (np.sqrt(np.maximum(end, 0.0)) for end in trace.interval(x))
    step = FloatStep("root", node.name, x, x.size, {"inverse": False})
    return trace.append(step, x.shape, lo=low, hi=high)


def inverse_root(trace: Trace, node: Node, x: Affine) -> Affine:
    """``1 / sqrt(x)``, rounded down, to two bits more than an activation has, relative to the largest x seen.

    An x that may be 0 or less is saturated at a 256th of the smallest one seen, and reported.
    """
    low, high = trace.interval(x)
    with np.errstate(divide="ignore"):
        ends = [1.0 / np.sqrt(np.maximum(end, 0.0)) for end in (high, low)]
    step = FloatStep("root", node.name, x, x.size, {"inverse": True})
    return trace.append(step, x.shape, lo=ends[0], hi=ends[1])
