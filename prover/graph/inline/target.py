"""The graph being built, as what unrolls into it sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from prover.graph.ir import Array, Node, TensorInfo
from prover.graph.nodes import Scope
from prover.graph.ops import find_spec
from prover.graph.ops.spec import DEFAULT_DOMAIN


class Target(Protocol):
    """The graph being built, as unrolling sees it."""

    scope: Scope
    sequences: dict[str, Sequence[str]]

    def add(self, node: Node) -> None:
        """Take the next node."""

    def define(self, name: str, value: Array) -> None:
        """Take a constant."""

    def rename(self, name: str, target: str) -> None:
        """Let ``name`` stand for a tensor that is known."""

    def value(self, name: str) -> Array | None:
        """A tensor's value where it is constant."""

    def info(self, name: str) -> TensorInfo:
        """A tensor's type."""

    def fresh(self, name: str) -> str:
        """``name``, or one like it that no tensor has."""


def stacked(target: Target, node: Node, names: Sequence[str], axis: int) -> str:
    """The tensors along a new axis, which is not negative; returns the result's name."""
    parts = []
    for name in names:
        shape = list(target.info(name).shape)
        shape.insert(axis, 1)
        wanted = target.fresh(f"{name}/shape")
        target.define(wanted, np.array(shape, dtype=np.int64))
        parts.append(added(target, node, "Reshape", [name, wanted], {}))
    return added(target, node, "Concat", parts, {"axis": axis})


def added(target: Target, node: Node, op: str, inputs: Sequence[str], attributes: Mapping[str, object]) -> str:
    """A new node for an operator of the default domain, on behalf of ``node``; returns its output."""
    target.scope.budget.spend(1, str(node))
    output = target.fresh(f"{inputs[0]}/{op.lower()}")
    described = find_spec(DEFAULT_DOMAIN, op, node.opset).attributes
    values = {name: attribute.default for name, attribute in described.items()} | dict(attributes)
    target.add(Node(output, op, DEFAULT_DOMAIN, node.opset, tuple(inputs), (output,), values))
    return output
