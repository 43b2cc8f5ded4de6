"""Arithmetic on two tensors with numpy's broadcasting, and activations on one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from prover.graph.ir import Array, Node
from prover.graph.ops.spec import Inferred, Operand, OpSpec, array, needed, same_dtype


def _infer_broadcast(node: Node, inputs: Sequence[Operand | None]) -> list[Inferred]:
    left, right = needed(inputs[0]), needed(inputs[1])
    return [Inferred(same_dtype(inputs), np.broadcast_shapes(left.shape, right.shape))]


def _binary(op: str, function: Callable[[Array, Array], Array]) -> OpSpec:
    def evaluate(node: Node, inputs: Sequence[Array | None]) -> list[Array]:
        return [np.asarray(function(array(inputs[0]), array(inputs[1])))]

    return OpSpec(op, _infer_broadcast, evaluate, inputs=(2, 2), infinite=(0, 1) if op == "Add" else ())


def _divide(left: Array, right: Array) -> Array:
    if left.dtype.kind == "f":
        return np.divide(left, right)
    quotient = np.abs(left) // np.abs(right)
    return np.where((left < 0) != (right < 0), -quotient, quotient).astype(left.dtype)


def _unary(op: str, function: Callable[[Array], Array], kinds: str) -> OpSpec:
    def infer(node: Node, inputs: Sequence[Operand | None]) -> list[Inferred]:
        return [Inferred(same_dtype(inputs, kinds), needed(inputs[0]).shape)]

    def evaluate(node: Node, inputs: Sequence[Array | None]) -> list[Array]:
        value = array(inputs[0])
        return [np.asarray(function(value)).astype(value.dtype)]

    return OpSpec(op, infer, evaluate)


def sigmoid(value: Array) -> Array:
    """1 / (1 + e^-x) without overflow, in the input's dtype."""
    small = np.exp(-np.abs(value))
    return np.where(np.signbit(value), small / (1 + small), 1 / (1 + small)).astype(value.dtype)


OPS = (
    _binary("Add", np.add),
    _binary("Sub", np.subtract),
    _binary("Mul", np.multiply),
    _binary("Div", _divide),
    _unary("Relu", lambda value: np.maximum(value, 0), "fi"),
    _unary("Sigmoid", sigmoid, "f"),
)
