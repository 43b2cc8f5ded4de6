"""The revealed end of a program: ``tier``, ``argmax`` and ``round`` steps."""

from __future__ import annotations

import numpy as np

from prover.constraint import ConstraintSystem, LinearVector
from prover.gadgets.argmax import argmax as argmax_gadget
from prover.gadgets.clear_argmax import clear_argmax
from prover.gadgets.interval import interval
from prover.gadgets.one_hot import one_hot
from prover.gadgets.truncate import truncate
from prover.lowering.located import reached
from prover.lowering.sure import SureStep
from prover.quantization import Step


def tier(cs: ConstraintSystem, step: SureStep, inputs: LinearVector) -> LinearVector:
    """Thresholds passed. One threshold is a comparison; more share one interval, m + n against m·n.

    Those that are surely decided count at once, and so do those that the range of an interval decides.
    """
    every = step.integers("thresholds")
    if "gaps" in step.params:
        return _guarded(cs, step, inputs)
    passed = reached(cs, inputs, np.sort(every), int(step.least[0]), int(step.most[0]), "interval")
    base = step.integer("base")
    return (passed.sum() + base).with_bounds(base, base + every.size) if every.size else cs.constant([base])


def _guarded(cs: ConstraintSystem, step: Step, inputs: LinearVector) -> LinearVector:
    """Thresholds with gaps below: intervals that end before the next one starts, at no extra cost."""
    every, gaps = step.integers("thresholds"), step.integers("gaps")
    thresholds, first, counts = np.unique(every, return_index=True, return_counts=True)
    low, high = (int(end[0]) for end in inputs.bounds)
    # A gap may reach an end of the form's range: beyond it there must be something left to name.
    low = min(low, int((thresholds - gaps[first]).min()) - 1)
    high = max(high, int(thresholds.max()))
    found = interval(cs, inputs, thresholds, low, high, gaps=gaps[first], origin="guard")
    base = step.integer("base")
    return (found.at_least.scale(counts).sum() + base).with_bounds(base, base + int(counts.sum()))


def argmax(cs: ConstraintSystem, step: Step, inputs: LinearVector) -> LinearVector:
    """The winning class: a linear function of its index, or a lookup by one-hot where the classes are uneven."""
    classes = step.integers("classes")
    if "margin" in step.params:
        return clear_argmax(cs, inputs, step.integer("margin"), "guard").matmul(classes[None, :])
    index = argmax_gadget(cs, [inputs[i] for i in range(len(inputs))])
    strides = np.unique(np.diff(classes))
    if strides.size == 1:
        return index.scale(int(strides[0])) + int(classes[0])
    return one_hot(cs, index, classes.size, "class").matmul(classes[None, :])


def rounding(cs: ConstraintSystem, step: Step, inputs: LinearVector) -> LinearVector:
    """``x >> shift``: a score at its decimal scale."""
    return _truncated(cs, inputs, step.integer("shift"), "truncate")


def _truncated(cs: ConstraintSystem, x: LinearVector, shift: int, origin: str) -> LinearVector:
    """``x >> shift``; without a shift there is nothing to prove of a form."""
    return truncate(cs, x, shift, origin=origin) if shift else x


LOWERINGS = {"tier": tier, "argmax": argmax, "round": rounding}
