"""Proven ranges of linear forms: interval arithmetic and linear relaxation, whichever is tighter.

Relaxation follows DeepPoly (Singh, Gehr, Püschel, Vechev, POPL 2019, §4): every step output y lies between two
linear functions of the step's input; a bound on a form is found by substituting them backwards, step by step, until
only facts are left, where the extremes are exact (a one-hot group counts its best member, not their sum). Every
stage of the substitution is itself a valid bound and the best one is kept.

Intervals are exact integers, so that a threshold at the very edge of a range is known to be passed. Relaxation is in
float64 with outward slack, and a wrong bound could only make an honest witness fail: circuits
check every width by bits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from prover.errors import QuantizationError
from prover.quantization.facts import FactSpace, Number
from prover.quantization.sparse import Sparse

F64 = NDArray[np.float64]

LIMIT = 2.0**61
"""No sum may reach it: the reference model and the witness run on int64, where two sums must still subtract."""

_SLACK = 2.0**-44
"""Outward slack relative to the sum of all terms' magnitudes: covers float64 rounding of 2^9 terms and more."""

_RELAXED_CELLS = 1 << 24
"""Largest dense form matrix that is relaxed; wider layers keep their intervals."""


@dataclass(frozen=True)
class Relaxation:
    """``lower_slope * x + lower_const <= y <= upper_slope * x + upper_const`` for y_i, x_i of one step."""

    lower_slope: F64
    lower_const: F64
    upper_slope: F64
    upper_const: F64


@dataclass(frozen=True)
class _Layer:
    start: int
    stop: int
    matrix: F64
    bias: F64
    relaxation: Relaxation


class Bounds:
    """Ranges of all variables so far, and the relaxations that connect them."""

    def __init__(self, facts: FactSpace) -> None:
        self._facts = facts
        self._layers: list[_Layer] = []
        self.lo: NDArray[np.int64] = facts.lo.copy()
        self.hi: NDArray[np.int64] = facts.hi.copy()

    def append(
        self,
        matrix: Sparse,
        bias: NDArray[np.int64],
        lo: NDArray[np.int64],
        hi: NDArray[np.int64],
        relaxation: Relaxation | None,
    ) -> None:
        """Add the variables of a step: their ranges, and how they follow from the step's linear inputs."""
        start = self.lo.size
        self.lo, self.hi = np.concatenate((self.lo, lo)), np.concatenate((self.hi, hi))
        if relaxation is not None and matrix.n_rows * matrix.n_cols <= _RELAXED_CELLS:
            dense = matrix.dense().astype(np.float64)
            self._layers.append(_Layer(start, start + lo.size, dense, bias.astype(np.float64), relaxation))

    def of(self, matrix: Sparse, bias: NDArray[np.int64], what: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Proven (lo, hi) of ``matrix @ variables + bias``, each int64[m].

        Raises:
            QuantizationError: a value may reach 2^61; ``what`` names the step.
        """
        magnitude = matrix.row_sum(np.abs(matrix.data.astype(np.float64)) * self.span[matrix.cols]) + np.abs(bias)
        if magnitude.max(initial=0.0) >= LIMIT:
            raise QuantizationError(
                f"{what}: a sum may reach 2^{int(np.log2(magnitude.max()))}, beyond the 61 bits of exact arithmetic",
                "narrow the ranges of the schema's features",
            )
        if matrix.n_rows * self.lo.size > _RELAXED_CELLS:
            ends = matrix.data * self.lo[matrix.cols], matrix.data * self.hi[matrix.cols]
            return matrix.row_sum(np.minimum(*ends)) + bias, matrix.row_sum(np.maximum(*ends)) + bias
        weights = np.zeros((matrix.n_rows, self.lo.size), dtype=np.int64)
        weights[:, : matrix.n_cols] = matrix.dense()
        low, high = bias - self._largest(-weights), bias + self._largest(weights)
        if self._layers:
            real, offset = weights.astype(np.float64), bias.astype(np.float64)
            high = np.minimum(high, np.ceil(self._upper(real, offset)).astype(np.int64) + 1)
            low = np.maximum(low, np.floor(-self._upper(-real, -offset)).astype(np.int64) - 1)
        return low, high

    @property
    def span(self) -> F64:
        """float64[n_variables]: the largest magnitude of every variable."""
        return np.maximum(np.abs(self.lo), np.abs(self.hi)).astype(np.float64)

    def _largest(self, weights: NDArray[Number]) -> NDArray[Number]:
        """Largest value of ``weights @ variables``, every variable by itself."""
        n_facts = self._facts.n_slots
        later = weights[:, n_facts:]
        steps = np.maximum(later * self.lo[n_facts:], later * self.hi[n_facts:]).sum(axis=1)
        return np.asarray(self._facts.extreme(weights[:, :n_facts]) + steps, dtype=weights.dtype)

    def _upper(self, weights: F64, constant: F64) -> F64:
        """Upper bound of ``weights @ variables + constant``, each row by itself."""
        span = self.span
        weights, constant = weights.copy(), constant.copy()
        size = np.abs(constant)  # of the terms summed into the constant so far
        best = np.full(constant.size, np.inf)
        remaining = list(self._layers)
        while True:
            stage = self._largest(weights) + constant + _SLACK * (np.abs(weights) @ span + size)
            best = np.asarray(np.minimum(best, stage), dtype=np.float64)
            if not remaining:
                return best
            layer = remaining.pop()
            part = weights[:, layer.start : layer.stop]
            positive, negative = np.maximum(part, 0.0), np.minimum(part, 0.0)
            relaxed = layer.relaxation
            slopes = positive * relaxed.upper_slope + negative * relaxed.lower_slope
            constant += positive @ relaxed.upper_const + negative @ relaxed.lower_const + slopes @ layer.bias
            size += positive @ np.abs(relaxed.upper_const) - negative @ np.abs(relaxed.lower_const)
            size += np.abs(slopes) @ np.abs(layer.bias)
            weights[:, layer.start : layer.stop] = 0.0
            weights[:, : layer.matrix.shape[1]] += slopes @ layer.matrix
