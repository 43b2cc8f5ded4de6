"""Products and quotients of computed values: ``contract`` steps."""

from __future__ import annotations

import numpy as np

from prover.constraint import ConstraintSystem, IntMatrix, LinearVector
from prover.gadgets.truncate import truncate
from prover.gadgets.wires import as_wires
from prover.quantization import Step

_REUSED_TERMS = 48
"""An operand of t terms read by u products becomes a wire when (t - 1)·(u - 1) exceeds this: terms cost key bytes."""

_WIDE_SUM = 32
"""Sums of more products become wires: whoever reads the sum would read all of them."""


def contract(cs: ConstraintSystem, step: Step, inputs: LinearVector) -> LinearVector:
    """Sums of products: one constraint a distinct product, and the digits of every rounding.

    A product is the same whichever side comes first, so a matrix times its own transpose costs half.
    """
    left, right, starts = (step.integers(name) for name in ("left", "right", "starts"))
    split, shifts, shift = step.integer("split"), step.integers("shifts").tolist(), step.integer("shift")
    blocks = [inputs[slice(0, split)], inputs[slice(split, len(inputs))]]
    rounded = [truncate(cs, x, bits, origin="operand") if bits else x for x, bits in zip(blocks, shifts, strict=True)]
    operands = LinearVector.concat(rounded) if len(rounded[1]) else rounded[0]
    operands = reused(cs, operands, np.bincount(np.concatenate((left, right)), minlength=len(operands)))
    pairs, place = np.unique(np.stack((np.minimum(left, right), np.maximum(left, right))), axis=1, return_inverse=True)
    wires = cs.product(operands[pairs[0]], operands[pairs[1]], "product")
    lengths = np.diff(np.append(starts, left.size))
    rows = np.repeat(np.arange(starts.size, dtype=np.int64), lengths)
    ones = np.ones(left.size, dtype=np.int64)
    sums = wires.matmul(IntMatrix.from_triples(rows, place.ravel(), ones, (starts.size, len(wires))))
    if shift:
        return truncate(cs, sums, shift, (1 << shift) >> 1, origin="round")
    return as_wires(cs, sums, lengths > _WIDE_SUM, "sum")


def reused(cs: ConstraintSystem, forms: LinearVector, uses: np.ndarray[tuple[int], np.dtype[np.int64]]) -> LinearVector:
    """The forms, those of many terms that are read often as wires."""
    return as_wires(cs, forms, (forms.terms - 1) * (uses - 1) > _REUSED_TERMS, "reused")


LOWERINGS = {"contract": contract}
