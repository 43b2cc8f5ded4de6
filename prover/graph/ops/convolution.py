"""Convolutions: the standard's shapes, evaluated as one matrix product over gathered windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from prover.graph.ir import Array, Node
from prover.graph.ops.spec import Inferred, Operand, OpSpec, array, needed
from prover.graph.ops.standard import standard
from prover.graph.windows import transposed, windows


def _groups(node: Node) -> int:
    groups = node.attributes["group"]
    assert isinstance(groups, int)
    return groups


def _conv(node: Node, inputs: Sequence[Array | None]) -> list[Array]:
    x, w = array(inputs[0]), array(inputs[1])
    groups, outer = _groups(node), w.shape[0]
    grid = windows(node, x.shape[2:], w.shape[2:])
    padded = np.concatenate((x.reshape(*x.shape[:2], -1), np.zeros((*x.shape[:2], 1), dtype=x.dtype)), axis=2)
    patches = padded[:, :, grid.positions()]  # position -1 is the zero behind the end
    patches = patches.reshape(x.shape[0], groups, x.shape[1] // groups, *patches.shape[2:])
    kernels = w.reshape(groups, outer // groups, w.shape[1], -1)
    out = np.einsum("ngcpq,gmcq->ngmp", patches, kernels).reshape(x.shape[0], outer, -1)
    return [_biased(out, inputs, 2).reshape(x.shape[0], outer, *grid.counts).astype(x.dtype)]


def _conv_transpose(node: Node, inputs: Sequence[Array | None]) -> list[Array]:
    x, w = array(inputs[0]), array(inputs[1])
    groups = _groups(node)
    grid = transposed(node, x.shape[2:], w.shape[2:])
    outer = w.shape[1] * groups
    columns = x.reshape(x.shape[0], groups, x.shape[1] // groups, -1)
    kernels = w.reshape(groups, w.shape[0] // groups, w.shape[1], -1)
    spread = np.einsum("ngcp,gcmq->ngmpq", columns, kernels).reshape(x.shape[0], outer, grid.n_windows, -1)
    out = np.zeros((x.shape[0], outer, int(np.prod(grid.sizes)) + 1), dtype=spread.dtype)
    everywhere: Any = (slice(None), slice(None), grid.positions())
    np.add.at(out, everywhere, spread)  # what falls into the padding goes behind the end
    return [_biased(out[:, :, :-1], inputs, 2).reshape(x.shape[0], outer, *grid.sizes).astype(x.dtype)]


def _col2im(node: Node, inputs: Sequence[Array | None]) -> list[Array]:
    """Blocks of columns added up where they overlap in the image."""
    x = array(inputs[0])
    image, block = (tuple(int(size) for size in array(value)) for value in inputs[1:])
    grid = windows(node, image, block)
    columns = x.reshape(x.shape[0], -1, int(np.prod(block)), grid.n_windows)
    out = np.zeros((*columns.shape[:2], int(np.prod(image)) + 1), dtype=x.dtype)
    everywhere: Any = (slice(None), slice(None), grid.positions().T)
    np.add.at(out, everywhere, columns)
    return [out[:, :, :-1].reshape(*columns.shape[:2], *image)]


def _biased(out: Array, inputs: Sequence[Array | None], index: int) -> Array:
    bias = inputs[index] if len(inputs) > index else None
    return out if bias is None else np.asarray(out + bias[None, :, None])


def _checked(entry: OpSpec) -> OpSpec:
    """The entry, of kernels that are as large as the node says: shape inference believes it."""

    def infer(node: Node, inputs: Sequence[Operand | None]) -> Sequence[Inferred]:
        said, kernels = node.attributes["kernel_shape"], needed(inputs[1])
        if isinstance(said, tuple) and said != kernels.shape[2:]:
            raise ValueError(f"kernel_shape is {said}, the weights have the shape {kernels.shape}")
        return entry.infer(node, inputs)

    return replace(entry, infer=infer)


OPS = (
    *(_checked(entry) for entry in standard("Conv", evaluate=_conv)),
    *(_checked(entry) for entry in standard("ConvTranspose", evaluate=_conv_transpose)),
    *standard("Col2Im", static={1: "image_shape", 2: "block_shape"}, evaluate=_col2im),
)
