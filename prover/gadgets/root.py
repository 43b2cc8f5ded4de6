"""Square roots rounded down: y = ⌊√x⌋, and y = ⌊√(C / x)⌋ for a constant C.

Statement of ``square_root``: y² ≤ x < (y + 1)², y in n digits. Constraints per form: 3·n + 3, the digits of y, of
r = x - y² and of 2·y - r, and one product.
Soundness: r and 2·y - r are in their digits, so x is the integer y² + r below (y + 1)² ≤ 2^(2n), whatever field
element it was said to be, and that integer has one root.

Statement of ``inverse_root``: y²·x ≤ C < (y + 1)²·x, y in n digits. Constraints per form: n + 2·w + 3, the digits of y,
of s = C - y²·x and of t = (y + 1)²·x - 1 - C, w digits each, and three products.
Soundness: s and t are integers in 0 .. 2^w - 1, (2·y + 1)·x = s + t + 1 and y²·x = C - s over the field, and so
y²·(s + t + 1) = (C - s)·(2·y + 1), where both sides stay below p/4: an equation of integers. 2·y + 1 has no factor in
common with y², so it divides s + t + 1, and the quotient N is an integer with x = N, y²·N ≤ C < (y + 1)²·N. Nothing is
assumed about x: only a positive integer has a witness, and a positive integer has one such y.
Source: two-sided bounds, as for division; Circom's and Halo2's fixed point libraries check one side by a comparison.
"""

from __future__ import annotations

import math

from prover.constraint.linear import LinearVector
from prover.constraint.system import ConstraintSystem
from prover.errors import MalformedCircuitError
from prover.gadgets.bits import decompose, unsigned_widths
from prover.roots import integer_root


def square_root(cs: ConstraintSystem, x: LinearVector, origin: str = "root") -> LinearVector:
    """⌊√x⌋ of every form, as new wires.

    Raises:
        MalformedCircuitError: x has no proven bounds, may be negative, or is too large for the field.
    """
    lo, hi = x.bounds
    if len(x) and int(lo.min()) < 0:
        raise MalformedCircuitError(f"{origin}: the square root of a number that may be negative")
    root = cs.solve("square_root", (x,), len(x), bounds=(integer_root(lo), integer_root(hi)), origin=origin)
    widths = unsigned_widths(integer_root(hi))
    if len(x) and 4 << (2 * int(widths.max()) + 2) >= cs.modulus:
        raise MalformedCircuitError(f"{origin}: the square may reach p/4")
    decompose(cs, root, widths, f"{origin}.root")
    double = root.scale(2)
    rest = (x - cs.product(root, root, f"{origin}.square")).with_bounds(0, double.bounds[1])
    decompose(cs, rest, widths + 1, f"{origin}.rest")
    decompose(cs, (double - rest).with_bounds(0, double.bounds[1]), widths + 1, f"{origin}.below")
    return root


def inverse_root(cs: ConstraintSystem, x: LinearVector, scale: int, origin: str = "inverse_root") -> LinearVector:
    """⌊√(scale / x)⌋ of every form, as new wires.

    Raises:
        MalformedCircuitError: x has no proven bounds or is not proven positive, or scale is too small to tell, or too
            large for the field.
    """
    lo, hi = x.bounds
    if len(x) and int(lo.min()) <= 0:
        raise MalformedCircuitError(f"{origin}: the inverse root of a number that may not be positive")
    ends = integer_root(scale // hi), integer_root(scale // lo)
    root = cs.solve("inverse_root", (x,), len(x), {"scale": scale}, ends, origin=origin)
    most = int(hi.max(initial=1))
    width = (2 * math.isqrt(scale * most) + most + 2).bit_length()
    digits = unsigned_widths(ends[1])
    if scale >> width == 0:
        raise MalformedCircuitError(f"{origin}: scale 2^{scale.bit_length() - 1} cannot tell 0 from 1")
    bits = int(digits.max(initial=0))
    if 4 * max(1 << (2 * bits + width + 1), scale << (bits + 1)) >= cs.modulus:
        raise MalformedCircuitError(f"{origin}: the square times the number may reach p/4")
    decompose(cs, root, digits, f"{origin}.root")
    square = cs.product(root, root, f"{origin}.square")
    scaled = cs.product(square, x, f"{origin}.scaled")
    slope = cs.product(root, x, f"{origin}.slope")
    top = (1 << width) - 1
    decompose(cs, (scale - scaled).with_bounds(0, top), width, f"{origin}.low")
    decompose(cs, (scaled + slope.scale(2) + x - (scale + 1)).with_bounds(0, top), width, f"{origin}.high")
    return root
