"""NodeProtos to nodes: names, checked attributes, calls of functions inlined, bodies of If, Loop and Scan parsed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from prover.errors import ModelFileError, UnsupportedOpError
from prover.graph.inline.control import BODIES, SEQUENCES, ControlNode, FunctionNode, Subgraph
from prover.graph.ir import Array, Node
from prover.graph.limits import Budget, Limits
from prover.graph.ops import find_spec
from prover.graph.ops.spec import DEFAULT_DOMAIN, NEWEST, OLDEST, Attribute, unsupported
from prover.graph.tensors import decode_sparse, decode_tensor, utf8
from prover.graph.topology import topological_order

_ATTRIBUTE_TYPES = {
    1: "float",
    2: "int",
    3: "string",
    4: "tensor",
    5: "graph",
    6: "floats",
    7: "ints",
    8: "strings",
    11: "sparse_tensor",
}
"""By ``AttributeProto.AttributeType``; types and lists of tensors or graphs belong to no operator here."""

_DEEPEST = 64
"""Most calls of functions inside each other."""


@dataclass(frozen=True)
class Scope:
    """Where nodes are read: the model itself, or the body of a function as one call of it means it.

    Attributes:
        opsets: version by domain.
        folder: where external data may lie.
        limits: sizes.
        budget: nodes still allowed, shared by all scopes of a model.
        functions: FunctionProto by (domain, name, overload).
        prefix: put before the names of a function's own tensors and nodes.
        names: what a function's formal names stand for at the call; None in the model itself.
        attributes: AttributeProto by name, the values of a function's attributes at the call.
        calls: functions being inlined, outermost first.
    """

    opsets: Mapping[str, int]
    folder: Path | None
    limits: Limits
    budget: Budget
    functions: Mapping[tuple[str, str, str], Any] = field(default_factory=dict)
    prefix: str = ""
    names: Mapping[str, str] | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    calls: tuple[tuple[str, str, str], ...] = ()

    def name(self, text: Any) -> str:
        """A tensor's name in the model. An absent input stays absent."""
        plain = utf8(text)
        if self.names is None or not plain:
            return plain
        known = self.names.get(plain)
        return self.prefix + plain if known is None else known


def parse_opsets(imports: Iterable[Any]) -> dict[str, int]:
    """Version by domain. Exporters repeat an import; that is harmless while the versions agree."""
    result: dict[str, int] = {}
    for entry in imports:
        domain = utf8(entry.domain) or DEFAULT_DOMAIN
        if result.setdefault(domain, entry.version) != entry.version:
            raise ModelFileError(f"the model imports {domain} as version {result[domain]} and as {entry.version}")
    return result


def parse_nodes(protos: Iterable[Any], scope: Scope) -> list[Node]:
    """All nodes of a graph or a function body, local functions inlined.

    Raises:
        ModelFileError, UnsupportedOpError: see :func:`prover.graph.import_model`.
    """
    nodes: list[Node] = []
    for proto in protos:
        scope.budget.spend(1, f"node {utf8(proto.name) or utf8(next(iter(proto.output), ''))!r}")
        key = utf8(proto.domain) or DEFAULT_DOMAIN, utf8(proto.op_type), utf8(getattr(proto, "overload", ""))
        if key in scope.functions:
            nodes += _call(proto, key, scope)
        else:
            nodes.append(_node(proto, key[0], key[1], scope))
    return nodes


def parse_constants(graph: Any, scope: Scope) -> dict[str, Array]:
    """Initializers, sparse ones made dense."""
    result: dict[str, Array] = {}
    elements = 0
    sparse = [(proto.values.name, proto) for proto in graph.sparse_initializer]
    for text, proto in [*((proto.name, proto) for proto in graph.initializer), *sparse]:
        name = scope.name(text)
        if not name or name in result:
            raise ModelFileError(f"the initializer {name!r} has no name, or a name used twice")
        decode = decode_sparse if proto.DESCRIPTOR.name == "SparseTensorProto" else decode_tensor
        result[name] = decode(proto, name, scope.folder, scope.limits)
        elements += result[name].size
        if elements > scope.limits.total_elements:
            raise ModelFileError(f"the initializers have more than {scope.limits.total_elements} elements")
    return result


