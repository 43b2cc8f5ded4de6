"""Comparisons, one-hot vectors and choices: ``compare``, ``equal``, ``one_hot`` and ``select`` steps.

Elements that are surely decided are constants: see :mod:`prover.lowering.sure`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from prover.constraint import ConstraintSystem, LinearVector
from prover.gadgets.boolean import boolean
from prover.gadgets.compare import greater_equal
from prover.gadgets.equal import is_zero
from prover.gadgets.one_hot import one_hot as one_hot_gadget
from prover.gadgets.select import select
from prover.lowering.sure import SureStep
from prover.quantization import Step


def compare(cs: ConstraintSystem, step: SureStep, inputs: LinearVector) -> LinearVector:
    """``x >= 0``: one decomposition a form."""
    low, high = step.least, step.most
    is_open = (low < 0) & (high >= 0)
    known = (low >= 0).astype(np.int64)
    return _fill(cs, is_open, known, lambda rows: greater_equal(cs, inputs[rows], 0))


def equal(cs: ConstraintSystem, step: SureStep, inputs: LinearVector) -> LinearVector:
    """``x == 0``: two constraints a form."""
    low, high = step.least, step.most
    known = ((low == 0) & (high == 0)).astype(np.int64)
    is_open = (low <= 0) & (high >= 0) & (known == 0)
    return _fill(cs, is_open, known, lambda rows: is_zero(cs, inputs[rows], "equal"))


def one_hot(cs: ConstraintSystem, step: Step, inputs: LinearVector) -> LinearVector:
    """A thermometer over the range the bounds leave, which it proves: r - 1 constraints a form for r numbers; 0
    elsewhere."""
    k, (low, high) = step.integer("k"), inputs.bounds
    first, last = int(low.min()), int(high.max())
    reach = last - first + 1
    hot = LinearVector.concat([one_hot_gadget(cs, inputs - first, reach, "one_hot"), cs.constant([0])])
    place = np.arange(k, dtype=np.int64) - first
    inside = (place >= 0) & (place < reach)
    starts = np.arange(len(inputs), dtype=np.int64)[:, None] * reach
    return hot[np.where(inside, starts + place, len(hot) - 1).ravel()]


def choice(cs: ConstraintSystem, step: SureStep, inputs: LinearVector) -> LinearVector:
    """One product a form, and a row for each condition that is not surely 0 or 1."""
    n = step.n_outputs
    condition, a, b = (inputs[slice(start, start + n)] for start in (0, n, 2 * n))
    loose = np.flatnonzero((step.least[:n] < 0) | (step.most[:n] > 1))
    if loose.size:
        boolean(cs, condition[loose], "select.condition")
    return select(cs, condition, a, b)


def _fill(
    cs: ConstraintSystem,
    is_open: NDArray[np.bool_],
    known: NDArray[np.int64],
    decide: Callable[[NDArray[np.int64]], LinearVector],
) -> LinearVector:
    """``decide`` of the open rows, constants elsewhere."""
    rows, decided = np.flatnonzero(is_open), np.flatnonzero(~is_open)
    parts = ([decide(rows)] if rows.size else []) + ([cs.constant(known[decided])] if decided.size else [])
    return LinearVector.concat(parts)[np.argsort(np.concatenate((rows, decided)))]


LOWERINGS = {"compare": compare, "equal": equal, "one_hot": one_hot, "select": choice}
