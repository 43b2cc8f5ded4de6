"""Recurrent layers, unrolled: RNN, GRU, LSTM."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from prover.graph import Node
from prover.graph.recurrence import Activation, layer_of, unrolled
from prover.quantization.blocks.function import apply
from prover.quantization.blocks.product import contract, product
from prover.quantization.blocks.relu import relu
from prover.quantization.blocks.sums import aligned, combined, scaled, shifted
from prover.quantization.rules import rule
from prover.quantization.rules.matrix import matrix_product
from prover.quantization.trace import Affine, Trace, Value, linear, unsupported

I64 = NDArray[np.int64]

_CURVES = {"tanh": "Tanh", "sigmoid": "Sigmoid", "softsign": "Softsign", "softplus": "Softplus"}

_BLEND_SLACK = 1.0 / 16.0
"""What a blend of two numbers may leave their range by, for its share is a function's approximation."""


@rule("RNN", "GRU", "LSTM", steps=("contract", "function", "relu"))
def recurrent(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """Every step in turn; weights and initial states may be constant or private, sequence lengths are constant."""
    source, weights = operands[0], operands[2]
    assert source is not None
    assert weights is not None
    lengths = operands[4] if len(operands) > 4 else None
    given = lengths if isinstance(lengths, np.ndarray) else None
    try:
        layer = layer_of(node, tuple(source.shape), int(weights.shape[2]), given)
    except ValueError as error:
        raise unsupported(node, str(error)) from error
    values = [value if isinstance(value, np.ndarray | None) else linear(node, value, trace) for value in operands]
    zero: Value = np.zeros(1)
    return unrolled(layer, _Tensors(trace, node), values, zero)


class _Tensors:
    """The recurrences' algebra of symbolic tensors; see :class:`prover.graph.recurrence.Algebra`."""

    def __init__(self, trace: Trace, node: Node) -> None:
        self._trace, self._node = trace, node

    def pick(self, parts: Sequence[Value], elements: I64) -> Value:
        if all(isinstance(part, np.ndarray) for part in parts):
            return np.concatenate([np.asarray(part).ravel() for part in parts])[elements]
        return Affine.stack([self._linear(part) for part in parts]).pick(np.asarray(elements, dtype=np.int64))

    def matmul(self, x: Value, weights: Value) -> Value:
        if isinstance(weights, np.ndarray):
            return matrix_product(self._trace, self._node, x, weights.T)
        transposed = np.arange(self._linear(weights).size, dtype=np.int64).reshape(weights.shape).T
        return matrix_product(self._trace, self._node, x, self._linear(weights).pick(transposed))

    def add(self, x: Value, y: Value) -> Value:
        return combined(self._linear(x), self._linear(y))

    def multiply(self, x: Value, y: Value) -> Value:
        return product(self._trace, self._node, self._linear(x), self._linear(y))

    def blend(self, share: Value, x: Value, y: Value) -> Value:
        sides = aligned(self._linear(x), self._linear(y))
        reach = max(float(np.abs(np.stack(self._trace.interval(side))).max()) for side in sides)
        return self._pairs(share, sides[0], self.complement(share), sides[1], limit=reach + _BLEND_SLACK)

    def remember(self, forget: Value, old: Value, take: Value, new: Value) -> Value:
        return self._pairs(forget, old, take, new)

    def complement(self, x: Value) -> Value:
        return shifted(self._linear(x).negated, 1.0)

    def activate(self, function: Activation, x: Value) -> Value:
        source, alpha, beta = self._linear(x), function.alpha, function.beta
        if function.name in _CURVES:
            return apply(self._trace, self._node, _CURVES[function.name], source)
        if function.name == "elu":
            return apply(self._trace, self._node, "Elu", source, alpha=alpha)
        if function.name == "scaledtanh":
            return scaled(apply(self._trace, self._node, "Tanh", scaled(source, beta)), alpha)
        if function.name == "affine":
            return shifted(scaled(source, alpha), beta)
        if function.name == "leakyrelu":
            return combined(scaled(source, alpha), scaled(self._relu(source), 1.0 - alpha))
        if function.name == "hardsigmoid":
            return self._between(shifted(scaled(source, alpha), beta), 0.0, 1.0)
        return self._relu(source)

    def clip(self, x: Value, limit: float) -> Value:
        return self._between(self._linear(x), -limit, limit)

    def _between(self, x: Affine, low: float, high: float) -> Affine:
        above = combined(self._relu(shifted(x, -low)), self._relu(shifted(x, -high)), -1.0)
        return shifted(above, low)

    def _relu(self, x: Affine) -> Affine:
        return relu(self._trace, self._node, x)

    def _pairs(self, a: Value, b: Value, c: Value, d: Value, *, limit: float = np.inf) -> Affine:
        """``a * b + c * d``, one sum of two products."""
        sides = aligned(*(self._linear(value) for value in (a, b, c, d)))
        shape, size = sides[0].shape, sides[0].size
        left, right = Affine.stack([sides[0], sides[2]]), Affine.stack([sides[1], sides[3]])
        every = np.arange(2 * size, dtype=np.int64)
        return contract(self._trace, self._node, left, right, every, every, every % size, shape, limit=limit)

    def _linear(self, value: Value) -> Affine:
        return linear(self._node, value, self._trace)
