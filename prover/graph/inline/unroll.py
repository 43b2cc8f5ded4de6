"""If, Loop and Scan whose course is known, and operators defined by functions, become the nodes they stand for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from prover.errors import ModelFileError
from prover.graph.inline.control import ControlNode, FunctionNode, Subgraph
from prover.graph.inline.target import Target, added, stacked
from prover.graph.ir import Node
from prover.graph.nodes import inline
from prover.graph.ops.spec import DEFAULT_DOMAIN, normal_axis, unsupported

_STATIC = "export the model with this decided: only constant conditions and trip counts are unrolled"


def unroll(target: Target, node: ControlNode) -> None:
    """Add the nodes that If, Loop or Scan executes.

    Raises:
        UnsupportedOpError: its course depends on the model's input.
        ModelFileError: bodies that do not fit the node, or too many nodes.
    """
    {"If": _branch, "Loop": _loop, "Scan": _scan}[node.op](target, node)


def expand(target: Target, node: FunctionNode) -> None:
    """Add the nodes of the function that defines the operator.

    Raises:
        UnsupportedOpError: the standard has no body for these inputs, or one with operators that are not supported.
    """
    from onnx import FunctionProto, defs, helper

    schema: Any = defs.get_schema(node.op, node.opset, "" if node.domain == DEFAULT_DOMAIN else node.domain)
    data = b""
    try:
        if schema.has_function:
            version = max((v for v in schema.function_opset_versions if v <= node.opset), default=0)
            data = schema.get_function_with_opset_version(version)
        if not data:
            types = [
                helper.make_tensor_type_proto(
                    helper.np_dtype_to_tensor_dtype(target.info(name).dtype), target.info(name).shape
                ).SerializeToString()
                if name
                else b""
                for name in node.inputs
            ]
            proto = type(node.proto)()
            proto.CopyFrom(node.proto)
            proto.input.extend(f"x{index}" if name else "" for index, name in enumerate(node.inputs))
            proto.output.extend(f"y{index}" if name else "" for index, name in enumerate(node.outputs))
            known = schema.context_dependent_function_opset_versions
            version = max((v for v in known if v <= node.opset), default=0)
            data = schema.get_context_dependent_function_with_opset_version(version, proto.SerializeToString(), types)
    except (RuntimeError, TypeError, KeyError) as error:
        assert node.refusal is not None
        raise node.refusal from error
    if not data:
        assert node.refusal is not None
        raise node.refusal
    function = FunctionProto()
    function.ParseFromString(data)
    attributes = {item.name: item for item in node.proto.attribute}
    for name, described in schema.attributes.items():
        if name not in attributes and described.default_value.name:
            attributes[name] = described.default_value
    for inner in inline(function, node, attributes, target.scope):
        target.add(inner)


def _branch(target: Target, node: ControlNode) -> None:
    if len(node.inputs) != 1:
        raise ModelFileError(f"{node} has {len(node.inputs)} inputs, expected a condition")
    condition = target.value(node.inputs[0])
    if condition is None:
        raise unsupported(node, "its condition depends on the model's input", _STATIC)
    if condition.size != 1:
        raise ModelFileError(f"{node}: its condition has {condition.size} elements")
    body = node.bodies["then_branch" if bool(condition.reshape(-1)[0]) else "else_branch"]
    _bind(target, node, _instance(target, node, body, [], ""))


def _loop(target: Target, node: ControlNode) -> None:
    body = node.bodies["body"]
    state = list(node.inputs[2:])
    if len(body.inputs) != 2 + len(state) or len(body.outputs) < 1 + len(state):
        raise ModelFileError(f"{node}: its body does not take and return {len(state)} values")
    trips, condition = (_scalar(target, node, index) for index in (0, 1))
    collected: list[list[str]] = [[] for _ in body.outputs[1 + len(state) :]]
    turn = 0
    running = condition is None or bool(condition)
    while running and (trips is None or turn < trips):
        turn_name, go_name = (target.fresh(f"{_first(node)}/{turn}/{what}") for what in ("turn", "condition"))
        target.define(turn_name, np.array(turn, dtype=np.int64))
        target.define(go_name, np.array(True))
        results = _instance(target, node, body, [turn_name, go_name, *state], f"{turn}/")
        go = target.value(results[0])
        if go is None or go.size != 1:
            raise unsupported(node, "how often it runs depends on the model's input", _STATIC)
        running = bool(go.reshape(-1)[0])
        state = results[1 : 1 + len(state)]
        for column, name in zip(collected, results[1 + len(state) :], strict=True):
            column.append(name)
        turn += 1
    collections = [_collected(target, node, names, 0) for names in collected[: max(len(node.outputs) - len(state), 0)]]
    _bind(target, node, [*state, *collections])


def _scan(target: Target, node: ControlNode) -> None:
    body, count = node.bodies["body"], node.attributes["num_scan_inputs"]
    assert isinstance(count, int)
    n_state = len(node.inputs) - count
    if count < 1 or n_state < 0 or len(body.inputs) != len(node.inputs) or len(body.outputs) < n_state:
        raise ModelFileError(f"{node}: its body does not take its {len(node.inputs)} inputs")
    state, sequences = list(node.inputs[:n_state]), node.inputs[n_state:]
    n_outputs = len(body.outputs) - n_state
    axes, backward = (_integers(node, f"scan_input_{what}", count) for what in ("axes", "directions"))
    places, reversed_ = (_integers(node, f"scan_output_{what}", n_outputs) for what in ("axes", "directions"))
    axes = [_axis(node, axis, len(target.info(name).shape)) for axis, name in zip(axes, sequences, strict=True)]
    lengths = {target.info(name).shape[axis] for name, axis in zip(sequences, axes, strict=True)}
    if len(lengths) != 1:
        raise ModelFileError(f"{node}: its inputs have {sorted(lengths)} steps")
    length = lengths.pop()
    collected: list[list[str]] = [[] for _ in range(n_outputs)]
    for turn in range(length):
        slices = []
        for name, axis, back in zip(sequences, axes, backward, strict=True):
            place = target.fresh(f"{_first(node)}/{turn}/place")
            target.define(place, np.array(length - 1 - turn if back else turn, dtype=np.int64))
            slices.append(added(target, node, "Gather", [name, place], {"axis": axis}))
        results = _instance(target, node, body, [*state, *slices], f"{turn}/")
        state = results[:n_state]
        for column, name in zip(collected, results[n_state:], strict=True):
            column.append(name)
    collections = [
        _collected(target, node, names[::-1] if back else names, place)
        for names, place, back in zip(collected, places, reversed_, strict=True)
    ]
    _bind(target, node, [*state, *collections])


def _instance(target: Target, node: ControlNode, body: Subgraph, inputs: Sequence[str], turn: str) -> list[str]:
    """Add a copy of a body; returns its outputs' names in the graph."""
    target.scope.budget.spend(1 + len(body.nodes), str(node))
    prefix = f"{_first(node)}/{turn}"
    names = dict(node.meaning) | dict(zip(body.inputs, inputs, strict=False))
    for name, value in body.constants.items():
        names[name] = target.fresh(prefix + name)
        target.define(names[name], value)
    for inner in body.nodes:
        target.add(_renamed(target, inner, names, prefix))
    results = [names.get(name, name) for name in body.outputs]
    for name in results:
        if not name:
            raise ModelFileError(f"{node}: its body returns an input that is absent")
        if name not in target.sequences:
            target.info(name)
    return results


