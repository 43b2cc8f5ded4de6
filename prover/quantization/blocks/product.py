"""Products of tensors that both depend on the input."""

from __future__ import annotations

from math import prod

import numpy as np
from numpy.typing import NDArray

from prover.graph import Node
from prover.quantization.facts import Number
from prover.quantization.sparse import Sparse
from prover.quantization.trace import Affine, FloatStep, Trace

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]


def product(trace: Trace, node: Node, a: Affine, b: Affine, *, limit: float = np.inf) -> Affine:
    """``a * b`` element by element, shapes broadcast as numpy does. A constant element costs nothing."""
    left, right = np.broadcast_arrays(*(np.arange(side.size).reshape(side.shape) for side in (a, b)))
    rows = np.arange(left.size)
    return contract(trace, node, a, b, left.ravel(), right.ravel(), rows, left.shape, limit=limit)


def contract(
    trace: Trace,
    node: Node,
    a: Affine,
    b: Affine,
    left: I64,
    right: I64,
    rows: I64,
    shape: tuple[int, ...],
    *,
    limit: float = np.inf,
    relative: bool = False,
    finer: int = 0,
) -> Affine:
    """Sums of products: ``out[rows[i]] += a[left[i]] * b[right[i]]``, a tensor of ``shape``.

    Args:
        a, b: the operands; the same object on both sides makes squares recognisable, which tightens ranges.
        left, right: int64[n], flat elements of a and of b.
        rows: int64[n], flat elements of the result.
        limit: what the caller knows no sum exceeds in magnitude, roundings included, though intervals say more: a
            number over the norm it is part of. It saves bits; a wrong one makes honest provers fail, nothing else.
        relative: what reads the sums needs them relative to the largest only, as a root does.
        finer: bits that a rounded sum keeps beyond an activation's.

    Returns:
        Products in which one side is constant are linear and cost nothing; the others are one step, and one
        constraint a product. Rows nothing is added to are 0.
    """
    n_rows = prod(shape)
    order = np.argsort(rows, kind="stable")
    left, right, rows = left[order], right[order], rows[order]
    fixed_a, fixed_b = (np.diff(side.matrix.indptr) == 0 for side in (a, b))
    linear = fixed_a[left] | fixed_b[right]
    result = _folded(a, b, fixed_a, left[linear], right[linear], rows[linear], shape)
    if linear.all():
        return result
    left, right, rows = left[~linear], right[~linear], rows[~linear]
    filled, starts = np.unique(rows, return_index=True)
    low, high = (np.clip(end, -limit, limit) for end in _range(trace, a, b, left, right, starts))
    whole = bool(trace.is_whole(a.pick(np.unique(left))).all() and trace.is_whole(b.pick(np.unique(right))).all())
    if a is b:
        used, both = np.unique(np.concatenate((left, right)), return_inverse=True)
        inputs, split = a.pick(used), used.size
        left, right = both[: left.size], both[left.size :]
    else:
        used, left = np.unique(left, return_inverse=True)
        used_b, right = np.unique(right, return_inverse=True)
        inputs, split = Affine.stack([a.pick(used), b.pick(used_b)]), used.size
        right = right + split
    params = {
        "left": left,
        "right": right,
        "starts": starts,
        "split": split,
        "whole": whole,
        "limit": limit,
        "relative": relative,
        "finer": finer,
    }
    step = FloatStep("contract", node.name, inputs, filled.size, params)
    sums = trace.append(step, (filled.size,), whole=whole, lo=low, hi=high)
    spread = Sparse.from_triplets(filled, np.arange(filled.size), np.ones(filled.size), (n_rows, filled.size))
    added = sums.mapped(spread, np.zeros(n_rows), shape)
    return Affine(shape, result.matrix.add(added.matrix), result.bias + added.bias, result.optional)


def _folded(
    a: Affine, b: Affine, fixed_a: NDArray[np.bool_], left: I64, right: I64, rows: I64, shape: tuple[int, ...]
) -> Affine:
    """The pairs with a constant side, as a linear map of both tensors."""
    constant = fixed_a[left]
    columns = np.where(constant, a.size + right, left)
    weights = np.where(constant, a.bias[left], b.bias[right])
    matrix = Sparse.from_triplets(rows, columns, weights, (prod(shape), a.size + b.size))
    return Affine.stack([a, b]).mapped(matrix, np.zeros(prod(shape)), shape)


def _range(trace: Trace, a: Affine, b: Affine, left: I64, right: I64, starts: I64) -> tuple[F64, F64]:
    """Proven real range of every sum."""
    (a_lo, a_hi), (b_lo, b_hi) = trace.interval(a), trace.interval(b)
    ends = a_lo[left], a_hi[left], b_lo[right], b_hi[right]
    low, high = products(*ends, (left == right) & (a is b))
    return np.add.reduceat(low, starts), np.add.reduceat(high, starts)


def products(
    a_lo: NDArray[Number],
    a_hi: NDArray[Number],
    b_lo: NDArray[Number],
    b_hi: NDArray[Number],
    squares: NDArray[np.bool_],
) -> tuple[NDArray[Number], NDArray[Number]]:
    """Interval of a * b for every pair, in the dtype given; where ``squares`` says that a is b, it is not negative."""
    with np.errstate(invalid="ignore", over="ignore"):  # 0 * inf: an unknown number times 0 is 0
        corners = np.stack([a_lo * b_lo, a_lo * b_hi, a_hi * b_lo, a_hi * b_hi])
    corners[np.isnan(corners)] = 0
    low, high = corners.min(axis=0), corners.max(axis=0)
    crossing = (a_lo < 0) & (a_hi > 0)
    low[squares] = np.where(crossing, 0, np.minimum(corners[0], corners[3]))[squares]
    return low, high
