"""Row maxima of symbolic tensors; a minimum is the negated maximum of the negated row."""

from __future__ import annotations

import numpy as np

from prover.graph import Node
from prover.quantization.blocks.sums import scaled, shifted
from prover.quantization.blocks.variables import is_read, read_once, unrectified
from prover.quantization.trace import Affine, FloatStep, Trace

_POOLS = ("MaxPool", "GlobalMaxPool", "ReduceMax", "Max")
"""Operators that read their input for its maxima only."""


def maximum(trace: Trace, node: Node, x: Affine) -> Affine:
    """Maximum of every row.

    Args:
        x: [m, k], k at least 1.

    Returns:
        [m]. A row whose winner is proven costs nothing. The maximum of rectified values is the rectified maximum, so a
        pool behind a Relu rectifies once a window.
    """
    m, k = x.shape
    with np.errstate(invalid="ignore"):  # of weights that are not finite nothing is proven
        lo, hi = (end.reshape(m, k) for end in trace.interval(x))
    winner = np.argmax(lo, axis=1)
    others = np.where(np.arange(k) == winner[:, None], -np.inf, hi)
    decided = lo[np.arange(m), winner] >= others.max(axis=1)
    place = np.arange(m) * k + winner
    open_rows = np.flatnonzero(~decided)
    if not open_rows.size:
        return x.pick(place)
    rows = x.pick((open_rows[:, None] * k + np.arange(k)).ravel())
    counted = _counted(trace, rows)
    if counted is not None:
        numbers, unit, offset = counted
        best = maximum(trace, node, numbers.reshaped((-1, k)))
        place[open_rows] = x.size + np.arange(open_rows.size)
        return Affine.stack([x, shifted(scaled(best, unit), offset)]).pick(place)
    alone = node.op in _POOLS and not any(is_read(trace, name) for name in node.outputs[1:]) and read_once(trace, node)
    before = unrectified(trace, rows) if alone and bool((lo[open_rows] >= 0.0).all()) else None
    params = {"k": k, "rectify": before is not None}
    step = FloatStep("maximum", node.name, rows if before is None else before, open_rows.size, params)
    ends = lo[open_rows].max(axis=1), hi[open_rows].max(axis=1)
    whole = bool(trace.is_whole(rows).all())
    largest = trace.append(step, (open_rows.size,), whole=whole, lo=ends[0], hi=ends[1])
    place[open_rows] = x.size + np.arange(open_rows.size)
    return Affine.stack([x, largest]).pick(place)


def _counted(trace: Trace, rows: Affine) -> tuple[Affine, float, float] | None:
    """Elements that are ``unit * n + offset`` of whole numbers n, as dequantised ones are: (n, unit, offset).

    None when they are not, or are whole numbers themselves.
    """
    matrix = rows.matrix
    if matrix.nnz != rows.size or np.any(np.diff(matrix.indptr) != 1) or np.any(trace.unit[matrix.cols] != 1.0):
        return None
    factor, offset = float(matrix.data[0]), float(rows.bias[0])
    same = np.all(matrix.data == factor) and np.all(rows.bias == offset)
    if not same or (abs(factor) == 1.0 and offset == np.rint(offset)):
        return None
    signs = matrix.with_data(np.sign(matrix.data))
    return Affine(rows.shape, signs, np.zeros(rows.size), rows.optional), abs(factor), offset


def minimum(trace: Trace, node: Node, x: Affine) -> Affine:
    """Minimum of every row: [m, k] to [m]."""
    return maximum(trace, node, x.negated).negated
