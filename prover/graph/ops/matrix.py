"""Matrix products: Gemm and MatMul."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from prover.graph.ir import Array, Node
from prover.graph.ops.spec import Inferred, Operand, OpSpec, array, integer, needed, real, same_dtype


def _gemm_shapes(node: Node, inputs: Sequence[Operand | None]) -> tuple[int, int, int]:
    """(rows, inner, columns) of A' B'."""
    a, b = needed(inputs[0]).shape, needed(inputs[1]).shape
    if len(a) != 2 or len(b) != 2:
        raise ValueError(f"A and B must be matrices, they have shapes {a} and {b}")
    rows, inner = a[::-1] if node.attributes["transA"] else a
    inner_b, columns = b[::-1] if node.attributes["transB"] else b
    if inner != inner_b:
        raise ValueError(f"A' has {inner} columns but B' has {inner_b} rows")
    return rows, inner, columns


def _infer_gemm(node: Node, inputs: Sequence[Operand | None]) -> list[Inferred]:
    rows, _, columns = _gemm_shapes(node, inputs)
    bias = inputs[2] if len(inputs) > 2 else None
    if bias is not None and np.broadcast_shapes(bias.shape, (rows, columns)) != (rows, columns):
        raise ValueError(f"C of shape {bias.shape} does not broadcast to {(rows, columns)}")
    return [Inferred(same_dtype(inputs), (rows, columns))]


def _gemm(node: Node, inputs: Sequence[Array | None]) -> list[Array]:
    a, b = array(inputs[0]), array(inputs[1])
    alpha, beta = node.attributes["alpha"], node.attributes["beta"]
    product = (a.T if node.attributes["transA"] else a) @ (b.T if node.attributes["transB"] else b)
    result = product if alpha == 1 else np.asarray(alpha * product).astype(a.dtype)
    bias = inputs[2] if len(inputs) > 2 else None
    if bias is not None:
        result = result + (bias if beta == 1 else np.asarray(beta * array(bias)).astype(a.dtype))
    return [result]


def _gemm_work(node: Node, inputs: Sequence[Operand | None]) -> int:
    return prod(_gemm_shapes(node, inputs))


def _infer_matmul(node: Node, inputs: Sequence[Operand | None]) -> list[Inferred]:
    a, b = needed(inputs[0]).shape, needed(inputs[1]).shape
    if not a or not b:
        raise ValueError("a scalar is not a matrix")
    left = (1, *a) if len(a) == 1 else a
    right = (*b, 1) if len(b) == 1 else b
    if left[-1] != right[-2]:
        raise ValueError(f"shapes {a} and {b} do not multiply: {left[-1]} columns, {right[-2]} rows")
    batch = np.broadcast_shapes(left[:-2], right[:-2])
    rows = () if len(a) == 1 else (left[-2],)
    columns = () if len(b) == 1 else (right[-1],)
    return [Inferred(same_dtype(inputs), (*batch, *rows, *columns))]


def _matmul(node: Node, inputs: Sequence[Array | None]) -> list[Array]:
    return [np.asarray(np.matmul(array(inputs[0]), array(inputs[1])))]


def _matmul_work(node: Node, inputs: Sequence[Operand | None]) -> int:
    return prod(_infer_matmul(node, inputs)[0].shape) * needed(inputs[0]).shape[-1]


_GEMM_ATTRIBUTES = {"alpha": real(1.0), "beta": real(1.0), "transA": integer(0), "transB": integer(0)}

OPS = (
    OpSpec("Gemm", _infer_gemm, _gemm, until=10, inputs=(3, 3), attributes=_GEMM_ATTRIBUTES, work=_gemm_work),
    OpSpec("Gemm", _infer_gemm, _gemm, since=11, inputs=(2, 3), attributes=_GEMM_ATTRIBUTES, work=_gemm_work),
    OpSpec("MatMul", _infer_matmul, _matmul, inputs=(2, 2), work=_matmul_work),
)
