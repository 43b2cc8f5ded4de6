"""Square roots and inverse square roots: ``root`` steps."""

from __future__ import annotations

import numpy as np

from prover.constraint import ConstraintSystem, LinearVector
from prover.gadgets.interval import interval
from prover.gadgets.relu import relu_truncate
from prover.gadgets.root import inverse_root, square_root
from prover.gadgets.truncate import truncate
from prover.quantization import Step
from prover.quantization.steps.root import floor_of


def root(cs: ConstraintSystem, step: Step, inputs: LinearVector) -> LinearVector:
    """The digits of the root and of both sides of its remainder; one rectifier where it saturates.

    Where arguments are refused, an interval rectifies, truncates and refuses at once.
    """
    shift = step.integer("shift")
    if "refuse_lo" in step.params:
        least, low = floor_of(step), step.integer("refuse_lo") << shift
        high = max((int(step.inputs.hi.max()) >> shift) + 1, least + 1) << shift
        start = np.array([least << shift], dtype=np.int64)
        place = interval(cs, inputs, start, low, high - 1, granule=shift, domain=True, origin="domain")
        x = cs.product(place.at_least, place.offset, "rectified") + least
        return inverse_root(cs, x, step.integer("scale")) if "scale" in step.params else square_root(cs, x)
    x = truncate(cs, inputs, shift, origin="argument") if shift else inputs
    if "clamp_lo" in step.params:
        least = step.integer("clamp_lo")
        x = relu_truncate(cs, x - least, origin="saturate") + least
    return inverse_root(cs, x, step.integer("scale")) if "scale" in step.params else square_root(cs, x)


LOWERINGS = {"root": root}
