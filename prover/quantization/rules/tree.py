"""Tree ensembles of ai.onnx.ml: cuts of features, one step for all trees, and what onnxruntime makes of the sums."""

from __future__ import annotations

import numpy as np

from prover.graph import Node
from prover.graph.ops.ml_tree import class_labels, returned_labels
from prover.graph.trees import Ensemble
from prover.quantization.blocks.forest import sums
from prover.quantization.rules import rule
from prover.quantization.rules.classifier import checked_classes, transformed
from prover.quantization.trace import Affine, Label, Link, Trace, Value

_STEPS = ("cuts", "trees")


@rule("TreeEnsembleRegressor", "TreeEnsemble", domain="ai.onnx.ml", steps=_STEPS)
def tree_regressor(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """One sum for each target. One target alone knows no transform but PROBIT."""
    total, ensemble = sums(trace, node, operands[0])
    scores = total.reshaped((1, -1))
    if ensemble.n_outputs == 1 and ensemble.transform != "PROBIT":
        return [scores]
    return [transformed(trace, node, scores, ensemble.transform)]


@rule("TreeEnsembleClassifier", domain="ai.onnx.ml", steps=_STEPS)
def tree_classifier(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """Label and scores; see :func:`prover.graph.ops.ml_tree.classify` for what two classes mean to onnxruntime."""
    total, ensemble = sums(trace, node, operands[0])
    outputs = _class_scores(trace, node, total, ensemble)
    names: tuple[str, ...] = ()
    classes = returned_labels(node, ensemble)
    if class_labels(node).dtype == object:
        names = tuple(str(name) for name in class_labels(node))
        classes = np.arange(len(names), dtype=np.int64)
    if ensemble.n_outputs > 2:
        deciding = total
    else:
        deciding = _binary_scores(trace, total, ensemble)
    flat = deciding.flat
    label = Label(flat, checked_classes(node, classes.astype(np.int64), names), (1,), names)
    trace.labels.append(label)
    return [label, outputs]


def above_half(ensemble: Ensemble) -> bool:
    """Whether the sum of votes is a probability of the second class, which wins above a half."""
    return np.unique(ensemble.targets).size == 1 and not bool((ensemble.weights < 0).any())


def _positive(ensemble: Ensemble) -> int:
    """Which of two sums decides."""
    return int(bool(ensemble.targets.any()))


def _binary_scores(trace: Trace, total: Affine, ensemble: Ensemble) -> Affine:
    """Two scores whose larger one is the class, the first in a tie."""
    score = total.pick(np.array([_positive(ensemble)], dtype=np.int64))
    if above_half(ensemble):
        return _pair(score.negated, score, 1.0)
    return Affine.stack([Affine.constant(np.zeros(1), trace.n_variables), score])


def _class_scores(trace: Trace, node: Node, total: Affine, ensemble: Ensemble) -> Value:
    """The scores as the model returns them, shape [1, k]."""
    shape = np.arange(ensemble.n_outputs, dtype=np.int64).reshape(1, -1)
    if ensemble.n_outputs > 2:
        return transformed(trace, node, total.pick(shape), ensemble.transform)
    second = bool(ensemble.targets.any())
    if ensemble.base.size < 2 and not second:  # one score speaks for both classes
        score = total.pick(np.zeros(1, dtype=np.int64))
        if ensemble.transform == "LOGISTIC":
            return Link("sigmoid", _pair(score.negated, score, 0.0).pick(shape))
        return _pair(score.negated, score, 1.0 if above_half(ensemble) else 0.0).pick(shape)
    zero = Affine.constant(np.zeros(1), trace.n_variables)
    first, last = (total.pick(np.array([place], dtype=np.int64)) for place in (0, 1))
    if not second:
        last = zero
    elif not bool((ensemble.targets == 0).any()):
        first = zero
    return transformed(trace, node, _pair(first, last, 0.0).pick(shape), ensemble.transform)


def _pair(first: Affine, last: Affine, offset: float) -> Affine:
    both = Affine.stack([first, last])
    return Affine(both.shape, both.matrix, both.bias + np.array([offset, 0.0]), both.optional)
