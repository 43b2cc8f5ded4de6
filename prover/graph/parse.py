"""From a ModelProto to plain Python: opsets, typed inputs, nodes with checked attributes, constant arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from prover.errors import ModelFileError, ModelShapeError
from prover.graph.dtypes import ELEMENT_TYPES
from prover.graph.ir import Array, Node, TensorInfo
from prover.graph.limits import Budget, Limits
from prover.graph.nodes import Scope, parse_constants, parse_nodes, parse_opsets
from prover.graph.ops.spec import DEFAULT_DOMAIN
from prover.graph.tensors import utf8


@dataclass(frozen=True)
class ParsedModel:
    """The content of a file before shapes are known.

    Attributes:
        output_types: declared dtype by output name; None where the output is no tensor (ZipMap).
        scope: where its nodes were read; the budget in it is what unrolling may still use.
    """

    name: str
    inputs: tuple[TensorInfo, ...]
    output_types: Mapping[str, np.dtype[Any] | None]
    nodes: tuple[Node, ...]
    constants: Mapping[str, Array]
    scope: Scope

    @property
    def opsets(self) -> Mapping[str, int]:
        """Version by domain."""
        return self.scope.opsets


def parse_model(
    model: Any, folder: Path | None, limits: Limits, input_shapes: Mapping[str, Sequence[int]]
) -> ParsedModel:
    """Read everything out of the protobuf.

    Raises:
        ModelFileError, ModelShapeError, UnsupportedOpError: see :func:`prover.graph.import_model`.
    """
    graph = model.graph
    try:
        _check_structure(model, limits)
        scope = Scope(parse_opsets(model.opset_import), folder, limits, Budget(limits.nodes), _functions(model))
        nodes = tuple(parse_nodes(graph.node, scope))
        constants = parse_constants(graph, scope)
        inputs = tuple(_input(proto, input_shapes) for proto in graph.input if proto.name not in constants)
        outputs = [(proto.name, _output_type(proto)) for proto in graph.output]
        name = utf8(graph.name)
    except UnicodeDecodeError as error:
        raise ModelFileError(f"the model holds a string that is not UTF-8: {error}") from error
    for unknown in input_shapes.keys() - {info.name for info in inputs}:
        raise ModelShapeError(f"input_shapes names {unknown!r}, which is not an input of the model")
    if len(dict(outputs)) != len(outputs):
        raise ModelFileError("two outputs of the model have the same name")
    return ParsedModel(name, inputs, dict(outputs), nodes, constants, scope)


def _check_structure(model: Any, limits: Limits) -> None:
    graph = model.graph
    if not graph.node or not graph.output:
        raise ModelFileError("the model's graph is empty: no nodes, or no outputs")
    if len(graph.node) > limits.nodes:
        raise ModelFileError(f"the model has {len(graph.node)} nodes, more than {limits.nodes}")


def _functions(model: Any) -> dict[tuple[str, str, str], Any]:
    """Local functions by (domain, name, overload); of two with one name, nobody knows which is meant."""
    result: dict[tuple[str, str, str], Any] = {}
    for function in model.functions:
        key = utf8(function.domain) or DEFAULT_DOMAIN, utf8(function.name), utf8(getattr(function, "overload", ""))
        if key in result:
            raise ModelFileError(f"two local functions are called {key[1]!r} of {key[0]!r}")
        result[key] = function
    return result


def _input(proto: Any, input_shapes: Mapping[str, Sequence[int]]) -> TensorInfo:
    name = utf8(proto.name)
    tensor = proto.type.tensor_type
    dtype = ELEMENT_TYPES.get(tensor.elem_type) if proto.type.WhichOneof("value") == "tensor_type" else None
    if not name or dtype is None:
        raise ModelShapeError(
            f"input {name!r} is not a tensor of numbers or texts", "convert sequences and maps to tensors"
        )
    if name in input_shapes:
        shape = tuple(int(size) for size in input_shapes[name])
    elif tensor.HasField("shape"):
        shape = _static_shape(name, tensor.shape.dim)
    else:
        raise ModelShapeError(f"input {name!r} has no shape", f"give one: {_shape_hint(name, 2)}")
    if any(size < 1 for size in shape):
        raise ModelShapeError(f"input {name!r} has the shape {list(shape)}, every dimension must be at least 1")
    return TensorInfo(name, dtype, shape)


def _static_shape(name: str, dimensions: Any) -> tuple[int, ...]:
    """A symbolic or unknown first dimension is the batch: one sample is proved at a time. Others must be known."""
    shape: list[int] = []
    batch = utf8(dimensions[0].dim_param) if len(dimensions) else ""
    for axis, dimension in enumerate(dimensions):
        known = dimension.WhichOneof("value") == "dim_value" and dimension.dim_value != 0
        if known:
            shape.append(dimension.dim_value)
        elif axis == 0 or (batch and dimension.dim_param == batch):
            shape.append(1)
        else:
            raise ModelShapeError(
                f"dimension {axis} of input {name!r} is {dimension.dim_param or 'unknown'}, it must be a number",
                f"export with a fixed shape, or give one: {_shape_hint(name, len(dimensions))}",
            )
    return tuple(shape)


def _shape_hint(name: str, rank: int) -> str:
    """How a caller says the shape of an input, with letters for what is to be filled in."""
    sizes = ["1", *(chr(ord("N") + axis % 12) for axis in range(rank - 1))]
    return f"input_shapes={{{name!r}: ({', '.join(sizes)})}}, --input-shape {name}={','.join(sizes)}"


def _output_type(proto: Any) -> np.dtype[Any] | None:
    if not utf8(proto.name):
        raise ModelFileError("an output of the model has no name")
    is_tensor = proto.type.WhichOneof("value") == "tensor_type"
    return ELEMENT_TYPES.get(proto.type.tensor_type.elem_type) if is_tensor else None
