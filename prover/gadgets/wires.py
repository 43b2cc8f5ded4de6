"""Dense forms that are read often, as wires: w = x.

Statement: the outputs are the inputs, the chosen ones as wires of their own. Constraints: one per chosen form.
Soundness: an equation, whose form goes into C, which no key stores.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from prover.constraint.linear import LinearVector
from prover.constraint.system import ConstraintSystem


def as_wires(cs: ConstraintSystem, forms: LinearVector, chosen: NDArray[np.bool_], origin: str) -> LinearVector:
    """The forms, with those that ``chosen`` (bool[m]) marks materialised."""
    where = np.flatnonzero(chosen)
    if not where.size:
        return forms
    place = np.arange(len(forms))
    place[where] = len(forms) + np.arange(where.size)
    return LinearVector.concat([forms, cs.materialise(forms[where], origin)])[place]
