"""Maximum of k values, by pairs: max(a, b) = b + relu(a - b).

Statement: m = max of the inputs, for inputs whose pairwise differences lie in the widths.
Constraints: (k - 1)·(n + 1), or n + 2 per pair for dense differences; the textbook form (m ≥ x_i for every i and
Π (m - x_i) = 0) costs k·n + k - 1.
Soundness: each pair's relu is unique for all field elements, so m - b is a - b or 0: m is one of the inputs, and the
digits of a - b make it the larger one. Both halves of DESIGN §5 rule 4 hold: dropping the digit rows or the product
row of one pair lets a smaller or a foreign m through, and tests show it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from prover.constraint.linear import LinearVector
from prover.constraint.system import ConstraintSystem
from prover.gadgets.relu import relu_truncate


def maximum(cs: ConstraintSystem, values: Sequence[LinearVector], origin: str = "max") -> LinearVector:
    """Elementwise maximum of k vectors of equal length, as linear forms."""
    level = list(values)
    depth = 0
    while len(level) > 1:
        pairs = len(level) // 2
        left = LinearVector.concat([level[2 * i] for i in range(pairs)])
        right = LinearVector.concat([level[2 * i + 1] for i in range(pairs)])
        larger = right + relu_truncate(cs, left - right, origin=f"{origin}.{depth}")
        lo, hi = np.maximum(left.bounds[0], right.bounds[0]), np.maximum(left.bounds[1], right.bounds[1])
        joined = larger.with_bounds(lo, hi)
        m = len(values[0])
        level = [joined[slice(i * m, (i + 1) * m)] for i in range(pairs)] + level[2 * pairs :]
        depth += 1
    return level[0]
