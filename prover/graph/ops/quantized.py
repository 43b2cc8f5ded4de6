"""Quantised operators: integers of few bits, scales and zero points."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from prover.graph.dtypes import ELEMENT_TYPES, integer_range
from prover.graph.ir import Array, Node
from prover.graph.ops.spec import array
from prover.graph.ops.standard import standard


def spread(node: Node, values: Array, shape: tuple[int, ...]) -> Array:
    """Scales or zero points of every element: one for all, one for each place along an axis, or one a block.

    Raises:
        ValueError: another number of them than the axis or its blocks need.
    """
    if values.size == 1:
        return np.broadcast_to(values.reshape(()), shape)
    block, axis = node.attributes.get("block_size") or 0, node.attributes.get("axis", 1)
    assert isinstance(block, int)
    assert isinstance(axis, int)
    axis %= max(len(shape), 1)
    if block:
        repeated = np.repeat(values, block, axis=axis)
        if repeated.ndim != len(shape) or any(a < b for a, b in zip(repeated.shape, shape, strict=True)):
            raise ValueError(f"scales or zero points of shape {values.shape} for blocks of {block} in {shape}")
        return repeated[tuple(slice(0, length) for length in shape)]
    if not shape or values.shape != (shape[axis],):
        raise ValueError(f"{values.size} scales or zero points for axis {axis} of {shape}")
    return np.broadcast_to(values.reshape(-1, *[1] * (len(shape) - axis - 1)), shape)


def integer_type(node: Node, zero: Array | None) -> np.dtype[np.generic]:
    """What QuantizeLinear quantises to: its zero point's type, or the attribute's, or uint8.

    Raises:
        ValueError: an element type that is not known.
    """
    if zero is not None:
        return zero.dtype
    wanted = node.attributes.get("output_dtype") or 2
    found = ELEMENT_TYPES.get(wanted) if isinstance(wanted, int) else None
    if found is None or integer_range(found) is None:
        raise ValueError(f"output_dtype {wanted} is no integer type")
    return found


def _quantize(node: Node, inputs: Sequence[Array | None]) -> list[Array]:
    x, scale, zero = array(inputs[0]), array(inputs[1]), inputs[2] if len(inputs) > 2 else None
    dtype = integer_type(node, zero)
    steps = np.rint(x / spread(node, scale, x.shape)).astype(np.float64)
    moved = steps if zero is None else steps + spread(node, zero, x.shape).astype(np.float64)
    low, high = integer_range(dtype) or (0, 0)
    return [np.clip(moved, low, high).astype(dtype)]


def _dequantize(node: Node, inputs: Sequence[Array | None]) -> list[Array]:
    x, scale, zero = array(inputs[0]), array(inputs[1]), inputs[2] if len(inputs) > 2 else None
    above = x.astype(np.float32)
    if zero is not None:
        above = above - spread(node, zero, x.shape).astype(np.float32)
    wanted = node.attributes.get("output_dtype") or 0
    dtype = ELEMENT_TYPES.get(wanted) if isinstance(wanted, int) else None
    return [(above * spread(node, scale, x.shape)).astype(dtype or scale.dtype)]


OPS = (
    *standard("QuantizeLinear", static={1: "y_scale", 2: "y_zero_point"}, evaluate=_quantize),
    *standard("DequantizeLinear", static={1: "x_scale", 2: "x_zero_point"}, evaluate=_dequantize),
    *standard("DynamicQuantizeLinear"),
    *standard("MatMulInteger"),
    *standard("ConvInteger", static={1: "w"}),
    *standard("QLinearMatMul", static={1: "a_scale", 2: "a_zero_point", 4: "b_scale", 5: "b_zero_point",
                                       6: "y_scale", 7: "y_zero_point"}),
    *standard("QLinearConv", static={1: "x_scale", 2: "x_zero_point", 3: "w", 4: "w_scale", 5: "w_zero_point",
                                     6: "y_scale", 7: "y_zero_point"}),
)  # fmt: skip
