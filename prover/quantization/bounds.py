"""Proven ranges of linear forms: interval arithmetic and linear relaxation, whichever is tighter.

Relaxation follows DeepPoly (Singh, Gehr, Püschel, Vechev, POPL 2019, §4): every step output y lies between two
linear functions of the step's input; a bound on a form is found by substituting them backwards, step by step, until
only facts are left, where the extremes are exact (a one-hot group counts its best member, not their sum). Every
stage of the substitution is itself a valid bound and the best one is kept.

Forms are held in blocks, one for the facts and one for each step they read, and a substitution touches only the
blocks that a step reads. It ends at a step without a relaxation (one that saturates knows its range anyway) or when
its work is spent: the time of a bound does not grow with the depth of the model.

Intervals are exact integers, so that a threshold at the very edge of a range is known to be passed. Relaxation is in
float64 with outward slack. In a plan they are claims: lowering takes them for the widths of digits, where one too tight
makes an honest witness fail, and decides nothing by them: see :mod:`prover.lowering.sure`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from prover.errors import QuantizationError
from prover.quantization.facts import FactSpace
from prover.quantization.intervals import interval
from prover.quantization.sparse import Sparse

F64 = NDArray[np.float64]

LIMIT = 2.0**61
"""No sum may reach it: the reference model and the witness run on int64, where two sums must still subtract."""

_SLACK = 2.0**-44
"""Outward slack relative to the sum of all terms' magnitudes: covers float64 rounding of 2^9 terms and more."""

_RELAXED_CELLS = 1 << 24
"""Largest dense block of forms or of a step's inputs that is relaxed; wider layers keep their intervals."""

_THIN = 64
"""Cells for each entry from which on a block is held as sparse rows: pooling, and wires of sums."""

_RELAXED_WORK = 1 << 34
"""Multiplications one bound may spend: some seconds of a core."""


@dataclass(frozen=True)
class Relaxation:
    """``lower_slope * x + lower_const <= y <= upper_slope * x + upper_const`` for y_i, x_i of one step."""

    lower_slope: F64
    lower_const: F64
    upper_slope: F64
    upper_const: F64


@dataclass(frozen=True)
class _Layer:
    """A relaxed step: its linear inputs, as blocks over the variables they read; thin ones sparse and transposed."""

    blocks: dict[int, F64 | Sparse]
    bias: F64
    relaxation: Relaxation


class Bounds:
    """Ranges of all variables so far, and the relaxations that connect them."""

    def __init__(self, facts: FactSpace) -> None:
        self._facts = facts
        self._starts = [0, facts.n_slots]
        self._layers: dict[int, _Layer] = {}
        self._groups = facts.groups
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
        blocks = self._blocks(matrix) if relaxation is not None else None
        if relaxation is not None and blocks is not None:
            parts = {index: _thin(block) for index, block in blocks.items()}
            self._layers[len(self._starts) - 1] = _Layer(parts, bias.astype(np.float64), relaxation)
        self.lo, self.hi = np.concatenate((self.lo, lo)), np.concatenate((self.hi, hi))
        self._groups = np.concatenate((self._groups, np.full(lo.size, -1, dtype=np.int64)))
        self._starts.append(self.lo.size)

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
        low, high = interval(matrix, self.lo, self.hi, self._groups)
        low, high = low + bias, high + bias
        blocks = self._blocks(matrix)
        if blocks is not None and blocks.keys() & self._layers.keys():
            offset = bias.astype(np.float64)
            high = np.minimum(high, np.ceil(self._upper(dict(blocks), offset)).astype(np.int64) + 1)
            negative = {index: -block for index, block in blocks.items()}
            low = np.maximum(low, np.floor(-self._upper(negative, -offset)).astype(np.int64) - 1)
        return low, high

    @property
    def span(self) -> F64:
        """float64[n_variables]: the largest magnitude of every variable."""
        return np.maximum(np.abs(self.lo), np.abs(self.hi)).astype(np.float64)

    def _blocks(self, matrix: Sparse) -> dict[int, F64] | None:
        """The matrix as dense parts, one for each step it reads (0: the facts); None when they are too large."""
        owner = np.searchsorted(self._starts, matrix.cols, side="right") - 1
        read = np.unique(owner).tolist()
        sizes = [self._starts[index + 1] - self._starts[index] for index in read]
        if matrix.n_rows * sum(sizes) > _RELAXED_CELLS:
            return None
        blocks, rows = {}, matrix.rows
        for index, size in zip(read, sizes, strict=True):
            block, here = np.zeros((matrix.n_rows, size)), owner == index
            block[rows[here], matrix.cols[here] - self._starts[index]] = matrix.data[here]
            blocks[index] = block
        return blocks

    def _upper(self, blocks: dict[int, F64], constant: F64) -> F64:
        """Upper bound of the sum of ``block @ variables`` over the blocks and ``constant``, each row by itself."""
        constant = constant.copy()
        size = np.abs(constant)  # of the terms summed into the constant so far
        best = np.full(constant.size, np.inf)
        work = 0
        while True:
            stage = constant + _SLACK * size
            for index, block in blocks.items():
                stage += self._largest(index, block)
            best = np.asarray(np.minimum(best, stage), dtype=np.float64)
            index = max((index for index in blocks if index in self._layers), default=0)
            if not index:
                return best
            layer = self._layers[index]
            parts = layer.blocks.values()
            work += constant.size * sum(part.nnz if isinstance(part, Sparse) else part.size for part in parts)
            if work > _RELAXED_WORK:
                return best
            block = blocks.pop(index)
            positive, negative = np.maximum(block, 0.0), np.minimum(block, 0.0)
            relaxed = layer.relaxation
            slopes = positive * relaxed.upper_slope + negative * relaxed.lower_slope
            constant += positive @ relaxed.upper_const + negative @ relaxed.lower_const + slopes @ layer.bias
            size += positive @ np.abs(relaxed.upper_const) - negative @ np.abs(relaxed.lower_const)
            size += np.abs(slopes) @ np.abs(layer.bias)
            for inner, part in layer.blocks.items():
                product = part.apply(slopes) if isinstance(part, Sparse) else slopes @ part
                blocks[inner] = blocks[inner] + product if inner in blocks else product

    def _largest(self, index: int, block: F64) -> F64:
        """Largest value of ``block @ variables`` of one step, or of the facts, with outward slack."""
        span = slice(self._starts[index], self._starts[index + 1])
        lo, hi = self.lo[span].astype(np.float64), self.hi[span].astype(np.float64)
        slack = _SLACK * (np.abs(block) @ np.maximum(np.abs(lo), np.abs(hi)))
        if index == 0:
            return np.asarray(self._facts.extreme(block) + slack)
        return np.asarray(np.maximum(block, 0.0) @ hi + np.minimum(block, 0.0) @ lo + slack)


def _thin(block: F64) -> F64 | Sparse:
    """A block with few entries as its sparse transpose."""
    return Sparse.from_dense(block.T) if _THIN * np.count_nonzero(block) < block.size else block
