"""Products and quotients element by element: Mul, Div."""

from __future__ import annotations

import numpy as np

from prover.graph import Node
from prover.quantization.blocks.product import product
from prover.quantization.rules import rule
from prover.quantization.trace import Trace, Value, linear, unsupported


@rule("Mul")
def multiply(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """Broadcast product; linear where one side is constant."""
    left, right = (linear(node, value, trace) for value in operands)
    return [product(trace, node, left, right)]


@rule("Div")
def divide(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """Broadcast quotient; linear where the divisor is constant."""
    left, right = operands
    if not isinstance(right, np.ndarray):
        raise unsupported(node, "its divisor depends on the input")
    if np.any(right == 0):
        raise unsupported(node, "division by a constant zero")
    return [product(trace, node, linear(node, left, trace), linear(node, 1.0 / right.astype(np.float64), trace))]
