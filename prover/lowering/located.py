"""Which of ascending thresholds numbers have reached, and none of it on the word of a plan."""

from __future__ import annotations

import numpy as np

from prover.constraint import ConstraintSystem, LinearVector
from prover.constraint.csr import Ints
from prover.gadgets.compare import greater_equal
from prover.gadgets.interval import interval
from prover.gadgets.range import range_exact


def reached(
    cs: ConstraintSystem, x: LinearVector, thresholds: Ints, least: int, most: int, origin: str, *, exact: bool = False
) -> LinearVector:
    """(x >= t) for every threshold: k booleans per form, form after form.

    Thresholds outside ``least`` .. ``most`` are constants. Others outside the bounds of x are too, but then x is proven
    to lie in these bounds, by the interval that finds its place or by a range of its own. Equal thresholds share one
    boolean, and a single one is a comparison.

    Args:
        thresholds: int64[k], ascending.
        least, most: where every x surely lies.
        exact: a single threshold is an interval as well: somebody relies on the bounds being proven.
    """
    low, high = int(x.bounds[0].min()), int(x.bounds[1].max())
    n = len(x)
    inside = np.unique(thresholds[(thresholds > low) & (thresholds <= high)])
    inside = inside[(inside > least) & (inside <= most)] if not exact else inside
    claimed = ((thresholds <= low) & (thresholds > least)) | ((thresholds > high) & (thresholds <= most))
    parts = [cs.constant([0, 1])]
    if inside.size > 1 or (inside.size and (exact or bool(claimed.any()))):
        parts.append(interval(cs, x, inside, low, high, origin=origin).at_least)
    elif inside.size:
        parts.append(greater_equal(cs, x, int(inside[0])))
    elif bool(claimed.any()):
        range_exact(cs, x, low, high, f"{origin}.range")
    place = 2 + np.searchsorted(inside, thresholds) + inside.size * np.arange(n, dtype=np.int64)[:, None]
    place = np.where((thresholds <= low) | (thresholds <= least), 1, place)
    place = np.where((thresholds > high) | (thresholds > most), 0, place)
    return LinearVector.concat(parts)[place.ravel()]
