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
    """

    rows: int = 0
    longest: int = 1


def readers(steps: Sequence[FloatStep], n_facts: int) -> list[Readers]:
    """What reads every step."""
    n_sources = len(steps) + 1
    starts = np.cumsum([n_facts] + [step.n_outputs for step in steps])
    rows, longest = np.zeros(n_sources, dtype=np.int64), np.ones(n_sources, dtype=np.int64)
    for step in steps:
        if step.kind in _FREE:
            continue
        matrix = step.inputs.matrix
        source = np.searchsorted(starts, matrix.cols, side="right")  # 0 for facts
        pairs, counts = np.unique(matrix.rows * n_sources + source, return_counts=True)
        rows += np.bincount(pairs % n_sources, minlength=n_sources)
        np.maximum.at(longest, pairs % n_sources, counts)
    return [Readers(int(count), int(most)) for count, most in zip(rows[1:], longest[1:], strict=True)]
