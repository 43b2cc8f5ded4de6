"""Choice between two numbers by a boolean."""

from __future__ import annotations

import numpy as np

from prover.graph import Node
from prover.quantization.blocks.product import product
from prover.quantization.blocks.sums import combined, scaled
from prover.quantization.trace import Affine, FloatStep, Trace

_SCALES: tuple[int, ...] = (*(1 << bits for bits in range(21)), *(10**digits for digits in range(1, 7)))
"""Counts of one unit in which numbers may be exact."""

_SINGLE = 2.0**-22
"""Relative distance within which a number is a decimal fraction: 0.01 is no float32, but a hundred of it is 1."""


def select(trace: Trace, node: Node, condition: Affine, a: Affine, b: Affine) -> Affine:
    """``a`` where the boolean ``condition`` is 1, ``b`` elsewhere: three tensors of one shape.

    Where the condition, or the distance of the numbers, is a constant it is linear. Numbers that are exact in counts
    of some unit stay so, and the result lies between them; others are ``b + c (a - b)``.
    """
    fixed = np.diff(condition.matrix.indptr) == 0
    difference = combined(a, b, -1.0)
    constant = np.diff(difference.matrix.indptr) == 0
    rows = np.flatnonzero(~fixed & ~constant)
    scale = _scale(trace, a.pick(rows), b.pick(rows)) if rows.size else None
    if scale is None:
        return combined(b, product(trace, node, condition, difference))
    flags, first, second = (part.pick(rows) for part in (condition, a, b))
    ends = trace.interval(first), trace.interval(second)
    low, high = np.minimum(ends[0][0], ends[1][0]), np.maximum(ends[0][1], ends[1][1])
    inputs = Affine.stack([flags, scaled(first, scale), scaled(second, scale)])
    step = FloatStep("select", node.name, inputs, rows.size, {"scale": scale})
    chosen = trace.append(step, (rows.size,), whole=scale == 1, lo=low, hi=high)
    others = np.flatnonzero(fixed | constant)
    flags, rest, base = (part.pick(others) for part in (condition, difference, b))
    linear = combined(base, product(trace, node, flags, rest))
    order = np.argsort(np.concatenate((rows, others))).astype(np.int64)
    return Affine.stack([chosen, linear]).pick(order.reshape(condition.shape))


def _scale(trace: Trace, a: Affine, b: Affine) -> int | None:
    """Counts of one unit in which all numbers are whole; None where they are not, or not known to be."""
    units = [trace.unit[part.matrix.cols] for part in (a, b)]
    if any((unit == 0).any() for unit in units):
        return None
    terms = [part.matrix.data * unit for part, unit in zip((a, b), units, strict=True)]
    numbers = np.concatenate((*terms, a.bias, b.bias))
    for scale in _SCALES:
        counts = numbers * scale
        if bool(np.all(np.abs(counts - np.rint(counts)) <= _SINGLE * np.abs(counts))):
            return scale
    return None
