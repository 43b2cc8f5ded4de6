"""Operators that move elements and compute nothing."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from prover.graph.ir import Array, Node
from prover.graph.limits import MAX_RANK
from prover.graph.ops.spec import (
    MANY,
    Evaluate,
    Infer,
    Inferred,
    Operand,
    OpSpec,
    array,
    integer,
    integers,
    needed,
    normal_axis,
    same_dtype,
)

_ANY = "fiubO"
_INT64 = np.dtype(np.int64)


def _int(node: Node, name: str) -> int:
    value = node.attributes[name]
    assert isinstance(value, int)
    return value


def _constant_ints(operand: Operand | None, what: str) -> list[int]:
    """A constant 1-D integer input, or a scalar as a list of one."""
    value = needed(operand).value
    if value is None or value.dtype.kind not in "iu" or value.ndim > 1:
        raise ValueError(f"{what} must be a constant list of integers")
    return [int(item) for item in value.reshape(-1)]


# --- Reshape, Flatten -------------------------------------------------------------------------------------------------


def _infer_reshape(node: Node, inputs: Sequence[Operand | None]) -> list[Inferred]:
    data = needed(inputs[0])
    target = _constant_ints(inputs[1], "shape")
    keep_zero = node.attributes.get("allowzero", 0)
    if len(target) > MAX_RANK or any(size < -1 for size in target) or target.count(-1) > 1:
        raise ValueError(f"{target[:MAX_RANK]} is not a shape")
    if not keep_zero and any(size == 0 and axis >= len(data.shape) for axis, size in enumerate(target)):
        raise ValueError(f"shape {target} copies a dimension that {data.shape} does not have")
    shape = [data.shape[axis] if size == 0 and not keep_zero else size for axis, size in enumerate(target)]
    total = prod(data.shape)
    if -1 in shape:
        rest = prod(size for size in shape if size != -1)
        if rest == 0 or total % rest:
            raise ValueError(f"{total} elements do not fill the shape {target}")
        shape[shape.index(-1)] = total // rest
    if prod(shape) != total:
        raise ValueError(f"{total} elements do not fill the shape {target}")
    return [Inferred(data.dtype, tuple(shape))]


def _infer_flatten(node: Node, inputs: Sequence[Operand | None]) -> list[Inferred]:
    data = needed(inputs[0])
    axis = _int(node, "axis")
    if not -len(data.shape) <= axis <= len(data.shape):
        raise ValueError(f"axis {axis} is outside a tensor of rank {len(data.shape)}")
    axis = axis + len(data.shape) if axis < 0 else axis
    return [Inferred(data.dtype, (prod(data.shape[:axis]), prod(data.shape[axis:])))]


def _infer_squeeze(node: Node, inputs: Sequence[Operand | None]) -> list[Inferred]:
    data = needed(inputs[0])
    axes = _axes(node, inputs)
    if axes is None:
        return [Inferred(data.dtype, tuple(size for size in data.shape if size != 1))]
    dropped = {normal_axis(axis, len(data.shape)) for axis in axes}
    for axis in dropped:
        if data.shape[axis] != 1:
            raise ValueError(f"axis {axis} of shape {data.shape} is not of length 1")
    return [Inferred(data.dtype, tuple(size for axis, size in enumerate(data.shape) if axis not in dropped))]


def _infer_unsqueeze(node: Node, inputs: Sequence[Operand | None]) -> list[Inferred]:
    data = needed(inputs[0])
    axes = _axes(node, inputs) or []
    rank = len(data.shape) + len(axes)
    added = {normal_axis(axis, rank) for axis in axes}
    if len(added) != len(axes):
        raise ValueError(f"axes {axes} repeat")
    rest = iter(data.shape)
    return [Inferred(data.dtype, tuple(1 if axis in added else next(rest) for axis in range(rank)))]


def _axes(node: Node, inputs: Sequence[Operand | None]) -> list[int] | None:
    """Axes of Squeeze and Unsqueeze: an attribute before opset 13, then an input."""
    if len(inputs) > 1 and inputs[1] is not None:
        return _constant_ints(inputs[1], "axes")
    axes = node.attributes.get("axes")
    return list(axes) if isinstance(axes, tuple) else None


def _reshaped(infer: Infer) -> Evaluate:
    """Evaluator of an operator whose output holds the same elements in the same order."""

    def evaluate(node: Node, inputs: Sequence[Array | None]) -> list[Array]:
        operands = [None if value is None else Operand("", value.dtype, value.shape, value) for value in inputs]
        return [array(inputs[0]).reshape(infer(node, operands)[0].shape)]

    return evaluate


# --- Transpose, Concat, Gather ----------------------------------------------------------------------------------------


def _permutation(node: Node, rank: int) -> tuple[int, ...]:
    perm = node.attributes["perm"]
    order = tuple(range(rank))[::-1] if perm is None else tuple(perm)  # type: ignore[arg-type]
    if sorted(order) != list(range(rank)):
        raise ValueError(f"perm {order} is not a permutation of {rank} axes")
    return order


def _infer_transpose(node: Node, inputs: Sequence[Operand | None]) -> list[Inferred]:
    data = needed(inputs[0])
    return [Inferred(data.dtype, tuple(data.shape[axis] for axis in _permutation(node, len(data.shape))))]


def _transpose(node: Node, inputs: Sequence[Array | None]) -> list[Array]:
    data = array(inputs[0])
    return [data.transpose(_permutation(node, data.ndim))]


def _infer_concat(node: Node, inputs: Sequence[Operand | None]) -> list[Inferred]:
    operands = [needed(operand) for operand in inputs]
    shapes = [operand.shape for operand in operands]
    axis = normal_axis(_int(node, "axis"), len(shapes[0]))
    if len({(*shape[:axis], None, *shape[axis + 1 :]) for shape in shapes}) != 1:
        raise ValueError(f"shapes {shapes} do not join along axis {axis}")
    length = sum(shape[axis] for shape in shapes)
    return [Inferred(same_dtype(operands, _ANY), (*shapes[0][:axis], length, *shapes[0][axis + 1 :]))]


def _concat(node: Node, inputs: Sequence[Array | None]) -> list[Array]:
    return [np.concatenate([array(value) for value in inputs], axis=_int(node, "axis"))]


def _infer_gather(node: Node, inputs: Sequence[Operand | None]) -> list[Inferred]:
    data, indices = needed(inputs[0]), needed(inputs[1])
    axis = normal_axis(_int(node, "axis"), len(data.shape))
    if indices.dtype not in (np.int32, np.int64):
        raise ValueError(f"indices have dtype {indices.dtype}, expected int32 or int64")
    length = data.shape[axis]
    if indices.value is not None and ((indices.value < -length) | (indices.value >= length)).any():
        raise ValueError(f"an index is outside axis {axis} of length {length}")
    return [Inferred(data.dtype, (*data.shape[:axis], *indices.shape, *data.shape[axis + 1 :]))]


def _gather(node: Node, inputs: Sequence[Array | None]) -> list[Array]:
    return [np.asarray(np.take(array(inputs[0]), array(inputs[1]), axis=_int(node, "axis")))]


# --- Identity, Shape --------------------------------------------------------------------------------------------------


def _infer_identity(node: Node, inputs: Sequence[Operand | None]) -> list[Inferred]:
    data = needed(inputs[0])
    return [Inferred(data.dtype, data.shape, data.value)]


def _identity(node: Node, inputs: Sequence[Array | None]) -> list[Array]:
    return [array(inputs[0])]


def _always(node: Node, inputs: Sequence[Operand | None]) -> bool:
    return True


def _infer_shape(node: Node, inputs: Sequence[Operand | None]) -> list[Inferred]:
    end = node.attributes.get("end")
    start = node.attributes.get("start", 0)
    assert isinstance(start, int)
    shape = needed(inputs[0]).shape[start : end if isinstance(end, int) else None]
    return [Inferred(_INT64, (len(shape),), np.array(shape, dtype=np.int64))]


def _shape(node: Node, inputs: Sequence[Array | None]) -> list[Array]:
    data = array(inputs[0])
    return [np.asarray(_infer_shape(node, [Operand("", data.dtype, data.shape)])[0].value)]


def _infer_size(node: Node, inputs: Sequence[Operand | None]) -> list[Inferred]:
    return [Inferred(_INT64, (), np.array(prod(needed(inputs[0]).shape), dtype=np.int64))]


def _size(node: Node, inputs: Sequence[Array | None]) -> list[Array]:
    return [np.array(array(inputs[0]).size, dtype=np.int64)]


_RESHAPE = _reshaped(_infer_reshape)
_SQUEEZE = _reshaped(_infer_squeeze)
_UNSQUEEZE = _reshaped(_infer_unsqueeze)
_ALLOW_ZERO = {"allowzero": integer(0, allowed=(0, 1))}
_START_END = {"start": integer(0), "end": integer()}
_AXIS = {"axis": integer(0)}

OPS = (
    OpSpec("Reshape", _infer_reshape, _RESHAPE, until=13, inputs=(2, 2), static={1: "shape"}),
    OpSpec("Reshape", _infer_reshape, _RESHAPE, since=14, inputs=(2, 2), static={1: "shape"}, attributes=_ALLOW_ZERO),
    OpSpec("Flatten", _infer_flatten, _reshaped(_infer_flatten), attributes={"axis": integer(1)}),
    OpSpec("Squeeze", _infer_squeeze, _SQUEEZE, until=12, attributes={"axes": integers()}),
    OpSpec("Squeeze", _infer_squeeze, _SQUEEZE, since=13, inputs=(1, 2), static={1: "axes"}),
    OpSpec("Unsqueeze", _infer_unsqueeze, _UNSQUEEZE, until=12, attributes={"axes": integers(required=True)}),
    OpSpec("Unsqueeze", _infer_unsqueeze, _UNSQUEEZE, since=13, inputs=(2, 2), static={1: "axes"}),
    OpSpec("Transpose", _infer_transpose, _transpose, attributes={"perm": integers()}),
    OpSpec("Concat", _infer_concat, _concat, inputs=(1, MANY), attributes={"axis": integer(required=True)}),
    OpSpec("Gather", _infer_gather, _gather, inputs=(2, 2), attributes=_AXIS),
    OpSpec("Identity", _infer_identity, _identity, transparent=_always),
    OpSpec("Shape", _infer_shape, _shape, until=14),
    OpSpec("Shape", _infer_shape, _shape, since=15, attributes=_START_END),
    OpSpec("Size", _infer_size, _size),
)
