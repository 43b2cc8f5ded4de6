"""``remainder`` steps."""

from __future__ import annotations

import numpy as np

from prover.constraint import ConstraintSystem, LinearVector
from prover.errors import QuantizationError
from prover.gadgets.divide import divide
from prover.lowering.sure import SureStep


def remainder(cs: ConstraintSystem, step: SureStep, inputs: LinearVector) -> LinearVector:
    """``x - d·⌊x / d⌋``: the digits of quotient and remainder; nothing where the quotient is surely known."""
    divisors = step.integers("divisors")
    if divisors.size != len(inputs) or int(divisors.min()) < 1:
        raise QuantizationError(f"{step.node}: {divisors.size} divisors of {len(inputs)} numbers", "compile again")
    parts, places = [], []
    for divisor in np.unique(divisors).tolist():
        rows = np.flatnonzero(divisors == divisor)
        low, high = (end[rows] // divisor for end in (step.least, step.most))
        known, unknown = rows[low == high], rows[low != high]
        if known.size:
            parts.append(inputs[known] - divisor * low[low == high])
            places.append(known)
        if unknown.size:
            quotient = divide(cs, inputs[unknown], divisor)
            parts.append((inputs[unknown] - quotient.scale(divisor)).with_bounds(0, divisor - 1))
            places.append(unknown)
    return LinearVector.concat(parts)[np.argsort(np.concatenate(places))]


LOWERINGS = {"remainder": remainder}
