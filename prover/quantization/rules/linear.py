"""Linear operators: Add, Sub, Scaler, LinearRegressor. Products are in ``rules/product.py`` and ``rules/matrix.py``."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from prover.graph import Node
from prover.quantization.blocks.links import is_zero
from prover.quantization.rules import rule
from prover.quantization.sparse import Sparse
from prover.quantization.trace import Affine, Link, Trace, Value, linear, unsupported


@rule("Add", "Sub", steps=())
def add(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """Broadcast sum or difference; ``1 - sigmoid(x)`` is ``sigmoid(-x)``."""
    left, right = operands
    is_complement = node.op == "Sub" and isinstance(left, np.ndarray) and left.size == 1 and np.all(left == 1)
    if is_complement and isinstance(right, Link) and right.kind == "sigmoid":
        return [Link("sigmoid", right.logits.negated)]
    for kept, other in ((left, right), (right, left) if node.op == "Add" else (left, right)):
        if isinstance(kept, Link) and is_zero(other) and np.broadcast_shapes(kept.shape, _shape(other)) == kept.shape:
            return [kept]
    first, second = linear(node, left, trace), linear(node, right, trace)
    if node.op == "Sub":
        second = second.negated
    return [summed(first, second)]


@rule("Scaler", domain="ai.onnx.ml", steps=())
def scaler(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """``(x - offset) * scale``; offset and scale have one entry or one per column. What may be missing stays so."""
    value = operands[0]
    source = value if isinstance(value, Affine) and not trace.coded(value) else linear(node, value, trace)
    offset, scale = floats(node, "offset", 0.0), floats(node, "scale", 1.0)
    centred = shifted(source, np.broadcast_to(-offset, source.shape))
    return [scaled(centred, np.broadcast_to(scale, source.shape).ravel())]


def _shape(value: Value | None) -> tuple[int, ...]:
    assert value is not None
    return value.shape


def weighted_rows(node: Node, source: Affine, n_rows: int) -> Affine:
    """The scores of an ai.onnx.ml linear model: attribute ``coefficients`` is [n_rows, columns], row by row."""
    weights = floats(node, "coefficients")
    if weights.size != n_rows * source.shape[-1]:
        raise unsupported(node, f"{weights.size} coefficients for {n_rows} rows of {source.shape[-1]} columns")
    intercepts = floats(node, "intercepts")
    product = matmul_right(source, weights.reshape(n_rows, -1).T)
    if intercepts.size == 0:
        return product
    return shifted(product, np.broadcast_to(intercepts, product.shape))


def summed(first: Affine, second: Affine) -> Affine:
    """``first + second``, shapes broadcast."""
    grids = np.broadcast_arrays(*(np.arange(side.size).reshape(side.shape) for side in (first, second)))
    first, second = first.pick(grids[0]), second.pick(grids[1])
    return Affine(first.shape, first.matrix.add(second.matrix), first.bias + second.bias, first.optional)


def matmul_right(source: Affine, weights: NDArray[np.float64]) -> Affine:
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


def shifted(source: Affine, offset: NDArray[np.float64]) -> Affine:
    """``source + offset``, one constant an element."""
    return Affine(source.shape, source.matrix, source.bias + offset.ravel(), source.optional)


def scaled(source: Affine, factors: NDArray[np.float64]) -> Affine:
    """``source * factors``, one constant an element."""
    return Affine(source.shape, source.matrix.scale_rows(factors), source.bias * factors, source.optional)


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