def inline(function: Any, node: Node, attributes: Mapping[str, Any], scope: Scope) -> list[Node]:
    """The body of a FunctionProto in place of one node.

    Args:
        attributes: AttributeProto by name, those of the node.
        scope: the model's; the body is read under the function's own operator sets.
    """
    formal, results = [utf8(name) for name in function.input], [utf8(name) for name in function.output]
    if len(node.inputs) > len(formal) or len(node.outputs) > len(results):
        raise ModelFileError(f"{node} has more inputs or outputs than the function it calls")
    prefix = f"{next(filter(None, node.outputs))}/{node.op}/"
    names = dict(zip(formal, [*node.inputs, *[""] * len(formal)], strict=False))
    copies: list[Node] = []
    opsets = parse_opsets(function.opset_import)
    for inner, outer in zip(results, node.outputs, strict=False):
        if not outer:
            continue
        if inner in names:  # an input handed through, or one result under two names
            version = opsets.get(DEFAULT_DOMAIN, 13)
            copies.append(Node(outer, "Identity", DEFAULT_DOMAIN, version, (names[inner],), (outer,), {}))
        else:
            names[inner] = outer
    given = {utf8(proto.name): proto for proto in function.attribute_proto} | dict(attributes)
    body = replace(scope, opsets=opsets, prefix=prefix, names=names, attributes=given)
    nodes = [*parse_nodes(function.node, body), *copies]
    missing = set(filter(None, node.outputs)) - {name for inner in nodes for name in inner.outputs}
    if missing:
        raise ModelFileError(f"{node}: the function it calls produces no {sorted(missing)[0]!r}")
    return nodes


def _call(proto: Any, key: tuple[str, str, str], scope: Scope) -> list[Node]:
    domain, op, _ = key
    if key in scope.calls or len(scope.calls) >= _DEEPEST:
        chain = " calls ".join(repr(name) for _, name, _ in (*scope.calls[-3:], key))
        raise ModelFileError(f"local functions call each other without an end, or too deeply: {chain}")
    node = _draft(proto, domain, op, scope.opsets.get(domain, 1), scope)
    attributes = {item.name: item for item in (_resolved(item, scope) for item in proto.attribute) if item is not None}
    return inline(scope.functions[key], node, attributes, replace(scope, calls=(*scope.calls, key)))


def _draft(proto: Any, domain: str, op: str, version: int, scope: Scope) -> Node:
    inputs, outputs = _names(proto.input, scope), _names(proto.output, scope)
    own = utf8(proto.name)
    name = scope.prefix + own if own else next(filter(None, outputs), "")
    draft = Node(name, op, domain, version, inputs, outputs, {})
    if not any(outputs):
        raise ModelFileError(f"{draft} has no output")
    return draft


def _node(proto: Any, domain: str, op: str, scope: Scope) -> Node:
    name = utf8(proto.name) or next((utf8(item) for item in proto.output if item), "")
    if domain not in scope.opsets:
        raise UnsupportedOpError(
            f"node {name!r} uses {op} of {domain}, which the model does not import",
            "the file is not valid ONNX: every domain needs an opset_import",
            node=name,
            op=op,
            domain=domain,
        )
    version = scope.opsets[domain]
    if domain == DEFAULT_DOMAIN and op in BODIES:
        return _control(_draft(proto, domain, op, version, scope), proto, scope)
    if domain == DEFAULT_DOMAIN and op in SEQUENCES:
        draft = _draft(proto, domain, op, version, scope)
        return replace(draft, attributes=_attributes(draft, SEQUENCES[op], proto.attribute, scope))
    try:
        spec = find_spec(domain, op, version, name)
    except UnsupportedOpError as error:
        if not _has_body(domain, op, version):
            raise
        return _function(_draft(proto, domain, op, version, scope), proto, scope, error)
    inputs, outputs = _names(proto.input, scope), _names(proto.output, scope)
    counted = Node(scope.prefix + name, op, domain, version, inputs, outputs, {})
    for what, names, (least, most) in (("inputs", inputs, spec.inputs), ("outputs", outputs, spec.outputs)):
        if not least <= len(names) <= most:
            raise ModelFileError(f"{counted} has {len(names)} {what}, expected {least} to {most}")
    draft = _draft(proto, domain, op, version, scope)
    return replace(draft, attributes=_attributes(draft, spec.attributes, proto.attribute, scope))


def _names(names: Sequence[Any], scope: Scope) -> tuple[str, ...]:
    """Tensor names without trailing absent ones."""
    result = [scope.name(name) for name in names]
    while result and not result[-1]:
        result.pop()
    return tuple(result)


# --- operators that are graphs ----------------------------------------------------------------------------------------


def _control(node: Node, proto: Any, scope: Scope) -> ControlNode:
    """If, Loop or Scan with its bodies; the builder unrolls it where it knows the constants."""
    bodies: dict[str, Subgraph] = {}
    attributes: dict[str, object] = {}
    wanted = BODIES[node.op]
    for item in proto.attribute:
        name = utf8(item.name)
        if name in bodies or name in attributes:
            raise ModelFileError(f"{node} has the attribute {name!r} twice")
        if name not in wanted:
            raise unsupported(node, f"attribute {name!r} is not supported", "supported: " + ", ".join(wanted))
        if wanted[name].type == "graph":
            if _ATTRIBUTE_TYPES.get(item.type) != "graph":
                raise ModelFileError(f"{node}: attribute {name!r} is not a graph")
            bodies[name] = _subgraph(node, item.g, scope)
        else:
            resolved = _resolved(item, scope)
            if resolved is not None:
                attributes[name] = _attribute(node, wanted[name], resolved, scope)
    for name, attribute in wanted.items():
        if attribute.required and name not in bodies and name not in attributes:
            raise ModelFileError(f"{node} lacks the attribute {name!r}")
    captures = tuple(dict.fromkeys(name for body in bodies.values() for name in body.captures))
    plain = {name: attribute.default for name, attribute in wanted.items() if attribute.type != "graph"} | attributes
    return ControlNode(
        node.name, node.op, node.domain, node.opset, node.inputs, node.outputs, plain, bodies=bodies, captures=captures
    )


