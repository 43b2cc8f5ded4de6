"""Convolutions: one sparse map over the input's elements, built for all windows and channels at once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from prover.graph import Node
from prover.graph.ops.convolution import channels, column_windows
from prover.graph.windows import transposed, windows
from prover.quantization.blocks.product import contract
from prover.quantization.blocks.wires import mapped
from prover.quantization.rules import rule
from prover.quantization.sparse import Sparse
from prover.quantization.trace import Affine, Trace, Value, linear, unsupported

Ints = NDArray[np.int64]


@rule("Conv", steps=("wire", "contract"))
def conv(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """Every dimension, group, stride, dilation and padding; the kernel constant, or private like the input."""
    x = linear(node, operands[0], trace)
    kernel = _needed(node, operands[1])
    groups, outer = channels(node, x.shape, kernel.shape, _shape(operands))
    inner = kernel.shape[1]
    try:
        grid = windows(node, x.shape[2:], kernel.shape[2:])
    except ValueError as error:
        raise unsupported(node, str(error)) from error
    places = grid.positions()
    window, cell = np.nonzero(places >= 0)
    read = places[window, cell]
    group = np.arange(outer, dtype=np.int64) // (outer // groups)
    channel = group[:, None] * inner + np.arange(inner, dtype=np.int64)  # [outer, inner]
    rows = np.arange(outer, dtype=np.int64)[:, None, None] * grid.n_windows + window
    cols = channel[:, :, None] * int(np.prod(x.shape[2:])) + read
    weight = np.arange(outer * inner, dtype=np.int64).reshape(outer, inner, 1) * places.shape[1] + cell
    shape = (x.shape[0], outer, *grid.counts)
    return [_product(trace, node, x, operands, (rows, cols, weight), shape)]


@rule("ConvTranspose", steps=("wire", "contract"))
def conv_transpose(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """The transpose of a convolution: every input element is spread over a window of the output."""
    x = linear(node, operands[0], trace)
    kernel = _needed(node, operands[1])
    inner, per_group = kernel.shape[:2]
    groups, outer = channels(node, x.shape, kernel.shape, _shape(operands))
    try:
        grid = transposed(node, x.shape[2:], kernel.shape[2:])
    except ValueError as error:
        raise unsupported(node, str(error)) from error
    places = grid.positions()
    read, cell = np.nonzero(places >= 0)
    cells = int(np.prod(grid.sizes))
    channel = np.arange(inner, dtype=np.int64)
    made = (channel // (inner // groups))[:, None] * per_group + np.arange(per_group, dtype=np.int64)
    rows = made[:, :, None] * cells + places[read, cell]
    cols = channel[:, None, None] * grid.n_windows + read
    weight = np.arange(inner * per_group, dtype=np.int64).reshape(inner, per_group, 1) * places.shape[1] + cell
    shape = (x.shape[0], outer, *grid.sizes)
    return [_product(trace, node, x, operands, (rows, cols, weight), shape)]


@rule("Col2Im", steps=())
def col2im(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """Columns of blocks, added up where they overlap in the image."""
    x = linear(node, operands[0], trace)
    image, block = (tuple(int(size) for size in np.asarray(value)) for value in operands[1:])
    places = column_windows(node, x.shape, image, block).positions()
    window, cell = np.nonzero(places >= 0)
    channels = x.size // places.size
    every, pixels = np.arange(channels, dtype=np.int64)[:, None], int(np.prod(image))
    rows = (every * pixels + places[window, cell]).ravel()
    cols = (every * places.size + cell * len(places) + window).ravel()
    matrix = Sparse.from_triplets(rows, cols, np.ones(rows.size), (channels * pixels, x.size))
    return [x.mapped(matrix, np.zeros(channels * pixels), (x.shape[0], channels // x.shape[0], *image))]


def _product(
    trace: Trace,
    node: Node,
    x: Affine,
    operands: list[Value | None],
    places: tuple[Ints, Ints, Ints],
    shape: tuple[int, ...],
) -> Affine:
    """Sums of element ``cols`` times weight ``weight`` in row ``rows`` of every sample, plus the bias."""
    per_row = int(np.prod(shape[1:]))
    size = x.size // shape[0]
    rows, cols, weight = (place.ravel() for place in np.broadcast_arrays(*places))
    samples = np.arange(shape[0], dtype=np.int64)[:, None]
    rows, cols = (samples * per_row + rows).ravel(), (samples * size + cols).ravel()
    weight = np.tile(weight, shape[0])
    kernel, total = operands[1], shape[0] * per_row
    if isinstance(kernel, np.ndarray):
        values = kernel.astype(np.float64).ravel()[weight]
        matrix = Sparse.from_triplets(rows, cols, values, (total, x.size))
        result = mapped(trace, node, x, matrix, np.zeros(total), shape)
    else:
        result = contract(trace, node, x, linear(node, kernel, trace), cols, weight, rows, shape)
    bias = operands[2] if len(operands) > 2 else None
    if bias is None:
        return result
    each = np.broadcast_to(np.arange(shape[1]).reshape(-1, *[1] * (len(shape) - 2)), shape).ravel()
    added = linear(node, bias, trace).pick(each)
    return Affine(shape, result.matrix.add(added.matrix), result.bias + added.bias, result.optional)


def _shape(operands: list[Value | None]) -> tuple[int, ...] | None:
    """Shape of the bias."""
    bias = operands[2] if len(operands) > 2 else None
    return None if bias is None else bias.shape


def _needed(node: Node, kernel: Value | None) -> Any:
    if kernel is None:
        raise unsupported(node, "it has no kernel")
    return kernel
