"""``wire`` steps: linear forms that are read often enough to be wires."""

from __future__ import annotations

import numpy as np

from prover.constraint import ConstraintSystem, LinearVector
from prover.quantization import Step


def wire(cs: ConstraintSystem, step: Step, inputs: LinearVector) -> LinearVector:
    """A row for every form of several terms; one term is a wire already."""
    long = np.flatnonzero(inputs.terms > 1)
    if not long.size:
        return inputs
    place = np.arange(len(inputs))
    place[long] = len(inputs) + np.arange(long.size)
    return LinearVector.concat([inputs, cs.materialise(inputs[long], "wire")])[place]


LOWERINGS = {"wire": wire}
