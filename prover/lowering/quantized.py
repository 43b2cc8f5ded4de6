"""``requantize`` steps: integers of few bits from accumulators."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from prover.constraint import ConstraintSystem, IntMatrix, LinearVector
from prover.gadgets.bits import decompose, unsigned_widths
from prover.gadgets.clipped_relu import clipped_relu, whole_quotient
from prover.gadgets.equal import is_zero
from prover.gadgets.range import range_bits, range_exact
from prover.gadgets.relu import relu_truncate
from prover.gadgets.truncate import truncate
from prover.gadgets.wires import as_wires
from prover.lowering.activation import plain_most, relu_most
from prover.lowering.located import reached
from prover.lowering.sure import SureStep
from prover.quantization import Step
from prover.quantization.intervals import Ends
from prover.quantization.steps.requantize import require_sense, tables
from prover.quantization.tables.staircase import Stairs


def requantize(cs: ConstraintSystem, step: SureStep, inputs: LinearVector) -> LinearVector:
    """A division with remainder and a saturating ReLU of the quotient, one decomposition for powers of two; where
    levels lie on no line, one row a level and a range.

    What is surely zero costs nothing. Whether a number may be negative or saturate, the plan's bounds only say where
    the digits they choose let no other number through."""
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
        if parity < 0:
            saturated, plain = _cases(divisor, bits, (lo, hi), (step.least, step.most))
            alive = own & ~saturated & (step.most >= divisor)
            add(np.flatnonzero(own & saturated), partial(_saturated, cs, divisor, bits))
            add(np.flatnonzero(alive & ~plain), partial(_positive, cs, divisor))
            add(np.flatnonzero(alive & plain), partial(_plain, cs, divisor))
            continue
        simple = own & (hi // divisor < 1 << bits) & (lo >= 0)
        add(np.flatnonzero(own & ~simple), partial(_even, cs, divisor, bits, parity))
        add(np.flatnonzero(simple), partial(_even_plain, cs, divisor, parity))
    for table, chosen in tables(step):
        every = np.stack((lo[chosen], hi[chosen], step.least[chosen], step.most[chosen]))
        ranges, kind = np.unique(every, axis=1, return_inverse=True)
        for number, ends in enumerate(ranges.T.tolist()):
            add(chosen[kind.ravel() == number], partial(_levels, cs, table, ends[2], ends[3]))
    result = LinearVector.concat(parts)[place]
    if "corrected" in step.params:
        result = result + _corrections(cs, step, inputs)
    return result + low


def _cases(divisor: int, bits: int, claimed: Ends, sure: Ends) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """bool[m] each: what needs the saturating gadget, and of the rest what needs no sign.

    Args:
        claimed: bounds of the forms, which choose the digits.
        sure: ends that need no proof.
    """
    (lo, hi), (least, most), cap = claimed, sure, (1 << bits) - 1
    shift = divisor.bit_length() - 1
    if divisor == 1 << shift:
        plain = (least >= 0) | ((lo >= 0) & (shift > 0))
        largest = np.where(plain, plain_most(lo, hi, shift), relu_most(lo, hi, shift))
    else:
        plain = lo >= 0
        positive = (np.int64(1) << unsigned_widths(np.maximum(hi // divisor, 0))) - 1
        largest = np.where(plain, positive, relu_most(lo // divisor, hi // divisor, 0))
    return (most // divisor > cap) & (largest > cap), plain


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


def _levels(cs: ConstraintSystem, table: Stairs, least: int, most: int, x: LinearVector) -> LinearVector:
    """The base and the number of cuts reached; those that are decided count at once."""
    count = table.cuts.size
    found = reached(cs, x, table.cuts, least, most, "levels")
    columns = np.arange(len(found), dtype=np.int64)
    sums = IntMatrix.from_triples(columns // max(count, 1), columns, np.ones_like(columns), (len(x), columns.size))
    total = (found.matmul(sums) + table.base).with_bounds(table.base, table.base + count)
    return as_wires(cs, total, total.terms > 1, "levels.wire")


LOWERINGS = {"requantize": requantize}
