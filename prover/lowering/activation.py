"""Rectifiers: ``relu`` steps.

A neuron whose proven bounds leave it at zero costs nothing, one that they keep positive is a truncation. The bounds
follow from ranges that constraints hold: the facts', and those of every earlier step.
"""

from __future__ import annotations

import numpy as np

from prover.constraint import ConstraintSystem, LinearVector
from prover.gadgets.clipped_relu import clipped_relu
from prover.gadgets.relu import relu_truncate
from prover.gadgets.truncate import truncate
from prover.quantization import Step


def relu(cs: ConstraintSystem, step: Step, inputs: LinearVector) -> LinearVector:
    """``min(max(x, 0) >> shift, cap)``: one decomposition a neuron, a row more where it may saturate."""
    shift = step.integer("shift")
    if not 0 <= shift < 62:
        raise ValueError(f"a shift of {shift} bits")
    lo, hi = inputs.bounds
    dead, positive = hi < 1 << shift, lo >= 0
    capped = hi >> shift > step.integer("cap") if "cap" in step.params else np.zeros(len(inputs), dtype=np.bool_)
    parts, place = [cs.constant([0])], np.zeros(len(inputs), dtype=np.int64)
    end = 1
    for chosen, build in (
        (capped, _saturated),
        (positive & ~dead & ~capped, _linear),
        (~positive & ~dead & ~capped, lambda cs, step, x: relu_truncate(cs, x, shift)),
    ):
        where = np.flatnonzero(chosen)
        if where.size:
            parts.append(build(cs, step, inputs[where]))
            place[where] = end + np.arange(where.size)
            end += where.size
    return LinearVector.concat(parts)[place]


def _linear(cs: ConstraintSystem, step: Step, x: LinearVector) -> LinearVector:
    """What is never negative needs no sign; nor digits, where nothing is dropped."""
    shift = step.integer("shift")
    return cs.materialise(truncate(cs, x, shift), "truncate.wire") if shift else x


def _saturated(cs: ConstraintSystem, step: Step, x: LinearVector) -> LinearVector:
    cap = step.integer("cap")
    if cap & (cap + 1):
        raise ValueError(f"saturation at {cap}, which is no power of two less one")
    return clipped_relu(cs, x, step.integer("shift"), cap.bit_length())


LOWERINGS = {"relu": relu}
