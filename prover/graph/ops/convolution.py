"""Convolutions: the standard's shapes, evaluated as one matrix product over gathered windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from prover.graph.ir import Array, Node
from prover.graph.ops.spec import Inferred, Operand, OpSpec, array, needed
from prover.graph.ops.standard import standard
from prover.graph.windows import AUTO_PAD, Windows, transposed, windows


def channels(node: Node, x: Sequence[int], kernel: Sequence[int], bias: Sequence[int] | None = None) -> tuple[int, int]:
    """Groups and output channels of a convolution over shapes [n, c, ...] and [m, c / groups, ...], or transposed.

    Raises:
        ValueError: channels that are not those of the kernel, or do not divide into the groups; a bias of another size.
    """
    groups = node.attributes["group"]
    assert isinstance(groups, int)
    turned = node.op == "ConvTranspose"
    inner = kernel[0] if turned else kernel[1] * groups
    if groups < 1 or inner != x[1] or kernel[0] % groups:
        raise ValueError(f"{x[1]} channels in {groups} groups through a kernel of shape {tuple(kernel)}")
    outer = kernel[1] * groups if turned else kernel[0]
    if bias is not None and tuple(bias) != (outer,):
        raise ValueError(f"a bias of shape {tuple(bias)} for {outer} channels")
    return groups, outer


def _channels(node: Node, inputs: Sequence[Array | None]) -> tuple[int, int]:
    bias = inputs[2] if len(inputs) > 2 else None
    return channels(node, array(inputs[0]).shape, array(inputs[1]).shape, None if bias is None else bias.shape)


def _conv(node: Node, inputs: Sequence[Array | None]) -> list[Array]:
    x, w = array(inputs[0]), array(inputs[1])
    groups, outer = _channels(node, inputs)
    grid = windows(node, x.shape[2:], w.shape[2:])
    padded = np.concatenate((x.reshape(*x.shape[:2], -1), np.zeros((*x.shape[:2], 1), dtype=x.dtype)), axis=2)
    patches = padded[:, :, grid.positions()]  # position -1 is the zero behind the end
    patches = patches.reshape(x.shape[0], groups, x.shape[1] // groups, *patches.shape[2:])
    kernels = w.reshape(groups, outer // groups, w.shape[1], -1)
    out = np.einsum("ngcpq,gmcq->ngmp", patches, kernels).reshape(x.shape[0], outer, -1)
    return [_biased(out, inputs, 2).reshape(x.shape[0], outer, *grid.counts).astype(x.dtype)]


def _conv_transpose(node: Node, inputs: Sequence[Array | None]) -> list[Array]:
    x, w = array(inputs[0]), array(inputs[1])
    groups, outer = _channels(node, inputs)
    grid = transposed(node, x.shape[2:], w.shape[2:])
    columns = x.reshape(x.shape[0], groups, x.shape[1] // groups, -1)
    kernels = w.reshape(groups, w.shape[0] // groups, w.shape[1], -1)
    spread = np.einsum("ngcp,gcmq->ngmpq", columns, kernels).reshape(x.shape[0], outer, grid.n_windows, -1)
    out = np.zeros((x.shape[0], outer, int(np.prod(grid.sizes)) + 1), dtype=spread.dtype)
    everywhere: Any = (slice(None), slice(None), grid.positions())
    np.add.at(out, everywhere, spread)  # what falls into the padding goes behind the end
    return [_biased(out[:, :, :-1], inputs, 2).reshape(x.shape[0], outer, *grid.sizes).astype(x.dtype)]


def column_windows(node: Node, shape: Sequence[int], image: Sequence[int], block: Sequence[int]) -> Windows:
    """Where the blocks lie in the image whose columns have ``shape`` [n, c * cells, blocks].

    Raises:
        ValueError: columns of another length or number.
    """
    grid = windows(node, image, block)
    if shape[2] != grid.n_windows or shape[1] % int(np.prod(block)):
        raise ValueError(f"columns of shape {tuple(shape)} for {grid.n_windows} blocks of shape {tuple(block)}")
    return grid


def _col2im(node: Node, inputs: Sequence[Array | None]) -> list[Array]:
    """Blocks of columns added up where they overlap in the image."""
    x = array(inputs[0])
    image, block = (tuple(int(size) for size in array(value)) for value in inputs[1:])
    grid = column_windows(node, x.shape, image, block)
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
        bias = inputs[2] if len(inputs) > 2 else None
        result = entry.infer(node, inputs)  # which knows the ranks to be right
        data, wanted = needed(inputs[0]), node.attributes.get("output_shape")
        _, outer = channels(node, data.shape, kernels.shape, None if bias is None else bias.shape)
        if isinstance(wanted, tuple) and wanted:  # of sizes below the input's, inference forgets dimensions
            if len(wanted) != len(data.shape) - 2:
                raise ValueError(f"output_shape {wanted} of a tensor of shape {data.shape}")
            return [Inferred(data.dtype, (data.shape[0], outer, *wanted))]
        return result

    return replace(entry, infer=infer)


OPS = (
    *(_checked(entry) for entry in standard("Conv", evaluate=_conv, allowed=AUTO_PAD)),
    *(_checked(entry) for entry in standard("ConvTranspose", evaluate=_conv_transpose, allowed=AUTO_PAD)),
    *standard("Col2Im", static={1: "image_shape", 2: "block_shape"}, evaluate=_col2im),
)
