"""Pools of norms: sums of magnitudes, or roots of sums of squares, over windows or everything."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from prover.graph import Node
from prover.quantization.blocks.product import product
from prover.quantization.blocks.root import square_root
from prover.quantization.rules import rule
from prover.quantization.rules.linear import integer
from prover.quantization.rules.pool import grid_of, total, weighted
from prover.quantization.rules.reduction import magnitudes
from prover.quantization.trace import Affine, Trace, Value, linear


@rule("LpPool", steps=("relu", "contract", "root"))
def lp_pool(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """The norm of every window; the padding counts as zeros."""
    x = linear(node, operands[0], trace)
    grid = grid_of(node, x)
    return [_norm(trace, node, x, lambda terms: weighted(terms, grid, np.ones(grid.n_windows)))]


@rule("GlobalLpPool", steps=("relu", "contract", "root"))
def global_lp_pool(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """The norm of every channel."""
    x = linear(node, operands[0], trace)
    return [_norm(trace, node, x, lambda terms: total(terms, 1.0))]


def _norm(trace: Trace, node: Node, x: Affine, gather: Callable[[Affine], Affine]) -> Affine:
    if integer(node, "p") == 1:
        return gather(magnitudes(trace, node, x))
    return square_root(trace, node, gather(product(trace, node, x, x)))
