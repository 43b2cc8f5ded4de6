"""What constraints make sure of: integer ranges that a circuit may rely on without proving them again.

A plan's bounds are claims of whoever made it. As the width of digits a wrong claim is harmless: an honest witness
fails. Where a bound *decides* something, a neuron that is never active or a threshold that is always passed, nothing
checks it afterwards, so such decisions follow from the ranges kept here: those of the facts, which the circuit checks,
and of every step's outputs, by the step's own semantics (``ends`` of its kind). All of it is interval arithmetic on
integers: exact, the same on every machine, and looser than the plan's where that used relaxations.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from prover.errors import QuantizationError
from prover.quantization import FactSpace, LinearForms, Step
from prover.quantization.intervals import FREE, KNOWN, Ends, interval, known
from prover.quantization.sparse import Sparse
from prover.quantization.steps import step_kind

_SMALL = 1 << 20


@dataclass(frozen=True, kw_only=True)
class SureStep(Step):
    """A step, and where its inputs surely lie.

    Attributes:
        least, most: int64[m], ends of the inputs that follow from constraints alone; -FREE and FREE where none do.
        descends: bool[m - 1], whether each input is surely at least the next one; nothing of it unless asked for.
    """

    least: NDArray[np.int64]
    most: NDArray[np.int64]
    descends: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype=np.bool_))

    @classmethod
    def of(cls, step: Step, least: NDArray[np.int64], most: NDArray[np.int64]) -> Self:
        """``step`` with these ends; the caller answers for them."""
        return cls(**{item.name: getattr(step, item.name) for item in fields(Step)}, least=least, most=most)


class SureRanges:
    """Sure ranges of the variables so far."""

    def __init__(self, facts: FactSpace) -> None:
        self._lo, self._hi, self._groups = facts.lo, facts.hi, facts.groups
        # Cuts of one form: its number, or -1, and the threshold. Who reached a higher one reached the lower ones.
        self._form, self._threshold = np.full(facts.lo.size, -1, dtype=np.int64), np.zeros_like(facts.lo)

    def of(self, forms: LinearForms, node: str) -> Ends:
        """Ends of every form: int64[m] each, FREE where a sum may reach 2^61.

        Raises:
            QuantizationError: the plan claims a range that no value of the form has, or its matrix is not canonical.
        """
        matrix = forms.matrix
        rows, cols = matrix.rows, matrix.cols
        if np.any((rows[1:] == rows[:-1]) & (cols[1:] <= cols[:-1])):
            raise QuantizationError(f"{node}: terms of a linear form that do not ascend", "compile the model again")
        size = np.maximum(np.abs(self._lo.astype(np.float64)), np.abs(self._hi.astype(np.float64)))
        magnitude = matrix.row_sum(np.abs(matrix.data.astype(np.float64)) * size[cols])
        magnitude = magnitude + np.abs(forms.bias.astype(np.float64))
        exact = magnitude < KNOWN
        low, high = interval(matrix, self._lo, self._hi, self._groups)
        low, high = np.where(exact, low + forms.bias, -FREE), np.where(exact, high + forms.bias, FREE)
        if np.any(forms.lo > forms.hi) or np.any(forms.lo > high) or np.any(forms.hi < low):
            raise QuantizationError(
                f"{node}: bounds that contradict what the model computes", "compile the model again"
            )
        return low, high

    def step(self, step: Step) -> SureStep:
        """The step with what is sure of its inputs.

        Raises:
            QuantizationError: as :meth:`of` does.
        """
        sure = SureStep.of(step, *self.of(step.inputs, step.node))
        return replace(sure, descends=self._descends(step.inputs)) if step.kind == "trees" else sure

    def _descends(self, forms: LinearForms) -> NDArray[np.bool_]:
        """bool[m - 1]: each form is surely at least the next one."""
        matrix, m = forms.matrix, len(forms)
        if m < 2:
            return np.zeros(0, dtype=np.bool_)
        above, below = matrix.rows < m - 1, matrix.rows > 0
        difference = Sparse.from_triplets(
            np.concatenate((matrix.rows[above], matrix.rows[below] - 1)),
            np.concatenate((matrix.cols[above], matrix.cols[below])),
            np.concatenate((matrix.data[above], -matrix.data[below])),
            (m - 1, matrix.n_cols),
        )
        bias = forms.bias[:-1] - forms.bias[1:]
        low = interval(difference, self._lo, self._hi, self._groups)[0] + bias
        # Booleans and their sums, far from any overflow: of nothing else this is asked.
        ends = np.concatenate((self._lo[matrix.cols], self._hi[matrix.cols]))
        small = all(
            np.abs(part.astype(np.float64)).max(initial=0.0) < _SMALL for part in (ends, matrix.data, forms.bias)
        )
        found = (low >= 0) & small
        for row in np.flatnonzero((np.diff(difference.indptr) == 2) & (bias == 0)).tolist():
            entries = slice(difference.indptr[row], difference.indptr[row + 1])
            order = np.argsort(-difference.data[entries])
            one, other = difference.cols[entries][order].tolist()
            same = self._form[one] == self._form[other] >= 0 and self._threshold[one] <= self._threshold[other]
            found[row] |= bool(same and np.array_equal(difference.data[entries][order], [1, -1]))
        return np.asarray(found)

    def append(self, step: SureStep) -> None:
        """Add a step's outputs.

        Raises:
            QuantizationError: the plan claims a range that no output has.
        """
        ends = step_kind(step.kind).ends
        if ends is None:
            low, high = np.full(step.n_outputs, -FREE, dtype=np.int64), np.full(step.n_outputs, FREE, dtype=np.int64)
        else:
            low, high = ends(step, step.least, step.most)
            inside = known(np.maximum(low, -KNOWN + 1), high), known(low, np.minimum(high, KNOWN - 1))
            low, high = np.where(inside[1], low, -FREE), np.where(inside[0], high, FREE)
        if low.size != step.n_outputs or np.any(step.lo > high) or np.any(step.hi < low):
            raise QuantizationError(
                f"{step.node}: bounds that contradict what the step computes", "compile the model again"
            )
        self._lo, self._hi = np.concatenate((self._lo, low)), np.concatenate((self._hi, high))
        self._groups = np.concatenate((self._groups, np.full(low.size, -1, dtype=np.int64)))
        form, threshold = np.full(low.size, -1, dtype=np.int64), np.zeros(low.size, dtype=np.int64)
        if step.kind == "cuts":
            counts, threshold = step.integers("counts"), step.integers("thresholds")
            form = np.repeat(np.arange(counts.size, dtype=np.int64), counts) + self._form.max(initial=-1) + 1
        self._form, self._threshold = np.append(self._form, form), np.append(self._threshold, threshold)
