"""ReLU and truncation in one decomposition: y = max(0, ⌊(x + bias) / 2^shift⌋).

Statement: with v = x + bias, an integer in [-2^(n-1), 2^(n-1)): y = max(0, ⌊v / 2^shift⌋).
Construction: v + 2^(n-1) in n digits; the top digit s is 1 exactly when v ≥ 0, and then the other digits are v's own.
y = s · Σ_{shift ≤ i < n-1} 2^(i-shift)·b_i. ``bias = 2^(shift-1)`` rounds half up.
Constraints per form: n + 1 when bit 0 is substituted, n + 2 with a recomposition row for dense forms.
Soundness: the decomposition is unique and itself bounds v (rule 3: the high part too), so y is a function of x for
every field element x; an x outside the width has no witness at all.
Source: DESIGN §4; the sign-times-magnitude product is standard in zkCNN and zkML circuits.
"""

from __future__ import annotations

import numpy as np

from prover.constraint.csr import Ints
from prover.constraint.linear import LinearVector
from prover.constraint.system import ConstraintSystem
from prover.gadgets.bits import Bits, decompose, signed_widths


def relu_truncate(
    cs: ConstraintSystem,
    x: LinearVector,
    shift: int = 0,
    bias: int | Ints = 0,
    *,
    widths: int | Ints | None = None,
    substitute: bool | None = None,
    origin: str = "relu",
) -> LinearVector:
    """max(0, ⌊(x + bias) / 2^shift⌋) of every form, as new wires.

    Args:
        shift: low bits dropped, 0 or more.
        bias: added first; scalar or int64[m].
        widths: n of each form, scalar or int64[m]; by default the least its proven bounds need.
        substitute: as for ``bits.decompose``.

    Raises:
        MalformedCircuitError: x has no proven bounds, or they leave the given widths.
    """
    v = x + bias
    digits = sign_digits(cs, v, shift, widths, substitute, origin)
    high = digits.recombine(shift, digits.widths - 1)
    top = np.maximum(v.bounds[1], 0) >> shift
    return cs.product(digits.top, high, f"{origin}.select").with_bounds(0, top)


def sign_digits(
    cs: ConstraintSystem,
    v: LinearVector,
    shift: int,
    widths: int | Ints | None,
    substitute: bool | None,
    origin: str,
) -> Bits:
    """Digits of v + 2^(n-1): the top one tells v ≥ 0, and at least one is left above ``shift`` below it."""
    lo, hi = v.bounds
    width = signed_widths(lo, hi) if widths is None else np.broadcast_to(np.asarray(widths, np.int64), len(v))
    width = np.maximum(width, shift + 2)
    return decompose(cs, v + (np.int64(1) << (width - 1)), width, origin, substitute=substitute)
