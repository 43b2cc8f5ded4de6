"""Division of a signed integer by a power of two, rounded down: y = ⌊(x + bias) / 2^shift⌋.

Statement: with v = x + bias in [2^shift·q, 2^shift·q + 2^n): y = ⌊v / 2^shift⌋. q is a constant, the least quotient.
Construction: v - 2^shift·q in n digits; y = q + Σ_{i ≥ shift} 2^(i-shift)·b_i. ``bias = 2^(shift-1)`` rounds half up.
Constraints per form: n with bit 0 substituted, n + 1 with a recomposition row. y is a linear form of n - shift terms:
``materialise`` it where it is read often.
Soundness: the digits are unique and bound remainder (exactly ``shift`` bits) and quotient alike, so y is a function of
x for every field element x, and an x outside the width has no witness.
"""

from __future__ import annotations

import numpy as np

from prover.constraint.csr import Ints
from prover.constraint.linear import LinearVector
from prover.constraint.system import ConstraintSystem
from prover.gadgets.bits import decompose, unsigned_widths


def truncate(
    cs: ConstraintSystem,
    x: LinearVector,
    shift: int,
    bias: int | Ints = 0,
    *,
    substitute: bool | None = None,
    origin: str = "truncate",
) -> LinearVector:
    """⌊(x + bias) / 2^shift⌋ of every form, as linear forms over its digits.

    Raises:
        MalformedCircuitError: x has no proven bounds.
    """
    v = x + bias
    lo, hi = v.bounds
    least = lo >> shift
    widths = np.maximum(unsigned_widths(hi - (least << shift)), shift)
    digits = decompose(cs, v - (least << shift), widths, origin, substitute=substitute)
    quotient = digits.recombine(shift, digits.widths) + least
    return quotient.with_bounds(least, hi >> shift)
