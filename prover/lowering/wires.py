"""Linear forms that are read often enough to be wires: ``wire`` steps, and results of other steps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from prover.constraint import ConstraintSystem, LinearVector
from prover.gadgets.wires import as_wires
from prover.quantization import Plan, Step
from prover.quantization.blocks.wires import WORTH


def wire(cs: ConstraintSystem, step: Step, inputs: LinearVector) -> LinearVector:
    """A row for every form of several terms; one term is a wire already."""
    return as_wires(cs, inputs, inputs.terms > 1, "wire")


def readers(plan: Plan) -> NDArray[np.int64]:
    """int64[variables]: how many forms of the plan read each variable."""
    count = plan.n_facts + sum(step.n_outputs for step in plan.steps)
    forms = [step.inputs for step in plan.steps] + [plan.outputs]
    return np.asarray(sum(np.bincount(form.matrix.cols, minlength=count) for form in forms), dtype=np.int64)


def shortened(cs: ConstraintSystem, outputs: LinearVector, read: NDArray[np.int64]) -> LinearVector:
    """A step's outputs, ``read`` (int64[m]) times each: wires where the terms they save outweigh a row."""
    return as_wires(cs, outputs, read * (outputs.terms - 1) - outputs.terms > WORTH, "wire")


LOWERINGS = {"wire": wire}
