"""Softmax and its logarithm along an axis, anywhere in a model."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from prover.graph import Node
from prover.quantization.blocks.function import apply
from prover.quantization.blocks.maximum import maximum
from prover.quantization.blocks.product import contract
from prover.quantization.blocks.quotient import inverses
from prover.quantization.blocks.sums import combined
from prover.quantization.sparse import Sparse
from prover.quantization.trace import Affine, Trace

_LEAST_SUM = 0.5
"""One exponent is 0 but for rounding, so that its exponential alone is near 1, and none is negative."""

_NEGLIGIBLE = 40.0

_NOT_ABOVE_0 = (-math.inf, 0.0)
"""Where numbers lie from which their maximum was subtracted."""

_DEEP = 256.0
"""Coefficients of booleans beyond it are masks."""

_FEW = 3
"""Of 2^3 elements, the errors of shares that are summed up stay below eight roundings; those of more get finer."""

_LARGEST_SHARE = 1.01
"""No share of a sum is above 1, but for the rounding of the sum's inverse."""


def softmax(trace: Trace, node: Node, x: Affine, axis: int) -> Affine:
    """``exp(x_i) / sum_j exp(x_j)`` along ``axis``, in the shape of x.

    The maximum is subtracted first, so that no exponential is above 1; the sum is inverted once and multiplied with.
    Of two numbers it is the sigmoid of their difference. Elements proven to lie 40 below another, as masks make them,
    are 0: e^-40 is 2^-57.
    """
    rows, place = _rows(x, axis)
    rows = _softened(trace, rows)
    low, high = (end.reshape(rows.shape) for end in trace.interval(rows))
    return shares(trace, node, rows, high >= low.max(axis=1, keepdims=True) - _NEGLIGIBLE).pick(place)


def shares(trace: Trace, node: Node, rows: Affine, keep: NDArray[np.bool_]) -> Affine:
    """Softmax of every row [m, k] over the elements to ``keep``; the others, and rows that keep none, are 0."""
    counts = keep.sum(axis=1)
    parts = [Affine.constant(np.array([0.0, 1.0]), trace.n_variables)]
    place = np.where(keep & (counts == 1)[:, None], 1, 0)
    start = 2
    for chosen, block in ((counts == 2, _pairs), (counts > 2, _distributions)):
        if chosen.any():
            kept = keep & chosen[:, None]
            elements = np.flatnonzero(kept)
            parts.append(block(trace, node, rows.pick(elements), np.nonzero(kept)[0]))
            place[kept] = start + np.arange(elements.size)
            start += elements.size
    return Affine.stack(parts).pick(place)


def _pairs(trace: Trace, node: Node, x: Affine, rows: NDArray[np.int64]) -> Affine:
    """Elements of rows of two: the sigmoid of their difference, and the rest."""
    m = rows.size // 2
    first = apply(trace, node, "Sigmoid", x.mapped(_differences(m), np.zeros(m), (m,)))
    second = Affine(first.shape, first.negated.matrix, 1.0 - first.bias, first.optional)
    return Affine.stack([first, second]).pick(np.stack((np.arange(m), m + np.arange(m)), axis=1).ravel())


def _distributions(trace: Trace, node: Node, x: Affine, rows: NDArray[np.int64]) -> Affine:
    """Elements of longer rows, ``rows`` ascending: one table of exponentials for all, one inverse a row."""
    _, row, counts = np.unique(rows, return_inverse=True, return_counts=True)
    starts = np.cumsum(counts) - counts
    largest, order = [], []
    for count in np.unique(counts).tolist():
        members = np.flatnonzero(counts == count)
        largest.append(maximum(trace, node, x.pick(starts[members][:, None] + np.arange(count))))
        order.append(members)
    peaks = Affine.stack(largest).pick(np.argsort(np.concatenate(order), kind="stable"))
    finer = max(0, math.ceil(math.log2(int(counts.max()))) - _FEW)
    powers = apply(trace, node, "Exp", combined(x, peaks.pick(row), -1.0), _NOT_ABOVE_0, finer=finer)
    every, ones = np.arange(x.size, dtype=np.int64), np.ones(x.size)
    sums = Sparse.from_triplets(row, every, ones, (counts.size, x.size))
    inverse = inverses(trace, node, powers.mapped(sums, np.zeros(counts.size), (counts.size,)), least=_LEAST_SUM)
    return contract(trace, node, powers, inverse, every, row, every, x.shape, limit=_LARGEST_SHARE, finer=finer)


