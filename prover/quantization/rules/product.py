"""Products, quotients and powers element by element: Mul, Div, Pow."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from prover.graph import Node
from prover.quantization.blocks.compare import at_least_zero, equal_zero
from prover.quantization.blocks.function import apply
from prover.quantization.blocks.gate import gated
from prover.quantization.blocks.links import inverted, shares
from prover.quantization.blocks.product import product
from prover.quantization.blocks.quotient import quotient, whole_quotient
from prover.quantization.blocks.root import inverse_root, square_root
from prover.quantization.blocks.sums import aligned, combined, scaled, shifted
from prover.quantization.rules import rule
from prover.quantization.trace import Affine, Link, Trace, Value, linear, unsupported

_LARGEST_EXPONENT = 64
"""Larger whole exponents go through the logarithm."""

_MOST_ENLARGED = 20
"""Elements below 2^-20 stay as they are."""


@rule("Mul", steps=("contract", "function"))
def multiply(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """Broadcast product; linear where one side is constant, one table where it is a gate such as x * sigmoid(x).

    Probabilities times 1, which some converters write at the end of a model, stay probabilities.
    """
    for one, other in (operands, operands[::-1]):
        if isinstance(other, Link) and isinstance(one, np.ndarray) and one.shape in ((), (1,)) and one.item() == 1:
            return [other]
    left, right = (linear(node, value, trace) for value in operands)
    found = gated(trace, node, left, right)
    return [product(trace, node, left, right) if found is None else found]


@rule("Div", steps=("quotient", "contract"))
def divide(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """Broadcast quotient; linear where the divisor is constant. Integers are divided exactly, the fraction dropped.

    A tensor over itself is 1, also where it is 0 and the float model's quotient no number.
    """
    left, right = operands[0], linear(node, operands[1], trace)
    if node.inputs[0] == node.inputs[1]:
        return [np.ones(right.shape, dtype=trace.tensors[node.inputs[0]].dtype)]
    found = shares(trace, node, left, right)
    if found is None and isinstance(left, np.ndarray) and np.all(left == 1) and left.ndim <= len(right.shape):
        found = inverted(trace, right)
    if found is not None:
        return [found]
    left = linear(node, left, trace)
    if trace.tensors[node.inputs[0]].dtype.kind in "iu":
        if np.any((np.diff(right.matrix.indptr) == 0) & (right.bias == 0)):
            raise unsupported(node, "division by a constant zero")
        return [whole_quotient(trace, node, left, right)]
    return [quotient(trace, node, left, right)]


@rule("Pow", steps=("contract", "quotient", "root", "function", "compare", "equal"))
def power(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """``x ^ y``: whole exponents by products, halves by roots, others by exp(y * log(x)) of a positive x."""
    base, exponents = operands
    if not isinstance(exponents, np.ndarray):
        return [_general_power(trace, node, base, linear(node, exponents, trace))]
    source, raised = aligned(linear(node, base, trace), linear(node, exponents, trace))
    parts, order = [], np.empty(source.size, dtype=np.int64)
    start = 0
    for exponent in np.unique(raised.bias).tolist():
        places = np.flatnonzero(raised.bias == exponent)
        parts.append(_constant_power(trace, node, source.pick(places), exponent))
        order[places] = start + np.arange(places.size)
        start += places.size
    return [Affine.stack(parts).pick(order.reshape(source.shape))]


def _constant_power(trace: Trace, node: Node, x: Affine, exponent: float) -> Affine:
    if exponent == int(exponent) and abs(exponent) <= _LARGEST_EXPONENT:
        if exponent >= 0:
            return _whole_power(trace, node, x, int(exponent))
        one = Affine.constant(np.ones(1), trace.n_variables)
        return quotient(trace, node, one, _whole_power(trace, node, x, int(-exponent)))
    if abs(exponent) == 0.5:
        return square_root(trace, node, x) if exponent > 0 else inverse_root(trace, node, x)
    raised = apply(trace, node, "Exp", scaled(apply(trace, node, "Log", x, ends=exponent > 0), exponent))
    if exponent < 0 or np.all(trace.interval(x)[0] > 0):
        return raised
    return product(trace, node, raised, at_least_zero(trace, node, x, strict=True))  # 0 has no logarithm, but powers


def _whole_power(trace: Trace, node: Node, x: Affine, exponent: int) -> Affine:
    """By squaring, of elements enlarged to about 1: powers of small numbers keep their digits."""
    factors = _enlarging(trace, x)
    result, square, left = None, _scaled_rows(x, factors), exponent
    while left:
        if left & 1:
            result = square if result is None else product(trace, node, result, square)
        left >>= 1
        square = product(trace, node, square, square) if left else square
    if result is None:
        return Affine.constant(np.ones(x.shape), trace.n_variables)
    return _scaled_rows(result, factors**-exponent)


def _enlarging(trace: Trace, x: Affine) -> NDArray[np.float64]:
    """Powers of two, at least 1, that bring elements of small range to between 1/2 and 1."""
    reach = np.abs(np.stack(trace.interval(x))).max(axis=0, initial=0.0)
    known = (reach > 2.0**-_MOST_ENLARGED) & (reach < 0.5)
    return np.asarray(2.0 ** np.where(known, -np.frexp(np.where(known, reach, 1.0))[1], 0), dtype=np.float64)


def _scaled_rows(x: Affine, factors: NDArray[np.float64]) -> Affine:
    return Affine(x.shape, x.matrix.scale_rows(factors), x.bias * factors, x.optional)


def _general_power(trace: Trace, node: Node, base: Value | None, exponents: Affine) -> Affine:
    """The exponent depends on the input, so the base must be positive."""
    if isinstance(base, np.ndarray):
        if np.any(base <= 0):
            raise unsupported(node, "a base that is not positive, to a power that depends on the input")
        logarithm = Affine.constant(np.log(base.astype(np.float64)), trace.n_variables)
    else:
        source = linear(node, base, trace)
        logarithm = apply(trace, node, "Log", source, ends=True)
        raised = apply(trace, node, "Exp", product(trace, node, exponents, logarithm))
        if np.all(trace.interval(source)[0] > 0):
            return raised
        return _powers_of_zero(trace, node, source, exponents, raised)
    return apply(trace, node, "Exp", product(trace, node, exponents, logarithm))


def _powers_of_zero(trace: Trace, node: Node, x: Affine, y: Affine, raised: Affine) -> Affine:
    """``x ^ y`` for x >= 0: 0 has no logarithm, but 0 ^ y is 0, and 0 ^ 0 is 1."""
    positive = at_least_zero(trace, node, x, strict=True)
    result = product(trace, node, raised, positive)
    low, high = trace.interval(y)
    if np.all((low > 0) | (high < 0)):
        return result
    absent = shifted(scaled(positive, -1.0), 1.0)
    return combined(result, product(trace, node, absent, equal_zero(trace, node, y)))
