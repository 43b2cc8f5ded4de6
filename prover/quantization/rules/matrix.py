"""Matrix products, whatever of them depends on the input: Gemm, MatMul."""

from __future__ import annotations

import numpy as np

from prover.graph import Node
from prover.quantization.blocks.product import contract
from prover.quantization.blocks.wires import reused
from prover.quantization.rules import rule
from prover.quantization.rules.linear import integer, matmul_right, real, scaled, summed
from prover.quantization.trace import Affine, Trace, Value, linear


@rule("Gemm", steps=("wire", "contract"))
def gemm(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """``alpha * A' @ B' + beta * C``."""
    first, second = (
        _transposed(value) if integer(node, name) else value
        for value, name in zip(operands, ("transA", "transB"), strict=False)
    )
    result = matrix_product(trace, node, first, second)
    result = scaled(result, np.full(result.size, real(node, "alpha")))
    if len(operands) < 3 or operands[2] is None:
        return [result]
    bias = linear(node, operands[2], trace)
    return [summed(result, scaled(bias, np.full(bias.size, real(node, "beta"))))]


@rule("MatMul", steps=("wire", "contract"))
def matmul(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """numpy's matmul: batches broadcast, a vector is a row on the left and a column on the right."""
    return [matrix_product(trace, node, operands[0], operands[1])]


def matrix_product(trace: Trace, node: Node, left: Value | None, right: Value | None) -> Affine:
    """``left @ right``; linear where one side is constant."""
    if isinstance(right, np.ndarray) and right.ndim == 2:
        source = linear(node, left, trace)
        readers = np.tile(np.count_nonzero(right, axis=1), source.size // max(len(right), 1))
        return matmul_right(reused(trace, node, source, readers), right.astype(np.float64))
    a, b = linear(node, left, trace), linear(node, right, trace)
    numbers_a, numbers_b = (np.arange(side.size, dtype=np.int64).reshape(side.shape) for side in (a, b))
    rows = numbers_a if numbers_a.ndim > 1 else numbers_a[None, :]
    columns = numbers_b if numbers_b.ndim > 1 else numbers_b[:, None]
    lefts, rights = np.broadcast_arrays(rows[..., :, None, :], np.moveaxis(columns, -1, -2)[..., None, :, :])
    outer = lefts.shape[:-1]
    results = np.broadcast_to(np.arange(int(np.prod(outer)), dtype=np.int64).reshape(*outer, 1), lefts.shape)
    batch = outer[:-2]
    shape = (*batch, *outer[-2:-1] * (numbers_a.ndim > 1), *outer[-1:] * (numbers_b.ndim > 1))
    return contract(trace, node, a, b, lefts.ravel(), rights.ravel(), results.ravel(), shape)


def _transposed(value: Value | None) -> Value | None:
    if isinstance(value, np.ndarray):
        return value.T
    if not isinstance(value, Affine):
        return value
    return value.pick(np.arange(value.size, dtype=np.int64).reshape(value.shape).T)
