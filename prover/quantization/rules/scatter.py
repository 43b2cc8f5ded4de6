"""Writing at constant indices: what is overwritten moves, sums are linear, products and extremes are steps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from prover.graph import Node
from prover.quantization.blocks.maximum import maximum, minimum
from prover.quantization.blocks.product import product
from prover.quantization.rules import rule
from prover.quantization.rules.linear import integer
from prover.quantization.rules.shape import as_affine, moved
from prover.quantization.sparse import Sparse
from prover.quantization.trace import Affine, Trace, Value, linear

Numbers = NDArray[np.int64]


@rule("Scatter", "ScatterElements", "ScatterND", steps=("contract", "maximum"), exactness="exact")
def scatter(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """``data`` with ``updates`` written to, added to, multiplied by or compared with the elements at the indices."""
    reduction = node.attributes.get("reduction", "none")
    if reduction == "none":
        return moved(trace, node, operands, (0, 2))
    data, updates = linear(node, operands[0], trace), linear(node, operands[2], trace)
    indices = operands[1]
    assert isinstance(indices, np.ndarray)
    targets = _targets(node, data.shape, indices, updates.shape)
    if reduction == "add":
        rows = Sparse.from_triplets(targets, np.arange(targets.size), np.ones(targets.size), (data.size, targets.size))
        added = updates.mapped(rows, np.zeros(data.size), data.shape)
        return [Affine(data.shape, data.matrix.add(added.matrix), data.bias + added.bias, data.optional)]
    result = data
    for turn in _turns(targets):  # each turn writes to distinct elements
        written = targets[turn]
        old, new = result.pick(written), updates.pick(turn)
        if reduction == "mul":
            fresh = product(trace, node, old, new)
        else:
            pairs = Affine.stack([old, new]).pick(np.arange(2 * turn.size, dtype=np.int64).reshape(2, -1).T)
            fresh = (maximum if reduction == "max" else minimum)(trace, node, pairs)
        place = np.arange(data.size, dtype=np.int64)
        place[written] = data.size + np.arange(turn.size)
        result = Affine.stack([as_affine(trace, node, result), fresh]).pick(place.reshape(data.shape))
    return [result]


def _targets(node: Node, shape: tuple[int, ...], indices: NDArray[np.generic], written: tuple[int, ...]) -> Numbers:
    """Flat element of the data that each update is written to: int64[size of the updates]."""
    place = indices.astype(np.int64)
    if node.op == "ScatterND":
        depth = place.shape[-1]
        lengths = np.array(shape[:depth], dtype=np.int64)
        tuples = place.reshape(-1, depth)
        tuples = np.where(tuples < 0, tuples + lengths, tuples)
        blocks = np.arange(int(np.prod(shape, dtype=np.int64)), dtype=np.int64).reshape(*shape[:depth], -1)
        return np.asarray(blocks[tuple(tuples.T)].ravel(), dtype=np.int64)
    axis = integer(node, "axis") % len(shape)
    grid = list(np.indices(written))
    grid[axis] = np.where(place < 0, place + shape[axis], place)
    return np.asarray(np.ravel_multi_index(tuple(grid), shape), dtype=np.int64).ravel()


def _turns(targets: Numbers) -> list[Numbers]:
    """Updates in groups of distinct targets: the first of every target, then the second, ..."""
    order = np.argsort(targets, kind="stable")
    ordered = targets[order]
    first = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1]))) if targets.size else targets
    sizes = np.diff(np.append(first, targets.size))
    turn = np.arange(targets.size) - np.repeat(first, sizes)
    return [order[turn == number] for number in range(int(turn.max(initial=-1)) + 1)]
