"""``requantize`` steps: integers of few bits from accumulators."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from prover.constraint import ConstraintSystem, IntMatrix, LinearVector
from prover.gadgets.clipped_relu import clipped_relu
from prover.gadgets.compare import greater_equal
from prover.gadgets.equal import is_zero
from prover.gadgets.interval import interval
from prover.gadgets.relu import relu_truncate
from prover.gadgets.truncate import truncate
from prover.quantization import Step
from prover.quantization.staircase import Stairs
from prover.quantization.steps.requantize import tables


def requantize(cs: ConstraintSystem, step: Step, inputs: LinearVector) -> LinearVector:
    """A saturating ReLU of the line, n + 3 rows; where levels lie on no line, one row a level and a range."""
    low, cap = step.integer("low"), (1 << step.integer("bits")) - 1
    shifts = step.integers("shifts")
    if shifts.size != len(inputs) or shifts.size == 0 or not -1 <= int(shifts.min()) <= int(shifts.max()) < 62:
        raise ValueError("shifts that are none")
    lo, hi = inputs.bounds
    parts, place = [cs.constant([0])], np.zeros(len(inputs), dtype=np.int64)

    def add(chosen: np.ndarray[tuple[int], np.dtype[np.int64]], build: Callable[[LinearVector], LinearVector]) -> None:
        if chosen.size:
            place[chosen] = sum(map(len, parts)) + np.arange(chosen.size)
            parts.append(build(inputs[chosen]))

    for shift in np.unique(shifts[shifts >= 0]).tolist():
        own = shifts == shift
        high = own & (hi >> shift > cap)
        alive = own & ~high & (hi >= 1 << shift)
        add(np.flatnonzero(high), partial(_saturated, cs, shift, step.integer("bits")))
        add(np.flatnonzero(alive & (lo < 0)), partial(_positive, cs, shift))
        add(np.flatnonzero(alive & (lo >= 0)), partial(_plain, cs, shift))
    for table, chosen in tables(step):
        for element in chosen.tolist():
            add(np.array([element]), partial(_levels, cs, table, (int(lo[element]), int(hi[element]))))
    result = LinearVector.concat(parts)[place]
    if "corrected" in step.params:
        result = result + _corrections(cs, step, inputs)
    return result + low


def _corrections(cs: ConstraintSystem, step: Step, inputs: LinearVector) -> LinearVector:
    """What is added to lines at single values: an equality each."""
    elements, at, by = (step.integers(name) for name in ("corrected", "at", "by"))
    equal = is_zero(cs, inputs[elements] - at, "correct")
    columns = np.arange(elements.size, dtype=np.int64)
    return equal.matmul(IntMatrix.from_triples(elements, columns, by, (len(inputs), elements.size)))


def _saturated(cs: ConstraintSystem, shift: int, bits: int, x: LinearVector) -> LinearVector:
    return clipped_relu(cs, x, shift, bits, origin="saturate")


def _positive(cs: ConstraintSystem, shift: int, x: LinearVector) -> LinearVector:
    return relu_truncate(cs, x, shift, origin="positive")


def _plain(cs: ConstraintSystem, shift: int, x: LinearVector) -> LinearVector:
    return cs.materialise(truncate(cs, x, shift), "wire") if shift else x


def _levels(cs: ConstraintSystem, table: Stairs, ends: tuple[int, int], x: LinearVector) -> LinearVector:
    """The base and the number of cuts reached; those the form's bounds decide count at once."""
    cuts = table.cuts
    base = table.base + int(np.count_nonzero(cuts <= ends[0]))
    thresholds, counts = np.unique(cuts[(cuts > ends[0]) & (cuts <= ends[1])], return_counts=True)
    if not thresholds.size:
        return cs.constant([base])
    if thresholds.size == 1:
        reached = greater_equal(cs, x, int(thresholds[0]), "levels")
    else:
        reached = interval(cs, x, thresholds, *ends, origin="levels").at_least
    total = reached.matmul(counts[None, :]) + base
    return cs.materialise(total.with_bounds(base, base + int(counts.sum())), "levels.wire")


LOWERINGS = {"requantize": requantize}
