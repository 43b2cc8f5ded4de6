"""Operators that read or write at indices, and those that make indices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from prover.graph.dtypes import ELEMENT_TYPES
from prover.graph.ir import Array, Node
from prover.graph.ops.spec import Inferred, Operand, OpSpec, array, needed, unsupported
from prover.graph.ops.standard import standard


def _infer_eye(node: Node, inputs: Sequence[Operand | None]) -> list[Inferred]:
    """Only the shape of the input counts, so that the result is a constant, of as many elements."""
    data = needed(inputs[0])
    code, offset = node.attributes["dtype"], node.attributes["k"]
    dtype = data.dtype if code is None else ELEMENT_TYPES.get(code) if isinstance(code, int) else None
    if dtype is None or dtype.kind == "O":
        raise unsupported(node, f"a matrix of element type {code}")
    if len(data.shape) != 2 or not isinstance(offset, int):
        raise ValueError(f"a matrix is as large as one, not as a tensor of shape {data.shape}")
    rows, columns = data.shape
    diagonal = max(min(offset, columns), -rows)
    return [Inferred(dtype, data.shape, np.eye(rows, columns, diagonal, dtype=dtype))]


def _eye(node: Node, inputs: Sequence[Array | None]) -> list[Array]:
    data = array(inputs[0])
    return [array(_infer_eye(node, [Operand("", data.dtype, data.shape)])[0].value)]


def _scatter(node: Node, inputs: Sequence[Array | None]) -> list[Array]:
    """The first name of ScatterElements, which the reference implementation does not know."""
    data, indices, updates = (array(value) for value in inputs)
    axis = node.attributes["axis"]
    assert isinstance(axis, int)
    result = data.copy()
    np.put_along_axis(result, np.where(indices < 0, indices + data.shape[axis], indices), updates, axis)
    return [result]


def _infer_one_hot(node: Node, inputs: Sequence[Operand | None]) -> Sequence[Inferred]:
    """As the standard, of a depth that is a whole number above 0."""
    depth = needed(inputs[1]).value
    if depth is not None and not (depth.size == 1 and bool(np.all((depth == np.rint(depth)) & (depth > 0)))):
        raise ValueError(f"a depth of {depth.ravel()[:4].tolist()}")
    return _ONE_HOT[-1].infer(node, inputs)


_ONE_HOT = standard("OneHot", static={1: "depth"})
_INDICES = {1: "indices"}

OPS: tuple[OpSpec, ...] = (
    *standard("GatherElements"),
    *standard("GatherND"),
    *standard("Scatter", static=_INDICES, evaluate=_scatter),
    *standard("ScatterElements", static=_INDICES),
    *standard("ScatterND", static=_INDICES),
    *(replace(entry, infer=_infer_one_hot) for entry in _ONE_HOT),
    *standard("NonZero", static={0: "X"}),
    *standard("Unique", static={0: "X"}),
    *standard("Range", static={0: "start", 1: "limit", 2: "delta"}),
    *standard("EyeLike", infer=_infer_eye, evaluate=_eye),
    *standard("CumSum", static={1: "axis"}),
)
