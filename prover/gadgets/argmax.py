"""Index of the largest of k values, ties to the first, as ONNX ArgMax with select_last_index = 0.

Statement: index = min { i : x_i = max x }, for inputs whose pairwise differences lie in the widths.
Construction: a tournament. Each match decides s = (left ≥ right) by the top digit of the difference; the left side
holds the smaller indices, so a tie keeps the first. The winner's value is right + s·(left - right), its index
right's + s·(left's - right's): a constant times s in the first round, one product later.
Constraints: about (k - 1)·(n + 2) - k/2 - 1; a one-hot with k range checks costs k·(n + 2).
Soundness: every s is unique for all field elements (see ``compare``); values and indices are functions of the s.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from prover.constraint.linear import LinearVector
from prover.constraint.system import ConstraintSystem
from prover.gadgets.relu import sign_digits


def argmax(cs: ConstraintSystem, values: Sequence[LinearVector], origin: str = "argmax") -> LinearVector:
    """First index of the maximum among k vectors of equal length m: m linear forms in 0..k-1."""
    m = len(values[0])
    scores = list(values)
    indices = [cs.constant([i] * m) for i in range(len(values))]
    depth = 0
    while len(scores) > 1:
        pairs, last = len(scores) // 2, len(scores) == 2
        left, right = _sides(scores, pairs)
        left_index, right_index = _sides(indices, pairs)
        name = f"{origin}.{depth}"
        difference = left - right
        digits = sign_digits(cs, difference, 0, None, None, name)
        wins = digits.top
        low = digits.recombine(0, digits.widths - 1)
        if depth == 0:
            index = right_index + wins.scale(left_index.bounds[0] - right_index.bounds[0])
        else:
            index = right_index + cs.product(wins, left_index - right_index, f"{name}.index")
        index = index.with_bounds(
            np.minimum(left_index.bounds[0], right_index.bounds[0]),
            np.maximum(left_index.bounds[1], right_index.bounds[1]),
        )
        indices = _split(index, pairs, m) + indices[2 * pairs :]
        if not last:
            score = right + cs.product(wins, low, f"{name}.value")
            score = score.with_bounds(
                np.maximum(left.bounds[0], right.bounds[0]), np.maximum(left.bounds[1], right.bounds[1])
            )
            scores = _split(score, pairs, m) + scores[2 * pairs :]
        else:
            scores = scores[:1]
        depth += 1
    return indices[0]


def _sides(vectors: Sequence[LinearVector], pairs: int) -> tuple[LinearVector, LinearVector]:
    left = LinearVector.concat([vectors[2 * i] for i in range(pairs)])
    return left, LinearVector.concat([vectors[2 * i + 1] for i in range(pairs)])


def _split(vector: LinearVector, pairs: int, m: int) -> list[LinearVector]:
    return [vector[slice(i * m, (i + 1) * m)] for i in range(pairs)]