def _subgraph(node: Node, graph: Any, scope: Scope) -> Subgraph:
    constants = parse_constants(graph, scope)
    inputs = tuple(scope.name(info.name) for info in graph.input)
    nodes = parse_nodes(graph.node, scope)
    outputs = tuple(scope.name(info.name) for info in graph.output)
    own = {*inputs, *constants, *(name for inner in nodes for name in inner.outputs)}
    free = [name for inner in nodes for name in inner.reads if name and name not in own]
    free += [name for name in outputs if name not in own]
    if not all(outputs) or len(set(inputs)) != len(inputs) or not all(inputs):
        raise ModelFileError(f"{node}: its body has an input or output without a name, or a name twice")
    captures = tuple(dict.fromkeys(free))
    ordered = topological_order(nodes, {*inputs, *constants, *captures})
    return Subgraph(inputs, outputs, tuple(nodes[index] for index in ordered), constants, captures)


def _has_body(domain: str, op: str, version: int) -> bool:
    """Whether the standard itself defines the operator by others."""
    from onnx import defs

    if not OLDEST.get(domain, 1) <= version <= NEWEST.get(domain, 0):
        return False
    try:
        schema: Any = defs.get_schema(op, version, "" if domain == DEFAULT_DOMAIN else domain)
    except (defs.SchemaError, TypeError, OverflowError):
        return False
    return bool(not schema.deprecated and (schema.has_function or schema.has_context_dependent_function))


def _function(node: Node, proto: Any, scope: Scope, refusal: UnsupportedOpError) -> FunctionNode:
    from onnx import defs

    schema = defs.get_schema(node.op, node.opset, "" if node.domain == DEFAULT_DOMAIN else node.domain)
    plain = type(proto)(op_type=proto.op_type, domain="" if node.domain == DEFAULT_DOMAIN else node.domain)
    for item in proto.attribute:
        if utf8(item.name) not in schema.attributes:
            raise refusal
        resolved = _resolved(item, scope)
        if resolved is not None:
            plain.attribute.append(resolved)
    return FunctionNode(
        node.name, node.op, node.domain, node.opset, node.inputs, node.outputs, {}, proto=plain, refusal=refusal
    )


# --- attributes -------------------------------------------------------------------------------------------------------


def _resolved(proto: Any, scope: Scope) -> Any:
    """An attribute with its value; None where it refers to one that the call of its function leaves out."""
    if not proto.ref_attr_name or scope.names is None:
        return proto
    value = scope.attributes.get(utf8(proto.ref_attr_name))
    if value is None:
        return None
    copy = type(proto)()
    copy.CopyFrom(value)
    copy.name = utf8(proto.name)
    return copy


def _attributes(node: Node, described: Mapping[str, Attribute], protos: Any, scope: Scope) -> dict[str, object]:
    result: dict[str, object] = {name: attribute.default for name, attribute in described.items()}
    seen: set[str] = set()
    for proto in protos:
        if utf8(proto.name) not in described:
            known = ", ".join(described) or "none"
            raise unsupported(node, f"attribute {proto.name!r} is not supported", f"supported: {known}")
        if proto.name in seen:
            raise ModelFileError(f"{node} has the attribute {proto.name!r} twice")
        resolved = _resolved(proto, scope)
        if resolved is not None:
            seen.add(proto.name)
            result[proto.name] = _attribute(node, described[proto.name], resolved, scope)
    for name, attribute in described.items():
        if attribute.required and name not in seen:
            raise ModelFileError(f"{node} lacks the attribute {name!r}")
    return result


def _attribute(node: Node, attribute: Attribute, proto: Any, scope: Scope) -> object:
    limits = scope.limits
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
    elif kind == "sparse_tensor":
        value = decode_sparse(proto.sparse_tensor, f"{node.name}.{proto.name}", scope.folder, limits)
    else:
        value = decode_tensor(proto.t, f"{node.name}.{proto.name}", scope.folder, limits)
    if kind in ("float", "floats") and attribute.finite and not np.isfinite(value).all():
        raise ModelFileError(f"{node}: attribute {proto.name!r} holds NaN or infinity")
    if attribute.allowed is not None and value not in attribute.allowed:
        choices = ", ".join(map(repr, attribute.allowed))
        raise unsupported(node, f"{proto.name} = {value!r} is not supported", f"supported values: {choices}")
    return value
