"""Comparisons and logic: truth is a whole number, 0 or 1."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from prover.graph import Node
from prover.quantization.blocks.compare import at_least_zero, equal_zero
from prover.quantization.blocks.maximum import maximum, minimum
from prover.quantization.blocks.product import product
from prover.quantization.blocks.select import select
from prover.quantization.blocks.sums import aligned, combined, shifted
from prover.quantization.rules import rule
from prover.quantization.rules.shape import as_affine, moved
from prover.quantization.trace import Affine, Link, Trace, Value, linear, unsupported

_BLIND = {"Softmax", "LogSoftmax", "ReduceLogSumExp", "Max", "ReduceMax", "ArgMax", "TopK"}
"""Readers to whom a number far below the others is as good as minus infinity."""

_MASKED = 40.0
"""How far below: e^-40 is 2^-57."""

_ORDERS = {
    "Greater": (False, True),
    "GreaterOrEqual": (False, False),
    "Less": (True, True),
    "LessOrEqual": (True, False),
}
"""Whether the operands change places, and whether equality does not count."""


@rule(*_ORDERS, steps=("compare",))
def order(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """``a > b`` as ``a - b > 0``; of a probability and a constant, the logit is compared with the constant's."""
    swapped, strict = _ORDERS[node.op]
    left, right = _logits(operands[0], operands[1])
    first, second = linear(node, left, trace), linear(node, right, trace)
    if swapped:
        first, second = second, first
    return [at_least_zero(trace, node, combined(first, second, -1.0), strict)]


@rule("Equal", steps=("equal",))
def equal(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """``a == b`` of exact numbers, or of texts."""
    first, second = (linear(node, value, trace) for value in operands)
    return [equal_zero(trace, node, combined(first, second, -1.0))]


@rule("Not", steps=())
def negation(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """``1 - x``."""
    return [shifted(linear(node, operands[0], trace).negated, 1.0)]


@rule("And", "Or", "Xor", steps=("contract",), exactness="exact")
def logic(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """``a b``, ``1 - (1 - a)(1 - b)`` and ``(a - b)^2``."""
    first, second = (linear(node, value, trace) for value in operands)
    if node.op == "And":
        return [product(trace, node, first, second)]
    if node.op == "Or":
        neither = product(trace, node, shifted(first.negated, 1.0), shifted(second.negated, 1.0))
        return [shifted(neither.negated, 1.0)]
    if any(isinstance(value, np.ndarray) for value in operands):
        return [combined(combined(first, second), product(trace, node, first, second), -2.0)]
    difference = combined(first, second, -1.0)
    return [product(trace, node, difference, difference)]


@rule("Where", steps=("select", "contract"), exactness="exact")
def where(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """``b + c (a - b)``; a constant condition moves elements.

    A missing number has slot 0. Where the condition is its own missing flag, ``c b`` is the flag times the bias of b:
    so ``Where(IsNaN(x), v, x)`` is linear.
    """
    condition, left, right = operands
    if isinstance(condition, np.ndarray):
        return moved(trace, node, operands, (1, 2))
    chosen = linear(node, condition, trace)
    assert left is not None
    assert right is not None
    first, second = as_affine(trace, node, left), as_affine(trace, node, right)
    if first.optional.any():
        chosen, first, second = shifted(chosen.negated, 1.0), second, first
    first = linear(node, first, trace)
    chosen, first, second = aligned(chosen, first, second)
    first, second = _masks(trace, node, first, second), _masks(trace, node, second, first)
    own = _guards(trace, chosen, second)
    linear(node, second.pick(np.flatnonzero(~own)), trace)
    present = replace(second, optional=np.zeros(second.size, dtype=np.bool_))
    if not own.any():
        return [select(trace, node, chosen, first, second)]
    kept = replace(present, matrix=present.matrix.scale_rows((~own).astype(np.float64)))
    return [combined(present, product(trace, node, chosen, combined(first, kept, -1.0)))]


def _masks(trace: Trace, node: Node, value: Affine, other: Affine) -> Affine:
    """Minus infinity as a number so far below the other operand that what reads it takes no notice.

    Raises:
        UnsupportedOpError: an infinity that anything but a maximum or a sum of exponentials reads, or no known range.
    """
    infinite = np.isinf(value.bias)
    if not infinite.any():
        return value
    low = trace.interval(other)[0][infinite]
    assert trace.graph is not None
    readers = {item.op for item in trace.graph.nodes if node.outputs[0] in item.inputs}
    if not readers <= _BLIND or node.outputs[0] in {info.name for info in trace.graph.outputs}:
        raise unsupported(node, "it may be infinite, which only Softmax and maxima may read", "mask by a large number")
    if value.bias[infinite].max() > 0 or not np.isfinite(low).all():
        raise unsupported(node, "it masks values of unknown range", "mask by a large negative number")
    bias = value.bias.copy()
    bias[infinite] = low - _MASKED
    return replace(value, bias=bias)


def _guards(trace: Trace, condition: Affine, value: Affine) -> NDArray[np.bool_]:
    """bool[m]: elements of ``value`` that may be missing, and whose condition is just that they are."""
    result = np.zeros(value.size, dtype=np.bool_)
    flags = condition.matrix
    for row in np.flatnonzero(value.optional).tolist():
        flag = slice(int(flags.indptr[row]), int(flags.indptr[row + 1]))
        columns = value.matrix.cols[value.matrix.indptr[row] : value.matrix.indptr[row + 1]]
        bare = flag.stop - flag.start == 1 and flags.data[flag.start] == 1.0 and condition.bias[row] == 0.0
        result[row] = bare and any(
            fact.missing == flags.cols[flag.start] and fact.start <= columns[0] and columns[-1] <= fact.last
            for fact in trace.facts.features
        )
    return result


@rule("Max", "Min", steps=("maximum",))
def extreme(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """The largest or smallest of each place's values, shapes broadcast."""
    tensors = aligned(*(linear(node, value, trace) for value in operands))
    size, shape = tensors[0].size, tensors[0].shape
    stacked = Affine.stack(tensors).pick(np.arange(size * len(tensors), dtype=np.int64).reshape(len(tensors), size).T)
    found = (maximum if node.op == "Max" else minimum)(trace, node, stacked)
    return [found.reshaped(shape)]


@rule("IsInf", steps=())
def infinite(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """No value of the circuit is infinite."""
    return [np.zeros(trace.tensors[node.inputs[0]].shape, dtype=np.bool_)]


def _logits(left: Value | None, right: Value | None) -> tuple[Value | None, Value | None]:
    """The operands of a comparison, where one is a sigmoid and the other a constant, as their logits."""
    if isinstance(left, Link) and left.kind == "sigmoid" and isinstance(right, np.ndarray):
        return left.logits, _logit(right)
    if isinstance(right, Link) and right.kind == "sigmoid" and isinstance(left, np.ndarray):
        return _logit(left), right.logits
    return left, right


def _logit(probability: NDArray[np.generic]) -> NDArray[np.float64]:
    """log(p / (1 - p)); a p that no sigmoid of 61 bits reaches is as far as the largest number."""
    p = np.asarray(probability, dtype=np.float64)
    inside = (p > 0) & (p < 1)
    safe = np.where(inside, p, 0.5)
    return np.where(inside, np.log(safe / (1.0 - safe)), np.where(p <= 0, -1e9, 1e9))
