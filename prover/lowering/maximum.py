"""Row maxima: ``maximum`` steps, and the rectifier that may follow them."""

from __future__ import annotations

import numpy as np

from prover.constraint import ConstraintSystem, LinearVector
from prover.gadgets.maximum import maximum as maximum_gadget
from prover.gadgets.wires import as_wires
from prover.lowering.activation import relu
from prover.quantization import Step

_FEW_TERMS = 4
"""A maximum is a linear form: one of its inputs and the differences that were won. With more terms it becomes a wire,
a row beside the many of its comparisons."""


def maximum(cs: ConstraintSystem, step: Step, inputs: LinearVector) -> LinearVector:
    """The largest of every k forms, by pairs; a pair whose order its bounds prove costs nothing."""
    k = step.integer("k")
    places = np.arange(len(inputs), dtype=np.int64).reshape(-1, k)
    level = [inputs[places[:, i]] for i in range(k)]
    depth = 0
    while len(level) > 1:
        pairs = len(level) // 2
        left = LinearVector.concat([level[2 * i] for i in range(pairs)])
        right = LinearVector.concat([level[2 * i + 1] for i in range(pairs)])
        joined = _larger(cs, left, right, f"max.{depth}")
        m = len(places)
        level = [joined[slice(i * m, (i + 1) * m)] for i in range(pairs)] + level[2 * pairs :]
        depth += 1
    if "shift" in step.params:
        return relu(cs, step, level[0])
    return as_wires(cs, level[0], level[0].terms > _FEW_TERMS, "max.wire")


def _larger(cs: ConstraintSystem, left: LinearVector, right: LinearVector, origin: str) -> LinearVector:
    lo, hi = (left - right).bounds
    takes_left, takes_right = lo >= 0, (hi <= 0) & (lo < 0)
    undecided = np.flatnonzero(~takes_left & ~takes_right)
    place = np.where(takes_left, 0, len(left)) + np.arange(len(left))
    place[undecided] = 2 * len(left) + np.arange(undecided.size)
    parts = [left, right]
    if undecided.size:
        parts.append(maximum_gadget(cs, [left[undecided], right[undecided]], origin))
    ends = np.maximum(left.bounds[0], right.bounds[0]), np.maximum(left.bounds[1], right.bounds[1])
    return LinearVector.concat(parts)[place].with_bounds(*ends)


LOWERINGS = {"maximum": maximum}
