"""Logarithms of distributions, and distributions that have decided."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from prover.graph.ir import Array, Node
from prover.graph.ops.spec import array, normal_axis
from prover.graph.ops.standard import standard


def _rows(node: Node, value: Array) -> Array:
    """Before opset 13: the tensor is coerced to a matrix at the axis, each row is one distribution."""
    axis = node.attributes["axis"]
    assert isinstance(axis, int)
    return value.reshape(prod(value.shape[: normal_axis(axis, value.ndim)]), -1)


def _hard_rows(node: Node, inputs: Sequence[Array | None]) -> list[Array]:
    value = array(inputs[0])
    rows = _rows(node, value)
    best = np.argmax(rows, axis=1)[:, None] == np.arange(rows.shape[1])
    return [best.reshape(value.shape).astype(value.dtype)]


def _log_rows(node: Node, inputs: Sequence[Array | None]) -> list[Array]:
    value = array(inputs[0])
    rows = _rows(node, value)
    shifted = rows - rows.max(axis=1, keepdims=True)
    result = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return [result.reshape(value.shape).astype(value.dtype)]


OPS = (
    *standard("LogSoftmax", until=12, evaluate=_log_rows),
    *standard("LogSoftmax", since=13),
    *standard("Hardmax", until=12, evaluate=_hard_rows),
    *standard("Hardmax", since=13),
)
