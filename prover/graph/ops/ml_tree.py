"""ONNX-ML tree ensembles: TreeEnsembleClassifier, TreeEnsembleRegressor and TreeEnsemble, as onnxruntime computes them.

Leaves are added tree by tree in the type of the thresholds (float32, or float64 for an input of doubles), the base
values last. What onnxruntime makes of two classes depends on which of them leaves vote for; see :func:`classify`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from prover.graph.ir import Array, Node
from prover.graph.ops.ml_attributes import labels_of
from prover.graph.ops.ml_scores import transformed
from prover.graph.ops.spec import (
    ML_DOMAIN,
    Attribute,
    Inferred,
    Operand,
    OpSpec,
    array,
    integer,
    integers,
    needed,
    reals,
    same_dtype,
    tensor,
    text,
    texts,
    unsupported,
)
from prover.graph.trees import Ensemble, read_ensemble

_FLOAT32 = np.dtype(np.float32)


def class_labels(node: Node) -> Array:
    """The labels of a TreeEnsembleClassifier's classes, int64[n] or str objects[n]."""
    labels = labels_of(node, "classlabels_int64s")
    if labels.size < 2:
        raise ValueError("a classifier of one class")
    return labels


def returned_labels(node: Node, ensemble: Ensemble) -> Array:
    """What onnxruntime returns for each class: of two that both get votes it numbers, not labels, the winner."""
    labels = class_labels(node)
    numbered = labels.size == 2 and labels.dtype == np.int64 and np.unique(ensemble.targets).size == 2
    return np.arange(2, dtype=np.int64) if numbered else labels


def aggregated(ensemble: Ensemble, leaves: NDArray[np.int64]) -> tuple[Array, NDArray[np.bool_]]:
    """What the trees say before base values: (dtype[k], bool[k] whether any leaf voted for the output)."""
    scores = np.zeros(ensemble.n_outputs, dtype=ensemble.value.dtype)
    voted = np.zeros(ensemble.n_outputs, dtype=np.bool_)
    for leaf in leaves.tolist():
        targets, weights = ensemble.votes(leaf)
        if ensemble.n_outputs == 1:
            targets, weights = targets[:1], weights[:1]  # onnxruntime keeps one weight a leaf
        for target, weight in zip(targets.tolist(), weights, strict=True):
            if ensemble.aggregate in ("SUM", "AVERAGE") or not voted[target]:
                scores[target] += weight
            else:
                better = weight < scores[target] if ensemble.aggregate == "MIN" else weight > scores[target]
                scores[target] = weight if better else scores[target]
            voted[target] = True
    if ensemble.aggregate == "AVERAGE":
        scores /= scores.dtype.type(ensemble.n_trees)
    return scores, voted


def regress(ensemble: Ensemble, leaves: NDArray[np.int64]) -> Array:
    """float[k]: the outputs of a regressor. One target knows no transform but PROBIT."""
    scores, _ = aggregated(ensemble, leaves)
    if ensemble.base.size == ensemble.n_outputs:
        scores = scores + ensemble.base
    single = ensemble.n_outputs == 1 and ensemble.transform != "PROBIT"
    return scores if single else transformed(scores[None].astype(np.float32), ensemble.transform)[0]


def classify(ensemble: Ensemble, leaves: NDArray[np.int64]) -> tuple[int, Array]:
    """(number of the class, float[n] scores)."""
    scores, voted = aggregated(ensemble, leaves)
    base = ensemble.base
    if ensemble.n_outputs > 2:
        scores[: base.size] += base
        voted[: base.size] = True
        best = np.where(voted, scores, -np.inf).argmax()
        return int(best), transformed(scores[None].astype(np.float32), ensemble.transform)[0]
    lone = np.unique(ensemble.targets).size == 1
    short = False
    if base.size == 2 and voted[1]:
        scores[1] = base[1] + scores[0]
        scores[0] = -scores[1]
    elif base.size == 2:
        scores += base
        voted[0] = True
    else:
        if base.size == 1:
            scores[0] += base[0]
        short = not voted[1]
    positive = scores[1] if voted[1] else scores[0]
    above = lone and not bool((ensemble.weights < 0).any())
    winner = int(positive > 0.5) if above else int(positive > 0)
    if not short:
        shown = np.where(voted, scores, 0).astype(np.float32)
        return winner, transformed(shown[None], ensemble.transform)[0]
    return winner, _second_score(scores[0], ensemble.transform, above if lone else False)


def _second_score(score: np.generic, transform: str, above: bool) -> Array:
    """The pair of scores where only the first was voted for."""
    value = np.asarray(score)
    if transform == "LOGISTIC":
        return np.asarray(transformed(np.array([[-value, value]], dtype=np.float32), transform)[0])
    return np.array([1 - value if above else -value, value])


def _rows(node: Node, data: Array) -> tuple[Ensemble, list[NDArray[np.int64]]]:
    ensemble = read_ensemble(node, data.dtype)
    rows = np.atleast_2d(data).astype(ensemble.value.dtype)
    return ensemble, [ensemble.leaves(row) for row in rows]


