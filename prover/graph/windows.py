"""Where sliding windows lie: output sizes, padding and flat input positions of convolutions and pools."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from prover.graph.ir import Node

Ints = NDArray[np.int64]

AUTO_PAD = {"auto_pad": ("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER")}
"""Ways to pad, for the operators' entries."""


@dataclass(frozen=True)
class Windows:
    """Windows over a spatial grid, axis by axis.

    Attributes:
        sizes: of the input grid.
        kernel: of a window.
        strides, dilations: per axis.
        before, after: padding per axis.
        counts: windows per axis, the output's spatial shape.
    """

    sizes: tuple[int, ...]
    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    before: tuple[int, ...]
    after: tuple[int, ...]
    counts: tuple[int, ...]

    @property
    def n_windows(self) -> int:
        return int(np.prod(self.counts, dtype=np.int64))

    def positions(self) -> Ints:
        """int64[windows, kernel cells]: flat index into the input grid, -1 in the padding."""
        inside = np.ones((1, 1), dtype=np.bool_)
        flat = np.zeros((1, 1), dtype=np.int64)
        for axis, size in enumerate(self.sizes):
            place = self._axis(axis)
            flat = _outer(flat * size, place)
            inside = _outer(inside.astype(np.int64) - 1, np.where((place >= 0) & (place < size), 0, -1)) == 0
        return np.where(inside, flat, -1)

    def cells(self, *, with_padding: bool) -> Ints:
        """int64[windows]: kernel cells inside the input, or inside the padded input: what an average divides by."""
        total = np.ones(1, dtype=np.int64)
        for axis, size in enumerate(self.sizes):
            low, high = (-self.before[axis], size + self.after[axis]) if with_padding else (0, size)
            place = self._axis(axis)
            total = np.outer(total, ((place >= low) & (place < high)).sum(axis=1)).ravel()
        return total

    def _axis(self, axis: int) -> Ints:
        """int64[windows, kernel cells] along one axis; may lie outside the grid."""
        start = np.arange(self.counts[axis], dtype=np.int64) * self.strides[axis] - self.before[axis]
        return np.asarray(start[:, None] + np.arange(self.kernel[axis], dtype=np.int64) * self.dilations[axis])


def _outer(left: Ints, right: Ints) -> Ints:
    """Sums of all pairs, window by window and cell by cell: [a, b] and [c, d] to [a*c, b*d]."""
    total = left[:, None, :, None] + right[None, :, None, :]
    return np.asarray(total.reshape(left.shape[0] * right.shape[0], -1))


def windows(node: Node, sizes: Sequence[int], kernel: Sequence[int]) -> Windows:
    """The windows of a convolution or pool node over an input grid of ``sizes``.

    Raises:
        ValueError: attributes of another rank, a stride below 1, or a kernel larger than the padded input.
    """
    rank = len(sizes)
    strides, dilations = per_axis(node, "strides", rank), per_axis(node, "dilations", rank)
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
    mode = node.attributes.get("auto_pad")
    if mode in ("SAME_UPPER", "SAME_LOWER"):
        counts = [-(-size // stride) for size, stride in zip(sizes, strides, strict=True)]
        total = [max((n - 1) * s + r - size, 0) for n, s, r, size in zip(counts, strides, reach, sizes, strict=True)]
        smaller = [pad // 2 for pad in total]
        larger = [pad - half for pad, half in zip(total, smaller, strict=True)]
        before, after = (smaller, larger) if mode == "SAME_UPPER" else (larger, smaller)
        return _made(sizes, kernel, strides, dilations, before, after, counts)
    before, after = ([0] * rank, [0] * rank) if mode == "VALID" else padding(node, rank)
    up = bool(node.attributes.get("ceil_mode"))
    counts = []
    for size, stride, r, low, high in zip(sizes, strides, reach, before, after, strict=True):
        room = size + low + high - r
        if room < 0:
            raise ValueError(f"a window of {r} cells does not fit {size} and its padding")
        count = (-(-room // stride) if up else room // stride) + 1
        if up and (count - 1) * stride >= size + low:
            count -= 1  # it would start in the padding behind the input
        counts.append(count)
    return _made(sizes, kernel, strides, dilations, before, after, counts)


def numbered(node: Node, places: Ints, sizes: Sequence[int]) -> Ints:
    """Flat grid positions as the ``Indices`` of a MaxPool count them: by columns where ``storage_order`` is 1.

    Raises:
        ValueError: columns of a grid that is no plane.
    """
    if not node.attributes.get("storage_order"):
        return places
    if len(sizes) != 2:
        raise ValueError(f"storage_order = 1 of {len(sizes)} spatial axes")
    return np.asarray(places // sizes[1] + places % sizes[1] * sizes[0])


def _made(*parts: Sequence[int]) -> Windows:
    return Windows(*(tuple(int(item) for item in part) for part in parts))


def per_axis(node: Node, name: str, rank: int) -> list[int]:
    """A list attribute with one positive entry per spatial axis; ones when it is absent."""
    given = node.attributes.get(name)
    values = [1] * rank if given is None else [int(item) for item in given]  # type: ignore[attr-defined]
    if len(values) != rank or min(values, default=1) < 1:
        raise ValueError(f"{name} {values} for {rank} spatial axes")
    return values


def padding(node: Node, rank: int) -> tuple[list[int], list[int]]:
    """Attribute ``pads`` as (before, after) of each spatial axis; zeros when it is absent."""
    given = node.attributes.get("pads")
    values = [0] * (2 * rank) if given is None else [int(item) for item in given]  # type: ignore[attr-defined]
    if len(values) != 2 * rank or min(values, default=0) < 0:
        raise ValueError(f"pads {values} for {rank} spatial axes")
    return values[:rank], values[rank:]


def transposed(node: Node, sizes: Sequence[int], kernel: Sequence[int]) -> Windows:
    """The windows whose transpose a ConvTranspose is: they lie in its *output* grid, one for every input position.

    Raises:
        ValueError: attributes of another rank, or an empty output.
    """
    rank = len(sizes)
    strides, dilations = per_axis(node, "strides", rank), per_axis(node, "dilations", rank)
    extra = node.attributes.get("output_padding")
    extras = [0] * rank if extra is None else [int(item) for item in extra]  # type: ignore[attr-defined]
    shape, mode = node.attributes.get("output_shape"), node.attributes["auto_pad"]
    full = [
        (size - 1) * s + (k - 1) * d + 1 + e
        for size, s, k, d, e in zip(sizes, strides, kernel, dilations, extras, strict=True)
    ]
    if shape is None and mode not in ("SAME_UPPER", "SAME_LOWER"):
        before, after = ([0] * rank, [0] * rank) if mode == "VALID" else padding(node, rank)
        wanted = [f - low - high for f, low, high in zip(full, before, after, strict=True)]
    else:
        wanted = [size * s for size, s in zip(sizes, strides, strict=True)]
        if shape is not None:
            wanted = [int(item) for item in shape][-rank:]  # type: ignore[attr-defined]
        total = [max(f - w, 0) for f, w in zip(full, wanted, strict=True)]
        before = [pad // 2 if mode == "SAME_UPPER" else pad - pad // 2 for pad in total]
        after = [pad - low for pad, low in zip(total, before, strict=True)]
    if min(wanted, default=1) < 1:
        raise ValueError(f"an output of spatial shape {wanted}")
    return _made(wanted, kernel, strides, dilations, before, after, sizes)
