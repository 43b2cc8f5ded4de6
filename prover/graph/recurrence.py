"""RNN, GRU and LSTM unrolled, over any algebra: one definition for numbers and for symbolic tensors.

Source: the ONNX operator specification; directions, sequence lengths, layouts and peepholes as there. A sequence that
has ended keeps its state, and its outputs are 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from prover.graph.ir import Node

I64 = NDArray[np.int64]
T = TypeVar("T")

GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}
"""Rows of the weight matrices, in multiples of the hidden size."""

_DEFAULTS = {"RNN": ("Tanh",), "GRU": ("Sigmoid", "Tanh"), "LSTM": ("Sigmoid", "Tanh", "Tanh")}

_CONSTANTS: dict[str, tuple[float | None, float | None]] = {
    "affine": (1.0, 0.0),
    "leakyrelu": (0.01, None),
    "scaledtanh": (1.0, 1.0),
    "hardsigmoid": (0.2, 0.5),
    "elu": (1.0, None),
}
"""Functions that take an alpha and a beta from the node, and their defaults."""

ACTIVATIONS = ("relu", "tanh", "sigmoid", "softsign", "softplus", *_CONSTANTS)
"""Names of the supported functions, in lower case."""


@dataclass(frozen=True)
class Activation:
    """One function of a cell, by its name in lower case, and its constants."""

    name: str
    alpha: float
    beta: float


class Algebra(Protocol[T]):
    """What a cell computes with; every tensor of a step is [batch, width]."""

    def pick(self, parts: Sequence[T], elements: I64) -> T:
        """Elements of the parts, flattened and joined, by number."""

    def matmul(self, x: T, weights: T) -> T:
        """``x @ weights.T``."""

    def add(self, x: T, y: T) -> T:
        """``x + y``, broadcast."""

    def multiply(self, x: T, y: T) -> T:
        """``x * y``, broadcast."""

    def blend(self, share: T, x: T, y: T) -> T:
        """``share * x + (1 - share) * y``, which lies between x and y."""

    def remember(self, forget: T, old: T, take: T, new: T) -> T:
        """``forget * old + take * new``."""

    def complement(self, x: T) -> T:
        """``1 - x``."""

    def activate(self, function: Activation, x: T) -> T:
        """The function of every element."""

    def clip(self, x: T, limit: float) -> T:
        """x within -limit and limit."""


@dataclass(frozen=True)
class Layer:
    """The shape of a recurrent node.

    Attributes:
        op: ``"RNN"``, ``"GRU"`` or ``"LSTM"``.
        steps, batch, features, hidden: sizes.
        reverse: one boolean a direction.
        functions: those of one direction after another.
        batch_first: layout 1.
        clip: bound of every function's argument, or 0.
        before_reset: GRU's linear_before_reset.
        coupled: LSTM's input_forget.
        lengths: int64[batch].
    """

    op: str
    steps: int
    batch: int
    features: int
    hidden: int
    reverse: tuple[bool, ...]
    functions: tuple[Activation, ...]
    batch_first: bool
    clip: float
    before_reset: bool
    coupled: bool
    lengths: I64


def layer_of(node: Node, shape: tuple[int, ...], hidden: int, lengths: NDArray[np.generic] | None) -> Layer:
    """Read a node's attributes; ``shape`` is that of X.

    Raises:
        ValueError: attributes that contradict each other, or an unsupported function, with a sentence.
    """
    direction = str(node.attributes["direction"])
    reverse = {"forward": (False,), "reverse": (True,), "bidirectional": (False, True)}.get(direction)
    if reverse is None:
        raise ValueError(f"direction {direction!r} is none")
    batch_first = bool(node.attributes.get("layout", 0))
    batch, steps = shape[:2] if batch_first else shape[1::-1]
    clip = node.attributes["clip"]
    ends = np.full(batch, steps, dtype=np.int64) if lengths is None else lengths.astype(np.int64).ravel()
    return Layer(
        node.op,
        steps,
        batch,
        shape[2],
        hidden,
        reverse,
        _activations(node, len(reverse)),
        batch_first,
        clip if isinstance(clip, float) else 0.0,
        bool(node.attributes.get("linear_before_reset", 0)),
        bool(node.attributes.get("input_forget", 0)),
        ends,
    )


def unrolled(layer: Layer, algebra: Algebra[T], operands: Sequence[T | None], zero: T) -> list[T]:
    """[Y, Y_h] of RNN and GRU, [Y, Y_h, Y_c] of LSTM.

    Args:
        layer: sizes and functions.
        algebra: what to compute with.
        operands: X, W, R, B, sequence_lens (not read), initial_h, initial_c, P.
        zero: a tensor of one element, 0.
    """
    given = [*operands, *[None] * (8 - len(operands))]
    outputs: list[T] = []
    hidden_states: list[T] = []
    cells: list[T] = []
    place = np.zeros((layer.steps, len(layer.reverse), layer.batch, layer.hidden), dtype=np.int64)
    size = layer.batch * layer.hidden
    for direction, reverse in enumerate(layer.reverse):
        state = _Direction(layer, algebra, given, direction, zero)
        for step in range(layer.steps):
            running = np.flatnonzero(step < layer.lengths)
            times = np.where(reverse, layer.lengths - 1 - step, step)
            state.advance(times, running)
            numbers = 1 + len(outputs) * size + np.arange(size).reshape(layer.batch, layer.hidden)
            place[times[running], direction, running] = numbers[running]
            outputs.append(state.hidden)
        hidden_states.append(state.hidden)
        cells.append(state.cell)
    final = np.arange(len(layer.reverse) * size, dtype=np.int64).reshape(-1, layer.batch, layer.hidden)
    if layer.batch_first:
        place, final = place.transpose(2, 0, 1, 3), final.transpose(1, 0, 2)
    results = [algebra.pick([zero, *outputs], place), algebra.pick(hidden_states, final)]
    return [*results, algebra.pick(cells, final)] if layer.op == "LSTM" else results


class _Direction(Generic[T]):
    """One direction of a layer: its weights, and its state [batch, hidden]."""

    def __init__(self, layer: Layer, algebra: Algebra[T], given: Sequence[T | None], direction: int, zero: T) -> None:
        self._layer, self._algebra = layer, algebra
        count = len(layer.functions) // len(layer.reverse)
        self._functions = layer.functions[direction * count : (direction + 1) * count]
        h, gates = layer.hidden, GATES[layer.op]

        def part(value: T | None, *shape: int) -> T:
            size = int(np.prod(shape))
            numbers = np.arange(size, dtype=np.int64).reshape(shape)
            if value is None:
                return algebra.pick([zero], np.zeros(shape, dtype=np.int64))
            return algebra.pick([value], direction * size + numbers)

        def state(value: T | None) -> T:
            if not layer.batch_first or value is None:
                return part(value, layer.batch, h)
            numbers = np.arange(layer.batch * len(layer.reverse) * h, dtype=np.int64)
            return algebra.pick([value], numbers.reshape(layer.batch, len(layer.reverse), h)[:, direction])

        self._x = given[0]
        self._w, self._r = part(given[1], gates * h, layer.features), part(given[2], gates * h, h)
        biases = part(given[3], 2 * gates * h)
        numbers = np.arange(2 * gates * h, dtype=np.int64).reshape(2, 1, gates * h)
        self._wb, self._rb = algebra.pick([biases], numbers[0]), algebra.pick([biases], numbers[1])
        peepholes = part(given[7], 3 * h) if layer.op == "LSTM" else zero
        self._peepholes = None if given[7] is None else peepholes
        self.hidden = state(given[5])
        self.cell = state(given[6]) if layer.op == "LSTM" else self.hidden

    def advance(self, times: I64, running: I64) -> None:
        """One step: sequence i reads its input number ``times[i]``; only ``running`` sequences change."""
        layer, algebra = self._layer, self._algebra
        numbers = np.arange(layer.steps * layer.batch * layer.features, dtype=np.int64)
        if layer.batch_first:
            grid = numbers.reshape(layer.batch, layer.steps, layer.features).transpose(1, 0, 2)
        else:
            grid = numbers.reshape(layer.steps, layer.batch, layer.features)
        assert self._x is not None
        rows = np.arange(layer.batch)
        x = algebra.add(algebra.matmul(algebra.pick([self._x], grid[times.clip(0), rows]), self._w), self._wb)
        hidden, cell = {"RNN": self._rnn, "GRU": self._gru, "LSTM": self._lstm}[layer.op](x)
        size = layer.batch * layer.hidden
        kept = np.arange(size, dtype=np.int64).reshape(layer.batch, layer.hidden)
        kept[running] += size
        self.hidden = algebra.pick([self.hidden, hidden], kept)
        self.cell = algebra.pick([self.cell, cell], kept)

    def _rnn(self, x: T) -> tuple[T, T]:
        h = self._function(0, self._algebra.add(x, self._recurrent(self.hidden, 0, 1)))
        return h, h

    def _gru(self, x: T) -> tuple[T, T]:
        algebra, h = self._algebra, self.hidden
        gates = self._function(0, algebra.add(self._gate(x, 0, 3, 2), self._recurrent(h, 0, 2)))
        update, reset = self._gate(gates, 0, 2), self._gate(gates, 1, 2)
        if self._layer.before_reset:
            rest = algebra.multiply(reset, self._recurrent(h, 2, 1))
        else:
            rest = self._recurrent(algebra.multiply(reset, h), 2, 1)
        new = self._function(1, algebra.add(self._gate(x, 2, 3), rest))
        h = algebra.blend(update, h, new)
        return h, h

    def _lstm(self, x: T) -> tuple[T, T]:
        algebra, c, coupled = self._algebra, self.cell, self._layer.coupled
        gates = algebra.add(x, self._recurrent(self.hidden, 0, 4))
        new = self._function(1, self._gate(gates, 3, 4))
        if self._peepholes is None:  # one function of all gates at once
            count = 2 if coupled else 3
            opened = self._function(0, self._gate(gates, 0, 4, count))
            take, show = self._gate(opened, 0, count), self._gate(opened, 1, count)
            forget = algebra.complement(take) if coupled else self._gate(opened, 2, count)
            c = algebra.remember(forget, c, take, new)
        else:
            take = self._function(0, self._watched(self._gate(gates, 0, 4), 0, c))
            forget = algebra.complement(take)
            if not coupled:
                forget = self._function(0, self._watched(self._gate(gates, 2, 4), 2, c))
            c = algebra.remember(forget, c, take, new)
            show = self._function(0, self._watched(self._gate(gates, 1, 4), 1, c))
        return algebra.multiply(show, self._function(2, c, clip=False)), c

    def _recurrent(self, h: T, first: int, count: int) -> T:
        """``h @ R.T + Rb`` of some gates."""
        size = self._layer.hidden
        rows = np.arange(first * size, (first + count) * size, dtype=np.int64)
        weights = self._algebra.pick([self._r], rows[:, None] * size + np.arange(size))
        return self._algebra.add(self._algebra.matmul(h, weights), self._algebra.pick([self._rb], rows[None]))

    def _gate(self, gates: T, place: int, total: int, count: int = 1) -> T:
        """Columns of ``count`` gates out of a tensor that holds ``total`` of them."""
        size = self._layer.hidden
        numbers = np.arange(self._layer.batch * total * size, dtype=np.int64).reshape(self._layer.batch, -1)
        return self._algebra.pick([gates], numbers[:, place * size : (place + count) * size])

    def _watched(self, gate: T, peephole: int, cell: T) -> T:
        """A gate that sees the cell."""
        if self._peepholes is None:
            return gate
        size = self._layer.hidden
        weights = self._algebra.pick([self._peepholes], np.arange(size, dtype=np.int64)[None] + peephole * size)
        return self._algebra.add(gate, self._algebra.multiply(weights, cell))

    def _function(self, index: int, x: T, *, clip: bool = True) -> T:
        limited = self._algebra.clip(x, self._layer.clip) if clip and self._layer.clip > 0 else x
        return self._algebra.activate(self._functions[index], limited)


def _activations(node: Node, directions: int) -> tuple[Activation, ...]:
    """The functions by name; constants are handed out in the order of the functions that take them."""
    given = node.attributes["activations"]
    names = [str(name).lower() for name in given] if isinstance(given, tuple) and given else []
    default = [name.lower() for name in _DEFAULTS[node.op]]
    needed = directions * len(default)
    if 0 < len(names) < needed:
        raise ValueError(f"{len(names)} activations for {directions} directions of {len(default)}")
    names = names[:needed] or default * directions
    lists = [node.attributes[key] for key in ("activation_alpha", "activation_beta")]
    alphas, betas = ([] if value is None else [float(item) for item in value] for value in lists)  # type: ignore[attr-defined]
    found = []
    for name in names:
        if name not in ACTIVATIONS:
            raise ValueError(f"the activation {name!r} is not proved")
        alpha, beta = _CONSTANTS.get(name, (None, None))
        alpha = alphas.pop(0) if alpha is not None and alphas else alpha
        beta = betas.pop(0) if beta is not None and betas else beta
        found.append(Activation(name, alpha or 0.0, beta or 0.0))
    return tuple(found)
