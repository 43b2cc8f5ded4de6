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
    booleans = _booleans(trace, x)
    values = [_values(trace, x, row, booleans) for row in range(x.size)]
    open_rows = np.array([row for row, found in enumerate(values) if found is None], dtype=np.int64)
    nothing = np.zeros(0, dtype=np.int64)
    entries: list[tuple[NDArray[np.int64], NDArray[np.int64], F64]] = [(nothing, nothing, np.zeros(0))]
    bias = np.zeros((x.size, width))
    for row, found in enumerate(values):
        if found is None:
            continue
        base, slots, reached = found
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
    if not open_rows.size:
        return linear
    first, again = _distinct(x, open_rows)
    steps = otherwise(x.pick(first))
    order = np.arange(x.size * width, dtype=np.int64).reshape(x.size, width)
    order[open_rows] = x.size * width + again[:, None] * width + np.arange(width)
    return Affine.stack([linear, steps]).pick(order.reshape(shape))


def _values(trace: Trace, x: Affine, row: int, booleans: frozenset[int]) -> tuple[F64, NDArray[np.int64], F64] | None:
    """(value where no slot counts, slots, value where each is 1) of an element that takes few values."""
    entries = slice(int(x.matrix.indptr[row]), int(x.matrix.indptr[row + 1]))
    cols, data, bias = x.matrix.cols[entries], x.matrix.data[entries], float(x.bias[row])
    here = np.array([bias])
    if not cols.size:
        return here, cols, np.zeros(0)
    if cols.size == 1 and int(cols[0]) in booleans:
        return here, cols, bias + data
    facts = trace.facts
    if cols[-1] >= facts.n_slots or facts.groups[cols[0]] < 0 or np.ptp(facts.groups[cols]):
        return None
    members = np.flatnonzero(facts.groups == facts.groups[cols[0]])
    coefs = np.zeros(members.size)
    coefs[np.searchsorted(members, cols)] = data
    return np.zeros(0), members, bias + coefs


def _booleans(trace: Trace, x: Affine) -> frozenset[int]:
    """Variables that are 0 or 1, among those that are alone in an element."""
    alone = np.flatnonzero(np.diff(x.matrix.indptr) == 1)
    columns = np.unique(x.matrix.cols[x.matrix.indptr[alone]])
    if not columns.size:
        return frozenset()
    nothing = np.zeros(columns.size)
    variables = Affine(columns.shape, Sparse.selection(columns, trace.n_variables), nothing, nothing != 0)
    low, high = trace.interval(variables)
    found = trace.is_whole(variables) & (low >= 0) & (high <= 1)
    return frozenset(columns[found].tolist())


def _distinct(x: Affine, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of which no two are the same, and for every row its place among them: broadcasting repeats elements."""
    seen: dict[tuple[bytes, bytes, float], int] = {}
    first: list[int] = []
    again: list[int] = []
    for row in rows.tolist():
        entries = slice(int(x.matrix.indptr[row]), int(x.matrix.indptr[row + 1]))
        key = x.matrix.cols[entries].tobytes(), x.matrix.data[entries].tobytes(), float(x.bias[row])
        if key not in seen:
            seen[key] = len(first)
            first.append(row)
        again.append(seen[key])
    return np.array(first, dtype=np.int64), np.array(again, dtype=np.int64)
