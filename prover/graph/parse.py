"""From a ModelProto to plain Python: opsets, typed inputs, nodes with checked attributes, constant arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from prover.errors import ModelFileError, ModelShapeError, UnsupportedOpError
from prover.graph.dtypes import ELEMENT_TYPES
from prover.graph.ir import Array, Node, TensorInfo
from prover.graph.limits import Limits
from prover.graph.ops import find_spec
from prover.graph.ops.spec import DEFAULT_DOMAIN, Attribute, OpSpec, unsupported
from prover.graph.tensors import decode_tensor, utf8

_ATTRIBUTE_TYPES = {1: "float", 2: "int", 3: "string", 4: "tensor", 6: "floats", 7: "ints", 8: "strings"}
"""By ``AttributeProto.AttributeType``; graphs, types and sparse tensors are not supported by any operator here."""


@dataclass(frozen=True)
class ParsedModel:
    """The content of a file before shapes are known.

    Attributes:
        output_types: declared dtype by output name; None where the output is no tensor (ZipMap).
    """

    name: str
    opsets: Mapping[str, int]
    inputs: tuple[TensorInfo, ...]
    output_types: Mapping[str, np.dtype[Any] | None]
    nodes: tuple[Node, ...]
    constants: Mapping[str, Array]


def parse_model(
    model: Any, folder: Path | None, limits: Limits, input_shapes: Mapping[str, Sequence[int]]
) -> ParsedModel:
    """Read everything out of the protobuf.

    Raises:
        ModelFileError, ModelShapeError, UnsupportedOpError: see :func:`prover.graph.import_model`.
    """
    graph = model.graph
    try:
        opsets = _opsets(model)
        _check_structure(model, limits)
        nodes = tuple(_node(proto, opsets, folder, limits) for proto in graph.node)
        constants = _constants(graph, folder, limits)
        inputs = tuple(_input(proto, input_shapes) for proto in graph.input if proto.name not in constants)
        outputs = [(proto.name, _output_type(proto)) for proto in graph.output]
        name = utf8(graph.name)
    except UnicodeDecodeError as error:
        raise ModelFileError(f"the model holds a string that is not UTF-8: {error}") from error
    for unknown in input_shapes.keys() - {info.name for info in inputs}:
        raise ModelShapeError(f"input_shapes names {unknown!r}, which is not an input of the model")
    if len(dict(outputs)) != len(outputs):
        raise ModelFileError("two outputs of the model have the same name")
    return ParsedModel(name, opsets, inputs, dict(outputs), nodes, constants)


def _opsets(model: Any) -> dict[str, int]:
    """Version by domain. Exporters repeat an import; that is harmless while the versions agree."""
    result: dict[str, int] = {}
    for entry in model.opset_import:
        domain = utf8(entry.domain) or DEFAULT_DOMAIN
        if result.setdefault(domain, entry.version) != entry.version:
            raise ModelFileError(f"the model imports {domain} as version {result[domain]} and as {entry.version}")
    return result


def _check_structure(model: Any, limits: Limits) -> None:
    graph = model.graph
    if not graph.node or not graph.output:
        raise ModelFileError("the model's graph is empty: no nodes, or no outputs")
    if len(graph.node) > limits.nodes:
        raise ModelFileError(f"the model has {len(graph.node)} nodes, more than {limits.nodes}")
    if graph.sparse_initializer:
        raise ModelFileError("the model has sparse initializers, which are not supported", "store them dense")


def _constants(graph: Any, folder: Path | None, limits: Limits) -> dict[str, Array]:
    result: dict[str, Array] = {}
    elements = 0
    for proto in graph.initializer:
        name = utf8(proto.name)
        if not name or name in result:
            raise ModelFileError(f"the initializer {name!r} has no name, or a name used twice")
        result[name] = decode_tensor(proto, name, folder, limits)
        elements += result[name].size
        if elements > limits.total_elements:
            raise ModelFileError(f"the initializers have more than {limits.total_elements} elements")
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
        raise ModelShapeError(f"input {name!r} has no shape", f"pass input_shapes={{{name!r}: (1, ...)}}")
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
                f"export with a fixed shape, or pass input_shapes={{{name!r}: (1, ...)}}",
            )
    return tuple(shape)


def _output_type(proto: Any) -> np.dtype[Any] | None:
    if not utf8(proto.name):
        raise ModelFileError("an output of the model has no name")
    is_tensor = proto.type.WhichOneof("value") == "tensor_type"
    return ELEMENT_TYPES.get(proto.type.tensor_type.elem_type) if is_tensor else None


def _node(proto: Any, opsets: Mapping[str, int], folder: Path | None, limits: Limits) -> Node:
    domain = utf8(proto.domain) or DEFAULT_DOMAIN
    op = utf8(proto.op_type)
    inputs, outputs = _names(proto.input), _names(proto.output)
    name = utf8(proto.name) or next(filter(None, outputs), "")
    if domain not in opsets:
        raise UnsupportedOpError(
            f"node {name!r} uses {op} of {domain}, which the model does not import",
            "the file is not valid ONNX: every domain needs an opset_import",
            node=name,
            op=op,
            domain=domain,
        )
    spec = find_spec(domain, op, opsets[domain], name)
    draft = Node(name, op, domain, opsets[domain], inputs, outputs, {})
    for what, names, (least, most) in (("inputs", inputs, spec.inputs), ("outputs", outputs, spec.outputs)):
        if not least <= len(names) <= most:
            raise ModelFileError(f"{draft} has {len(names)} {what}, expected {least} to {most}")
    if not any(outputs):
        raise ModelFileError(f"{draft} has no output")
    attributes = _attributes(draft, spec, proto.attribute, folder, limits)
    return Node(name, op, domain, opsets[domain], inputs, outputs, attributes)


def _names(names: Sequence[str]) -> tuple[str, ...]:
    """Tensor names without trailing absent ones."""
    result = [utf8(name) for name in names]
    while result and not result[-1]:
        result.pop()
    return tuple(result)


def _attributes(node: Node, spec: OpSpec, protos: Any, folder: Path | None, limits: Limits) -> dict[str, object]:
    result: dict[str, object] = {name: attribute.default for name, attribute in spec.attributes.items()}
    seen: set[str] = set()
    for proto in protos:
        if utf8(proto.name) not in spec.attributes:
            known = ", ".join(spec.attributes) or "none"
            raise unsupported(node, f"attribute {proto.name!r} is not supported", f"supported: {known}")
        if proto.name in seen:
            raise ModelFileError(f"{node} has the attribute {proto.name!r} twice")
        seen.add(proto.name)
        result[proto.name] = _attribute(node, spec.attributes[proto.name], proto, folder, limits)
    for name, attribute in spec.attributes.items():
        if attribute.required and name not in seen:
            raise ModelFileError(f"{node} lacks the attribute {name!r}")
    return result


def _attribute(node: Node, attribute: Attribute, proto: Any, folder: Path | None, limits: Limits) -> object:
    kind = _ATTRIBUTE_TYPES.get(proto.type)
    if kind != attribute.type or proto.ref_attr_name:
        raise ModelFileError(f"{node}: attribute {proto.name!r} is not of type {attribute.type}")
    if max(len(proto.ints), len(proto.floats), len(proto.strings)) > limits.tensor_elements:
        raise ModelFileError(f"{node}: attribute {proto.name!r} has more than {limits.tensor_elements} entries")
    value: Any
    if kind == "int":
        value = proto.i
    elif kind == "float":
        value = proto.f
    elif kind == "string":
        value = proto.s.decode()
    elif kind == "ints":
        value = tuple(proto.ints)
    elif kind == "strings":
        value = tuple(item.decode() for item in proto.strings)
    elif kind == "floats":
        value = np.array(proto.floats, dtype=np.float32)
        value.flags.writeable = False
    else:
        value = decode_tensor(proto.t, f"{node.name}.{proto.name}", folder, limits)
    if kind in ("float", "floats") and attribute.finite and not np.isfinite(value).all():
        raise ModelFileError(f"{node}: attribute {proto.name!r} holds NaN or infinity")
    if attribute.allowed is not None and value not in attribute.allowed:
        choices = ", ".join(map(repr, attribute.allowed))
        raise unsupported(node, f"{proto.name} = {value!r} is not supported", f"supported values: {choices}")
    return value
