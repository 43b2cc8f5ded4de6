"""Which elements of a tensor a reducing operator puts together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from prover.graph import Node
from prover.quantization.blocks.axes import reduced_axes, shape_without
from prover.quantization.sparse import Sparse
from prover.quantization.trace import Affine, Value

I64 = NDArray[np.int64]


@dataclass(frozen=True)
class Groups:
    """A partition of a tensor's elements into groups of equal size.

    Attributes:
        of: int64[size], the group of every element.
        count: number of groups.
        shape: shape of the tensor with one element a group.
    """

    of: I64
    count: int
    shape: tuple[int, ...]

    @property
    def length(self) -> int:
        """Elements of one group."""
        return self.of.size // max(self.count, 1)

    @property
    def members(self) -> I64:
        """int64[count, length]: the elements of every group, ascending."""
        return np.argsort(self.of, kind="stable").reshape(self.count, -1)

    def sums(self, value: Affine, factor: float = 1.0) -> Affine:
        """``factor`` times the sum of every group."""
        weights = np.full(self.of.size, factor)
        matrix = Sparse.from_triplets(self.of, np.arange(self.of.size), weights, (self.count, self.of.size))
        return value.mapped(matrix, np.zeros(self.count), self.shape)


def along(shape: tuple[int, ...], axes: Sequence[int], keepdims: bool = True) -> Groups:
    """Groups that differ in ``axes`` only."""
    reduced = shape_without(shape, axes, keep=True)
    count = int(np.prod(reduced, dtype=np.int64))
    of = np.broadcast_to(np.arange(count, dtype=np.int64).reshape(reduced), shape).ravel()
    return Groups(of, count, shape_without(shape, axes, keep=keepdims))


def of_node(node: Node, operands: Sequence[Value | None], shape: tuple[int, ...]) -> Groups:
    """Groups of a Reduce operator."""
    return along(shape, reduced_axes(node, operands, len(shape)), bool(node.attributes["keepdims"]))
