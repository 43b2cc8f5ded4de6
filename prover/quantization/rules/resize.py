"""Resize and Upsample: fixed interpolation weights make them linear."""

from __future__ import annotations

import numpy as np

from prover.graph import Node
from prover.graph.interpolation import axis_map
from prover.graph.ops.resize import resize_constants
from prover.quantization.rules import rule
from prover.quantization.sparse import Sparse
from prover.quantization.trace import Affine, Trace, Value, linear, unsupported


@rule("Resize", "Upsample", steps=())
def resize(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """Nearest, linear and cubic interpolation, one axis after the other."""
    x = linear(node, operands[0], trace)
    constants = [item if isinstance(item, np.ndarray) else None for item in operands]
    try:
        wanted = resize_constants(node, x.shape, constants)
    except ValueError as error:
        raise unsupported(node, str(error)) from error
    outside = np.zeros(wanted.sizes, dtype=np.bool_)
    for axis, size in enumerate(x.shape):
        along = axis_map(node, wanted, axis, size)
        if along.trivial:
            continue
        after = (1,) * (len(x.shape) - axis - 1)
        numbers = np.arange(x.size, dtype=np.int64).reshape(x.shape)
        cols = np.moveaxis(np.take(numbers, along.places, axis=axis), axis + 1, -1)
        shape = cols.shape[:-1]
        weights = np.broadcast_to(along.weights.reshape(-1, *after, along.weights.shape[1]), cols.shape)
        rows = np.broadcast_to(np.arange(int(np.prod(shape))).reshape(*shape, 1), cols.shape)
        total = int(np.prod(shape))
        matrix = Sparse.from_triplets(rows.ravel(), cols.ravel(), weights.ravel(), (total, x.size))
        x = x.mapped(matrix, np.zeros(total), shape)
        outside = outside | along.outside.reshape(-1, *after)
    if not outside.any():
        return [x]
    beyond = Affine.constant(np.array([float(node.attributes["extrapolation_value"])]), trace.n_variables)  # type: ignore[arg-type]
    place = np.where(outside, x.size, np.arange(x.size).reshape(x.shape))
    return [Affine.stack([x, beyond]).pick(place)]
