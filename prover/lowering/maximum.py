"""Row maxima: ``maximum`` steps, and the rectifier that may follow them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from prover.constraint import ConstraintSystem, LinearVector
from prover.constraint.csr import Ints
from prover.gadgets.maximum import maximum as maximum_gadget
from prover.gadgets.wires import as_wires
from prover.lowering.activation import rectified
from prover.lowering.sure import SureStep

_FEW_TERMS = 4
"""A maximum is a linear form: one of its inputs and the differences that were won. With more terms it becomes a wire,
a row beside the many of its comparisons."""


@dataclass(frozen=True)
class _Ranged:
    """Forms and where they surely lie, int64[m] each."""

    forms: LinearVector
    least: Ints
    most: Ints

    def part(self, rows: slice) -> _Ranged:
        return _Ranged(self.forms[rows], self.least[rows], self.most[rows])


def maximum(cs: ConstraintSystem, step: SureStep, inputs: LinearVector) -> LinearVector:
    """The largest of every k forms, by pairs; a pair whose order is sure costs nothing."""
    k = step.integer("k")
    places = np.arange(len(inputs), dtype=np.int64).reshape(-1, k)
    level = [_Ranged(inputs[rows], step.least[rows], step.most[rows]) for rows in places.T]
    depth = 0
    while len(level) > 1:
        pairs = len(level) // 2
        left, right = _joined(level[0 : 2 * pairs : 2]), _joined(level[1 : 2 * pairs : 2])
        joined = _larger(cs, left, right, f"max.{depth}")
        m = len(places)
        level = [joined.part(slice(i * m, (i + 1) * m)) for i in range(pairs)] + level[2 * pairs :]
        depth += 1
    if "shift" in step.params:
        return rectified(cs, step, level[0].forms, level[0].least, level[0].most)
    return as_wires(cs, level[0].forms, level[0].forms.terms > _FEW_TERMS, "max.wire")


def _joined(parts: list[_Ranged]) -> _Ranged:
    least, most = (np.concatenate([getattr(part, name) for part in parts]) for name in ("least", "most"))
    return _Ranged(LinearVector.concat([part.forms for part in parts]), least, most)


def _larger(cs: ConstraintSystem, one: _Ranged, other: _Ranged, origin: str) -> _Ranged:
    left, right = one.forms, other.forms
    same = (left - right).terms == 0  # a cell that padding repeats
    takes_left = same | (one.least >= other.most)
    takes_right = ~takes_left & (one.most <= other.least)
    undecided = np.flatnonzero(~takes_left & ~takes_right)
    place = np.where(takes_left, 0, len(left)) + np.arange(len(left))
    place[undecided] = 2 * len(left) + np.arange(undecided.size)
    parts = [left, right]
    if undecided.size:
        parts.append(maximum_gadget(cs, [left[undecided], right[undecided]], origin))
    ends = np.maximum(left.bounds[0], right.bounds[0]), np.maximum(left.bounds[1], right.bounds[1])
    forms = LinearVector.concat(parts)[place].with_bounds(*ends)
    return _Ranged(forms, np.maximum(one.least, other.least), np.maximum(one.most, other.most))


LOWERINGS = {"maximum": maximum}
