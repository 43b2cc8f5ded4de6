"""Comparisons and logic: truth is a whole number, 0 or 1."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from prover.graph import Node
from prover.quantization.blocks.compare import at_least_zero, equal_zero
from prover.quantization.blocks.sums import combined, shifted
from prover.quantization.rules import rule
from prover.quantization.trace import Link, Trace, Value, linear

_ORDERS = {
    "Greater": (False, True),
    "GreaterOrEqual": (False, False),
    "Less": (True, True),
    "LessOrEqual": (True, False),
}
"""Whether the operands change places, and whether equality does not count."""


@rule(*_ORDERS)
def order(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """``a > b`` as ``a - b > 0``; of a probability and a constant, the logit is compared with the constant's."""
    swapped, strict = _ORDERS[node.op]
    left, right = _logits(operands[0], operands[1])
    first, second = linear(node, left, trace), linear(node, right, trace)
    if swapped:
        first, second = second, first
    return [at_least_zero(trace, node, combined(first, second, -1.0), strict)]


@rule("Equal")
def equal(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """``a == b`` of exact numbers."""
    first, second = (linear(node, value, trace) for value in operands)
    return [equal_zero(trace, node, combined(first, second, -1.0))]


@rule("Not")
def negation(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """``1 - x``."""
    return [shifted(linear(node, operands[0], trace).negated, 1.0)]


@rule("IsInf")
def infinite(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """No value of the circuit is infinite."""
    return [np.zeros(_shape(operands[0]), dtype=np.bool_)]


def _shape(value: Value | None) -> tuple[int, ...]:
    assert value is not None
    return value.shape


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
