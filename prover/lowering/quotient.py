"""Quotients of computed values: ``quotient`` steps on the division gadget."""

from __future__ import annotations

import numpy as np

from prover.constraint import ConstraintSystem, LinearVector
from prover.gadgets.compare import greater_equal
from prover.gadgets.divide import divide
from prover.gadgets.relu import relu_truncate
from prover.gadgets.truncate import truncate
from prover.lowering.product import reused
from prover.quantization import Step


def quotient(cs: ConstraintSystem, step: Step, inputs: LinearVector) -> LinearVector:
    """``a / b`` rounded: the digits of the quotient and of both sides of the remainder.

    A saturated divisor costs one rectifier, a rounded one its digits, one of unknown sign a comparison and a product
    (and a product for each numerator), each once however many numerators it divides.
    """
    place, sign, shift = step.integers("divisor"), step.integer("sign"), step.integer("shift")
    top, bottom = inputs[slice(0, place.size)], inputs[slice(place.size, len(inputs))]
    if shift:
        bottom = truncate(cs, bottom, shift, origin="divisor")
    if sign == 0:
        signs = greater_equal(cs, bottom, 0, "sign").scale(2) - 1
        largest = np.maximum(np.abs(bottom.bounds[0]), np.abs(bottom.bounds[1]))
        bottom = cs.product(signs, bottom, "magnitude").with_bounds(0, largest)
        top = cs.product(signs[place], top, "signed")
    elif sign == -1:
        bottom, top = -bottom, -top
    if "clamp_lo" in step.params:
        least = step.integer("clamp_lo")
        bottom = relu_truncate(cs, bottom - least, origin="saturate") + least
    bottom = reused(cs, bottom, 2 * np.bincount(place, minlength=len(bottom)))
    divisor = bottom.scale(1 << step.integer("lift"))[place]
    return divide(cs, top.scale(2) + divisor, divisor.scale(2))


LOWERINGS = {"quotient": quotient}
