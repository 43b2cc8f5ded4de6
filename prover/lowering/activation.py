"""Rectifiers: ``relu`` steps."""

from __future__ import annotations

from prover.constraint import ConstraintSystem, LinearVector
from prover.gadgets.relu import relu_truncate
from prover.quantization import Step


def relu(cs: ConstraintSystem, step: Step, inputs: LinearVector) -> LinearVector:
    """``min(max(x, 0) >> shift, cap)``: one decomposition a neuron, a second, short one where it saturates."""
    result = relu_truncate(cs, inputs, step.integer("shift"))
    if "cap" not in step.params:
        return result
    cap = step.integer("cap")
    excess = relu_truncate(cs, result - cap, origin="saturate")
    return (result - excess).with_bounds(0, cap)


LOWERINGS = {"relu": relu}
