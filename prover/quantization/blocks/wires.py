"""A reused linear form becomes a wire when that lowers the total: pooled maps that feed a convolution."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from prover.graph import Node
from prover.quantization.sparse import Sparse
from prover.quantization.trace import Affine, FloatStep, Trace

WORTH = 128
"""Non-zeros that cost as much as a row and its wire. A wire enters four multi-exponentiations of a proof (some 8
microseconds, see ``lowering/cost.py``), a non-zero three multiplications: witness, check, and setup of the key."""

_LARGEST = 1 << 12
"""Integer coefficients of a wire stay below it: sums, weighted by few bits, not products of long weights."""


def mapped(
    trace: Trace, node: Node, source: Affine, rows: Sparse, bias: NDArray[np.float64], shape: tuple[int, ...]
) -> Affine:
    """``rows @ source + bias``, after elements of ``source`` that pay for it became wires.

    A wire is worth it where the readers of an element, times the terms it would save each of them, exceed
    :data:`WORTH`, and its form is an exact integer one up to a factor: a sum or mean of earlier results, or of facts
    that count in powers of two.
    """
    return reused(trace, node, source, np.bincount(rows.cols, minlength=source.size)).mapped(rows, bias, shape)


def reused(trace: Trace, node: Node, source: Affine, readers: NDArray[np.int64]) -> Affine:
    """``source`` with its elements that ``readers`` (int64[size]) forms read each, as wires where that pays."""
    terms = np.diff(source.matrix.indptr)
    wanted = np.flatnonzero((readers * (terms - 1) - terms > WORTH) & ~source.optional)
    if not wanted.size:
        return source
    chosen = source.matrix.take(wanted)
    factor = np.minimum.reduceat(np.abs(chosen.data), chosen.indptr[:-1])
    whole = chosen.data / factor[chosen.rows]
    binary = (chosen.cols >= trace.facts.n_slots) | (np.frexp(trace.unit[chosen.cols])[0] == 0.5)
    good = (whole == np.rint(whole)) & (np.abs(whole) < _LARGEST) & binary
    exact = chosen.row_sum((~good).astype(np.int64)) == 0
    wanted, chosen, factor = wanted[exact], chosen.take(np.flatnonzero(exact)), factor[exact]
    if not wanted.size:
        return source
    integers = chosen.with_data(np.rint(chosen.data / factor[chosen.rows]))
    form = Affine((wanted.size,), integers, np.zeros(wanted.size), np.zeros(wanted.size, dtype=np.bool_))
    lo, hi = trace.interval(form)
    whole_forms = bool(trace.is_whole(form).all())
    wires = trace.append(
        FloatStep("wire", node.name, form, wanted.size), (wanted.size,), whole=whole_forms, lo=lo, hi=hi
    )
    scaled = Affine(wires.shape, wires.matrix.scale_rows(factor), source.bias[wanted], wires.optional)
    place = np.arange(source.size)
    place[wanted] = source.size + np.arange(wanted.size)
    return Affine.stack([source, scaled]).pick(place.reshape(source.shape))
