"""Entries made from the ONNX package itself: its schemas, its shape inference, its reference implementation.

The standard says which inputs and attributes each version of an operator has, and the onnx package gives its shapes
and its meaning. What is left to say here is what Verdict proves of it: versions, attribute values, static inputs.
Shapes are inferred without evaluating anything; values are computed only when a constant is folded, or when a model is
run where onnxruntime is not installed.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from prover.graph.dtypes import ELEMENT_TYPES
from prover.graph.ir import Array, Node
from prover.graph.ops.spec import (
    DEFAULT_DOMAIN,
    MANY,
    NEWEST,
    OLDEST,
    Attribute,
    Inferred,
    Operand,
    OpSpec,
)

_KINDS = {1: "float", 2: "int", 3: "string", 4: "tensor", 6: "floats", 7: "ints", 8: "strings"}
"""``AttributeProto.AttributeType`` to the names of :class:`Attribute`; other types belong to control flow."""

_FLAGS = {
    "keepdims",
    "exclusive",
    "reverse",
    "select_last_index",
    "noop_with_empty_axes",
    "fmod",
    "upper",
    "ceil_mode",
    "count_include_pad",
}
"""Integers that are 0 or 1; of others, shape inference and evaluation make different things."""

_NUMBERS = {name: number for number, name in _KINDS.items()}

_ELEMENTS = {dtype: number for number, dtype in reversed(ELEMENT_TYPES.items())}


def standard(
    op: str,
    *,
    domain: str = DEFAULT_DOMAIN,
    since: int = 0,
    until: int = 0,
    static: Mapping[int, str] | None = None,
    allowed: Mapping[str, Sequence[object]] | None = None,
    infinite: Sequence[int] = (),
    **overrides: Any,
) -> tuple[OpSpec, ...]:
    """One entry per version of an operator that the standard tells apart.

    Args:
        op: operator type.
        domain: operator-set domain.
        since, until: first and last opset to describe; by default all that this package knows.
        static: inputs that must be constants, by index; those a version does not have are left out.
        allowed: attribute values that are proved, by name; all others are refused by name.
        infinite: indices of inputs that may hold infinities.
        overrides: fields of :class:`OpSpec` in place of the standard's, such as ``evaluate`` or ``transparent``.
    """
    import onnx

    first, last = since or OLDEST[domain], until or NEWEST[domain]
    name = "" if domain == DEFAULT_DOMAIN else domain
    known = sorted(
        (schema for schema in _history() if schema.name == op and schema.domain == name),
        key=lambda schema: schema.since_version,
    )
    starts = [int(schema.since_version) for schema in known]
    entries = []
    for schema, start, end in zip(known, starts, [*starts[1:], last + 1], strict=True):
        low, high = max(start, first), min(end - 1, last)
        if low > high or schema.deprecated:
            continue
        most = min(int(schema.max_input), MANY)
        attributes = {
            key: _attribute(value, None if allowed is None else allowed.get(key))
            for key, value in schema.attributes.items()
            if int(value.type) in _KINDS
        }
        fields: dict[str, Any] = {
            "infer": _infer,
            "evaluate": _evaluate,
            "inputs": (int(schema.min_input), most),
            "outputs": (int(schema.min_output), min(int(schema.max_output), MANY)),
            "attributes": attributes,
            "static": {index: text for index, text in (static or {}).items() if index < most},
            "infinite": tuple(infinite),
            "standard": True,
            **overrides,
        }
        entries.append(OpSpec(op, domain=domain, since=low, until=high, **fields))
    if not entries:
        raise ValueError(f"onnx {onnx.__version__} has no operator {op} of {domain} in versions {first} to {last}")
    return tuple(entries)


@functools.cache
def _history() -> tuple[Any, ...]:
    from onnx import defs

    return tuple(defs.get_all_schemas_with_history())


def _attribute(described: Any, allowed: Sequence[object] | None) -> Attribute:
    from onnx import helper

    kind = _KINDS[int(described.type)]
    if allowed is None and described.name in _FLAGS:
        allowed = (0, 1)
    default: Any = None
    if described.default_value is not None and described.default_value.name:
        default = helper.get_attribute_value(described.default_value)
        if isinstance(default, bytes):
            default = default.decode()
        elif kind == "floats":
            default = np.array(default, dtype=np.float32)
        elif isinstance(default, list):
            default = tuple(item.decode() if isinstance(item, bytes) else item for item in default)
    return Attribute(kind, default, bool(described.required), None if allowed is None else tuple(allowed))


def _proto(node: Node) -> Any:
    """The node as ONNX writes it, with positional tensor names."""
    from onnx import helper, numpy_helper

    inputs = [f"x{index}" if name else "" for index, name in enumerate(node.inputs)]
    outputs = [f"y{index}" if name else "" for index, name in enumerate(node.outputs)]
    proto = helper.make_node(node.op, inputs, outputs, domain=_domain(node))
    described = find_spec(node).attributes
    for key, value in node.attributes.items():
        if value is None:
            continue
        kind = described[key].type
        if kind == "tensor":
            plain: Any = numpy_helper.from_array(np.asarray(value), key)
        else:
            plain = value if isinstance(value, int | float | str) else list(value)  # type: ignore[call-overload]
        proto.attribute.append(helper.make_attribute(key, plain, attr_type=_NUMBERS[kind]))
    return proto


def find_spec(node: Node) -> OpSpec:
    """The entry of a node; imported late, since the table is made of modules such as this one."""
    from prover.graph import ops

    return ops.find_spec(node.domain, node.op, node.opset, node.name)


def _domain(node: Node) -> str:
    return "" if node.domain == DEFAULT_DOMAIN else node.domain


def _infer(node: Node, inputs: Sequence[Operand | None]) -> list[Inferred]:
    """Types by ONNX's own shape inference; constants are shown to it, so that axes and shapes count."""
    from onnx import checker, defs, helper, numpy_helper, shape_inference

    schema = defs.get_schema(node.op, node.opset, _domain(node))
    types, data = {}, {}
    for index, operand in enumerate(inputs):
        if operand is None:
            continue
        name = f"x{index}"
        types[name] = helper.make_tensor_type_proto(_ELEMENTS[operand.dtype], operand.shape)
        if operand.value is not None and operand.dtype.kind != "O":
            data[name] = numpy_helper.from_array(operand.value, name)
    imports = [helper.make_opsetid(_domain(node), node.opset)]
    if _domain(node):
        imports.append(helper.make_opsetid("", NEWEST[DEFAULT_DOMAIN]))
    try:
        found = shape_inference.infer_node_outputs(schema, _proto(node), types, data, opset_imports=imports)
    except (shape_inference.InferenceError, checker.ValidationError, RuntimeError) as error:
        raise ValueError(str(error).strip().splitlines()[-1][:300]) from error
    results = []
    for index, name in enumerate(node.outputs):
        if not name:
            results.append(Inferred(np.dtype(np.float32), ()))
            continue
        results.append(_inferred(node, found.get(f"y{index}"), index, inputs))
    return results


