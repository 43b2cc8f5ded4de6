"""Products and quotients element by element: Mul, Div."""

from __future__ import annotations

from prover.graph import Node
from prover.quantization.blocks.product import product
from prover.quantization.blocks.quotient import quotient
from prover.quantization.rules import rule
from prover.quantization.trace import Trace, Value, linear


@rule("Mul", steps=("contract",))
def multiply(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """Broadcast product; linear where one side is constant."""
    left, right = (linear(node, value, trace) for value in operands)
    return [product(trace, node, left, right)]


@rule("Div", steps=("quotient", "contract"))
def divide(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """Broadcast quotient; linear where the divisor is constant."""
    left, right = (linear(node, value, trace) for value in operands)
    return [quotient(trace, node, left, right)]
