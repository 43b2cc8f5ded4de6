"""Softmax, LogSoftmax and Hardmax along any axis."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import numpy as np

from prover.graph import Node
from prover.quantization.blocks import softmax as blocks
from prover.quantization.blocks.one_hot import one_hot
from prover.quantization.rules import rule
from prover.quantization.rules.activation import softmax_link
from prover.quantization.rules.linear import integer
from prover.quantization.trace import Affine, FloatStep, Trace, Value, linear

_STEPS = ("maximum", "function", "quotient", "contract")

_ALONG_AXIS = 13
"""First opset whose Softmax is along one axis; before, the axis begins a block that is flattened."""


@rule("Softmax", steps=_STEPS)
def softmax(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """``exp(x_i) / sum_j exp(x_j)``. One distribution over the whole tensor stays symbolic: at a model's end its label
    or its tier is proved on the logits."""
    source = linear(node, operands[0], trace)
    axis = integer(node, "axis") % len(source.shape)
    axes = range(axis, len(source.shape)) if node.opset < _ALONG_AXIS else (axis,)
    if prod(source.shape[a] for a in axes) == source.size:
        return [softmax_link(source)]
    return [_along(trace, node, source, blocks.softmax)]


@rule("LogSoftmax", steps=_STEPS[:2])
def log_softmax(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """``x_i - log(sum_j exp(x_j))``."""
    return [_along(trace, node, linear(node, operands[0], trace), blocks.log_softmax)]


@rule("Hardmax", steps=("argmax_rows", "one_hot"))
def hardmax(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """1 at the first of the largest elements, 0 elsewhere."""
    return [_along(trace, node, linear(node, operands[0], trace), _decided)]


def _decided(trace: Trace, node: Node, x: Affine, axis: int) -> Affine:
    numbers = np.moveaxis(np.arange(x.size, dtype=np.int64).reshape(x.shape), axis, -1)
    m, k = x.size // x.shape[axis], x.shape[axis]
    if k == 1:
        return Affine.constant(np.ones(x.shape), trace.n_variables)
    step = FloatStep("argmax_rows", node.name, x.pick(numbers.ravel()), m, {"k": k})
    hot = one_hot(trace, node, trace.append(step, (m,), whole=True, lo=0.0, hi=float(k - 1)), k)
    place = np.empty(x.size, dtype=np.int64)
    place[numbers.ravel()] = np.arange(x.size)
    return hot.pick(place.reshape(x.shape))


def _along(trace: Trace, node: Node, source: Affine, block: Callable[[Trace, Node, Affine, int], Affine]) -> Affine:
    axis = integer(node, "axis") % len(source.shape)
    if node.opset >= _ALONG_AXIS:
        return block(trace, node, source, axis)
    numbers = np.arange(source.size, dtype=np.int64)
    rows = source.pick(numbers.reshape(prod(source.shape[:axis]), -1))
    return block(trace, node, rows, 1).pick(numbers.reshape(source.shape))
