"""Saturation: clip(x, lo, hi) = lo + relu(x - lo) - relu(x - hi).

Statement: y = min(max(x, lo), hi) for x - lo and x - hi within the widths. Constraints: two relus, 2·(n + 1).
Soundness: each relu is unique for all field elements.
"""

from __future__ import annotations

from prover.constraint.linear import LinearVector
from prover.constraint.system import ConstraintSystem
from prover.errors import MalformedCircuitError
from prover.gadgets.relu import relu_truncate


def saturate(cs: ConstraintSystem, x: LinearVector, lo: int, hi: int, origin: str = "saturate") -> LinearVector:
    """min(max(x, lo), hi) of every form, as linear forms.

    Raises:
        MalformedCircuitError: lo > hi.
    """
    if lo > hi:
        raise MalformedCircuitError(f"{origin}: saturation to the empty interval [{lo}, {hi}]")
    above_lo = relu_truncate(cs, x - lo, origin=f"{origin}.low")
    above_hi = relu_truncate(cs, x - hi, origin=f"{origin}.high")
    return (above_lo - above_hi + lo).with_bounds(lo, hi)
