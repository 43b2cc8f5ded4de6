"""ReLU, truncation and saturation in one decomposition: y = min(max(0, ⌊x / 2^shift⌋), 2^k - 1).

Statement: x is an integer in [-2^(n-1), 2^(n-1)), and y is as above.
Construction: x + 2^(n-1) in n digits; the top digit s is 1 exactly when x ≥ 0, and then the other digits are x's own.
low = Σ_{shift ≤ i < shift + k} 2^(i-shift)·b_i is the result where no digit above it is set and s = 1, so where the
number of the digits from shift + k up, s among them, is 2^(n-1-shift-k): w = that number minus 2^(n-1-shift-k) is 0.
Elsewhere y is 0 or the cap, as s says: s·(2^k - 1). Two rows tell the cases apart, with a free t:

    w·t = y - low,        w·(y - s·(2^k - 1)) = 0.

Halves to even: with ``parity`` p, results whose parity is p lose 1 where no digit below ``shift`` is set. One number,
the digits below and 2^shift where bit ``shift`` is not p, is 0 exactly there, and ``is_zero`` says so: 2 rows more.
Constraints per form: n + 2 when bit 0 is substituted, n + 3 with a recomposition row: one more than without
saturation.
Soundness: the digits are unique for every field element x, so w, s and low are functions of x, and |w| < 2^n ≤ p makes
w = 0 mean what it says. If w = 0 the first row forces y = low, otherwise the second forces y = s·(2^k - 1). t is
auxiliary and unread: (y - low)/w, and free when w = 0.
Source: the case distinction is that of circomlib's IsZero, whose own output is not needed here.
"""

from __future__ import annotations

import numpy as np

from prover.constraint.linear import LinearVector
from prover.constraint.system import ConstraintSystem
from prover.errors import MalformedCircuitError
from prover.gadgets.bits import Bits, decompose, signed_widths
from prover.gadgets.equal import is_zero


def clipped_relu(
    cs: ConstraintSystem,
    x: LinearVector,
    shift: int,
    bits: int,
    *,
    parity: int | None = None,
    substitute: bool | None = None,
    origin: str = "relu",
) -> LinearVector:
    """min(max(0, ⌊x / 2^shift⌋), 2^bits - 1) of every form, as new wires.

    Args:
        shift: low bits dropped, 0 or more.
        bits: k, 1 or more.
        parity: of the quotients in 0 .. 2^bits - 1 that lose 1 where the division leaves nothing; None: of none.
        substitute: as for ``bits.decompose``.

    Raises:
        MalformedCircuitError: x has no proven bounds, or shift and bits make no number.
    """
    if shift < 0 or not 0 < bits < 62 - shift:
        raise MalformedCircuitError(f"{origin}: {bits} bits above {shift}")
    widths = np.maximum(signed_widths(*x.bounds), shift + bits + 2)  # at least one digit between low and sign
    digits = decompose(cs, x + (np.int64(1) << (widths - 1)), widths, origin, substitute=substitute)
    low = digits.recombine(shift, shift + bits)
    above = digits.recombine(shift + bits, widths) - (np.int64(1) << (widths - 1 - shift - bits))
    cap = (1 << bits) - 1
    params, least = {"shift": shift, "cap": cap}, 0
    if parity is not None:
        low = low - whole_quotient(cs, digits, shift, parity, origin)
        params["parity"], least = parity, parity - 1
    result = cs.solve("clamp", (x,), len(x), params, (least, cap), origin=f"{origin}.select")
    ratio = cs.solve("ratio", (result - low, above), len(x), origin=f"{origin}.ratio")
    cs.enforce(above, ratio, result - low, f"{origin}.select")
    cs.enforce(above, result - digits.top.scale(cap), 0, f"{origin}.saturate")
    return result


def whole_quotient(cs: ConstraintSystem, digits: Bits, shift: int, parity: int, origin: str) -> LinearVector:
    """Whether no digit below ``shift`` is set and digit ``shift`` is ``parity``: boolean wires."""
    odd = digits.digit(shift)
    other = 1 - odd if parity else odd
    return is_zero(cs, digits.recombine(0, shift) + other.scale(1 << shift), f"{origin}.tie")