def _renamed(target: Target, node: Node, names: dict[str, str], prefix: str) -> Node:
    """A node of a body with the names its tensors have in the graph; notes those of its outputs."""
    inputs = tuple(names.get(name, name) for name in node.inputs)
    meaning: Mapping[str, str] = {}
    if isinstance(node, ControlNode):
        inner = {name: node.meaning.get(name, name) for name in node.captures}
        meaning = {name: names.get(now, now) for name, now in inner.items()}
    for name in filter(None, node.outputs):
        names[name] = target.fresh(prefix + name)
    outputs = tuple(names[name] if name else "" for name in node.outputs)
    copy = replace(node, name=prefix + node.name, inputs=inputs, outputs=outputs)
    return replace(copy, meaning=meaning) if isinstance(copy, ControlNode) else copy


def _bind(target: Target, node: ControlNode, results: Sequence[str]) -> None:
    if len(node.outputs) > len(results):
        raise ModelFileError(f"{node} has {len(node.outputs)} outputs, its body returns {len(results)}")
    for name, result in zip(node.outputs, results, strict=False):
        if name:
            target.rename(name, result)


def _collected(target: Target, node: ControlNode, names: Sequence[str], axis: int) -> str:
    """What the turns of a loop return, along a new axis."""
    if not names:
        raise unsupported(node, "a loop that never runs collects nothing of a known shape", _STATIC)
    return stacked(target, node, names, _axis(node, axis, len(target.info(names[0]).shape) + 1))


def _scalar(target: Target, node: ControlNode, index: int) -> int | None:
    """A constant control input of one element; None where it is left out."""
    name = node.inputs[index] if index < len(node.inputs) else ""
    if not name:
        return None
    value = target.value(name)
    if value is None:
        raise unsupported(node, "how often it runs depends on the model's input", _STATIC)
    if value.size != 1 or value.dtype.kind not in "iub":
        raise ModelFileError(f"{node}: its trip count and its condition must be one number each")
    return int(value.reshape(-1)[0])


def _integers(node: ControlNode, name: str, count: int) -> list[int]:
    value = node.attributes[name]
    if value is None:
        return [0] * count
    assert isinstance(value, tuple)
    if len(value) != count:
        raise ModelFileError(f"{node}: {name} has {len(value)} entries, expected {count}")
    return list(value)


def _axis(node: ControlNode, axis: int, rank: int) -> int:
    try:
        return normal_axis(axis, rank)
    except ValueError as error:
        raise ModelFileError(f"{node}: {error}") from error


def _first(node: Node) -> str:
    return next(filter(None, node.outputs))
