"""Reductions over axes: sums, products, roots and functions of sums."""

from __future__ import annotations

from functools import reduce

import numpy as np

from prover.graph import Node
from prover.quantization.blocks.function import apply
from prover.quantization.blocks.product import contract, product
from prover.quantization.blocks.relu import relu
from prover.quantization.blocks.root import square_root
from prover.quantization.blocks.softmax import log_sum_exp
from prover.quantization.blocks.sums import combined, scaled
from prover.quantization.reductions import Groups, of_node
from prover.quantization.rules import rule
from prover.quantization.trace import Affine, Trace, Value, linear


@rule("ReduceSum", "ReduceMean", steps=())
def total(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """``sum(x)``, or that over the number of elements."""
    source, groups = _operand(trace, node, operands)
    return [groups.sums(source, 1.0 / groups.length if node.op == "ReduceMean" else 1.0)]


@rule("ReduceSumSquare", steps=("contract",))
def sum_square(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """``sum(x^2)``."""
    source, groups = _operand(trace, node, operands)
    return [squares(trace, node, source, groups)]


@rule("ReduceL2", steps=("contract", "root"))
def euclidean(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """``sqrt(sum(x^2))``."""
    source, groups = _operand(trace, node, operands)
    return [square_root(trace, node, squares(trace, node, source, groups))]


@rule("ReduceL1", steps=("relu",))
def taxicab(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """``sum(|x|)``."""
    source, groups = _operand(trace, node, operands)
    sizes = magnitudes(trace, node, source)
    return [groups.sums(sizes)]


@rule("ReduceLogSum", steps=("function",))
def log_sum(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """``log(sum(x))``."""
    source, groups = _operand(trace, node, operands)
    return [apply(trace, node, "Log", groups.sums(source))]


@rule("ReduceLogSumExp", steps=("maximum", "function"))
def log_sum_exponentials(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """``log(sum(exp(x)))``, the maximum subtracted first."""
    source, groups = _operand(trace, node, operands)
    rows = log_sum_exp(trace, node, source.pick(groups.members))
    return [rows.reshaped(groups.shape)]


@rule("ReduceProd", steps=("contract",))
def total_product(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """The product of every group, by pairs."""
    source, groups = _operand(trace, node, operands)
    level = [source.pick(column) for column in groups.members.T]
    while len(level) > 1:
        pairs = [product(trace, node, a, b) for a, b in zip(level[::2], level[1::2], strict=False)]
        level = pairs + level[2 * len(pairs) :]
    return [level[0].reshaped(groups.shape)]


@rule("Sum", "Mean", steps=())
def of_several(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """Sum or mean of several tensors, shapes broadcast."""
    whole = reduce(combined, [linear(node, value, trace) for value in operands])
    return [scaled(whole, 1.0 / len(operands)) if node.op == "Mean" else whole]


def squares(trace: Trace, node: Node, x: Affine, groups: Groups, *, relative: bool = False) -> Affine:
    """Sum of the squares of every group, precise in absolute terms, or relative to the largest sum."""
    every = np.arange(x.size, dtype=np.int64)
    return contract(trace, node, x, x, every, every, groups.of, groups.shape, relative=relative)


def magnitudes(trace: Trace, node: Node, x: Affine) -> Affine:
    """``|x| = 2 * max(x, 0) - x``, and never below 0."""
    return combined(scaled(relu(trace, node, x), 2.0), x, -1.0)


def _operand(trace: Trace, node: Node, operands: list[Value | None]) -> tuple[Affine, Groups]:
    source = linear(node, operands[0], trace)
    return source, of_node(node, operands, source.shape)
