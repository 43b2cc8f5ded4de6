"""Remainders and shifts: Mod, BitShift, BitwiseNot."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from prover.graph import Node
from prover.quantization.blocks.compare import at_least_zero
from prover.quantization.blocks.function import floor, truncate
from prover.quantization.blocks.one_hot import one_hot
from prover.quantization.blocks.product import product
from prover.quantization.blocks.quotient import quotient, whole_quotient
from prover.quantization.blocks.remainder import remainder
from prover.quantization.blocks.sums import aligned, combined, scaled, shifted
from prover.quantization.rules import rule
from prover.quantization.rules.linear import integer
from prover.quantization.trace import Affine, Trace, Value, linear, unsupported

_LARGEST_DIVISOR = 1 << 52
"""Larger ones are not all numbers of float64, and the smallest int64 has no magnitude."""


@rule("Mod", steps=("remainder", "quotient", "contract", "compare", "floor"), exactness="exact")
def modulo(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """The remainder with the sign of the divisor, or with ``fmod`` that of the dividend. Exact of integers."""
    x, d = (linear(node, value, trace) for value in operands)
    divisor = operands[1] if isinstance(operands[1], np.ndarray) else None
    if divisor is not None and np.any(divisor == 0):
        raise unsupported(node, "a remainder of a division by zero")
    x, d = aligned(x, d)
    signed_as_dividend = bool(integer(node, "fmod"))
    if trace.tensors[node.inputs[0]].dtype.kind == "f":
        turns = (truncate if signed_as_dividend else floor)(trace, node, quotient(trace, node, x, d))
        return [combined(x, product(trace, node, d, turns), -1.0)]
    if divisor is None:
        rest = combined(x, product(trace, node, d, whole_quotient(trace, node, x, d)), -1.0)
        return [rest if signed_as_dividend else _with_sign_of(trace, node, rest, d)]
    if max(-int(divisor.min()), int(divisor.max())) > _LARGEST_DIVISOR:
        raise unsupported(node, "a divisor beyond 2^52", "a number below it is its own remainder")
    constant = np.broadcast_to(divisor.astype(np.int64), x.shape)
    size = np.abs(constant)
    if signed_as_dividend:
        return [_truncated(trace, node, x, size)]
    # x mod -d is -(-x mod d).
    sign = np.sign(constant).astype(np.float64).ravel()
    return [_signed(remainder(trace, node, _signed(x, sign), size), sign)]


def _with_sign_of(trace: Trace, node: Node, rest: Affine, d: Affine) -> Affine:
    """A remainder with the dividend's sign, one divisor further where that is not the divisor's sign."""
    if bool((trace.interval(rest)[0] >= 0).all() and (trace.interval(d)[0] >= 0).all()):
        return rest
    differs = at_least_zero(trace, node, product(trace, node, rest, d).negated, strict=True)
    return combined(rest, product(trace, node, differs, d))


def _truncated(trace: Trace, node: Node, x: Affine, size: NDArray[np.int64]) -> Affine:
    """``sign(x) (|x| mod d)``: x mod d, less d where x is negative and no multiple of it."""
    low, high = trace.interval(x)
    if bool((low >= 0).all()):
        return remainder(trace, node, x, size)
    if bool((high <= 0).all()):
        return remainder(trace, node, x.negated, size).negated
    signs = shifted(_doubled(at_least_zero(trace, node, x)), -1.0)
    magnitude = product(trace, node, signs, x)
    return product(trace, node, signs, remainder(trace, node, magnitude, size))


def _doubled(x: Affine) -> Affine:
    return combined(x, x)


def _signed(x: Affine, signs: NDArray[np.float64]) -> Affine:
    return Affine(x.shape, x.matrix.scale_rows(signs), x.bias * signs, x.optional)


@rule("BitShift", steps=("floor", "remainder", "one_hot", "contract", "quotient"), exactness="exact")
def bit_shift(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """Products with powers of two, less what leaves the type, or quotients by them, rounded down."""
    x, places = (linear(node, value, trace) for value in operands)
    width = 8 * trace.tensors[node.inputs[0]].dtype.itemsize
    x, places = aligned(x, places)
    low, high = trace.interval(places)
    if float(low.min(initial=0.0)) < 0 or float(high.max(initial=0.0)) >= width:
        raise unsupported(node, f"a shift by {float(high.max()):g} of {width} bits", "narrow the range of the shift")
    flat = places.flat
    reach = int(high.max(initial=0.0)) + 1
    hot = one_hot(trace, node, flat, reach)
    numbers = np.arange(hot.size, dtype=np.int64).reshape(-1, reach)
    power = Affine.constant(np.zeros(x.shape), trace.n_variables)
    for bit in range(reach):
        power = combined(power, hot.pick(numbers[:, bit].reshape(x.shape)), 2.0**bit)
    if node.attributes["direction"] == "LEFT":
        shifted_left = product(trace, node, x, power)
        if float(trace.interval(shifted_left)[1].max(initial=0.0)) < 2.0**width or width > 60:
            return [shifted_left]
        return [remainder(trace, node, shifted_left, np.full(x.shape, 1 << width, dtype=np.int64))]
    result = Affine.constant(np.zeros(x.shape), trace.n_variables)
    for bit in range(reach):
        chosen = hot.pick(numbers[:, bit].reshape(x.shape))
        if chosen.matrix.nnz or chosen.bias.any():
            result = combined(result, product(trace, node, chosen, floor(trace, node, scaled(x, 2.0**-bit))))
    return [result]


@rule("BitwiseNot", steps=())
def bitwise_not(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """``-1 - x``, of an unsigned type the largest number less x."""
    dtype = trace.tensors[node.inputs[0]].dtype
    top = float(np.iinfo(dtype).max) if dtype.kind == "u" else -1.0
    return [shifted(linear(node, operands[0], trace).negated, top)]
