"""Rectifiers: ``relu`` steps.

A neuron that is surely zero costs nothing, and one that is surely positive and drops nothing neither: see
:mod:`prover.lowering.sure`. The plan's own bounds choose widths only. Digits that hold no negative number make a
truncation of a ReLU, and digits that hold no number above the cap spare the saturation; a number that the plan's bounds
left out then has no witness.
"""

from __future__ import annotations

import numpy as np

from prover.constraint import ConstraintSystem, LinearVector
from prover.constraint.csr import Ints
from prover.gadgets.bits import signed_widths, unsigned_widths
from prover.gadgets.clipped_relu import clipped_relu
from prover.gadgets.relu import relu_truncate
from prover.gadgets.truncate import truncate
from prover.lowering.sure import SureStep
from prover.quantization import Step
from prover.quantization.intervals import FREE


def relu(cs: ConstraintSystem, step: SureStep, inputs: LinearVector) -> LinearVector:
    """``min(max(x, 0) >> shift, cap)``: one decomposition a neuron, a row more where it may saturate."""
    shift = step.integer("shift")
    if not 0 <= shift < 62:
        raise ValueError(f"a shift of {shift} bits")
    return rectified(cs, step, inputs, step.least, step.most)


def rectified(cs: ConstraintSystem, step: Step, inputs: LinearVector, least: Ints, most: Ints) -> LinearVector:
    """The same of forms that surely lie in ``least`` .. ``most``, int64[m] each."""
    shift = step.integer("shift")
    lo, hi = inputs.bounds
    dead, positive = most < 1 << shift, (least >= 0) | ((lo >= 0) & (shift > 0))
    capped = np.zeros(len(inputs), dtype=np.bool_)
    if "cap" in step.params:
        cap = step.integer("cap")
        capped = (most >> shift > cap) & (np.where(positive, plain_most(lo, hi, shift), relu_most(lo, hi, shift)) > cap)
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


def relu_most(lo: Ints, hi: Ints, shift: int) -> Ints:
    """Largest result that the digits of ``relu_truncate`` let through."""
    width = np.maximum(signed_widths(lo, hi), shift + 2)
    return np.asarray((np.int64(1) << (width - 1 - shift)) - 1)


def plain_most(lo: Ints, hi: Ints, shift: int) -> Ints:
    """Largest result that the digits of ``truncate`` let through; without a shift there are none."""
    if not shift:
        return np.full_like(hi, FREE)
    start = lo >> shift
    width = np.maximum(unsigned_widths(hi - (start << shift)), shift)
    return np.asarray(start + (np.int64(1) << (width - shift)) - 1)


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