def _inferred(node: Node, proto: Any, index: int, inputs: Sequence[Operand | None]) -> Inferred:
    tensor = None if proto is None or proto.WhichOneof("value") != "tensor_type" else proto.tensor_type
    dtype = None if tensor is None else ELEMENT_TYPES.get(tensor.elem_type)
    dimensions = list(tensor.shape.dim) if tensor is not None and tensor.HasField("shape") else None
    if dtype is None:
        raise ValueError(f"the type of output {index} is not known")
    if dimensions is None or not all(item.HasField("dim_value") for item in dimensions):
        if all(operand is None or operand.value is not None for operand in inputs):
            values = _evaluate(node, [None if operand is None else operand.value for operand in inputs])
            return Inferred(values[index].dtype, values[index].shape, values[index])
        raise ValueError(f"the shape of output {index} depends on the model's input")
    return Inferred(dtype, tuple(int(item.dim_value) for item in dimensions))


def _evaluate(node: Node, inputs: Sequence[Array | None]) -> list[Array]:
    """Outputs by ONNX's reference implementation, in numpy."""
    feeds = {f"x{index}": value for index, value in enumerate(inputs) if value is not None}
    wanted = [f"y{index}" for index, name in enumerate(node.outputs) if name]
    try:
        results = iter(_session(node, tuple(value is not None for value in inputs)).run(wanted, feeds))
    except (RuntimeError, AssertionError, NotImplementedError, AttributeError, KeyError) as error:
        raise ValueError(str(error).strip()[:300] or type(error).__name__) from error
    return [np.asarray(next(results)) if name else np.zeros(0, dtype=np.float32) for name in node.outputs]


@functools.lru_cache(maxsize=4096)
def _session(node: Node, present: tuple[bool, ...]) -> Any:
    from onnx import helper
    from onnx.reference import ReferenceEvaluator

    proto = _proto(node)
    empty = helper.make_tensor_type_proto(0, None)
    graph = helper.make_graph(
        [proto],
        "node",
        [helper.make_value_info(name, empty) for name in proto.input if name],
        [helper.make_value_info(name, empty) for name in proto.output if name],
    )
    imports = [helper.make_opsetid(_domain(node), node.opset)]
    if _domain(node):
        imports.append(helper.make_opsetid("", NEWEST[DEFAULT_DOMAIN]))
    return ReferenceEvaluator(helper.make_model(graph, opset_imports=imports))
