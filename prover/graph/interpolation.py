"""Resize along one axis: every output is a fixed combination of input elements.

Coordinates, ratios and coefficients follow the ONNX reference implementation (``Resize``, opsets 10 to 19), in float64.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from prover.graph.ir import Node

F64 = NDArray[np.float64]


@dataclass(frozen=True)
class AxisMap:
    """One axis of a resize.

    Attributes:
        size: length of the input.
        places: int64[out, n], input elements an output element combines.
        weights: float64[out, n].
        outside: bool[out], outputs that have the extrapolation value instead.
    """

    size: int
    places: NDArray[np.int64]
    weights: F64
    outside: NDArray[np.bool_]

    @property
    def trivial(self) -> bool:
        """Whether it is the identity."""
        out, n = self.places.shape
        return (
            n == 1 and out == self.size and not self.outside.any() and bool(np.all(self.places[:, 0] == np.arange(out)))
        )


@dataclass(frozen=True)
class Resize:
    """A resize node's constants.

    Attributes:
        scales: per axis.
        sizes: output shape.
        roi: start and end per axis, for ``tf_crop_and_resize``.
    """

    scales: tuple[float, ...]
    sizes: tuple[int, ...]
    roi: tuple[tuple[float, float], ...]


def resize_of(
    node: Node,
    shape: Sequence[int],
    roi: NDArray[np.float64] | None,
    scales: NDArray[np.float64] | None,
    sizes: NDArray[np.int64] | None,
) -> Resize:
    """Scales and output shape of a Resize or Upsample node over a tensor of ``shape``.

    Raises:
        ValueError: neither scales nor sizes, or of another length than the axes; attributes that contradict each other.
    """
    mode = node.attributes.get("coordinate_transformation_mode")
    if mode == "tf_crop_and_resize" and (roi is None or not roi.size):
        raise ValueError("tf_crop_and_resize without a region of interest")
    if node.attributes.get("antialias") and node.attributes["mode"] == "nearest":
        raise ValueError("antialias = 1 of the nearest elements")
    rank = len(shape)
    given = node.attributes.get("axes")
    axes = list(range(rank)) if given is None else [int(axis) % rank for axis in given]  # type: ignore[attr-defined]
    factors, wanted = [1.0] * rank, list(shape)
    if sizes is not None and sizes.size:
        policy = node.attributes.get("keep_aspect_ratio_policy") or "stretch"
        ratios = [float(size) / shape[axis] for size, axis in zip(sizes.tolist(), axes, strict=True)]
        if policy != "stretch":
            ratios = [min(ratios) if policy == "not_larger" else max(ratios)] * len(axes)
        for size, ratio, axis in zip(sizes.tolist(), ratios, axes, strict=True):
            factors[axis] = ratio
            wanted[axis] = int(size) if policy == "stretch" else math.floor(ratio * shape[axis] + 0.5)
    elif scales is not None and scales.size:
        for scale, axis in zip(scales.tolist(), axes, strict=True):
            factors[axis] = float(scale)
            wanted[axis] = math.floor(shape[axis] * np.float32(scale))
    else:
        raise ValueError("neither scales nor sizes")
    window = [(0.0, 1.0)] * rank
    if roi is not None and roi.size:
        ends = roi.astype(np.float64).reshape(2, -1)
        for axis, start, end in zip(axes, ends[0].tolist(), ends[1].tolist(), strict=True):
            window[axis] = (start, end)
    return Resize(tuple(factors), tuple(wanted), tuple(window))


def axis_map(node: Node, resize: Resize, axis: int, size: int) -> AxisMap:
    """How output elements along one axis of length ``size`` follow from input elements."""
    scale, out = resize.scales[axis], resize.sizes[axis]
    if scale == 1.0 and out == size and _mode(node, "coordinate_transformation_mode") != "tf_crop_and_resize":
        every = np.arange(size, dtype=np.int64)[:, None]
        return AxisMap(size, every, np.ones((size, 1)), np.zeros(size, dtype=np.bool_))
    x, outside = _coordinates(node, resize, axis, size)
    mode = str(node.attributes["mode"])
    if mode == "nearest":
        places = np.clip(_nearest(node, x, scale), 0, size - 1)[:, None]
        return AxisMap(size, places, np.ones(places.shape), outside)
    base = np.ceil(x) - 1.0  # the ratio lies in (0, 1]: an integer coordinate is the upper of its two neighbours
    ratio = x - base
    shrink = min(scale, 1.0) if node.attributes.get("antialias") else 1.0
    reach = 2 if mode == "cubic" else 1
    first = math.floor(-reach / shrink) + 1
    offsets = np.arange(first, 2 - first)
    distance = np.abs(offsets - ratio[:, None]) * shrink
    if mode == "cubic":
        weights = _cubic(distance, float(node.attributes.get("cubic_coeff_a", -0.75)))  # type: ignore[arg-type]
    else:
        weights = np.maximum(1.0 - distance, 0.0)
    if node.attributes.get("antialias"):
        weights /= weights.sum(axis=1, keepdims=True)
    places = (base[:, None] + offsets).astype(np.int64)
    if node.attributes.get("exclude_outside"):
        weights = np.where((places < 0) | (places >= size), 0.0, weights)
        total = weights.sum(axis=1, keepdims=True)
        weights = weights / np.where(total == 0.0, 1.0, total)
    return AxisMap(size, np.clip(places, 0, size - 1), weights, outside)


def _mode(node: Node, name: str) -> str:
    """A text attribute; before opset 11 coordinates were asymmetric."""
    found = node.attributes.get(name)
    return "asymmetric" if found is None else str(found)


def _coordinates(node: Node, resize: Resize, axis: int, size: int) -> tuple[F64, NDArray[np.bool_]]:
    """Input coordinate of every output element, and whether it lies outside the region of interest."""
    scale, out = resize.scales[axis], resize.sizes[axis]
    y = np.arange(out, dtype=np.float64)
    width = scale * size
    inside = np.zeros(out, dtype=np.bool_)
    mode = _mode(node, "coordinate_transformation_mode")
    if mode == "align_corners":
        return (np.zeros(out) if width == 1 else y * (size - 1) / (width - 1)), inside
    if mode == "asymmetric":
        return y / scale, inside
    if mode == "tf_half_pixel_for_nn":  # opset 11 only
        return (y + 0.5) / scale, inside
    if mode == "tf_crop_and_resize":
        start, end = resize.roi[axis]
        x = np.full(out, (end - start) * (size - 1) / 2) if width == 1 else y * (end - start) * (size - 1) / (width - 1)
        x = x + start * (size - 1)
        return x, (x < 0) | (x > size - 1)
    if mode == "pytorch_half_pixel" and width == 1:
        return np.full(out, -0.5), inside
    shift = size / 2 * (1 - out / width) if mode == "half_pixel_symmetric" else 0.0
    return shift + (y + 0.5) / scale - 0.5, inside


def _nearest(node: Node, x: F64, scale: float) -> NDArray[np.int64]:
    mode = node.attributes.get("nearest_mode")
    if mode is None:  # before opset 11: upwards where the axis shrinks
        mode = "ceil" if scale < 1.0 else "floor"
    rounded = {
        "round_prefer_floor": lambda: np.ceil(x - 0.5),
        "round_prefer_ceil": lambda: np.floor(x + 0.5),
        "floor": lambda: np.floor(x),
        "ceil": lambda: np.ceil(x),
    }[str(mode)]()
    return np.asarray(rounded, dtype=np.int64)


def _cubic(distance: F64, a: float) -> F64:
    near = ((a + 2) * distance - (a + 3)) * distance**2 + 1
    far = ((distance - 5) * distance + 8) * a * distance - 4 * a
    return np.where(distance <= 1, near, np.where(distance < 2, far, 0.0))
