"""Equality: z = (x = 0).

Statement: z is 1 if x is the field's zero, else 0.
Construction: x·u = 1 - z and x·z = 0 for a free u (1/x when x ≠ 0).
Constraints: two per form. Soundness: x ≠ 0 forces z = 0 by the second row; x = 0 forces z = 1 by the first. u is
auxiliary and unread: free when x = 0. Nothing is assumed about x.
Source: circomlib's IsZero.
"""

from __future__ import annotations

from prover.constraint.linear import LinearVector
from prover.constraint.system import ConstraintSystem


def is_zero(cs: ConstraintSystem, x: LinearVector, origin: str = "is_zero") -> LinearVector:
    """(x = 0) of every form: boolean wires."""
    z = cs.solve("is_zero", (x,), len(x), bounds=(0, 1), origin=origin)
    inverse = cs.solve("inverse", (x,), len(x), origin=f"{origin}.inverse")
    cs.enforce(x, inverse, 1 - z, f"{origin}.inverse")
    cs.enforce(x, z, 0, f"{origin}.annihilate")
    return z


def equal(cs: ConstraintSystem, a: LinearVector, b: LinearVector, origin: str = "equal") -> LinearVector:
    """(a = b) of every form: boolean wires."""
    return is_zero(cs, a - b, origin)
