"""Pools: maxima, means and norms over sliding windows, and over everything."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from prover.graph.ir import Array, Node
from prover.graph.ops.spec import Inferred, Operand, array, needed
from prover.graph.ops.standard import standard
from prover.graph.windows import AUTO_PAD, Windows, numbered, windows


def _infer(node: Node, inputs: Sequence[Operand | None]) -> list[Inferred]:
    """Shapes as onnxruntime has them: a window that would start in the padding behind the input is none. ONNX's own
    inference counts it in some versions."""
    x = needed(inputs[0])
    if len(x.shape) < 3:
        raise ValueError(f"a pool over an input of shape {x.shape}, which has no spatial axes")
    grid = windows(node, x.shape[2:], tuple(node.attributes["kernel_shape"]))  # type: ignore[arg-type]
    shape = (*x.shape[:2], *grid.counts)
    return [Inferred(x.dtype, shape), Inferred(np.dtype(np.int64), shape)][: len(node.outputs)]


def _patches(node: Node, x: Array, fill: float) -> tuple[Windows, Array]:
    """The windows, and their values [n, c, windows, cells] with ``fill`` in the padding."""
    kernel = node.attributes["kernel_shape"]
    grid = windows(node, x.shape[2:], tuple(kernel))  # type: ignore[arg-type]
    flat = x.reshape(*x.shape[:2], -1)
    padded = np.concatenate((flat, np.full((*x.shape[:2], 1), fill, dtype=x.dtype)), axis=2)
    return grid, padded[:, :, grid.positions()]


def _average(node: Node, inputs: Sequence[Array | None]) -> list[Array]:
    x = array(inputs[0])
    grid, patches = _patches(node, x, 0)
    cells = grid.cells(with_padding=bool(node.attributes["count_include_pad"]))
    return [(patches.sum(axis=3) / cells).reshape(*x.shape[:2], *grid.counts).astype(x.dtype)]


def _maximum(node: Node, inputs: Sequence[Array | None]) -> list[Array]:
    """Values; and, where wanted, the index of each in the flattened input, row by row."""
    x = array(inputs[0])
    least = np.iinfo(x.dtype).min if x.dtype.kind in "iu" else -np.inf
    grid, patches = _patches(node, x, least)
    shape = (*x.shape[:2], *grid.counts)
    values = patches.max(axis=3).reshape(shape)
    if len(node.outputs) < 2 or not node.outputs[1]:
        return [values]
    inside = np.where(grid.positions() < 0, np.inf, 0)
    first = np.argmax(np.where(inside > 0, -np.inf, patches), axis=3)
    places = np.take_along_axis(np.broadcast_to(grid.positions(), patches.shape), first[..., None], axis=3)[..., 0]
    base = np.arange(x.shape[0] * x.shape[1], dtype=np.int64).reshape(*x.shape[:2], 1)
    return [values, (numbered(node, places, x.shape[2:]) + base * int(np.prod(x.shape[2:]))).reshape(shape)]


def _norm(node: Node, inputs: Sequence[Array | None]) -> list[Array]:
    x = array(inputs[0])
    grid, patches = _patches(node, x, 0)
    p = node.attributes["p"]
    assert isinstance(p, int)
    return [((np.abs(patches) ** p).sum(axis=3) ** (1 / p)).reshape(*x.shape[:2], *grid.counts).astype(x.dtype)]


def _global_norm(node: Node, inputs: Sequence[Array | None]) -> list[Array]:
    x, p = array(inputs[0]), node.attributes["p"]
    assert isinstance(p, int)
    sums = (np.abs(x) ** p).sum(axis=tuple(range(2, x.ndim)), keepdims=True)
    return [np.asarray(sums ** (1 / p)).astype(x.dtype)]


OPS = (
    *standard("AveragePool", infer=_infer, evaluate=_average, allowed=AUTO_PAD),
    *standard("MaxPool", infer=_infer, evaluate=_maximum, allowed={"storage_order": (0, 1), **AUTO_PAD}),
    *standard("LpPool", infer=_infer, evaluate=_norm, allowed={"p": (1, 2), **AUTO_PAD}),
    *standard("GlobalAveragePool"),
    *standard("GlobalMaxPool"),
    *standard("GlobalLpPool", evaluate=_global_norm, allowed={"p": (1, 2)}),
)