def _infer(node: Node, inputs: Sequence[Operand | None]) -> tuple[Ensemble, int]:
    """The ensemble and the number of rows."""
    data = needed(inputs[0])
    same_dtype(inputs)
    if len(data.shape) not in (1, 2):
        raise ValueError(f"the input has rank {len(data.shape)}, expected 1 or 2")
    ensemble = read_ensemble(node, data.dtype)
    if int(ensemble.feature.max()) >= data.shape[-1]:
        raise ValueError(f"a test reads element {int(ensemble.feature.max())} of {data.shape[-1]}")
    return ensemble, data.shape[0] if len(data.shape) == 2 else 1


def _infer_classifier(node: Node, inputs: Sequence[Operand | None]) -> list[Inferred]:
    ensemble, rows = _infer(node, inputs)
    if ensemble.base.size > 2 and ensemble.base.size != ensemble.n_outputs:
        raise ValueError(f"{ensemble.base.size} base values for {ensemble.n_outputs} classes")
    lone = ensemble.n_outputs == 2 and ensemble.base.size < 2 and not ensemble.targets.any()
    if lone and ensemble.transform == "PROBIT":
        raise unsupported(
            node, "post_transform PROBIT of one score for two classes", "onnxruntime leaves one undefined"
        )
    return [Inferred(class_labels(node).dtype, (rows,)), Inferred(_FLOAT32, (rows, ensemble.n_outputs))]


def _classifier(node: Node, inputs: Sequence[Array | None]) -> list[Array]:
    ensemble, leaves = _rows(node, array(inputs[0]))
    results = [classify(ensemble, row) for row in leaves]
    labels = returned_labels(node, ensemble)
    return [labels[[winner for winner, _ in results]], np.stack([scores for _, scores in results]).astype(np.float32)]


def _infer_regressor(node: Node, inputs: Sequence[Operand | None]) -> list[Inferred]:
    ensemble, rows = _infer(node, inputs)
    dtype = ensemble.value.dtype if node.op == "TreeEnsemble" else _FLOAT32
    return [Inferred(dtype, (rows, ensemble.n_outputs))]


def _regressor(node: Node, inputs: Sequence[Array | None]) -> list[Array]:
    ensemble, leaves = _rows(node, array(inputs[0]))
    dtype = ensemble.value.dtype if node.op == "TreeEnsemble" else _FLOAT32
    return [np.stack([regress(ensemble, row) for row in leaves]).astype(dtype)]


def _attributes(prefix: str, version: int) -> dict[str, Attribute]:
    names = ("featureids", "falsenodeids", "missing_value_tracks_true", "nodeids", "treeids", "truenodeids")
    lists = {f"nodes_{name}": integers() for name in names}
    lists |= {f"{prefix}_{name}": integers() for name in ("ids", "nodeids", "treeids")}
    lists |= {
        "nodes_modes": texts(),
        "nodes_values": reals(finite=False),
        "nodes_hitrates": reals(finite=False),  # how often a node was reached in training
        f"{prefix}_weights": reals(),
        "base_values": reals(),
        "post_transform": text("NONE"),
    }
    if version >= 3:
        tensors = ("base_values", "nodes_hitrates", "nodes_values", f"{prefix}_weights")
        lists |= {f"{name}_as_tensor": tensor() for name in tensors}
    if prefix == "class":
        return lists | {"classlabels_int64s": integers(), "classlabels_strings": texts()}
    return lists | {"aggregate_function": text("SUM"), "n_targets": integer(0)}


_NUMBERED = {
    "aggregate_function": integer(1),
    "leaf_targetids": integers(required=True),
    "leaf_weights": tensor(),
    "membership_values": tensor(),
    "n_targets": integer(0),
    "nodes_falseleafs": integers(required=True),
    "nodes_falsenodeids": integers(required=True),
    "nodes_featureids": integers(required=True),
    "nodes_hitrates": tensor(),
    "nodes_missing_value_tracks_true": integers(),
    "nodes_modes": tensor(),
    "nodes_splits": tensor(),
    "nodes_trueleafs": integers(required=True),
    "nodes_truenodeids": integers(required=True),
    "post_transform": integer(0, allowed=(0, 3, 4)),  # 1 and 2 are swapped in onnxruntime
    "tree_roots": integers(required=True),
}

_NAMED = tuple(
    OpSpec(name, infer, evaluate, ML_DOMAIN, since, until, outputs=outputs, attributes=_attributes(prefix, since))
    for name, infer, evaluate, prefix, outputs in (
        ("TreeEnsembleClassifier", _infer_classifier, _classifier, "class", (1, 2)),
        ("TreeEnsembleRegressor", _infer_regressor, _regressor, "target", (1, 1)),
    )
    for since, until in ((1, 2), (3, 4))
)
OPS = (*_NAMED, OpSpec("TreeEnsemble", _infer_regressor, _regressor, ML_DOMAIN, 5, 5, attributes=_NUMBERED))
