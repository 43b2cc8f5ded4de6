"""Linear operators: Gemm, MatMul, Add, Sub, Mul, Div, Scaler, LinearRegressor."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from prover.graph import Node
from prover.quantization.rules import rule
from prover.quantization.sparse import Sparse
from prover.quantization.trace import Affine, Label, Link, Trace, Value, linear, unsupported


@rule("Gemm")
def gemm(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """``alpha * A' @ B' + beta * C`` with B and C constant, A one row."""
    source = linear(node, operands[0], trace)
    weights = _constant(node, operands[1]).astype(np.float64)
    if integer(node, "transA"):
        source = source.pick(np.arange(source.size, dtype=np.int64).reshape(source.shape).T)
    if integer(node, "transB"):
        weights = weights.T
    product = _matmul_right(source, weights * real(node, "alpha"))
    if len(operands) < 3 or operands[2] is None:
        return [product]
    bias = _constant(node, operands[2]).astype(np.float64) * real(node, "beta")
    return [_shifted(product, np.broadcast_to(bias, product.shape))]


@rule("MatMul")
def matmul(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """A product with one constant side."""
    left, right = operands
    if isinstance(right, np.ndarray):
        source = linear(node, left, trace)
        if right.ndim == 1:
            product = _matmul_right(source, right[:, None].astype(np.float64))
            return [product.pick(np.arange(product.size, dtype=np.int64).reshape(product.shape[:-1]))]
        if right.ndim == 2:
            return [_matmul_right(source, right.astype(np.float64))]
    if isinstance(left, np.ndarray) and left.ndim == 2:
        source = linear(node, right, trace)
        if len(source.shape) == 2:
            flipped = source.pick(np.arange(source.size, dtype=np.int64).reshape(source.shape).T)
            product = _matmul_right(flipped, left.T.astype(np.float64))
            return [product.pick(np.arange(product.size, dtype=np.int64).reshape(product.shape).T)]
    raise unsupported(node, "one side must be a constant matrix, the other the row it multiplies")


@rule("Add", "Sub")
def add(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """Broadcast sum or difference; ``1 - sigmoid(x)`` is ``sigmoid(-x)``."""
    left, right = operands
    is_complement = node.op == "Sub" and isinstance(left, np.ndarray) and left.size == 1 and np.all(left == 1)
    if is_complement and isinstance(right, Link) and right.kind == "sigmoid":
        return [Link("sigmoid", right.logits.negated)]
    first, second = linear(node, left, trace), linear(node, right, trace)
    if node.op == "Sub":
        second = second.negated
    grids = np.broadcast_arrays(*(np.arange(side.size).reshape(side.shape) for side in (first, second)))
    first, second = first.pick(grids[0]), second.pick(grids[1])
    return [Affine(first.shape, first.matrix.add(second.matrix), first.bias + second.bias, first.optional)]


@rule("Mul", "Div")
def multiply(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """Broadcast product with, or quotient by, a constant."""
    left, right = operands
    if node.op == "Mul" and isinstance(left, np.ndarray):
        left, right = right, left
    source = linear(node, left, trace)
    factor = _constant(node, right).astype(np.float64)
    if node.op == "Div":
        if np.any(factor == 0):
            raise unsupported(node, "division by a constant zero")
        factor = 1.0 / factor
    grid, factors = np.broadcast_arrays(np.arange(source.size).reshape(source.shape), factor)
    return [_scaled(source.pick(grid), np.asarray(factors, dtype=np.float64).ravel())]


@rule("Scaler", domain="ai.onnx.ml")
def scaler(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """``(x - offset) * scale``; offset and scale have one entry or one per column."""
    source = linear(node, operands[0], trace)
    offset, scale = floats(node, "offset", 0.0), floats(node, "scale", 1.0)
    shifted = _shifted(source, np.broadcast_to(-offset, source.shape))
    return [_scaled(shifted, np.broadcast_to(scale, source.shape).ravel())]


@rule("LinearRegressor", domain="ai.onnx.ml")
def linear_regressor(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """``x @ coefficients.T + intercepts``, one column per target."""
    if node.attributes["post_transform"] != "NONE":
        raise unsupported(node, "post_transform must be NONE")
    source = linear(node, operands[0], trace)
    return [weighted_rows(node, source, integer(node, "targets"))]


def weighted_rows(node: Node, source: Affine, n_rows: int) -> Affine:
    """The scores of an ai.onnx.ml linear model: attribute ``coefficients`` is [n_rows, columns], row by row."""
    weights = floats(node, "coefficients")
    if weights.size != n_rows * source.shape[-1]:
        raise unsupported(node, f"{weights.size} coefficients for {n_rows} rows of {source.shape[-1]} columns")
    intercepts = floats(node, "intercepts")
    product = _matmul_right(source, weights.reshape(n_rows, -1).T)
    if intercepts.size == 0:
        return product
    return _shifted(product, np.broadcast_to(intercepts, product.shape))


def _matmul_right(source: Affine, weights: NDArray[np.float64]) -> Affine:
    """``source[..., k] @ weights[k, n]``."""
    inner, columns = weights.shape
    outer = source.size // inner
    k, n = np.nonzero(weights)
    block = np.arange(outer)[:, None]
    rows = Sparse.from_triplets(
        (block * columns + n).ravel(),
        (block * inner + k).ravel(),
        np.tile(weights[k, n], outer),
        (outer * columns, source.size),
    )
    return source.mapped(rows, np.zeros(outer * columns), (*source.shape[:-1], columns))


def _shifted(source: Affine, offset: NDArray[np.float64]) -> Affine:
    return Affine(source.shape, source.matrix, source.bias + offset.ravel(), source.optional)


def _scaled(source: Affine, factors: NDArray[np.float64]) -> Affine:
    return Affine(source.shape, source.matrix.scale_rows(factors), source.bias * factors, source.optional)


def _constant(node: Node, value: Value | None) -> NDArray[Any]:
    if isinstance(value, Affine | Link | Label) or value is None:
        raise unsupported(node, "a product of two values that both depend on the input")
    return value


def integer(node: Node, name: str) -> int:
    """An integer attribute."""
    value = node.attributes[name]
    assert isinstance(value, int)
    return value


def real(node: Node, name: str) -> float:
    """A float attribute."""
    value = node.attributes[name]
    assert isinstance(value, float)
    return value


def floats(node: Node, name: str, *default: float) -> NDArray[np.float64]:
    """A list of floats as float64; an absent one is ``default``."""
    value = node.attributes[name]
    return np.asarray(default if value is None else value, dtype=np.float64)
