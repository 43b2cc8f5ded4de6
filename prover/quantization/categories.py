"""Which input columns a model one-hot encodes: they are categories, whatever their numbers look like."""

from __future__ import annotations

import numpy as np

from prover.graph import Array, Graph, Node
from prover.graph.ops import find_spec

_MOVES = {
    "ArrayFeatureExtractor",
    "Cast",
    "Concat",
    "Flatten",
    "Gather",
    "Reshape",
    "Squeeze",
    "Transpose",
    "Unsqueeze",
}
"""Operators through which a column keeps its identity."""


def encoded_categories(graph: Graph) -> dict[int, int]:
    """Number of labels by column, for columns that only move until a OneHotEncoder over 0 .. k-1 takes them."""
    columns: dict[str, Array] = {}
    start = 0
    for tensor in graph.inputs:
        columns[tensor.name] = np.arange(start, start + tensor.size, dtype=np.int64).reshape(tensor.shape)
        start += tensor.size
    found: dict[int, int] = {}
    for node in graph.nodes:
        moved = _moved(graph, node, columns)
        if node.op in _MOVES and moved is not None:
            columns[node.outputs[0]] = moved
        elif node.op == "OneHotEncoder" and moved is not None:
            categories = node.attributes["cats_int64s"]
            if isinstance(categories, tuple) and categories == tuple(range(len(categories))) and len(categories) > 1:
                found |= dict.fromkeys(moved.ravel().tolist(), len(categories))
    return found


def _moved(graph: Graph, node: Node, columns: dict[str, Array]) -> Array | None:
    """Column numbers of a node's output; None where they are lost."""
    if node.inputs[0] not in columns:
        return None
    if node.op in ("Cast", "OneHotEncoder"):
        return columns[node.inputs[0]]
    operands: list[Array | None] = []
    for name in node.inputs:
        value = columns.get(name, graph.constants.get(name))
        if value is None or (node.op == "Concat" and name not in columns):
            return None
        operands.append(value)
    if node.op not in _MOVES:
        return None
    return np.asarray(find_spec(node.domain, node.op, node.opset, node.name).evaluate(node, operands)[0])
