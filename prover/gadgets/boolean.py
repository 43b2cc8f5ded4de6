"""Booleans: x·(x - 1) = 0.

Statement: every form is 0 or 1. Constraints: one per form. Soundness: a field has no other roots of x² = x.
"""

from __future__ import annotations

from prover.constraint.linear import LinearVector
from prover.constraint.system import ConstraintSystem


def boolean(cs: ConstraintSystem, x: LinearVector, origin: str) -> LinearVector:
    """Prove that every form is 0 or 1; returns x with those bounds."""
    cs.enforce(x, x - 1, 0, origin)
    return x.with_bounds(0, 1)
