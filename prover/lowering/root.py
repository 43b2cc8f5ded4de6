"""Square roots and inverse square roots: ``root`` steps."""

from __future__ import annotations

from prover.constraint import ConstraintSystem, LinearVector
from prover.gadgets.relu import relu_truncate
from prover.gadgets.root import inverse_root, square_root
from prover.gadgets.truncate import truncate
from prover.quantization import Step


def root(cs: ConstraintSystem, step: Step, inputs: LinearVector) -> LinearVector:
    """The digits of the root and of both sides of its remainder; one rectifier where it saturates."""
    shift = step.integer("shift")
    x = truncate(cs, inputs, shift, origin="argument") if shift else inputs
    if "clamp_lo" in step.params:
        least = step.integer("clamp_lo")
        x = relu_truncate(cs, x - least, origin="saturate") + least
    return inverse_root(cs, x, step.integer("scale")) if "scale" in step.params else square_root(cs, x)


LOWERINGS = {"root": root}
