"""Which of k values is the largest, where it leads clearly; without a lead there is no witness.

Statement: h is the one-hot of the place w with x_w - x_i ≥ margin for all i ≠ w, margin ≥ 1.
Construction: h is the one-hot of a hinted index; the best value is b = x_0 + Σ_{i≥1} h_i·(x_i - x_0), a product each;
b - x_i - margin·(1 - h_i) is decomposed into n bits for every i.
Constraints: 2(k - 1) + k·n, n the bit length of the largest difference (n + 1 for dense forms).
Soundness: h is a one-hot whatever the hint is, so b is one of the values; the digits bound every difference from
below, and two places cannot both lead by 1 or more, so h is a function of the x for all field elements whose
differences fit. An input without a lead has no witness.
"""

from __future__ import annotations

import numpy as np

from prover.constraint.linear import LinearVector
from prover.constraint.system import ConstraintSystem
from prover.errors import MalformedCircuitError
from prover.gadgets.bits import unsigned_widths
from prover.gadgets.one_hot import one_hot
from prover.gadgets.range import range_bits


def clear_argmax(cs: ConstraintSystem, values: LinearVector, margin: int, origin: str) -> LinearVector:
    """One-hot of the clearly largest of k ≥ 2 bounded values.

    Raises:
        MalformedCircuitError: a margin below 1, or fewer than two values.
    """
    k = len(values)
    if margin < 1 or k < 2:
        raise MalformedCircuitError(f"{origin}: a lead of {margin} among {k} values")
    low, high = values.bounds
    index = cs.solve("clear_argmax", (values,), 1, {"margin": margin}, (0, k - 1), origin=f"{origin}.index")
    hot = one_hot(cs, index, k, f"{origin}.place")
    first = values[np.zeros(k - 1, dtype=np.int64)]
    gains = cs.product(hot[slice(1, k)], values[slice(1, k)] - first, f"{origin}.best")
    best = (values[slice(0, 1)] + gains.sum()).with_bounds(int(low.min()), int(high.max()))
    lead = best - values - (cs.constant([margin] * k) - hot.scale(margin))
    most = int(high.max()) - low
    lead = lead.with_bounds(0, most)
    range_bits(cs, lead, unsigned_widths(most), f"{origin}.lead")
    return hot
