"""Quantised operators. Products of integers fold as all linear maps do; only rounding back to few bits is a step."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from prover.graph import Node
from prover.graph.dtypes import integer_range
from prover.graph.ops.quantized import integer_type, spread
from prover.quantization.blocks.compare import equal_zero
from prover.quantization.blocks.function import round_half_even
from prover.quantization.blocks.maximum import maximum, minimum
from prover.quantization.blocks.quotient import quotient
from prover.quantization.blocks.sums import aligned, combined, scaled
from prover.quantization.blocks.variables import unrectified
from prover.quantization.rules import rule
from prover.quantization.rules.conv import conv
from prover.quantization.rules.matrix import matrix_product
from prover.quantization.trace import Affine, FloatStep, Trace, Value, linear, unsupported

F64 = NDArray[np.float64]
Array = NDArray[Any]

_SOURCES = frozenset({"DequantizeLinear", "Constant"})
_UNCHANGED = frozenset({
    "Abs", "Clip", "Concat", "DepthToSpace", "Dropout", "Expand", "Flatten", "Gather", "GatherElements", "GatherND",
    "GlobalMaxPool", "Identity", "Max", "MaxPool", "Min", "Neg", "Pad", "ReduceMax", "ReduceMin", "Relu", "Reshape",
    "Slice", "SpaceToDepth", "Split", "Squeeze", "Tile", "Transpose", "Unsqueeze", "Where",
})  # fmt: skip
"""Operators that compute no new numbers, but for signs, which float32 does not round."""


@rule("QuantizeLinear", steps=("requantize",), exactness="exact")
def quantize(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """``saturate(round(x / scale) + zero)``; a ReLU before it is part of the saturation where the zero allows."""
    x = linear(node, operands[0], trace)
    scale, zero = _constant(operands, 1), _constant(operands, 2)
    try:
        dtype = integer_type(node, zero)
    except ValueError as error:
        raise unsupported(node, str(error)) from error
    if node.attributes.get("precision"):
        raise unsupported(node, "attribute 'precision' other than the scale's own type")
    zeros = np.zeros(x.shape) if zero is None else _each(node, zero, x)
    folded = not _arrives_unchanged(trace, node.inputs[0])
    return [_requantized(trace, node, x, _each(node, scale, x), zeros, dtype, integer=False, folded=folded)]


def _arrives_unchanged(trace: Trace, name: str) -> bool:
    """Whether no float operator has computed a tensor's numbers: they are facts, constants, or just dequantised."""
    if trace.graph is None:
        return False
    if "producers" not in trace.shared:
        trace.shared["producers"] = {output: node for node in trace.graph.nodes for output in node.outputs}
    producers: dict[str, Node] = trace.shared["producers"]
    front, seen = [name], {name}
    while front:
        producer = producers.get(front.pop())
        if producer is None or producer.op in _SOURCES:
            continue
        if producer.op not in _UNCHANGED:
            return False
        new = {operand for operand in producer.inputs if operand} - seen
        seen |= new
        front += new
    return True


