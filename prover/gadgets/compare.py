"""Comparison: (x ≥ t) as a boolean.

Statement: with d = x - t, an integer in [-2^(n-1), 2^(n-1)): the output is 1 if d ≥ 0 and 0 otherwise.
Construction: the top digit of d + 2^(n-1) in n digits. Constraints per form: n (n + 1 for dense forms).
Soundness: the decomposition is unique and bounds d, so the output is a function of x and t for all field elements,
and a difference outside the width has no witness.
Source: circomlib's LessThan, whose inputs must be bounded from outside; here the digits bound their difference.
"""

from __future__ import annotations

from prover.constraint.csr import Ints
from prover.constraint.linear import LinearVector
from prover.constraint.system import ConstraintSystem
from prover.gadgets.bits import decompose, signed_widths


def greater_equal(
    cs: ConstraintSystem, x: LinearVector, threshold: LinearVector | int | Ints, origin: str = "compare"
) -> LinearVector:
    """(x ≥ threshold) of every form: boolean forms.

    Raises:
        MalformedCircuitError: the difference has no proven bounds.
    """
    difference = x - threshold
    widths = signed_widths(*difference.bounds)
    return decompose(cs, difference + (1 << (widths - 1)), widths, origin).top.with_bounds(0, 1)
