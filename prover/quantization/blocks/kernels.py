"""Sums of kernels over support vectors: ``out[p] = sum_s weights[p, s] * K(x, v_s) + offset[p]``.

A linear kernel costs nothing. RBF and sigmoid cost one function a support vector, and RBF the squares of the features
beside: ``|x - v|^2 = |x|^2 - 2 v x + |v|^2``. A polynomial kernel summed over its vectors is one polynomial of the
features, whatever their number: ``sum_s w_s (g v_s x + c)^3 = sum_ij x_i x_j (T_ij x)`` with the coefficients known,
so few features cost a product for each of their pairs; many are cheaper vector by vector.
"""

from __future__ import annotations

from collections import Counter
from itertools import combinations_with_replacement
from math import comb, factorial, prod

import numpy as np
from numpy.typing import NDArray

from prover.graph import Node
from prover.graph.ops.ml_svm import Machine
from prover.quantization.blocks.function import apply
from prover.quantization.blocks.product import contract, product
from prover.quantization.blocks.sums import combined
from prover.quantization.sparse import Sparse
from prover.quantization.trace import Affine, Trace, unsupported

F64 = NDArray[np.float64]

_ROUNDING = 30
"""Constraints of one rounded product, against 1 of a product that is only summed."""


def kernel_sums(trace: Trace, node: Node, source: Affine, machine: Machine, weights: F64, offset: F64) -> Affine:
    """The sums for a row of features [1, d]: [1, p].

    Raises:
        UnsupportedOpError: a polynomial kernel of negative degree.
    """
    if machine.kernel == "POLY":
        degree = int(machine.degree)
        if degree < 0:
            raise unsupported(node, f"a polynomial kernel of degree {degree}", "use a degree of 0 or more")
        if degree > 1 and _is_cheaper(source.size, degree, *weights.shape):
            return _polynomial(trace, node, source, machine, weights, offset)
    return affine_map(kernels(trace, node, source, machine), weights, offset)


def kernels(trace: Trace, node: Node, source: Affine, machine: Machine) -> Affine:
    """K(x, v) of every support vector, [1, s]."""
    vectors = machine.vectors.astype(np.float64)
    if machine.kernel == "RBF":
        flat = source.flat
        every = np.arange(flat.size, dtype=np.int64)
        square = contract(trace, node, flat, flat, every, every, np.zeros_like(every), (1, 1))
        crossed = affine_map(source, 2.0 * machine.gamma * vectors, -machine.gamma * (vectors**2).sum(axis=1))
        return apply(trace, node, "Exp", combined(crossed, square, -machine.gamma))
    if machine.kernel == "LINEAR":
        return affine_map(source, vectors, np.zeros(len(vectors)))
    scaled = affine_map(source, machine.gamma * vectors, np.full(len(vectors), machine.coef0))
    if machine.kernel == "SIGMOID":
        return apply(trace, node, "Tanh", scaled)
    return _power(trace, node, scaled, int(machine.degree))


def affine_map(source: Affine, weights: NDArray[np.floating], offset: NDArray[np.floating]) -> Affine:
    """``source[1, d] @ weights[n, d].T + offset[n]``, [1, n]."""
    rows = Sparse.from_dense(np.asarray(weights, dtype=np.float64))
    return source.mapped(rows, np.asarray(offset, dtype=np.float64), (1, len(weights)))


def _power(trace: Trace, node: Node, base: Affine, degree: int) -> Affine:
    """``base ** degree`` by squaring."""
    result: Affine | None = None
    while degree:
        if degree & 1:
            result = base if result is None else product(trace, node, result, base)
        degree >>= 1
        base = product(trace, node, base, base) if degree else base
    return result if result is not None else Affine.constant(np.ones(base.shape), trace.n_variables)


def _is_cheaper(n_features: int, degree: int, n_sums: int, n_vectors: int) -> bool:
    """Whether the polynomial of the features costs less than the powers of every vector."""
    inner = comb(n_features + degree - 1, degree - 1)
    built = inner if degree > 2 else 0
    return built * _ROUNDING + n_sums * (inner + _ROUNDING) < n_vectors * (degree - 1) * _ROUNDING


def _polynomial(trace: Trace, node: Node, source: Affine, machine: Machine, weights: F64, offset: F64) -> Affine:
    """``sum_m x_m * (T_m x + t_m)`` over the monomials m of one degree less, x extended by a constant 1."""
    degree, vectors = int(machine.degree), machine.vectors.astype(np.float64)
    extended = np.column_stack((machine.gamma * vectors, np.full(len(vectors), machine.coef0)))
    one = Affine.constant(np.ones(1), trace.n_variables)
    flat = Affine.stack([source, one])
    monomials = list(combinations_with_replacement(range(flat.size), degree - 1))
    values = _monomials(trace, node, flat, degree - 1)
    times = np.array([factorial(degree - 1) // prod(map(factorial, Counter(m).values())) for m in monomials])
    # One column a monomial: the product of the extended vectors' entries.
    columns = np.stack([extended[:, list(monomial)].prod(axis=1) for monomial in monomials], axis=1) * times
    factors = np.einsum("ps,sm,si->pmi", weights, columns, extended).reshape(-1, flat.size)
    linear = flat.mapped(Sparse.from_dense(factors), np.zeros(len(factors)), (len(factors),))
    n_sums, n_monomials = len(weights), len(monomials)
    left = np.tile(np.arange(n_monomials, dtype=np.int64), n_sums)
    rows = np.repeat(np.arange(n_sums, dtype=np.int64), n_monomials)
    sums = contract(trace, node, values, linear, left, np.arange(left.size, dtype=np.int64), rows, (1, n_sums))
    return Affine(sums.shape, sums.matrix, sums.bias + offset, sums.optional)


def _monomials(trace: Trace, node: Node, flat: Affine, degree: int) -> Affine:
    """Products of ``degree`` elements, in the order of combinations with replacement."""
    shorter = list(combinations_with_replacement(range(flat.size), 1))
    values = flat
    for length in range(2, degree + 1):
        longer = list(combinations_with_replacement(range(flat.size), length))
        place = {monomial: index for index, monomial in enumerate(shorter)}
        first = np.array([place[monomial[:-1]] for monomial in longer], dtype=np.int64)
        last = np.array([monomial[-1] for monomial in longer], dtype=np.int64)
        values = product(trace, node, values.pick(first), flat.pick(last))
        shorter = longer
    return values
