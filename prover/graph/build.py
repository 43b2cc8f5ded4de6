"""The passes that turn a parsed model into a :class:`Graph`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from prover.errors import InputError, ModelFileError, ModelShapeError
from prover.graph.inline.control import SEQUENCES, ControlNode, FunctionNode
from prover.graph.inline.sequences import follow
from prover.graph.inline.unroll import expand, unroll
from prover.graph.ir import Array, Graph, Node, TensorInfo
from prover.graph.limits import Limits
from prover.graph.ops import find_spec
from prover.graph.ops.spec import DEFAULT_DOMAIN, Inferred, Operand, OpSpec, unsupported
from prover.graph.parse import ParsedModel

_T = TypeVar("_T")


def build_graph(
    parsed: ParsedModel,
    order: Sequence[int],
    inputs: Sequence[TensorInfo],
    output_names: Sequence[str],
    limits: Limits,
) -> Graph:
    """Infer all tensors, fold constants, remove what only renames, and keep what the outputs need.

    Args:
        order: indices of ``parsed.nodes``, producers first.
    """
    builder = _Builder(parsed, inputs, limits)
    for index in order:
        builder.add(parsed.nodes[index])
    return builder.finish(output_names)


class _Builder:
    """The graph so far: tensors known, nodes kept, and names that stand for another tensor."""

    def __init__(self, parsed: ParsedModel, inputs: Sequence[TensorInfo], limits: Limits) -> None:
        self.parsed = parsed
        self.inputs = tuple(inputs)
        self.limits = limits
        self.constants: dict[str, Array] = dict(parsed.constants)
        self.tensors: dict[str, TensorInfo] = {info.name: info for info in inputs}
        self.nodes: list[Node] = []
        self.alias: dict[str, str] = {}
        self.scope = parsed.scope
        self.sequences: dict[str, Sequence[str]] = {}
        self.reserved = {name for node in parsed.nodes for name in node.outputs}
        self.elements = 0
        self.work = 0
        for info in inputs:
            self._count(f"input {info.name!r}", info.shape)
        for name, value in self.constants.items():
            self.tensors[name] = TensorInfo(name, value.dtype, value.shape)
            self._count(f"tensor {name!r}", value.shape)

    def add(self, node: Node) -> None:
        """Infer one node whose inputs are known; fold, rename or keep it. One that stands for a graph becomes that."""
        node = replace(node, inputs=tuple(self.alias.get(name, name) for name in node.inputs))
        if isinstance(node, ControlNode):
            return unroll(self, node)
        if isinstance(node, FunctionNode):
            return expand(self, node)
        if node.domain == DEFAULT_DOMAIN and node.op in SEQUENCES:
            return follow(self, node)
        if node.op == "Identity" and node.inputs[0] in self.sequences:
            return self.rename(node.outputs[0], node.inputs[0])
        spec = find_spec(node.domain, node.op, node.opset)
        operands = [self._operand(name) if name else None for name in node.inputs]
        self._check_static(node, spec, operands)
        inferred = _guarded(node, lambda: spec.infer(node, operands))
        for name, item in zip(node.outputs, inferred, strict=False):
            self._count(f"{node}: output {name!r}", item.shape)
            if name:
                self.tensors[name] = TensorInfo(name, item.dtype, item.shape)
        known = all(item.value is not None for item in inferred)
        if known or all(operand is None or operand.value is not None for operand in operands):
            self._fold(node, spec, operands, inferred)
        elif spec.transparent and _guarded(node, lambda: spec.transparent(node, operands)):  # type: ignore[misc]
            self.alias[node.outputs[0]] = node.inputs[0]
        else:
            self.nodes.append(node)

    def finish(self, output_names: Sequence[str]) -> Graph:
        """Give the outputs their names, drop what they do not need, and check what is left."""
        nodes = self._name_outputs(output_names)
        nodes = _needed(nodes, output_names)
        read = {name for node in nodes for name in node.inputs if name} | set(output_names)
        constants = {name: value for name, value in self.constants.items() if name in read}
        if not any(name not in constants for name in output_names if name in self.tensors or name in self.sequences):
            raise ModelFileError("the model's outputs do not depend on its inputs")
        _check_finite(nodes, constants)
        names = {info.name for info in self.inputs} | constants.keys()
        names.update(name for node in nodes for name in node.outputs if name)
        return Graph(
            self.parsed.name,
            self.inputs,
            tuple(self._output(name) for name in output_names),
            tuple(nodes),
            constants,
            {name: info for name, info in self.tensors.items() if name in names},
            dict(self.parsed.opsets),
        )

    def define(self, name: str, value: Array) -> None:
        """Take a constant."""
        frozen = np.array(value)
        frozen.flags.writeable = False
        self.constants[name] = frozen
        self.tensors[name] = TensorInfo(name, frozen.dtype, frozen.shape)
        self._count(f"tensor {name!r}", frozen.shape)

    def rename(self, name: str, target: str) -> None:
        """Let ``name`` stand for a tensor that is known."""
        if target in self.sequences:
            self.sequences[name] = self.sequences[target]
            return
        target = self.alias.get(target, target)
        self.tensors[name] = replace(self.info(target), name=name)
        if target in self.constants:
            self.constants[name] = self.constants[target]
        else:
            self.alias[name] = target

    def value(self, name: str) -> Array | None:
        """A tensor's value where it is constant."""
        return self.constants.get(self.alias.get(name, name))

    def info(self, name: str) -> TensorInfo:
        """A tensor's type."""
        found = self.tensors.get(self.alias.get(name, name))
        if found is None:
            raise ModelFileError(f"nothing produces the tensor {name!r}, or it is a sequence")
        return found

    def fresh(self, name: str) -> str:
        """``name``, or one like it that no tensor has."""
        while name in self.tensors or name in self.sequences or name in self.reserved:
            name += "'"
        return name

    def _operand(self, name: str) -> Operand:
        info = self.info(name)
        return Operand(name, info.dtype, info.shape, self.constants.get(name))

    def _check_static(self, node: Node, spec: OpSpec, operands: Sequence[Operand | None]) -> None:
        for index, name in spec.static.items():
            operand = operands[index] if index < len(operands) else None
            if operand is not None and operand.value is None:
                raise unsupported(
                    node,
                    f"input {name!r} is computed from the model's input",
                    "shapes and axes must be constants: export with static shapes",
                )

    def _count(self, what: str, shape: tuple[int, ...]) -> None:
        size = self.limits.size(shape)
        if size is None:
            raise ModelShapeError(f"{what} has the shape {list(shape)[:16]}, which is negative or too large")
        self.elements += size
        if self.elements > self.limits.total_elements:
            raise ModelShapeError(f"the tensors of the model have more than {self.limits.total_elements} elements")

    def _fold(self, node: Node, spec: OpSpec, operands: Sequence[Operand | None], inferred: Sequence[Inferred]) -> None:
        self.work += spec.work(node, operands) if spec.work else 0
        if self.work > self.limits.folding_work:
            raise ModelShapeError(f"{node}: computing the constants takes too long", "fold constants when exporting")
        values: Sequence[Array | None] = [item.value for item in inferred]
        if any(value is None for value in values):
            arrays = [None if operand is None else operand.value for operand in operands]
            with np.errstate(all="ignore"):
                values = _guarded(node, lambda: spec.evaluate(node, arrays))
        for name, value, item in zip(node.outputs, values, inferred, strict=False):
            if name and value is not None:
                if np.shape(value) != item.shape:
                    raise ModelShapeError(f"{node}: {name!r} has the shape {np.shape(value)}, not {item.shape}")
                frozen = np.array(value)
                frozen.flags.writeable = False
                self.constants[name] = frozen

    def _name_outputs(self, output_names: Sequence[str]) -> list[Node]:
        """Where an output is the alias of a computed tensor, that tensor takes the output's name."""
        computed = {name for node in self.nodes for name in node.outputs if name}
        renamed: dict[str, str] = {}
        copies: list[Node] = []
        for name in output_names:
            target = self.alias.get(name, name)
            if target == name:
                continue
            self.tensors[name] = replace(self.tensors[target], name=name)
            if target in computed and target not in output_names and target not in renamed:
                renamed[target] = name
            else:  # the model returns one tensor twice, or an input as it is
                opset = self.parsed.opsets.get(DEFAULT_DOMAIN, 0) or 13
                copies.append(Node(name, "Identity", DEFAULT_DOMAIN, opset, (target,), (name,), {}))

        def current(names: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(renamed.get(name, name) for name in names)

        return [replace(n, inputs=current(n.inputs), outputs=current(n.outputs)) for n in [*self.nodes, *copies]]

    def _output(self, name: str) -> TensorInfo:
        if name in self.sequences:
            raise ModelShapeError(
                f"output {name!r} is a sequence, not a tensor",
                "name an output that is a tensor; of an estimator of several targets, export one estimator a target",
            )
        if name not in self.tensors:
            raise ModelFileError(f"nothing produces the output {name!r}")
        info, declared = self.tensors[name], self.parsed.output_types[name]
        if declared is not None and declared != info.dtype:
            raise ModelShapeError(f"output {name!r} is declared {declared} but is {info.dtype}")
        return info


def _guarded(node: Node, call: Callable[[], _T]) -> _T:
    """Turn numpy's and the operators' complaints about shapes and types into an error that names the node."""
    try:
        return call()
    except (ValueError, TypeError, LookupError, ArithmeticError, MemoryError) as error:
        raise ModelShapeError(f"{node}: {error}") from error
    except InputError as error:  # an evaluator refused a constant
        raise ModelShapeError(error.message) from error


def _needed(nodes: Sequence[Node], output_names: Sequence[str]) -> list[Node]:
    """Nodes on a path to an output, in order."""
    wanted = set(output_names)
    kept: list[Node] = []
    for node in reversed(nodes):
        if wanted.intersection(node.outputs):
            kept.append(node)
            wanted.update(node.inputs)
    return kept[::-1]


def _check_finite(nodes: Sequence[Node], constants: dict[str, Array]) -> None:
    for node in nodes:
        infinite = find_spec(node.domain, node.op, node.opset).infinite
        for index, name in enumerate(node.inputs):
            value = constants.get(name)
            if value is None or value.dtype.kind != "f":
                continue
            if np.isnan(value).any() or (index not in infinite and np.isinf(value).any()):
                raise ModelFileError(f"tensor {name!r}, read by {node}, holds NaN or infinity", "train the model again")
