"""Rectifiers of symbolic tensors: one step for the elements whose sign is open, none for the others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from prover.graph import Node
from prover.quantization.blocks.variables import Producer, producer, read_once
from prover.quantization.trace import Affine, FloatStep, Trace


def relu(trace: Trace, node: Node, x: Affine) -> Affine:
    """``max(x, 0)`` of every element.

    An element proven never positive is the constant 0, one proven never negative stays the linear form it is; neither
    costs a constraint. The rectifier of a maximum is taken in the maximum's own step (DESIGN §4: 3(n+2) + (n+1)).
    """
    with np.errstate(invalid="ignore"):  # of weights that are not finite nothing is proven
        lo, hi = trace.interval(x)
    zero = Affine.constant(np.zeros(1), trace.n_variables)
    dead, on = hi <= 0.0, lo >= 0.0
    undecided = np.flatnonzero(~dead & ~on)
    parts = [x, zero]
    place = np.where(dead, x.size, np.arange(x.size))
    if undecided.size:
        flat = x.pick(undecided)
        parts.append(_rectified(trace, node, flat, hi[undecided]))
        place[undecided] = x.size + 1 + np.arange(undecided.size)
    return Affine.stack(parts).pick(place.reshape(x.shape))


def _rectified(trace: Trace, node: Node, x: Affine, hi: NDArray[np.float64]) -> Affine:
    source = producer(trace, x) if node.op == "Relu" and read_once(trace, node) else None
    if source is not None and source.step.kind == "maximum" and not source.step.params["rectify"]:
        step = _of_maximum(node, source)
    else:
        step = FloatStep("relu", node.name, x, x.size)
    return trace.append(step, (x.size,), whole=bool(trace.is_whole(x).all()), lo=0.0, hi=hi)


def _of_maximum(node: Node, source: Producer) -> FloatStep:
    """The step of the maximum, rectifying; the plain one, which nothing else reads, is pruned."""
    k = int(source.step.params["k"])
    rows = source.outputs[:, None] * k + np.arange(k)
    return FloatStep(
        "maximum", node.name, source.step.inputs.pick(rows.ravel()), rows.shape[0], {"k": k, "rectify": True}
    )
