"""What a model does with its input columns: those it looks up in a table are categories, whatever their numbers look
like; those it only compares may hold any float32."""

from __future__ import annotations

from typing import Any

import numpy as np

from prover.graph import Array, Graph, Node
from prover.graph.ops import find_spec
from prover.graph.ops.ml_encoders import lookup_of, one_hot_categories

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


_ENCODERS = ("OneHotEncoder", "LabelEncoder", "CategoryMapper")

_COMPARING = ("TreeEnsemble", "TreeEnsembleClassifier", "TreeEnsembleRegressor")
"""Operators that compare their input with constants, and do nothing else with it."""


def encoded_categories(graph: Graph) -> dict[int, tuple[str, ...]]:
    """Labels by column, for columns that only move until an encoder takes them: texts, or the numbers 0 .. k-1."""
    columns = _input_columns(graph)
    found: dict[int, tuple[str, ...]] = {}
    for node in graph.nodes:
        moved = _moved(graph, node, columns)
        if node.op in _MOVES and moved is not None:
            columns[node.outputs[0]] = moved
        elif node.op in _ENCODERS and moved is not None:
            labels = _labels(node, graph.tensors[node.inputs[0]].dtype)
            if len(labels) > 1:
                found |= dict.fromkeys(moved.ravel().tolist(), labels)
    return found


def compared_columns(graph: Graph) -> frozenset[int]:
    """Columns of float32 inputs that reach nothing but decision trees, as they are."""
    columns = _input_columns(graph)
    floats = [info for info in graph.inputs if info.dtype == np.float32]
    compared = {int(column) for info in floats for column in columns[info.name].ravel()}
    for tensor in graph.outputs:
        compared -= set(columns.get(tensor.name, np.zeros(0)).ravel().tolist())
    for node in graph.nodes:
        moved = _moved(graph, node, columns) if node.op in _MOVES and node.op != "Cast" else None
        if moved is not None:
            columns[node.outputs[0]] = moved
        elif node.op not in _COMPARING:
            for name in node.inputs:
                compared -= set(columns.get(name, np.zeros(0)).ravel().tolist())
    return frozenset(compared)


def _input_columns(graph: Graph) -> dict[str, Array]:
    """Column numbers of every input's elements."""
    columns: dict[str, Array] = {}
    start = 0
    for tensor in graph.inputs:
        columns[tensor.name] = np.arange(start, start + tensor.size, dtype=np.int64).reshape(tensor.shape)
        start += tensor.size
    return columns


def _labels(node: Node, dtype: np.dtype[Any]) -> tuple[str, ...]:
    """The labels of an encoder's input, where it reads texts or counts from 0."""
    try:
        if node.op == "OneHotEncoder":
            keys = one_hot_categories(node, dtype)
        else:
            keys = tuple(lookup_of(node, dtype).table)
    except ValueError:
        return ()
    if dtype.kind == "O":
        return tuple(sorted(keys)) if all(keys) else ()
    return tuple(str(key) for key in keys) if node.op == "OneHotEncoder" and keys == tuple(range(len(keys))) else ()


def _moved(graph: Graph, node: Node, columns: dict[str, Array]) -> Array | None:
    """Column numbers of a node's output; None where they are lost."""
    if node.inputs[0] not in columns:
        return None
    if node.op in ("Cast", *_ENCODERS):
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
