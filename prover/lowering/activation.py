"""Rectifiers: ``relu`` steps.

A neuron whose proven bounds leave it at zero costs nothing, one that they keep positive is a truncation. The bounds
follow from ranges that constraints hold: the facts', and those of every earlier step.
"""

from __future__ import annotations

import numpy as np

from prover.constraint import ConstraintSystem, LinearVector
from prover.gadgets.relu import relu_truncate
from prover.gadgets.truncate import truncate
from prover.quantization import Step


def relu(cs: ConstraintSystem, step: Step, inputs: LinearVector) -> LinearVector:
    """``min(max(x, 0) >> shift, cap)``: one decomposition a neuron, a second, short one where it may saturate."""
    shift = step.integer("shift")
    lo, hi = inputs.bounds
    dead, positive = hi < 1 << shift, lo >= 0
    on, open_sign = np.flatnonzero(positive & ~dead), np.flatnonzero(~positive & ~dead)
    place = np.zeros(len(inputs), dtype=np.int64)
    parts = [cs.constant([0])]
    if on.size:
        exact = inputs[on]
        parts.append(cs.materialise(truncate(cs, exact, shift), "truncate.wire") if shift else exact)
        place[on] = 1 + np.arange(on.size)
    if open_sign.size:
        parts.append(relu_truncate(cs, inputs[open_sign], shift))
        place[open_sign] = 1 + on.size + np.arange(open_sign.size)
    result = LinearVector.concat(parts)[place]
    return _saturated(cs, result, step.integer("cap")) if "cap" in step.params else result


def _saturated(cs: ConstraintSystem, result: LinearVector, cap: int) -> LinearVector:
    above = np.flatnonzero(result.bounds[1] > cap)
    if not above.size:
        return result
    excess = relu_truncate(cs, result[above] - cap, origin="saturate")
    place = np.arange(len(result))
    place[above] = len(result) + np.arange(above.size)
    return LinearVector.concat([result, result[above] - excess])[place].with_bounds(0, cap)


LOWERINGS = {"relu": relu}
