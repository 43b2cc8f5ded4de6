"""Recurrent layers: RNN, GRU, LSTM."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from prover.graph.ir import Array, Node
from prover.graph.ops.spec import array
from prover.graph.ops.standard import standard
from prover.graph.recurrence import I64, Activation, layer_of, unrolled


class _Numbers:
    """The recurrences' algebra of float arrays; see :class:`prover.graph.recurrence.Algebra`."""

    def pick(self, parts: Sequence[Array], elements: I64) -> Array:
        return np.concatenate([part.ravel() for part in parts])[elements]

    def matmul(self, x: Array, weights: Array) -> Array:
        return np.asarray(x @ weights.T)

    def add(self, x: Array, y: Array) -> Array:
        return np.asarray(x + y)

    def multiply(self, x: Array, y: Array) -> Array:
        return np.asarray(x * y)

    def blend(self, share: Array, x: Array, y: Array) -> Array:
        return np.asarray(share * x + (1 - share) * y)

    def remember(self, forget: Array, old: Array, take: Array, new: Array) -> Array:
        return np.asarray(forget * old + take * new)

    def complement(self, x: Array) -> Array:
        return np.asarray(1 - x)

    def activate(self, function: Activation, x: Array) -> Array:
        alpha, beta = function.alpha, function.beta
        results: dict[str, Callable[[], Array]] = {
            "relu": lambda: np.maximum(x, 0),
            "tanh": lambda: np.tanh(x),
            "sigmoid": lambda: 0.5 + 0.5 * np.tanh(0.5 * x),
            "softsign": lambda: x / (1 + np.abs(x)),
            "softplus": lambda: np.logaddexp(x, 0),
            "affine": lambda: alpha * x + beta,
            "leakyrelu": lambda: np.where(x >= 0, x, alpha * x),
            "scaledtanh": lambda: alpha * np.tanh(beta * x),
            "hardsigmoid": lambda: np.clip(alpha * x + beta, 0, 1),
            "elu": lambda: np.where(x >= 0, x, alpha * np.expm1(np.minimum(x, 0))),
        }
        return np.asarray(results[function.name]())

    def clip(self, x: Array, limit: float) -> Array:
        return np.clip(x, -limit, limit)


def _evaluate(node: Node, inputs: Sequence[Array | None]) -> list[Array]:
    x, recurrent = array(inputs[0]), array(inputs[2])
    lengths = inputs[4] if len(inputs) > 4 else None
    layer = layer_of(node, x.shape, recurrent.shape[2], lengths)
    results = unrolled(layer, _Numbers(), inputs, np.zeros(1, dtype=x.dtype))
    return [result.astype(x.dtype) for result in results[: len(node.outputs)]]


_DIRECTIONS = {"direction": ("forward", "reverse", "bidirectional"), "layout": (0, 1)}

OPS = tuple(
    spec
    for op in ("RNN", "GRU", "LSTM")
    for spec in standard(op, static={4: "sequence_lens"}, allowed=_DIRECTIONS, evaluate=_evaluate)
)
