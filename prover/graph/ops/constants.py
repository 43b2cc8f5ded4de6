"""Constants and casts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ml_dtypes
import numpy as np

from prover.graph.dtypes import BFLOAT16, ELEMENT_TYPES
from prover.graph.ir import Array, Node
from prover.graph.ops.spec import (
    Attribute,
    Inferred,
    Operand,
    OpSpec,
    array,
    integer,
    integers,
    needed,
    real,
    reals,
    tensor,
    text,
    texts,
    unsupported,
)

_CONSTANT_TYPES: dict[str, type] = {
    "value_float": np.float32,
    "value_floats": np.float32,
    "value_int": np.int64,
    "value_ints": np.int64,
    "value_string": object,
    "value_strings": object,
}


def _constant(node: Node, inputs: Sequence[Array | None]) -> list[Array]:
    given = {name: value for name, value in node.attributes.items() if value is not None}
    if len(given) != 1:
        raise ValueError(f"a Constant has one value, not {len(given)}")
    ((name, value),) = given.items()
    return [np.asarray(value) if name in ("value", "sparse_value") else np.array(value, dtype=_CONSTANT_TYPES[name])]


def _infer_constant(node: Node, inputs: Sequence[Operand | None]) -> list[Inferred]:
    (value,) = _constant(node, [])
    return [Inferred(value.dtype, value.shape, value)]


def _infer_filled(node: Node, inputs: Sequence[Operand | None]) -> list[Inferred]:
    shape = needed(inputs[0]).value
    if shape is None or shape.dtype != np.int64 or shape.ndim != 1 or (shape < 0).any():
        raise ValueError("the shape must be a constant list of integers")
    value = node.attributes["value"]
    if isinstance(value, np.ndarray) and value.size != 1:
        raise ValueError(f"value has {value.size} elements, expected one")
    dtype = value.dtype if isinstance(value, np.ndarray) else np.dtype(np.float32)
    return [Inferred(dtype, tuple(shape.tolist()))]


def _filled(node: Node, inputs: Sequence[Array | None]) -> list[Array]:
    value = node.attributes["value"]
    fill = value.reshape(()) if isinstance(value, np.ndarray) else np.float32(0)
    return [np.full(tuple(array(inputs[0]).tolist()), fill)]


def _target(node: Node) -> np.dtype[Any]:
    code = node.attributes["to"]
    dtype = ELEMENT_TYPES.get(code) if isinstance(code, int) else None
    if dtype is None or dtype.kind == "O":
        raise unsupported(node, f"cast to element type {code}", "numbers and booleans are supported")
    return dtype


def _infer_cast(node: Node, inputs: Sequence[Operand | None]) -> list[Inferred]:
    data = needed(inputs[0])
    target = _target(node)
    if data.dtype.kind == "O":
        raise unsupported(node, "cast from strings")
    return [Inferred(target, data.shape)]


def _cast(node: Node, inputs: Sequence[Array | None]) -> list[Array]:
    data = array(inputs[0])
    if node.attributes["to"] == BFLOAT16:
        data = data.astype(np.float32).astype(ml_dtypes.bfloat16)
    return [data.astype(_target(node))]


def _changes_nothing(node: Node, inputs: Sequence[Operand | None]) -> bool:
    return needed(inputs[0]).dtype == _target(node) and node.attributes["to"] != BFLOAT16


_VALUE_9: dict[str, Attribute] = {"value": tensor()}
_VALUE_12: dict[str, Attribute] = {
    "value": tensor(),
    "sparse_value": Attribute("sparse_tensor"),
    "value_float": real(),
    "value_floats": reals(finite=False),
    "value_int": integer(),
    "value_ints": integers(),
    "value_string": text(),
    "value_strings": texts(),
}
_TO = {"to": integer(required=True)}
# Both attributes concern 8-bit floats, which are not supported.
_TO_19 = {**_TO, "saturate": integer(1)}
_TO_24 = {**_TO_19, "round_mode": text("up")}
_KEPT: dict[str, Any] = {"transparent": _changes_nothing, "infinite": (0,)}

OPS = (
    OpSpec("Constant", _infer_constant, _constant, until=11, inputs=(0, 0), attributes=_VALUE_9),
    OpSpec("Constant", _infer_constant, _constant, since=12, inputs=(0, 0), attributes=_VALUE_12),
    OpSpec("ConstantOfShape", _infer_filled, _filled, static={0: "input"}, attributes={"value": tensor()}),
    OpSpec("Cast", _infer_cast, _cast, until=18, attributes=_TO, **_KEPT),
    OpSpec(
        "Cast", _infer_cast, _cast, since=19, until=23, attributes=_TO_19, transparent=_changes_nothing, infinite=(0,)
    ),
    OpSpec("Cast", _infer_cast, _cast, since=24, attributes=_TO_24, **_KEPT),
)
