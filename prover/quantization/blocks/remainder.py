"""Remainders of whole numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from prover.graph import Node
from prover.quantization.trace import Affine, FloatStep, Trace

I64 = NDArray[np.int64]


def remainder(trace: Trace, node: Node, x: Affine, divisors: I64) -> Affine:
    """``x mod d`` of whole x, never negative; ``divisors`` int64, positive, in the shape of x. Exact.

    A number whose range lies between two multiples of its divisor costs nothing.
    """
    low, high = trace.interval(x)
    flat = divisors.ravel()
    with np.errstate(invalid="ignore"):
        turns = np.floor(low / flat)
        known = turns == np.floor(high / flat)
    place = np.arange(x.size, dtype=np.int64)
    moved = Affine(x.shape, x.matrix, np.where(known, x.bias - np.where(known, turns, 0.0) * flat, x.bias), x.optional)
    rows = np.flatnonzero(~known)
    if rows.size:
        step = FloatStep("remainder", node.name, x.pick(rows), rows.size, {"divisors": flat[rows]})
        found = trace.append(step, (rows.size,), whole=True, lo=0.0, hi=flat[rows].astype(np.float64) - 1.0)
        place[rows] = x.size + np.arange(rows.size)
        moved = Affine.stack([moved, found])
    return moved.pick(place.reshape(x.shape))
