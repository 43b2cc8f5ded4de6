"""Comparisons along rows: ``argmax_rows`` and ``topk`` steps."""

from __future__ import annotations

import numpy as np

from prover.constraint import ConstraintSystem, LinearVector
from prover.gadgets.argmax import argmax
from prover.gadgets.top import top
from prover.gadgets.truncate import truncate
from prover.quantization import Step


def argmax_rows(cs: ConstraintSystem, step: Step, inputs: LinearVector) -> LinearVector:
    """A tournament for every row, all rows at once."""
    k = step.integer("k")
    places = np.arange(len(inputs), dtype=np.int64).reshape(-1, k)
    return argmax(cs, [inputs[places[:, i]] for i in range(k)])


def topk(cs: ConstraintSystem, step: Step, inputs: LinearVector) -> LinearVector:
    """Sorts keys ``2^b * x + (n - 1 - index)``, all different; the low digits of a key tell the index again.

    Where only values are wanted the keys are the values.
    """
    n, k, indexed = step.integer("n"), step.integer("k"), bool(step.integer("indices"))
    places = np.arange(len(inputs), dtype=np.int64).reshape(-1, n)
    bits = (n - 1).bit_length() if indexed else 0
    keys = [inputs[places[:, i]] for i in range(n)]
    if bits:
        keys = [key.scale(1 << bits) + (n - 1 - i) for i, key in enumerate(keys)]
    best = top(cs, keys, k)
    m = len(places)
    order = np.arange(m * k).reshape(k, m).T.ravel()  # rank by rank to row by row
    found = LinearVector.concat(best)[order]
    if not indexed:
        return found
    values = truncate(cs, found, bits, origin="index") if bits else found
    indices = (values.scale(1 << bits) - found + (n - 1)).with_bounds(0, n - 1)
    return LinearVector.concat([values, indices])


LOWERINGS = {"argmax_rows": argmax_rows, "topk": topk}
