"""Linear forms whose sign is exact: rows whose terms are whole multiples of one real number.

``0.01 * x + 0.02 * y - 0.37 >= 0`` says ``x + 2 * y >= 37`` of counts x and y, whatever bits 0.01 would be rounded to.
A comparison loses nothing when its form is divided by a positive number, so every row may have a divisor of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from prover.quantization.frame import Frame
from prover.quantization.plan import LinearForms
from prover.quantization.sparse import Sparse
from prover.quantization.trace import Affine

_RATIO = 2.0**-40
"""Relative distance of a ratio of two products of float64 numbers from the integer that it is."""

_SINGLE = 2.0**-22
"""The same where the model compares float32 numbers: 0.37 of a feature is not the float64 0.37, nor is a constant."""

_LARGEST, _WIDEST = 2.0**40, 2.0**60
"""No coefficient and no sum in counts is larger: beyond, rows take fewer bits as rounded ones."""


@dataclass(frozen=True)
class Counted:
    """Rows in counts: ``sign(source[i]) == sign(matrix[i] @ variables + offset[i])``.

    Attributes:
        rows: int64[r], the rows that can be counted.
        matrix: int64 coefficients of those rows.
        offset: float64[r], an integer where a count may reach it exactly.
    """

    rows: NDArray[np.int64]
    matrix: Sparse
    offset: NDArray[np.float64]

    def forms(self, frame: Frame, bias: NDArray[np.int64], what: str) -> LinearForms:
        """The rows with an integer bias.

        Raises:
            QuantizationError: a sum beyond 61 bits.
        """
        low, high = frame.bounds.of(self.matrix, bias, what)
        return LinearForms(self.matrix, bias, low, high)


def counted(source: Affine, frame: Frame) -> Counted:
    """The rows of ``source`` whose coefficients, per count of a variable, are whole multiples of the smallest."""
    real = source.matrix.widen(frame.unit.size).scale_cols(frame.unit)
    filled = np.flatnonzero(np.diff(real.indptr))
    base = np.ones(real.n_rows)
    if filled.size:
        base[filled] = np.minimum.reduceat(np.abs(real.data), real.indptr[filled])
    ratios = real.data / base[real.rows]
    whole = np.rint(ratios)
    fits = (np.abs(ratios - whole) <= _RATIO * np.abs(whole)) & (np.abs(whole) <= _LARGEST)
    reach = real.row_sum(np.abs(whole) * frame.bounds.span[real.cols])
    dyadic = np.frexp(frame.unit)[0] == 0.5
    offset = source.bias / base
    rounded = np.rint(offset)
    slack = np.where(_every(real, dyadic[real.cols]), _RATIO, _SINGLE)
    near = np.abs(offset - rounded) <= np.minimum(slack * np.abs(offset), 0.25)
    rows = np.flatnonzero(_every(real, fits) & (np.abs(offset) < _LARGEST) & (reach < _WIDEST))
    matrix = real.with_data(whole.astype(np.int64)).take(rows)
    return Counted(rows, matrix, np.where(near, rounded, offset)[rows])


def _every(matrix: Sparse, holds: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """bool[m]: whether something holds for all entries of each row."""
    return np.asarray(matrix.row_sum((~holds).astype(np.int64)) == 0)
