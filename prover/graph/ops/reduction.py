"""Softmax and ArgMax."""

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


def _infer_argmax(node: Node, inputs: Sequence[Operand | None]) -> list[Inferred]:
    value = needed(inputs[0])
    same_dtype(inputs)
    axis = normal_axis(_axis(node), len(value.shape))
    if value.shape[axis] == 0:
        raise ValueError("the maximum of no values is not defined")
    kept = (1,) if node.attributes["keepdims"] else ()
    return [Inferred(np.dtype(np.int64), (*value.shape[:axis], *kept, *value.shape[axis + 1 :]))]


def _argmax(node: Node, inputs: Sequence[Array | None]) -> list[Array]:
    keep = bool(node.attributes["keepdims"])
    return [np.asarray(np.argmax(array(inputs[0]), axis=_axis(node), keepdims=keep)).astype(np.int64)]


_ARGMAX = {"axis": integer(0), "keepdims": integer(1)}
# Ties go to the first index; the other choice is not proved.
_ARGMAX_12 = {**_ARGMAX, "select_last_index": integer(0, allowed=(0,))}

OPS = (
    OpSpec("Softmax", _infer_softmax, _softmax_2d, until=12, attributes={"axis": integer(1)}),
    OpSpec("Softmax", _infer_softmax, _softmax, since=13, attributes={"axis": integer(-1)}),
    OpSpec("ArgMax", _infer_argmax, _argmax, until=11, attributes=_ARGMAX),
    OpSpec("ArgMax", _infer_argmax, _argmax, since=12, attributes=_ARGMAX_12),
)
