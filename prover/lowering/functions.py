"""Functions of one number: ``function``, ``sigmoid`` and ``floor`` steps."""

from __future__ import annotations

import numpy as np

from prover.constraint import ConstraintSystem, LinearVector
from prover.gadgets.piecewise import piecewise_polynomial
from prover.gadgets.rounding import divide_towards_zero, floor_divide, round_half_even
from prover.lowering.sure import SureStep
from prover.quantization import Step
from prover.quantization.intervals import known as sure
from prover.quantization.steps import step_kind
from prover.quantization.steps.floor import FLOOR, ROUND
from prover.quantization.steps.function import last_argument


def function(cs: ConstraintSystem, step: SureStep, inputs: LinearVector) -> LinearVector:
    """The piecewise polynomial; the rounding of its argument is part of finding the segment.

    Arguments that surely have one value have one result, and nothing to constrain.
    """
    shift, starts = step.integer("shift"), step.integers("starts")
    low, high = step.least, step.most
    known = (low >> shift == high >> shift) & sure(low, high)
    guarded = "refuse_lo" in step.params or "refuse_hi" in step.params
    known &= not guarded  # even a constant may lie outside the domain
    rest = np.flatnonzero(~known)
    parts = [cs.constant(step_kind(step.kind).evaluate(step, low[known][None])[0])]
    if rest.size:
        columns = step.integers("coefficients").reshape(starts.size, -1)
        shifts = [0] * (columns.shape[1] - 2) + [step.integer("out_shift")]
        stop = last_argument(step) + 1
        parts.append(
            piecewise_polynomial(
                cs, inputs[rest], starts, columns, shifts, stop, step.kind, granule=shift, domain=guarded
            )
        )
    place = np.argsort(np.concatenate((np.flatnonzero(known), rest)), kind="stable")
    return LinearVector.concat(parts)[place]


def floor(cs: ConstraintSystem, step: Step, inputs: LinearVector) -> LinearVector:
    """Whole numbers, rounded as the step's mode says."""
    mode, divisor = step.integer("mode"), step.integer("divisor")
    if mode == FLOOR:
        return floor_divide(cs, inputs, divisor)
    return (round_half_even if mode == ROUND else divide_towards_zero)(cs, inputs, divisor)


LOWERINGS = {"function": function, "sigmoid": function, "floor": floor}
