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
from prover.gadgets.range import range_bits, range_exact
from prover.gadgets.relu import relu_truncate
from prover.gadgets.truncate import truncate
from prover.quantization import Step
from prover.quantization.steps.requantize import require_sense, tables
from prover.quantization.tables.staircase import Stairs


def requantize(cs: ConstraintSystem, step: Step, inputs: LinearVector) -> LinearVector:
    """A division with remainder and a saturating ReLU of the quotient, one decomposition for powers of two; where
    levels lie on no line, one row a level and a range."""
    require_sense(step)
    low, bits = step.integer("low"), step.integer("bits")
    divisors = step.integers("divisors")
    parities = step.integers("parities") if "parities" in step.params else np.full_like(divisors, -1)
    lo, hi = inputs.bounds
    parts, place = [cs.constant([0])], np.zeros(len(inputs), dtype=np.int64)

    def add(chosen: np.ndarray[tuple[int], np.dtype[np.int64]], build: Callable[[LinearVector], LinearVector]) -> None:
        if chosen.size:
            place[chosen] = sum(map(len, parts)) + np.arange(chosen.size)
            parts.append(build(inputs[chosen]))

    for divisor, parity in np.unique(np.stack((divisors, parities))[:, divisors > 0], axis=1).T.tolist():
        own = (divisors == divisor) & (parities == parity)
        high = own & (hi // divisor >= 1 << bits)
        alive = own & ~high & ((hi >= divisor) | (parity >= 0))
        if parity >= 0:
            simple = alive & (lo >= 0)
            add(np.flatnonzero(own & ~simple), partial(_even, cs, divisor, bits, parity))
            add(np.flatnonzero(simple), partial(_even_plain, cs, divisor, parity))
            continue
        add(np.flatnonzero(high), partial(_saturated, cs, divisor, bits))
        add(np.flatnonzero(alive & (lo < 0)), partial(_positive, cs, divisor))
        add(np.flatnonzero(alive & (lo >= 0)), partial(_plain, cs, divisor))
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


def _saturated(cs: ConstraintSystem, divisor: int, bits: int, x: LinearVector) -> LinearVector:
    rest, shift = _divided(cs, divisor, x)
    return clipped_relu(cs, rest, shift, bits, origin="saturate")


def _positive(cs: ConstraintSystem, divisor: int, x: LinearVector) -> LinearVector:
    rest, shift = _divided(cs, divisor, x)
    return relu_truncate(cs, rest, shift, origin="positive")


def _plain(cs: ConstraintSystem, divisor: int, x: LinearVector) -> LinearVector:
    """What neither saturates nor is negative."""
    rest, shift = _divided(cs, divisor, x)
    if rest is not x:
        return range_bits(cs, rest, unsigned_widths(rest.bounds[1]), "quotient")
    return cs.materialise(truncate(cs, x, shift), "wire") if shift else x


def _divided(cs: ConstraintSystem, divisor: int, x: LinearVector) -> tuple[LinearVector, int]:
    """The numbers and the digits still to be dropped: a power of two as it is, of other divisors the quotients.

    x = divisor * quotient + remainder with an exact range of the remainder; what reads the quotient proves its range.
    """
    shift = divisor.bit_length() - 1
    if divisor == 1 << shift:
        return x, shift
    ends = x.bounds[0] // divisor, x.bounds[1] // divisor
    quotient = cs.solve("floor_divide", (x, cs.constant([divisor] * len(x))), len(x), bounds=ends, origin="quotient")
    remainder = (x - quotient.scale(divisor)).with_bounds(0, divisor - 1)
    range_exact(cs, remainder, 0, divisor - 1, "remainder")
    return quotient, 0


def _even(cs: ConstraintSystem, divisor: int, bits: int, parity: int, x: LinearVector) -> LinearVector:
    return clipped_relu(cs, x, _shift(divisor), bits, parity=parity, origin="saturate")


def _even_plain(cs: ConstraintSystem, divisor: int, parity: int, x: LinearVector) -> LinearVector:
    """Halves to even of what neither saturates nor is negative: a truncation, less the ties."""
    shift = _shift(divisor)
    digits = decompose(cs, x, np.maximum(unsigned_widths(x.bounds[1]), shift + 1), "truncate")
    quotient = digits.recombine(shift, digits.widths).with_bounds(0, x.bounds[1] >> shift)
    return cs.materialise(quotient - whole_quotient(cs, digits, shift, parity, "truncate"), "wire")


def _shift(divisor: int) -> int:
    shift = divisor.bit_length() - 1
    if divisor != 1 << shift:
        raise ValueError(f"halves to even of a division by {divisor}")
    return shift


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
