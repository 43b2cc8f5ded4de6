"""Reductions over axes: which elements meet in one result."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from prover.graph import Node
from prover.quantization.trace import Value, unsupported


def reduced_axes(node: Node, operands: Sequence[Value | None], rank: int) -> tuple[int, ...]:
    """Axes a Reduce operator reduces: an attribute, or a constant second input; all of them by default.

    ``noop_with_empty_axes`` makes the default none.
    """
    axes = node.attributes.get("axes")
    if len(operands) > 1 and operands[1] is not None:
        given = operands[1]
        if not isinstance(given, np.ndarray):
            raise unsupported(node, "its axes depend on the input")
        axes = tuple(given.ravel().tolist())
    named = tuple(int(axis) % rank for axis in axes) if axes else ()  # type: ignore[attr-defined]
    if named or node.attributes.get("noop_with_empty_axes"):
        return tuple(sorted(set(named)))
    return tuple(range(rank))


def gathered(shape: Sequence[int], axes: Sequence[int]) -> NDArray[np.int64]:
    """int64[m, k]: row i lists the k elements of a tensor of ``shape`` that reduce to element i of the result."""
    numbers = np.arange(int(np.prod(shape, dtype=np.int64)), dtype=np.int64).reshape(tuple(shape))
    kept = [axis for axis in range(len(shape)) if axis not in axes]
    count = int(np.prod([shape[axis] for axis in axes], dtype=np.int64))
    m = int(np.prod([shape[axis] for axis in kept], dtype=np.int64))
    return np.asarray(numbers.transpose(*kept, *axes).reshape(m, count))


def shape_without(shape: Sequence[int], axes: Sequence[int], *, keep: bool) -> tuple[int, ...]:
    """Shape of the result; reduced axes have length 1 or are gone."""
    return tuple(1 if axis in axes else size for axis, size in enumerate(shape) if keep or axis not in axes)
