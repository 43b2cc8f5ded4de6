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
        bottom, signs = _magnitude(cs, bottom, "divisor")
        top = cs.product(signs[place], top, "signed")
    elif sign == -1:
        bottom, top = -bottom, -top
    if "clamp_lo" in step.params:
        least = step.integer("clamp_lo")
        bottom = relu_truncate(cs, bottom - least, origin="saturate") + least
    bottom = reused(cs, bottom, 2 * np.bincount(place, minlength=len(bottom)))
    divisor = bottom.scale(1 << step.integer("lift"))[place]
    if "truncates" not in step.params:
        return divide(cs, top.scale(2) + divisor, divisor.scale(2))
    if int(top.bounds[0].min()) >= 0:
        return divide(cs, top, divisor)
    size, above = _magnitude(cs, top, "numerator")
    return cs.product(above, divide(cs, size, divisor), "signed")


def _magnitude(cs: ConstraintSystem, x: LinearVector, origin: str) -> tuple[LinearVector, LinearVector]:
    """|x| and the sign of x, 1 for 0."""
    signs = greater_equal(cs, x, 0, f"{origin}.sign").scale(2) - 1
    largest = np.maximum(np.abs(x.bounds[0]), np.abs(x.bounds[1]))
    return cs.product(signs, x, f"{origin}.magnitude").with_bounds(0, largest), signs


LOWERINGS = {"quotient": quotient}
