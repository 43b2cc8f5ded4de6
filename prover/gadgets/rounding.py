"""Whole numbers from fractions with a constant denominator q: ⌊x / q⌋, the nearest (halves to even), towards zero.

Statement: x = q·y + r with 0 ≤ r < q and y in 2^n integers from ``least`` gives ⌊x / q⌋ = y. The nearest number to
x / q is ⌊(x + ⌊q/2⌋) / q⌋, less 1 where that division leaves no remainder (q even: a half) and its quotient is odd.
Towards zero it is y, plus 1 where y < 0 and r ≠ 0.
Construction: for q = 2^s one decomposition gives r and the digits of y - least; for other q, y is a wire, y - least has
digits and r an exact range. The lowest digit is the parity of y when ``least`` is even, the highest says y ≥ 0 when
``least`` is -2^(n-1).
Constraints per form: the digits of y and r; r = 0 costs 2 (none for q = 2), and the correction 1.
Soundness: y and r have ranges of their own whose combinations q·y + r are distinct integers and stay far below p, so
both are functions of x, and so is every later step. Nothing is assumed about x.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from prover.constraint.csr import Ints
from prover.constraint.linear import LinearVector
from prover.constraint.system import ConstraintSystem
from prover.gadgets.bits import Bits, decompose, signed_widths, unsigned_widths
from prover.gadgets.divide import divide
from prover.gadgets.equal import is_zero
from prover.gadgets.range import range_exact
from prover.gadgets.truncate import truncate


@dataclass(frozen=True, eq=False)
class _Division:
    """Quotients, remainders, and the digits of which those from ``low`` on belong to quotient - least."""

    quotient: LinearVector
    remainder: LinearVector
    digits: Bits
    low: int


def floor_divide(cs: ConstraintSystem, x: LinearVector, divisor: int, origin: str = "floor") -> LinearVector:
    """⌊x / divisor⌋ of every form."""
    shift = divisor.bit_length() - 1
    if divisor == 1:
        return x
    return truncate(cs, x, shift, origin=origin) if divisor == 1 << shift else divide(cs, x, divisor, origin)


def round_half_even(cs: ConstraintSystem, x: LinearVector, divisor: int, origin: str = "round") -> LinearVector:
    """The whole number nearest to x / divisor, the even one of two."""
    if divisor % 2:
        return floor_divide(cs, x + divisor // 2, divisor, origin)
    lo, hi = ((end + divisor // 2) // divisor for end in x.bounds)
    least = lo - (lo & 1)
    parts = _divide(cs, x + divisor // 2, divisor, least, np.maximum(unsigned_widths(hi - least), 1), origin)
    half = _zero(cs, parts.remainder, divisor, origin)
    correction = cs.product(half, parts.digits.digit(parts.low), f"{origin}.even")
    return (parts.quotient - correction).with_bounds(lo - 1, hi)


def divide_towards_zero(cs: ConstraintSystem, x: LinearVector, divisor: int, origin: str = "truncate") -> LinearVector:
    """x / divisor without its fraction."""
    if divisor == 1:
        return x
    lo, hi = x.bounds[0] // divisor, x.bounds[1] // divisor
    widths = signed_widths(lo, hi)
    parts = _divide(cs, x, divisor, -(np.int64(1) << (widths - 1)), widths, origin)
    partial = 1 - _zero(cs, parts.remainder, divisor, origin)
    up = cs.product(partial, 1 - parts.digits.top, f"{origin}.up")
    return (parts.quotient + up).with_bounds(lo, np.maximum(hi, 0))


def _divide(cs: ConstraintSystem, x: LinearVector, divisor: int, least: Ints, widths: Ints, origin: str) -> _Division:
    """Quotients of ``widths`` digits, one or more, above ``least``."""
    shift = divisor.bit_length() - 1
    if divisor == 1 << shift:
        digits = decompose(cs, x - least * divisor, widths + shift, origin)
        quotient = digits.recombine(shift, digits.widths) + least
        return _Division(quotient, digits.recombine(0, shift).with_bounds(0, divisor - 1), digits, shift)
    ends = least, least + (np.int64(1) << widths) - 1
    quotient = cs.solve("floor_divide", (x, cs.constant([divisor] * len(x))), len(x), bounds=ends, origin=origin)
    remainder = (x - quotient.scale(divisor)).with_bounds(0, divisor - 1)
    range_exact(cs, remainder, 0, divisor - 1, f"{origin}.remainder")
    return _Division(quotient, remainder, decompose(cs, quotient - least, widths, f"{origin}.quotient"), 0)


def _zero(cs: ConstraintSystem, remainder: LinearVector, divisor: int, origin: str) -> LinearVector:
    """(remainder = 0); a remainder of 0 or 1 says so itself."""
    return 1 - remainder if divisor == 2 else is_zero(cs, remainder, f"{origin}.zero")
