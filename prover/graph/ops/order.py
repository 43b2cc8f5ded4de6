"""Operators that compare the elements along one axis: ArgMax, ArgMin, TopK."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from prover.graph.ir import Array, Node
from prover.graph.ops.spec import array
from prover.graph.ops.standard import standard


def _int(node: Node, name: str) -> int:
    value = node.attributes[name]
    assert isinstance(value, int)
    return value


def _extreme(node: Node, inputs: Sequence[Array | None]) -> list[Array]:
    """Index of the largest or smallest element; ties to the first, or to the last."""
    value, axis = array(inputs[0]), _int(node, "axis")
    choose = np.argmax if node.op == "ArgMax" else np.argmin
    keep = bool(_int(node, "keepdims"))
    if not node.attributes.get("select_last_index"):
        return [np.asarray(choose(value, axis=axis, keepdims=keep)).astype(np.int64)]
    found = choose(np.flip(value, axis), axis=axis, keepdims=keep)
    return [np.asarray(value.shape[axis] - 1 - found).astype(np.int64)]


OPS = (
    *standard("ArgMax", evaluate=_extreme),
    *standard("ArgMin", evaluate=_extreme),
    *standard("TopK", static={1: "k"}),
)
