"""Quotients of tensors whose divisor depends on the input."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from prover.graph import Node
from prover.quantization.blocks.product import contract, product
from prover.quantization.trace import Affine, FloatStep, Trace, unsupported

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

_SHARED = 3
"""From this many numerators on, a divisor's inverse and one product each cost less than a division each."""


def quotient(trace: Trace, node: Node, a: Affine, b: Affine, *, least: float = 0.0, limit: float = np.inf) -> Affine:
    """``a / b`` element by element, shapes broadcast.

    A quotient is rounded to the nearest multiple of its unit. A divisor that numerators share is inverted instead, to
    two bits more than an activation has, relative to the smallest inverse seen.

    Args:
        a, b: a divisor whose range holds 0 is kept away from it by explicit, reported saturation at an eighth of the
            smallest magnitude seen in calibration.
        least: positive where the caller knows that no divisor is smaller, whatever intervals say, as of a sum of
            exponentials one of which is 1.
        limit: what the caller knows no quotient exceeds in magnitude, see ``blocks/product.py``.

    Raises:
        UnsupportedOpError: a divisor that is the constant 0.
        QuantizationError: when the step is quantised, of a divisor that is 0 in every sample.
    """
    left, right = np.broadcast_arrays(*(np.arange(side.size).reshape(side.shape) for side in (a, b)))
    shape, left, right = left.shape, left.ravel(), right.ravel()
    fixed = (np.diff(b.matrix.indptr) == 0)[right]
    if np.any(b.bias[right[fixed]] == 0):
        raise unsupported(node, "division by a constant zero")
    size = left.size
    with np.errstate(divide="ignore"):
        inverses = Affine.constant(1.0 / b.bias[right[fixed]], trace.n_variables)
    linear = product(trace, node, a.pick(left[fixed]), inverses)
    if fixed.all():
        return linear.reshaped(shape)
    order = np.empty(size, dtype=np.int64)
    order[fixed], order[~fixed] = np.arange(linear.size), linear.size + np.arange(size - linear.size)
    divided = _divided(trace, node, a.pick(left[~fixed]), b, right[~fixed], (least, limit))
    return Affine.stack([linear, divided]).pick(order.reshape(shape))


def whole_quotient(trace: Trace, node: Node, a: Affine, b: Affine) -> Affine:
    """``a / b`` of integers, the fraction dropped; exact. A divisor of 0 is saturated at 1, and reported."""
    left, right = np.broadcast_arrays(*(np.arange(side.size).reshape(side.shape) for side in (a, b)))
    divisors, place = np.unique(right.ravel(), return_inverse=True)
    result = _step(trace, node, a.pick(left.ravel()), b.pick(divisors), place, whole=True)
    return result.reshaped(left.shape)


def _divided(trace: Trace, node: Node, tops: Affine, b: Affine, right: I64, known: tuple[float, float]) -> Affine:
    """``tops[i] / b[right[i]]``. Divisors of several numerators are inverted once, and multiplied with."""
    divisors, place, uses = np.unique(right, return_inverse=True, return_counts=True)
    bottoms = b.pick(divisors)
    least, limit = known
    if uses.max() < _SHARED:
        return _step(trace, node, tops, bottoms, place, least=least)
    every = np.arange(tops.size, dtype=np.int64)
    inverse = inverses(trace, node, bottoms, least=least)
    return contract(trace, node, tops, inverse, every, place, every, tops.shape, limit=limit)


def inverses(trace: Trace, node: Node, b: Affine, *, least: float = 0.0) -> Affine:
    """``1 / b``, to two bits more than an activation has, relative to the smallest inverse seen."""
    ones = Affine.constant(np.ones(b.size), trace.n_variables)
    return _step(trace, node, ones, b, np.arange(b.size, dtype=np.int64), least=least, relative=True)


def _step(
    trace: Trace,
    node: Node,
    tops: Affine,
    bottoms: Affine,
    place: I64,
    *,
    least: float = 0.0,
    relative: bool = False,
    whole: bool = False,
) -> Affine:
    low, high = _range(trace, tops, bottoms.pick(place), least)
    if whole:
        reach = np.abs(np.stack(trace.interval(tops))).max(axis=0)
        low, high = np.maximum(low, -reach), np.minimum(high, reach)
    params = {"divisor": place, "least": least, "relative": relative, "whole": whole}
    step = FloatStep("quotient", node.name, Affine.stack([tops, bottoms]), tops.size, params)
    return trace.append(step, (tops.size,), whole=whole, lo=low, hi=high)


def _range(trace: Trace, a: Affine, b: Affine, least: float) -> tuple[F64, F64]:
    """Proven real range of every quotient; infinite where the divisor may be 0."""
    (a_lo, a_hi), (b_lo, b_hi) = trace.interval(a), trace.interval(b)
    if least > 0:
        b_lo, b_hi = np.maximum(b_lo, least), np.maximum(b_hi, least)
    with np.errstate(divide="ignore", invalid="ignore"):
        corners = np.stack([x / y for x in (a_lo, a_hi) for y in (b_lo, b_hi)])
    corners[np.isnan(corners)] = 0.0
    open_ = (b_lo <= 0) & (b_hi >= 0)
    return np.where(open_, -np.inf, corners.min(axis=0)), np.where(open_, np.inf, corners.max(axis=0))
