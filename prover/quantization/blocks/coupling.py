"""Class probabilities from the probabilities of pairs of classes."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from prover.graph import Node
from prover.quantization.blocks.product import product
from prover.quantization.blocks.quotient import quotient
from prover.quantization.blocks.sums import combined, shifted
from prover.quantization.trace import Affine, Trace

_LEAST_PIVOT = 0.5
"""Over k, what no pivot of Q + e e' is below: a search over random, consistent and extreme shares finds 1 / k."""

_LEAST_TOTAL = 0.6
"""e' A^-1 e is s / (1 + s) with 1 / s the least p' Q p, which for equal p is below 1/2: so it is at least 2/3."""


_SLACK = 1.25
"""What roundings may add to a bound."""


def coupled(trace: Trace, node: Node, shares: Affine, n_classes: int) -> Affine:
    """The p that minimises ``sum_ij (r_ji p_i - r_ij p_j)^2`` with sum 1: Wu, Lin, Weng, JMLR 5 (2004), equation 21.

    There ``Q p = b e`` with ``Q_ii = sum_j r_ji^2``, ``Q_ij = -r_ji r_ij``, so p is the solution of
    ``(Q + e e') x = e`` over its sum: the matrix is positive definite and is eliminated without a choice of pivots.

    Args:
        shares: [pairs], r_ij of the pairs i < j in order.

    Returns:
        [1, k]. onnxruntime iterates until no residual exceeds 0.005 / k, so its p is off by about that much.
    """
    shares = shares.flat
    opposite = shifted(shares.negated, 1.0)
    squares, opposed = (product(trace, node, side, side) for side in (shares, opposite))
    crossed = product(trace, node, shares, opposite)
    one = Affine.constant(np.ones(1), trace.n_variables)
    matrix = [[one] * n_classes for _ in range(n_classes)]
    for place, (i, j) in enumerate(combinations(range(n_classes), 2)):
        here = np.array([place], dtype=np.int64)
        matrix[i][j] = matrix[j][i] = combined(one, crossed.pick(here), -1.0)
        matrix[i][i] = combined(matrix[i][i], opposed.pick(here))
        matrix[j][j] = combined(matrix[j][j], squares.pick(here))
    solution = _solved(trace, node, matrix, [one] * n_classes)
    total = solution[0]
    for part in solution[1:]:
        total = combined(total, part)
    row = Affine.stack(solution)
    return quotient(trace, node, row.reshaped((1, -1)), total, least=_LEAST_TOTAL)


def _solved(trace: Trace, node: Node, matrix: list[list[Affine]], right: list[Affine]) -> list[Affine]:
    """The x of ``(Q + e e') x = e``, by elimination and substitution.

    With A = L D L', all A_ii at most k: ``l_ij^2 d_j <= A_ii``, and y = L^-1 e has
    ``sum y_i^2 / d_i = e' A^-1 e <= 1``, because A is at least e e'. So no pivot's change exceeds k, no ``l_ij y_j``
    the root of k, and x, a multiple of probabilities that sum to e' A^-1 e, lies within 0 and 1. Intervals would not
    know, and grow with every step.
    """
    k = len(right)
    root, least = float(k) ** 0.5, _LEAST_PIVOT / k

    def times(a: Affine, b: Affine, most: float) -> Affine:
        return product(trace, node, a, b, limit=_SLACK * most)

    one = Affine.constant(np.ones(1), trace.n_variables)
    inverses = []
    for pivot in range(k):
        inverses.append(quotient(trace, node, one, matrix[pivot][pivot], least=least))
        for row in range(pivot + 1, k):
            factor = times(matrix[pivot][row], inverses[pivot], root / least**0.5)
            right[row] = combined(right[row], times(factor, right[pivot], root), -1.0)
            for column in range(row, k):
                change = times(factor, matrix[pivot][column], float(k))
                matrix[row][column] = combined(matrix[row][column], change, -1.0)
    solution: list[Affine] = []
    for row in reversed(range(k)):
        rest = right[row]
        for column, known in zip(reversed(range(row + 1, k)), solution, strict=True):
            rest = combined(rest, times(matrix[row][column], known, float(k)), -1.0)
        solution.append(times(rest, inverses[row], 1.0))
    return solution[::-1]
