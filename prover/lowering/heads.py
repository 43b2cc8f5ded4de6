"""The revealed end of a program: ``tier``, ``argmax``, ``round`` and ``sigmoid`` steps."""

from __future__ import annotations

import numpy as np

from prover.constraint import ConstraintSystem, LinearVector
from prover.gadgets.argmax import argmax as argmax_gadget
from prover.gadgets.compare import greater_equal
from prover.gadgets.interval import Interval, interval
from prover.gadgets.one_hot import one_hot
from prover.gadgets.truncate import truncate
from prover.quantization import Step


def tier(cs: ConstraintSystem, step: Step, inputs: LinearVector) -> LinearVector:
    """Thresholds passed. One threshold is a comparison; more share one interval, m + 2n against m·n."""
    thresholds = step.integers("thresholds")
    base = step.integer("base")
    if thresholds.size == 0:
        return cs.constant([base])
    if thresholds.size == 1:
        passed = greater_equal(cs, inputs, int(thresholds[0]))
    else:
        passed = interval(cs, inputs, thresholds, origin="interval").at_least.sum()
    return (passed + base).with_bounds(base, base + int(thresholds.size))


def argmax(cs: ConstraintSystem, step: Step, inputs: LinearVector) -> LinearVector:
    """The winning class: a linear function of its index, or a lookup by one-hot where the classes are uneven."""
    classes = step.integers("classes")
    index = argmax_gadget(cs, [inputs[i] for i in range(len(inputs))])
    strides = np.unique(np.diff(classes))
    if strides.size == 1:
        return index.scale(int(strides[0])) + int(classes[0])
    return one_hot(cs, index, classes.size, "class").matmul(classes[None, :])


def rounding(cs: ConstraintSystem, step: Step, inputs: LinearVector) -> LinearVector:
    """``x >> shift``: a score at its decimal scale."""
    return truncate(cs, inputs, step.integer("shift"))


def sigmoid(cs: ConstraintSystem, step: Step, inputs: LinearVector) -> LinearVector:
    """The piecewise quadratic: locate the segment, select its coefficients linearly, two products, one shift."""
    z = truncate(cs, inputs, step.integer("shift"), origin="position")
    starts, c0, c1, c2 = (step.integers(name) for name in ("starts", "c0", "c1", "c2"))
    if starts.size == 1:
        segments = cs.constant([1])
    else:
        located: Interval = interval(cs, z, starts[1:], int(starts[0]), int(z.bounds[1][0]), origin="segment")
        segments = located.one_hot
    first, second, third = (segments.matmul(column[None, :]) for column in (c0, c1, c2))
    lengths = np.diff(np.append(starts, int(z.bounds[1][0]) + 1))
    t = (z - segments.matmul(starts[None, :])).with_bounds(0, int(lengths.max()) - 1)
    last = lengths - 1
    slope = _product(cs, third, t, int(np.abs(c2 * last).max()), "slope")
    reach = (np.abs(c2 * last) + np.abs(c1)) * last
    value = _product(cs, slope + second, t, int(reach.max()), "value") + first
    value = value.with_bounds(0, int((c0 + reach).max()))
    return truncate(cs, value, step.integer("out_shift"), origin="round").with_bounds(step.lo, step.hi)


def _product(cs: ConstraintSystem, a: LinearVector, b: LinearVector, reach: int, origin: str) -> LinearVector:
    """``a * b`` of magnitude at most ``reach``: proven segment by segment, where plain intervals would mix segments."""
    out = cs.solve("product", (a, b), 1, bounds=(-reach, reach), origin=origin)
    cs.enforce(a, b, out, origin)
    return out


LOWERINGS = {"tier": tier, "argmax": argmax, "round": rounding, "sigmoid": sigmoid}
