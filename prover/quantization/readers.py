"""Who reads a step: what tells whether rounding its outputs pays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from prover.quantization.trace import FloatStep

_FREE = ("wire",)
"""Kinds that read forms of any width at the same cost."""


@dataclass(frozen=True)
class Readers:
    """The linear inputs of later steps that read outputs of one step.

    Attributes:
        rows: how many. Each is decomposed, or rounded, at a constraint or more a bit: a bit more in the outputs costs
            about as many constraints.
        longest: most outputs that one of them adds up.
        kinds: of the steps they belong to.
        reach: largest value of one of them, for outputs between -1 and 1; infinite where one reads other variables too.
    """

    rows: int = 0
    longest: int = 1
    kinds: frozenset[str] = frozenset()
    reach: float = 0.0


def readers(steps: Sequence[FloatStep], n_facts: int) -> list[Readers]:
    """What reads every step."""
    n_sources = len(steps) + 1
    starts = np.cumsum([n_facts] + [step.n_outputs for step in steps])
    rows, longest = np.zeros(n_sources, dtype=np.int64), np.ones(n_sources, dtype=np.int64)
    reach = np.zeros(n_sources)
    kinds: list[set[str]] = [set() for _ in range(n_sources)]
    for step in steps:
        matrix = step.inputs.matrix
        source = np.searchsorted(starts, matrix.cols, side="right")  # 0 for facts
        for place in np.unique(source).tolist():
            kinds[place].add(step.kind)
        if step.kind in _FREE:
            continue
        pairs, back, counts = np.unique(matrix.rows * n_sources + source, return_inverse=True, return_counts=True)
        owner, row = pairs % n_sources, pairs // n_sources
        rows += np.bincount(owner, minlength=n_sources)
        np.maximum.at(longest, owner, counts)
        alone = np.bincount(row, minlength=matrix.n_rows)[row] == 1
        sums = np.bincount(back, np.abs(matrix.data), pairs.size) + np.abs(step.inputs.bias[row])
        np.maximum.at(reach, owner, np.where(alone, sums, np.inf))
    return [
        Readers(int(rows[place]), int(longest[place]), frozenset(kinds[place]), float(reach[place]))
        for place in range(1, n_sources)
    ]
