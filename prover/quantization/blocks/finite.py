"""Functions of what is known to take few values: any function of one boolean, or of one category, is linear.

Exactly one slot of a category's one-hot group is 1, so ``f(x) = sum_m f(value_m) * slot_m`` whatever f is; for a
boolean ``f(x) = f(0) + (f(1) - f(0)) * x``. Such elements need no step and no constraint.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from prover.quantization.sparse import Sparse
from prover.quantization.trace import Affine, Trace

F64 = NDArray[np.float64]
Function = Callable[[F64], F64]
"""float64[n] values to float64[n, width] results."""

Step = Callable[[Affine], Affine]
"""Elements [n] that are not finite to their results [n * width], by a step."""


def mapped(trace: Trace, x: Affine, width: int, function: Function, otherwise: Step) -> Affine:
    """``function`` of every element: linear where that is possible, by ``otherwise`` where it is not.

    Args:
        trace: the walk; ``otherwise`` appends to it.
        x: the elements, flattened to n.
        width: results of one element.
        function: its meaning.
        otherwise: called once, with the distinct elements that take many values, unless there are none.

    Returns:
        shape ``(n, width)``, or ``(n,)`` for width 1.
    """
    is_finite = _are_finite(trace, x)
    nothing = np.zeros(0, dtype=np.int64)
    entries: list[tuple[NDArray[np.int64], NDArray[np.int64], F64]] = [(nothing, nothing, np.zeros(0))]
    bias = np.zeros((x.size, width))
    for row in np.flatnonzero(is_finite).tolist():
        base, slots, reached = _values(trace, x, row)
        results = function(np.concatenate((base, reached))).reshape(-1, width)
        if base.size:
            bias[row] = results[0]
            results = results[1:] - results[0]
        place, result = np.nonzero(results)
        entries.append((row * width + result, slots[place], results[place, result]))
    shape = (x.size, width) if width > 1 else (x.size,)
    rows, cols, data = (np.concatenate(column) for column in zip(*entries, strict=True))
    matrix = Sparse.from_triplets(rows, cols, data, (x.size * width, trace.n_variables))
    linear = Affine(shape, matrix, bias.ravel(), np.zeros(x.size * width, dtype=np.bool_))
    open_rows = np.flatnonzero(~is_finite)
    if not open_rows.size:
        return linear
    first, again = _distinct(x, open_rows)
    steps = otherwise(x.pick(first))
    order = np.arange(x.size * width, dtype=np.int64).reshape(x.size, width)
    order[open_rows] = x.size * width + again[:, None] * width + np.arange(width)
    return Affine.stack([linear, steps]).pick(order.reshape(shape))


def _values(trace: Trace, x: Affine, row: int) -> tuple[F64, NDArray[np.int64], F64]:
    """(value where no slot counts, slots, value where each is 1) of an element that takes few values."""
    entries = slice(int(x.matrix.indptr[row]), int(x.matrix.indptr[row + 1]))
    cols, data, bias = x.matrix.cols[entries], x.matrix.data[entries], float(x.bias[row])
    here = np.array([bias])
    if not cols.size:
        return here, cols, np.zeros(0)
    facts = trace.facts
    if cols[0] >= facts.n_slots or facts.groups[cols[0]] < 0:  # a boolean
        return here, cols, bias + data
    members = np.flatnonzero(facts.groups == facts.groups[cols[0]])
    coefs = np.zeros(members.size)
    coefs[np.searchsorted(members, cols)] = data
    return np.zeros(0), members, bias + coefs


def _are_finite(trace: Trace, x: Affine) -> NDArray[np.bool_]:
    """bool[n]: elements of no variable, of one boolean, or of the slots of one category."""
    matrix, counts = x.matrix, np.diff(x.matrix.indptr)
    groups = np.full(trace.n_variables, -1, dtype=np.int64)
    groups[: trace.facts.n_slots] = trace.facts.groups
    result = np.asarray(counts == 0)
    filled = np.flatnonzero(counts)
    if filled.size:
        starts = matrix.indptr[filled]
        low = np.minimum.reduceat(groups[matrix.cols], starts)
        high = np.maximum.reduceat(groups[matrix.cols], starts)
        alone = (counts[filled] == 1) & _are_booleans(trace)[matrix.cols[starts]]
        result[filled] = alone | ((low == high) & (low >= 0))
    return result


def _are_booleans(trace: Trace) -> NDArray[np.bool_]:
    """bool[n_variables]: variables that are 0 or 1."""
    nothing = np.zeros(trace.n_variables)
    every = np.arange(trace.n_variables, dtype=np.int64)
    variables = Affine(every.shape, Sparse.selection(every, trace.n_variables), nothing, nothing != 0)
    low, high = trace.interval(variables)
    return np.asarray(trace.is_whole(variables) & (low >= 0) & (high <= 1))


def _distinct(x: Affine, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of which no two are the same, and for every row its place among them: broadcasting repeats elements.

    Rows are told apart by a random linear function of their terms; those it calls equal are then compared.
    """
    matrix, bias = x.matrix.take(rows), x.bias[rows]
    weights = np.random.default_rng(0).random(matrix.n_cols + 1)
    prints = matrix.row_sum(matrix.data * weights[matrix.cols]) + bias * weights[-1]
    _, first, again = np.unique(prints, return_index=True, return_inverse=True)
    order = np.argsort(first)
    first, again = first[order], np.argsort(order)[again]
    same = matrix.take(first[again])
    equal = np.array_equal(same.cols, matrix.cols) and np.array_equal(same.data, matrix.data)
    if not equal or not np.array_equal(same.indptr, matrix.indptr) or not np.array_equal(bias[first[again]], bias):
        return rows, np.arange(rows.size, dtype=np.int64)
    return rows[first], again.astype(np.int64)
