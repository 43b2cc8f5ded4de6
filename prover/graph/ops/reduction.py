"""Softmax."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from prover.graph.ir import Array, Node
from prover.graph.ops.spec import Inferred, Operand, OpSpec, array, integer, needed, normal_axis, same_dtype


def softmax(value: Array, axis: int) -> Array:
    """e^x / sum e^x along one axis, shifted by the maximum."""
    shifted = np.exp(value - value.max(axis=axis, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=axis, keepdims=True)).astype(value.dtype)


def _axis(node: Node) -> int:
    axis = node.attributes["axis"]
    assert isinstance(axis, int)
    return axis


def _infer_softmax(node: Node, inputs: Sequence[Operand | None]) -> list[Inferred]:
    value = needed(inputs[0])
    normal_axis(_axis(node), len(value.shape))
    return [Inferred(same_dtype(inputs, "f"), value.shape)]


def _softmax(node: Node, inputs: Sequence[Array | None]) -> list[Array]:
    return [softmax(array(inputs[0]), _axis(node))]


def _softmax_2d(node: Node, inputs: Sequence[Array | None]) -> list[Array]:
    """Before opset 13: the tensor is coerced to a matrix at the axis, each row is one distribution."""
    value = array(inputs[0])
    axis = normal_axis(_axis(node), value.ndim)
    rows = value.reshape(prod(value.shape[:axis]), -1)
    return [softmax(rows, 1).reshape(value.shape)]


OPS = (
    OpSpec("Softmax", _infer_softmax, _softmax_2d, until=12, attributes={"axis": integer(1)}),
    OpSpec("Softmax", _infer_softmax, _softmax, since=13, attributes={"axis": integer(-1)}),
)