def _softened(trace: Trace, rows: Affine) -> Affine:
    """Masks that depend on the input, made as deep as they need be.

    Exporters add ``(1 - mask) * -1e9``, or -3e38, to the scores. Anything :data:`_NEGLIGIBLE` below the range of the
    scores does the same, except in a row that is masked as a whole.
    """
    matrix, bias = rows.matrix, rows.bias.copy()
    boolean = (trace.unit == 1.0) & (trace.lo == 0.0) & (trace.hi == 1.0)
    deep = (np.abs(matrix.data) > _DEEP) & boolean[matrix.cols]
    alone = matrix.row_sum(deep.astype(np.int64)) == 1
    deep &= alone[matrix.rows]
    if not deep.any():
        return rows
    where, data = matrix.rows[deep], matrix.data.copy()
    shown = np.zeros(rows.size)
    shown[where] = np.where(data[deep] > 0, data[deep], 0.0) + bias[where]
    data[deep] = 0.0
    scores = Affine(rows.shape, matrix.with_data(data), np.where(alone, shown, bias), rows.optional)
    low, high = (end.reshape(rows.shape) for end in trace.interval(scores))
    depth = (high.max(axis=1) - low.min(axis=1) + _NEGLIGIBLE)[where // rows.shape[1]]
    keeps = matrix.data[deep] > 0
    data[deep] = np.where(keeps, np.minimum(matrix.data[deep], depth), np.maximum(matrix.data[deep], -depth))
    bias[where] = shown[where] - np.where(keeps, data[deep], 0.0)
    return Affine(rows.shape, matrix.with_data(data), bias, rows.optional)


def log_softmax(trace: Trace, node: Node, x: Affine, axis: int) -> Affine:
    """``x_i - log(sum_j exp(x_j))`` along ``axis``, in the shape of x."""
    rows, place = _rows(x, axis)
    return _centred(rows, log_sum_exp(trace, node, rows)).pick(place)


def log_sum_exp(trace: Trace, node: Node, rows: Affine) -> Affine:
    """``log(sum_j exp(x_j))`` of every row: [m, k] to [m]."""
    if rows.shape[1] == 1:
        return rows.flat
    m, k = rows.shape
    largest = maximum(trace, node, rows)
    finer = max(0, math.ceil(math.log2(k)) - _FEW)
    powers = apply(trace, node, "Exp", _centred(rows, largest), _NOT_ABOVE_0, finer=finer)
    # The largest power is 1, and none is larger or negative.
    logarithm = apply(trace, node, "Log", powers.mapped(_sums(m, k), np.zeros(m), (m,)), (1.0, float(k)))
    return Affine(largest.shape, largest.matrix.add(logarithm.matrix), largest.bias + logarithm.bias, largest.optional)


def _rows(x: Affine, axis: int) -> tuple[Affine, NDArray[np.int64]]:
    """The tensor with ``axis`` last, as a matrix; and where each element of x is in it."""
    numbers = np.moveaxis(np.arange(x.size, dtype=np.int64).reshape(x.shape), axis, -1)
    order = numbers.reshape(-1, x.shape[axis])
    place = np.empty(x.size, dtype=np.int64)
    place[order.ravel()] = np.arange(x.size)
    return x.pick(order), place.reshape(x.shape)


def _centred(rows: Affine, shift: Affine) -> Affine:
    """``rows - shift``, one number a row."""
    m, k = rows.shape
    spread = shift.negated.pick(np.repeat(np.arange(m, dtype=np.int64), k).reshape(m, k))
    return Affine(rows.shape, rows.matrix.add(spread.matrix), rows.bias + spread.bias, rows.optional)


def _sums(m: int, k: int) -> Sparse:
    rows = np.repeat(np.arange(m), k)
    return Sparse.from_triplets(rows, np.arange(m * k), np.ones(m * k), (m, m * k))


def _differences(m: int) -> Sparse:
    return Sparse.from_triplets(np.repeat(np.arange(m), 2), np.arange(2 * m), np.tile([1.0, -1.0], m), (m, 2 * m))
