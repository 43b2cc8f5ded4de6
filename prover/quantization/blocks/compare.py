"""Comparisons with zero, as 0/1 variables."""

from __future__ import annotations

import numpy as np

from prover.graph import Node
from prover.quantization.blocks.finite import mapped
from prover.quantization.blocks.sums import shifted
from prover.quantization.trace import Affine, FloatStep, Trace


def at_least_zero(trace: Trace, node: Node, x: Affine, strict: bool = False) -> Affine:
    """``x >= 0``, or ``x > 0`` when ``strict``, element by element: whole, 0 or 1, in the shape of x.

    Exact where x is exact: sums of whole numbers, a feature against a constant. Elsewhere x is rounded to the
    precision of a logit first.
    """
    if strict:
        return shifted(at_least_zero(trace, node, x.negated).negated, 1.0)

    def step(rest: Affine) -> Affine:
        return trace.append(FloatStep("compare", node.name, rest, rest.size), rest.shape, whole=True, lo=0, hi=1)

    return mapped(trace, x, 1, lambda values: (values >= 0).astype(np.float64)[:, None], step).reshaped(x.shape)


def equal_zero(trace: Trace, node: Node, x: Affine) -> Affine:
    """``x == 0`` element by element: whole, 0 or 1, in the shape of x.

    Raises:
        QuantizationError: when the step is quantised, of an x that is not exact.
    """

    def step(rest: Affine) -> Affine:
        return trace.append(FloatStep("equal", node.name, rest, rest.size), rest.shape, whole=True, lo=0, hi=1)

    return mapped(trace, x, 1, lambda values: (values == 0).astype(np.float64)[:, None], step).reshaped(x.shape)
