"""Pools: averages are linear, maxima are a step of one comparison less than the window has cells."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from prover.graph import Node
from prover.graph.windows import Windows, numbered, windows
from prover.quantization.blocks.maximum import maximum
from prover.quantization.blocks.one_hot import one_hot
from prover.quantization.blocks.variables import is_read
from prover.quantization.rules import rule
from prover.quantization.rules.linear import integer
from prover.quantization.sparse import Sparse
from prover.quantization.trace import Affine, FloatStep, Trace, Value, linear, unsupported


@rule("AveragePool", steps=())
def average_pool(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """Means over windows; the padding counts as zeros, or not at all."""
    x = linear(node, operands[0], trace)
    grid = grid_of(node, x)
    cells = grid.cells(with_padding=bool(integer(node, "count_include_pad")))
    if not cells.all():
        raise unsupported(node, "a window lies in the padding altogether: it has no mean")
    return [weighted(x, grid, 1.0 / cells)]


@rule("MaxPool", steps=("maximum", "argmax_rows", "one_hot"))
def max_pool(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """Maxima over windows, the padding never wins; and where they stand in the flattened input, the first of ties."""
    x = linear(node, operands[0], trace)
    grid = grid_of(node, x)
    cells = grid.positions()
    if np.any(cells.max(axis=1) < 0):
        raise unsupported(node, "a window lies in the padding altogether: its maximum is minus infinity")
    # A cell in the padding repeats the first of its window: that costs nothing, and wins no tie that one would lose.
    first = np.take_along_axis(cells, np.argmax(cells >= 0, axis=1)[:, None], axis=1)
    cells = np.where(cells < 0, first, cells)
    channels = np.arange(x.shape[0] * x.shape[1], dtype=np.int64)[:, None, None] * _spatial(x)
    places = (channels + cells).reshape(-1, cells.shape[1])
    shape = (*x.shape[:2], *grid.counts)
    results: list[Value] = [maximum(trace, node, x.pick(places)).reshaped(shape)]
    if len(node.outputs) > 1 and is_read(trace, node.outputs[1]):
        names = (channels + numbered(node, cells, x.shape[2:])).reshape(places.shape)
        results.append(_winners(trace, node, x, places, names).reshaped(shape))
    return results


def _winners(trace: Trace, node: Node, x: Affine, places: NDArray[np.int64], names: NDArray[np.int64]) -> Affine:
    """``names[i, argmax(x[places[i]])]`` of every row i."""
    m, k = places.shape
    if k == 1:
        return Affine.constant(names.ravel(), trace.n_variables)
    step = FloatStep("argmax_rows", node.name, x.pick(places.ravel()), m, {"k": k})
    hot = one_hot(trace, node, trace.append(step, (m,), whole=True, lo=0.0, hi=float(k - 1)), k)
    rows = np.repeat(np.arange(m, dtype=np.int64), k)
    matrix = Sparse.from_triplets(rows, np.arange(m * k), names.ravel().astype(np.float64), (m, m * k))
    return hot.mapped(matrix, np.zeros(m), (m,))


@rule("GlobalAveragePool", steps=())
def global_average_pool(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """The mean of every channel."""
    x = linear(node, operands[0], trace)
    return [total(x, 1.0 / _spatial(x))]


@rule("GlobalMaxPool", steps=("maximum",))
def global_max_pool(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """The maximum of every channel."""
    x = linear(node, operands[0], trace)
    rows = np.arange(x.size, dtype=np.int64).reshape(-1, _spatial(x))
    largest = maximum(trace, node, x.pick(rows))
    return [largest.reshaped(_kept(x))]


def grid_of(node: Node, x: Affine) -> Windows:
    """The node's windows over the spatial axes of ``x``."""
    try:
        return windows(node, x.shape[2:], tuple(node.attributes["kernel_shape"]))  # type: ignore[arg-type]
    except ValueError as error:
        raise unsupported(node, str(error)) from error


def _spatial(x: Affine) -> int:
    return int(np.prod(x.shape[2:], dtype=np.int64))


def _kept(x: Affine) -> tuple[int, ...]:
    return (*x.shape[:2], *[1] * (len(x.shape) - 2))


def weighted(x: Affine, grid: Windows, weights: NDArray[np.float64]) -> Affine:
    """The sum of every window times its weight."""
    places = grid.positions()
    window, cell = np.nonzero(places >= 0)
    channels = np.arange(x.shape[0] * x.shape[1], dtype=np.int64)[:, None]
    rows = (channels * grid.n_windows + window).ravel()
    cols = (channels * _spatial(x) + places[window, cell]).ravel()
    size = channels.size * grid.n_windows
    matrix = Sparse.from_triplets(rows, cols, np.tile(weights[window], channels.size), (size, x.size))
    return x.mapped(matrix, np.zeros(size), (*x.shape[:2], *grid.counts))


def total(x: Affine, weight: float) -> Affine:
    """The sum of every channel, times ``weight``."""
    size = x.shape[0] * x.shape[1]
    rows = np.repeat(np.arange(size, dtype=np.int64), _spatial(x))
    matrix = Sparse.from_triplets(rows, np.arange(x.size, dtype=np.int64), np.full(x.size, weight), (size, x.size))
    return x.mapped(matrix, np.zeros(size), _kept(x))
