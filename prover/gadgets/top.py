"""The k largest of n values in descending order, by compare-exchanges.

Statement: the outputs are the k largest inputs as a multiset, descending, for inputs whose pairwise differences lie in
the widths.
Construction: one exchange of (a, b) is w = relu(a - b), larger b + w, smaller a - w. A fixed network of exchanges
sorts: Batcher's odd-even merge sort without the exchanges that no output needs, or k tournaments, each over what the
earlier ones left, whichever has fewer.
Constraints: n' + 1 per exchange of differences of n' bits, one more where the difference is dense, and one per form
that becomes a wire.
Soundness: w is a - b or 0, by the product row of the ReLU, for all field elements: an exchange permutes its two inputs
and nothing else, so no element is lost, doubled or invented, whatever the prover claims; its digits make it the right
permutation. A zero-one argument shows that the network sorts.
Source: Batcher, Sorting networks and their applications, AFIPS 1968; Knuth, TAOCP 3, §5.3.4.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from prover.constraint.linear import LinearVector
from prover.constraint.system import ConstraintSystem
from prover.gadgets.relu import relu_truncate
from prover.gadgets.wires import as_wires

Level = list[tuple[int, int]]
"""Exchanges that touch different places: the larger value goes to the first place, which is the lower one."""

_LONG = 8
"""Terms above which a form becomes a wire."""


def top(cs: ConstraintSystem, values: Sequence[LinearVector], k: int, origin: str = "top") -> list[LinearVector]:
    """The k largest of n vectors of equal length, elementwise and descending."""
    places, m = [_short(cs, value, f"{origin}.{index}") for index, value in enumerate(values)], len(values[0])
    for depth, level in enumerate(network(len(values), k)):
        name = f"{origin}.{depth}"
        left = LinearVector.concat([places[i] for i, _ in level])
        right = LinearVector.concat([places[j] for _, j in level])
        won = relu_truncate(cs, left - right, origin=name)
        (a_lo, a_hi), (b_lo, b_hi) = left.bounds, right.bounds
        larger = _short(cs, right + won, name).with_bounds(np.maximum(a_lo, b_lo), np.maximum(a_hi, b_hi))
        smaller = _short(cs, left - won, name).with_bounds(np.minimum(a_lo, b_lo), np.minimum(a_hi, b_hi))
        for position, (i, j) in enumerate(level):
            chosen = slice(position * m, (position + 1) * m)
            places[i], places[j] = larger[chosen], smaller[chosen]
    return places[:k]


def network(n: int, k: int) -> list[Level]:
    """Exchanges after which places 0..k-1 of n hold the k largest values, descending."""
    candidates = [_needed(_merge_sort(n), k), _needed(_tournaments(n, k), k)]
    return min(candidates, key=lambda levels: sum(map(len, levels)))


def _merge_sort(n: int) -> list[Level]:
    """Knuth's algorithm 5.2.2M: the network for the next power of two, without the places that are not there."""
    levels: list[Level] = []
    width = 1 << (n - 1).bit_length()
    block = 1
    while block < width:
        step = block
        while step:
            offset = step % block if step < block else 0
            pairs = []
            for start in range(offset, width - step, 2 * step):
                for i in range(start, min(start + step, width - step)):
                    if i // (2 * block) == (i + step) // (2 * block) and i + step < n:
                        pairs.append((i, i + step))
            levels.append(pairs)
            step //= 2
        block *= 2
    return [level for level in levels if level]


def _tournaments(n: int, k: int) -> list[Level]:
    levels: list[Level] = []
    for first in range(min(k, n - 1)):
        alive = list(range(first, n))
        while len(alive) > 1:
            levels.append(list(zip(alive[0::2], alive[1::2], strict=False)))
            alive = alive[0::2]
    return levels


def _needed(levels: list[Level], k: int) -> list[Level]:
    """Without exchanges from which nothing reaches the first k places."""
    wanted, kept = set(range(k)), []
    for level in reversed(levels):
        used = [pair for pair in level if pair[0] in wanted or pair[1] in wanted]
        wanted |= {place for pair in used for place in pair}
        kept.append(used)
    return [level for level in reversed(kept) if level]


def _short(cs: ConstraintSystem, forms: LinearVector, origin: str) -> LinearVector:
    return as_wires(cs, forms, forms.terms > _LONG, f"{origin}.wire")
