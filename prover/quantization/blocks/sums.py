"""Sums of affine tensors, with numpy's broadcasting: they cost nothing."""

from __future__ import annotations

import numpy as np

from prover.quantization.trace import Affine


def aligned(*tensors: Affine) -> tuple[Affine, ...]:
    """The tensors in their common shape.

    Raises:
        ValueError: shapes that do not broadcast.
    """
    grids = np.broadcast_arrays(*(np.arange(item.size, dtype=np.int64).reshape(item.shape) for item in tensors))
    return tuple(item.pick(grid) for item, grid in zip(tensors, grids, strict=True))


def combined(a: Affine, b: Affine, factor: float = 1.0) -> Affine:
    """``a + factor * b``; elements of ``b`` that may be missing make the sum so."""
    first, second = aligned(a, b)
    scaled = second.matrix.scale_rows(np.full(second.size, factor))
    optional = first.optional | second.optional
    return Affine(first.shape, first.matrix.add(scaled), first.bias + factor * second.bias, optional)


def shifted(a: Affine, offset: float) -> Affine:
    """``a + offset``."""
    return Affine(a.shape, a.matrix, a.bias + offset, a.optional)


def scaled(a: Affine, factor: float) -> Affine:
    """``factor * a``."""
    return Affine(a.shape, a.matrix.scale_rows(np.full(a.size, factor)), a.bias * factor, a.optional)