@rule("DequantizeLinear", steps=())
def dequantize(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """``(x - zero) * scale``: linear."""
    x = linear(node, operands[0], trace)
    scale, zero = _constant(operands, 1), _constant(operands, 2)
    scales = _each(node, scale, x).ravel()
    zeros = np.zeros(x.size) if zero is None else _each(node, zero, x).ravel()
    return [Affine(x.shape, x.matrix.scale_rows(scales), (x.bias - zeros) * scales, x.optional)]


@rule("MatMulInteger", steps=("contract",), exactness="exact")
def matmul_integer(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """``(A - a_zero) @ (B - b_zero)``; a vector of zeros belongs to the rows of A, to the columns of B."""
    a, b, a_zero, b_zero = (*operands, None, None)[:4]
    if isinstance(a_zero, np.ndarray) and a_zero.ndim == 1 and a_zero.size > 1:
        a_zero = a_zero[:, None]
    return [matrix_product(trace, node, _centred(trace, node, a, a_zero), _centred(trace, node, b, b_zero))]


@rule("ConvInteger", steps=("contract", "wire"), exactness="exact")
def conv_integer(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """A convolution of what is above the zero points; padding is the zero point itself."""
    x, w, x_zero, w_zero = (*operands, None, None)[:4]
    kernel = _centred(trace, node, w, _per_channel(w, w_zero))
    return conv(trace, node, [_centred(trace, node, x, x_zero), kernel, None])


@rule("QLinearMatMul", steps=("contract", "requantize"), exactness="exact")
def qlinear_matmul(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """The product of integers, requantised: the factor is ``a_scale * b_scale / y_scale`` in float32."""
    a, a_scale, a_zero, b, b_scale, b_zero, y_scale, y_zero = operands
    scales = [_array(value) for value in (a_scale, b_scale, y_scale)]
    result = matrix_product(trace, node, _centred(trace, node, a, a_zero), _centred(trace, node, b, b_zero))
    factor = np.asarray(scales[0] * scales[1] / scales[2]).astype(np.float64)
    zero = _array(y_zero)
    factors, zeros = (np.broadcast_to(value, result.shape) for value in (factor, zero.astype(np.float64)))
    return [_requantized(trace, node, result, factors, zeros, zero.dtype, integer=True)]


@rule("QLinearConv", steps=("contract", "wire", "requantize"), exactness="exact")
def qlinear_conv(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """The convolution of integers with an integer bias, requantised channel by channel."""
    x, x_scale, x_zero, w, w_scale, w_zero, y_scale, y_zero, bias = (*operands, None)[:9]
    kernel = _centred(trace, node, w, _per_channel(w, w_zero))
    result = conv(trace, node, [_centred(trace, node, x, x_zero), kernel, bias])[0]
    assert isinstance(result, Affine)
    scales = [_array(value) for value in (x_scale, w_scale, y_scale)]
    factor = np.atleast_1d(scales[0] * scales[1] / scales[2]).astype(np.float64)
    channels = factor.reshape(-1, *[1] * (len(result.shape) - 2))
    zero = _array(y_zero)
    factors, zeros = (np.broadcast_to(value, result.shape) for value in (channels, zero.astype(np.float64)))
    return [_requantized(trace, node, result, factors, zeros, zero.dtype, integer=True)]


@rule("DynamicQuantizeLinear", steps=("maximum", "equal", "quotient", "floor", "requantize"))
def dynamic_quantize(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """uint8 over the range of x itself: a private division an element, rounded as finely as activations are."""
    x = linear(node, operands[0], trace)
    flat = Affine.stack([x, Affine.constant(np.zeros(1), trace.n_variables)])
    row = flat.reshaped((1, -1))
    high, low = maximum(trace, node, row), minimum(trace, node, row)
    reach = combined(high, low, -1.0)
    span = combined(reach, equal_zero(trace, node, reach))  # 1 where every x is 0
    zero = _clipped(trace, node, quotient(trace, node, scaled(low, -255.0), span))
    # One division each: an inverse they share would be rounded, and halves would no longer be seen.
    tops = scaled(x, 255.0)
    parts = [quotient(trace, node, tops.pick(np.array([element])), span) for element in range(x.size)]
    steps = round_half_even(trace, node, Affine.stack(parts))
    moved = combined(steps, zero.pick(np.zeros(1, dtype=np.int64)))
    first = np.zeros((), dtype=np.int64)
    quantised = _clipped(trace, node, moved).reshaped(x.shape)
    return [quantised, scaled(span, 1.0 / 255.0).pick(first), zero.pick(first)]


def _clipped(trace: Trace, node: Node, x: Affine) -> Affine:
    """The nearest number in 0 .. 255."""
    ones = np.ones(x.shape)
    return _requantized(trace, node, x, ones, 0.0 * ones, np.dtype(np.uint8), integer=False)


def _requantized(
    trace: Trace,
    node: Node,
    x: Affine,
    factors: F64,
    zeros: F64,
    dtype: np.dtype[Any],
    *,
    integer: bool,
    folded: bool = False,
) -> Affine:
    limits = integer_range(dtype)
    if limits is None or dtype.itemsize > 2:
        raise unsupported(node, f"results of type {dtype}", "quantise to integers of 4, 8 or 16 bits")
    if not np.all(np.isfinite(factors)) or np.any(factors <= 0):
        raise unsupported(node, "a scale that is not positive")
    low, high = limits
    source, least = _behind_relu(trace, x, zeros, high) if not integer else (x, None)
    if least is not None:
        low = least
    params = {
        "integer": integer,
        "factor": factors.ravel(),
        "zero": zeros.ravel(),
        "low": low,
        "bits": (high - low).bit_length(),
        "folded": folded,
    }
    flat = source.flat
    step = FloatStep("requantize", node.name, flat, flat.size, params)
    return trace.append(step, x.shape, whole=True, lo=float(low), hi=float(high))


def _behind_relu(trace: Trace, x: Affine, zeros: F64, high: int) -> tuple[Affine, int | None]:
    """What a ReLU rectifies, and the level it rectifies to, where that leaves a power of two of levels."""
    zero = int(zeros.flat[0])
    if np.any(zeros != zero) or (high - zero + 1) & (high - zero):
        return x, None
    before = unrectified(trace, x)
    return (x, None) if before is None else (before, zero)


def _centred(trace: Trace, node: Node, value: Value | None, zero: Value | None) -> Value:
    """``value - zero`` as integers."""
    if isinstance(value, np.ndarray) and (zero is None or isinstance(zero, np.ndarray)):
        return value.astype(np.float64) - (0.0 if zero is None else zero.astype(np.float64))
    source = linear(node, value, trace)
    if zero is None:
        return source
    first, second = aligned(source, linear(node, zero, trace))
    return combined(first, second, -1.0)


def _per_channel(w: Value | None, zero: Value | None) -> Value | None:
    """Zero points of a kernel's output channels, to be taken from it."""
    if isinstance(zero, np.ndarray) and isinstance(w, np.ndarray) and zero.size > 1:
        return zero.reshape(-1, *[1] * (w.ndim - 1))
    return zero


def _each(node: Node, values: Array, x: Affine) -> F64:
    """Scales or zero points of every element, float64 in x's shape."""
    try:
        return spread(node, values, x.shape).astype(np.float64)
    except ValueError as error:
        raise unsupported(node, str(error)) from error


def _constant(operands: list[Value | None], index: int) -> Any:
    value = operands[index] if len(operands) > index else None
    return None if value is None else _array(value)


def _array(value: Value | None) -> Array:
    assert isinstance(value, np.ndarray)
    return value
