"""Cases of the tree ensembles for test_ops.py: every mode, missing values, votes, aggregates and transforms."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto, helper

from prover.graph.ops.spec import ML_DOMAIN

from .op_cases import Case

VALUES = [0.0, 0.5, -1.0, 2.0, 1.0, 0.0]
"""What rows take and nodes compare with."""


def rows(dtype: type[np.generic], *, missing: bool = False) -> np.ndarray[Any, Any]:
    """Every pair of values, with -0 and NaN among the floats."""
    column = [*VALUES, 3.0]
    table = np.array([(a, b) for a in column for b in column]).astype(dtype)
    if np.dtype(dtype).kind == "f":
        table[3, 0] = -0.0
        if missing:
            table[::5, 0] = np.nan
            table[::7, 1] = np.nan
    return table


def trees(modes: list[str], *, missing: bool = False) -> dict[str, Any]:
    """Two trees of three tests and four leaves each."""
    nodes: dict[str, Any] = {
        "nodes_treeids": [0] * 7 + [1] * 7,
        "nodes_nodeids": [*range(7)] * 2,
        "nodes_modes": [mode for tree in (0, 3) for mode in [modes[(tree + i) % len(modes)] for i in range(3)]],
        "nodes_featureids": [0, 1, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0],
        "nodes_values": [*VALUES[:3], 0.0, 0.0, 0.0, 0.0, *VALUES[3:], 0.0, 0.0, 0.0, 0.0],
        "nodes_truenodeids": [1, 3, 5, 0, 0, 0, 0] * 2,
        "nodes_falsenodeids": [2, 4, 6, 0, 0, 0, 0] * 2,
    }
    first, second = nodes["nodes_modes"][:3], nodes["nodes_modes"][3:]
    nodes["nodes_modes"] = [*first, *["LEAF"] * 4, *second, *["LEAF"] * 4]
    if missing:
        nodes["nodes_missing_value_tracks_true"] = [1, 0, 1, 0, 0, 0, 0] * 2
    return nodes


def votes(prefix: str, outputs: list[int], weights: list[float]) -> dict[str, Any]:
    """Every leaf votes for every output."""
    leaves = [(tree, leaf) for tree in range(2) for leaf in range(3, 7)]
    entries = [(tree, leaf, output) for tree, leaf in leaves for output in outputs]
    return {
        f"{prefix}_treeids": [tree for tree, _, _ in entries],
        f"{prefix}_nodeids": [leaf for _, leaf, _ in entries],
        f"{prefix}_ids": [output for _, _, output in entries],
        f"{prefix}_weights": [weights[i % len(weights)] for i in range(len(entries))],
    }


MODES = ["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ"]
MIXED = [0.25, -0.5, 0.125, 0.75, -1.0]
SHARES = [0.1, 0.0, 0.35, 0.5, 0.2]

CLASSIFIERS: list[dict[str, Any]] = [
    {**trees([mode]), **votes("class", [0], SHARES), "classlabels_int64s": [0, 1]} for mode in MODES
]
CLASSIFIERS += [
    {**trees(MODES), **votes("class", outputs, weights), **base, "classlabels_int64s": labels, "post_transform": post}
    for outputs, labels in (([0], [4, 7]), ([1], [0, 1]), ([0, 1], [3, 8]), ([0, 1, 2], [5, 6, 7]))
    for weights in (MIXED, SHARES)
    for base in ({}, {"base_values": [0.25] * (1 if len(labels) == 2 else 3)})
    for post in (("NONE",) if base else ("NONE", "LOGISTIC", "SOFTMAX") if weights is MIXED else ("LOGISTIC",))
]
CLASSIFIERS.append({**trees(MODES), **votes("class", [0], MIXED), "classlabels_strings": ["no", "yes"]})
CLASSIFIERS.append(
    {**trees(MODES), **votes("class", [0, 1], MIXED), "base_values": [0.5, -1.0], "classlabels_int64s": [0, 1]}
)
CLASSIFIERS.append({**trees(MODES), **votes("class", [0, 1, 2], SHARES), "classlabels_int64s": [0, 1, 2]})
CLASSIFIERS[-1]["post_transform"] = "SOFTMAX_ZERO"

REGRESSORS: list[dict[str, Any]] = [
    {**trees(MODES), **votes("target", outputs, MIXED), **base, "n_targets": len(outputs), "aggregate_function": how}
    for outputs in ([0], [0, 1])
    for base in ({}, {"base_values": [0.25] * len(outputs)})
    for how in ("SUM", "AVERAGE", "MIN", "MAX")
]
REGRESSORS.append({**trees(MODES), **votes("target", [0], [0.25, 0.5, 0.125]), "n_targets": 1})
REGRESSORS[-1]["post_transform"] = "PROBIT"
REGRESSORS.append({**trees(MODES), **votes("target", [0, 1], MIXED), "n_targets": 2, "post_transform": "LOGISTIC"})


def doubled(attributes: dict[str, Any]) -> dict[str, Any]:
    """The same with lists of doubles, as version 3 allows for inputs of doubles."""
    result = dict(attributes)
    for name in ("nodes_values", "class_weights", "target_weights", "base_values"):
        if name in result:
            values = [value + 1e-9 for value in result.pop(name)]
            result[f"{name}_as_tensor"] = helper.make_tensor(name, TensorProto.DOUBLE, [len(values)], values)
    return result


def numbered(aggregate: int) -> dict[str, Any]:
    """A TreeEnsemble of version 5: a comparison, a set and a difference."""
    tensors = {
        "nodes_splits": (TensorProto.FLOAT, [1.5, 0.0, 2.0]),
        "nodes_modes": (TensorProto.UINT8, [0, 6, 5]),
        "leaf_weights": (TensorProto.FLOAT, [0.25, -0.5, 0.75, 1.0]),
        "membership_values": (TensorProto.FLOAT, [1.0, 2.0, 3.0, float("nan")]),
    }
    return {
        **{name: helper.make_tensor(name, kind, [len(values)], values) for name, (kind, values) in tensors.items()},
        "nodes_featureids": [0, 1, 1],
        "nodes_truenodeids": [1, 0, 2],
        "nodes_trueleafs": [0, 1, 1],
        "nodes_falsenodeids": [2, 1, 3],
        "nodes_falseleafs": [0, 1, 1],
        "leaf_targetids": [0, 1, 0, 1],
        "n_targets": 2,
        "tree_roots": [0],
        "aggregate_function": aggregate,
    }


def _case(op: str, array: np.ndarray[Any, Any], outputs: tuple[object, ...], since: int, **attributes: Any) -> Case:
    return Case(op, (array,), attributes, outputs=outputs, domain=ML_DOMAIN, since=since)


def _labels(attributes: dict[str, Any]) -> tuple[object, ...]:
    return (object if "classlabels_strings" in attributes else np.int64, np.float32)


F32 = (np.float32,)
PLAIN, HOLES, WHOLE = rows(np.float32), rows(np.float32, missing=True), rows(np.int64)
MISSING = {**trees(MODES, missing=True), **votes("target", [0], MIXED), "n_targets": 1}

TREE_CASES = [
    *(
        _case("TreeEnsembleClassifier", PLAIN, _labels(each), 1 + 2 * (place % 4 > 0), **each)
        for place, each in enumerate(CLASSIFIERS)
    ),
    *(
        _case("TreeEnsembleRegressor", PLAIN, F32, 1 + 2 * (place % 4 > 0), **each)
        for place, each in enumerate(REGRESSORS)
    ),
    _case("TreeEnsembleRegressor", HOLES, F32, 1, **MISSING),
    _case("TreeEnsembleRegressor", HOLES, F32, 1, **REGRESSORS[0]),
    _case("TreeEnsembleClassifier", WHOLE.astype(np.int32), _labels({}), 1, **CLASSIFIERS[0]),
    _case("TreeEnsembleRegressor", rows(np.float64), F32, 3, **doubled(REGRESSORS[5])),
    _case("TreeEnsembleClassifier", rows(np.float64), _labels({}), 3, **doubled(CLASSIFIERS[8])),
    *(_case("TreeEnsemble", HOLES, F32, 5, **numbered(how)) for how in range(4)),
]
