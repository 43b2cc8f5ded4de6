"""``requantize`` steps: integers of few bits from accumulators."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from prover.constraint import ConstraintSystem, IntMatrix, LinearVector
from prover.gadgets.bits import decompose, unsigned_widths
from prover.gadgets.clipped_relu import clipped_relu, whole_quotient
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

    parities = step.integers("parities") if "parities" in step.params else np.full_like(shifts, -1)
    for shift, parity in np.unique(np.stack((shifts, parities))[:, parities >= 0], axis=1).T.tolist():
        tied = (shifts == shift) & (parities == parity)
        simple = tied & (lo >= 0) & (hi >> shift <= cap)
        add(np.flatnonzero(tied & ~simple), partial(_even, cs, shift, step.integer("bits"), parity))
        add(np.flatnonzero(simple), partial(_even_plain, cs, shift, parity))
    for shift in np.unique(shifts[(shifts >= 0) & (parities < 0)]).tolist():
        own = (shifts == shift) & (parities < 0)
        high = own & (hi >> shift > cap)
        alive = own & ~high & (hi >= 1 << shift)
        add(np.flatnonzero(high), partial(_saturated, cs, shift, step.integer("bits")))
        add(np.flatnonzero(alive & (lo < 0)), partial(_positive, cs, shift))
        add(np.flatnonzero(alive & (lo >= 0)), partial(_plain, cs, shift))
    for table, chosen in tables(step):
        ranges, kind = np.unique(np.stack((lo[chosen], hi[chosen])), axis=1, return_inverse=True)
        for number, ends in enumerate(ranges.T.tolist()):
            add(chosen[kind.ravel() == number], partial(_levels, cs, table, ends))
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


def _even(cs: ConstraintSystem, shift: int, bits: int, parity: int, x: LinearVector) -> LinearVector:
    return clipped_relu(cs, x, shift, bits, parity=parity, origin="saturate")


def _even_plain(cs: ConstraintSystem, shift: int, parity: int, x: LinearVector) -> LinearVector:
    """Halves to even of what neither saturates nor is negative: a truncation, less the ties."""
    digits = decompose(cs, x, np.maximum(unsigned_widths(x.bounds[1]), shift + 1), "truncate")
    quotient = digits.recombine(shift, digits.widths).with_bounds(0, x.bounds[1] >> shift)
    return cs.materialise(quotient - whole_quotient(cs, digits, shift, parity, "truncate"), "wire")


def _positive(cs: ConstraintSystem, shift: int, x: LinearVector) -> LinearVector:
    return relu_truncate(cs, x, shift, origin="positive")


def _plain(cs: ConstraintSystem, shift: int, x: LinearVector) -> LinearVector:
    return cs.materialise(truncate(cs, x, shift), "wire") if shift else x


def _levels(cs: ConstraintSystem, table: Stairs, ends: list[int], x: LinearVector) -> LinearVector:
    """The base and the number of cuts reached; those the form's bounds decide count at once."""
    cuts = table.cuts
    base = table.base + int(np.count_nonzero(cuts <= ends[0]))
    thresholds, counts = np.unique(cuts[(cuts > ends[0]) & (cuts <= ends[1])], return_counts=True)
    if not thresholds.size:
        return cs.constant([base] * len(x))
    if thresholds.size == 1:
        reached = greater_equal(cs, x, int(thresholds[0]), "levels")
    else:
        reached = interval(cs, x, thresholds, *ends, origin="levels").at_least
    columns = np.arange(len(reached), dtype=np.int64)
    sums = IntMatrix.from_triples(columns // counts.size, columns, np.tile(counts, len(x)), (len(x), columns.size))
    total = reached.matmul(sums) + base
    return cs.materialise(total.with_bounds(base, base + int(counts.sum())), "levels.wire")


LOWERINGS = {"requantize": requantize}
