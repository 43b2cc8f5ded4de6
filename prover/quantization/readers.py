"""Who reads a step: what tells whether rounding its outputs pays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from prover.quantization.trace import FloatStep

_FREE = ("wire",)
"""Kinds that read forms of any width at the same cost."""


def readers(steps: Sequence[FloatStep], n_facts: int) -> list[int]:
    """For every step, the linear inputs of later steps that read any of its outputs.

    Each of them is decomposed, or rounded, at a constraint or more a bit: a bit more in this step's outputs costs about
    that many constraints.
    """
    starts = np.cumsum([n_facts] + [step.n_outputs for step in steps])
    counts = np.zeros(len(steps) + 1, dtype=np.int64)
    for step in steps:
        if step.kind in _FREE:
            continue
        matrix = step.inputs.matrix
        source = np.searchsorted(starts, matrix.cols, side="right")  # 0 for facts
        pairs = np.unique(matrix.rows * (len(steps) + 1) + source)
        counts += np.bincount(pairs % (len(steps) + 1), minlength=len(steps) + 1)
    return [int(count) for count in counts[1:]]
