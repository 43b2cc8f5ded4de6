"""Logarithms of distributions, and distributions that have decided."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from prover.graph.ir import Array, Node
from prover.graph.ops.spec import array, normal_axis
from prover.graph.ops.standard import standard


def _log_rows(node: Node, inputs: Sequence[Array | None]) -> list[Array]:
    """Before opset 13: the tensor is coerced to a matrix at the axis, each row is one distribution."""
    value = array(inputs[0])
    axis = node.attributes["axis"]
    assert isinstance(axis, int)
    rows = value.reshape(prod(value.shape[: normal_axis(axis, value.ndim)]), -1)
    shifted = rows - rows.max(axis=1, keepdims=True)
    result = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return [result.reshape(value.shape).astype(value.dtype)]


OPS = (
    *standard("LogSoftmax", until=12, evaluate=_log_rows),
    *standard("LogSoftmax", since=13),
)
