"""Choice between two values by a boolean: b + s·(a - b).

Statement: the output is a where s = 1 and b where s = 0. Constraints: one per form; none when a and b are constants
(``one_hot`` times a constant matrix selects among any number of constants for free).
Soundness: an equation; s must be constrained to be boolean by whoever made it.
"""

from __future__ import annotations

import numpy as np

from prover.constraint.linear import LinearVector
from prover.constraint.system import ConstraintSystem


def select(
    cs: ConstraintSystem, condition: LinearVector, a: LinearVector, b: LinearVector, origin: str = "select"
) -> LinearVector:
    """a where the boolean ``condition`` is one, b where it is zero."""
    chosen = b + cs.product(condition, a - b, origin)
    if a.lo is None or b.lo is None:
        return chosen
    return chosen.with_bounds(np.minimum(a.bounds[0], b.bounds[0]), np.maximum(a.bounds[1], b.bounds[1]))
