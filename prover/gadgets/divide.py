"""Division rounded down: q = ⌊x / d⌋ for a divisor d > 0.

Statement: x = q·d + r with 0 ≤ r < d, and q in the run of 2^n integers its proven bounds begin.
Constraints per form, by a constant: n + k with k the bit length of d - 1 (one more when d - 1 is a power of two, see
``range``). By a form: n + 2k + 1, the digits of q, of r and of d - 1 - r, and a product.
Soundness: r ≥ 0 and d - 1 - r ≥ 0 by digits, so d ≥ 1 follows: the divisor is shown positive, whatever it is. With q
in its digits, q·d + r is an integer below p/4, so the equation over the field is a division of integers, and that has
one quotient. Nothing is assumed about x or d.
"""

from __future__ import annotations

import numpy as np

from prover.constraint.csr import Ints
from prover.constraint.linear import LinearVector
from prover.constraint.system import ConstraintSystem
from prover.errors import MalformedCircuitError
from prover.gadgets.bits import decompose, unsigned_widths
from prover.gadgets.range import range_bits, range_exact


def divide(cs: ConstraintSystem, x: LinearVector, divisor: LinearVector | int, origin: str = "divide") -> LinearVector:
    """⌊x / divisor⌋ of every form, as new wires.

    Args:
        divisor: a positive constant, or as many forms as x whose proven upper bound is positive.

    Raises:
        MalformedCircuitError: no proven bounds, a divisor that cannot be positive, or a product that leaves p/4.
    """
    d = divisor if isinstance(divisor, LinearVector) else cs.constant([divisor] * len(x))
    d_max = d.bounds[1]
    if len(x) and int(d_max.min()) <= 0:
        raise MalformedCircuitError(f"{origin}: the divisor is never positive")
    d = d.with_bounds(1, d_max)
    lo, hi = _quotients(x.bounds[0], x.bounds[1], d.bounds[0], d_max)
    quotient = cs.solve("floor_divide", (x, d), len(x), bounds=(lo, hi), origin=origin)
    widths = unsigned_widths(hi - lo)
    decompose(cs, quotient - lo, widths, f"{origin}.quotient")
    _require_room(cs, lo, widths, d_max, origin)
    if isinstance(divisor, int):
        remainder = (x - quotient.scale(divisor)).with_bounds(0, divisor - 1)
        range_exact(cs, remainder, 0, divisor - 1, f"{origin}.remainder")
        return quotient
    bits = unsigned_widths(d_max - 1)
    remainder = (x - cs.product(quotient, d, f"{origin}.product")).with_bounds(0, d_max - 1)
    range_bits(cs, remainder, bits, f"{origin}.remainder")
    range_bits(cs, (d - 1 - remainder).with_bounds(0, d_max - 1), bits, f"{origin}.below")
    return quotient


def _quotients(lo: Ints, hi: Ints, d_lo: Ints, d_hi: Ints) -> tuple[Ints, Ints]:
    """Interval of ⌊x / d⌋: the extremes lie at the ends of x and d."""
    return np.minimum(lo // d_lo, lo // d_hi), np.maximum(hi // d_lo, hi // d_hi)


def _require_room(cs: ConstraintSystem, lo: Ints, widths: Ints, d_max: Ints, origin: str) -> None:
    """|q·d + r| < p/4 for all q and d the digits admit: the equation over the field is one over the integers."""
    for low, width, d in zip(lo.tolist(), widths.tolist(), d_max.tolist(), strict=True):
        if 4 * (max(abs(low), abs(low + (1 << width))) + 1) * (2 << (d - 1).bit_length()) >= cs.modulus:
            raise MalformedCircuitError(f"{origin}: quotient times divisor may reach p/4")
