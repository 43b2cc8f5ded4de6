"""Maxima and minima over axes."""

from __future__ import annotations

from prover.graph import Node
from prover.quantization.blocks.axes import gathered, reduced_axes, shape_without
from prover.quantization.blocks.maximum import maximum, minimum
from prover.quantization.rules import rule
from prover.quantization.rules.linear import integer
from prover.quantization.trace import Trace, Value, linear, unsupported


@rule("ReduceMax", "ReduceMin", steps=("maximum",))
def extremes(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """Largest or smallest element along the axes."""
    x = linear(node, operands[0], trace)
    axes = reduced_axes(node, operands, len(x.shape))
    rows = gathered(x.shape, axes)
    if not rows.shape[1]:
        raise unsupported(node, "the maximum of no values is not defined")
    best = (maximum if node.op == "ReduceMax" else minimum)(trace, node, x.pick(rows))
    return [best.reshaped(shape_without(x.shape, axes, keep=bool(integer(node, "keepdims"))))]
