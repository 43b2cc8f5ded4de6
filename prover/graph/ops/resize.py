"""Resize and Upsample by constant scales or sizes: interpolation axis by axis."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from prover.graph.interpolation import Resize, axis_map, resize_of
from prover.graph.ir import Array, Node
from prover.graph.ops.spec import array
from prover.graph.ops.standard import standard


def resize_constants(node: Node, shape: Sequence[int], inputs: Sequence[Array | None]) -> Resize:
    """The node's scales and sizes from all its inputs but the first, which version by version stand elsewhere.

    Raises:
        ValueError: neither scales nor sizes.
    """
    given = [*inputs[1:], None, None, None]
    if node.op == "Upsample" or node.opset < 11:
        given = [None, given[0], None]
    return resize_of(node, shape, given[0], given[1], given[2])


def _resize(node: Node, inputs: Sequence[Array | None]) -> list[Array]:
    x = array(inputs[0])
    resize = resize_constants(node, x.shape, inputs)
    value = x.astype(np.float64) if x.dtype.kind == "f" else x
    extrapolated = np.zeros((), dtype=np.bool_)
    for axis, size in enumerate(x.shape):
        along = axis_map(node, resize, axis, size)
        if along.trivial:
            continue
        spread = (1,) * (x.ndim - axis - 1)
        terms = np.take(value, along.places, axis=axis) * along.weights.reshape(*along.weights.shape, *spread)
        value = terms.sum(axis=axis + 1)
        extrapolated = extrapolated | along.outside.reshape(-1, *spread)
    if extrapolated.any():
        beyond = np.float64(node.attributes["extrapolation_value"])  # type: ignore[arg-type]
        value = np.where(extrapolated, beyond, value)
    return [np.asarray(value).astype(x.dtype)]


_FIRST = {"mode": ("nearest", "linear")}
_ALLOWED = {
    "mode": ("nearest", "linear", "cubic"),
    "nearest_mode": ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil"),
    "coordinate_transformation_mode": (
        "half_pixel",
        "half_pixel_symmetric",
        "pytorch_half_pixel",
        "align_corners",
        "asymmetric",
        "tf_half_pixel_for_nn",
        "tf_crop_and_resize",
    ),
}

OPS = (
    *standard("Resize", until=10, static={1: "scales"}, evaluate=_resize, allowed=_FIRST),
    *standard("Resize", since=11, static={1: "roi", 2: "scales", 3: "sizes"}, evaluate=_resize, allowed=_ALLOWED),
    *standard("Upsample", until=9, static={1: "scales"}, evaluate=_resize, allowed=_FIRST),
)
