"""ONNX-ML linear models: LinearClassifier and LinearRegressor."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from prover.graph.ir import Array, Node
from prover.graph.ops.ml_attributes import floats, labels_of
from prover.graph.ops.ml_scores import TRANSFORMS, transformed
from prover.graph.ops.spec import (
    ML_DOMAIN,
    Inferred,
    Operand,
    OpSpec,
    array,
    integer,
    integers,
    needed,
    reals,
    same_dtype,
    text,
    texts,
    unsupported,
)

_FLOAT32 = np.dtype(np.float32)


def _weights(node: Node, shape: tuple[int, ...], targets: int) -> tuple[Array, Array]:
    """(coefficients float32[targets, features], intercepts float32[targets]) for inputs of a shape [n, features]."""
    if len(shape) not in (1, 2):
        raise ValueError(f"the input has rank {len(shape)}, expected 1 or 2")
    coefficients, intercepts = floats(node, "coefficients"), floats(node, "intercepts")
    if targets < 1 or coefficients.size != targets * shape[-1]:
        raise ValueError(f"{coefficients.size} coefficients for {targets} targets of {shape[-1]} features")
    if intercepts.size not in (0, targets):
        raise ValueError(f"{intercepts.size} intercepts for {targets} targets")
    filled = intercepts if intercepts.size else np.zeros(targets, dtype=np.float32)
    return coefficients.reshape(targets, shape[-1]), filled


def _scores(node: Node, data: Array, targets: int) -> Array:
    weights, intercepts = _weights(node, data.shape, targets)
    return np.asarray(np.atleast_2d(data).astype(np.float32) @ weights.T + intercepts)


def classifier_labels(node: Node) -> Array:
    """The labels of a LinearClassifier's classes, int64[n] or str objects[n]; a single row of scores has two."""
    labels = labels_of(node, "classlabels_ints")
    expected = max(floats(node, "intercepts").size, 2)
    if labels.size != expected:
        raise ValueError(f"{labels.size} class labels, expected {expected}")
    return labels


def _infer_classifier(node: Node, inputs: Sequence[Operand | None]) -> list[Inferred]:
    data = needed(inputs[0])
    same_dtype(inputs)
    targets = floats(node, "intercepts").size
    _weights(node, data.shape, targets)
    if targets == 1 and node.attributes["post_transform"] not in ("NONE", "LOGISTIC"):
        transform = node.attributes["post_transform"]
        raise unsupported(node, f"{transform} of a single score", "runtimes disagree; use LOGISTIC")
    labels = classifier_labels(node)
    rows = data.shape[0] if len(data.shape) == 2 else 1
    return [Inferred(labels.dtype, (rows,)), Inferred(_FLOAT32, (rows, labels.size))]


def _classifier(node: Node, inputs: Sequence[Array | None]) -> list[Array]:
    labels = classifier_labels(node)
    scores = _scores(node, array(inputs[0]), floats(node, "intercepts").size)
    single = scores.shape[1] == 1
    chosen = (scores[:, 0] > 0).astype(np.int64) if single else scores.argmax(axis=1)
    transform = node.attributes["post_transform"]
    if single:  # one score decides between two classes
        negative = -scores if transform == "LOGISTIC" else 1 - scores
        scores = np.concatenate([negative, scores], axis=1)
    return [labels[chosen], transformed(scores, transform).astype(np.float32)]


def _infer_regressor(node: Node, inputs: Sequence[Operand | None]) -> list[Inferred]:
    data = needed(inputs[0])
    same_dtype(inputs)
    targets = node.attributes["targets"]
    assert isinstance(targets, int)
    _weights(node, data.shape, targets)
    transform = node.attributes["post_transform"]
    if targets == 1 and transform in ("LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO"):
        raise unsupported(
            node,
            f"{transform} of a single target: onnxruntime returns the score itself, the specification does not",
            "apply Sigmoid to a regressor whose post_transform is NONE",
        )
    return [Inferred(_FLOAT32, (data.shape[0] if len(data.shape) == 2 else 1, targets))]


def _regressor(node: Node, inputs: Sequence[Array | None]) -> list[Array]:
    targets = node.attributes["targets"]
    assert isinstance(targets, int)
    scores = _scores(node, array(inputs[0]), targets)
    return [transformed(scores, node.attributes["post_transform"]).astype(np.float32)]


_CLASSIFIER = {
    "coefficients": reals(required=True),
    "intercepts": reals(required=True),
    "classlabels_ints": integers(),
    "classlabels_strings": texts(),
    "multi_class": integer(0, allowed=(0, 1)),  # says how the weights were trained; does not change the result
    "post_transform": text("NONE", allowed=TRANSFORMS),
}
_REGRESSOR = {
    "coefficients": reals(required=True),
    "intercepts": reals(),
    "targets": integer(1),
    "post_transform": text("NONE", allowed=TRANSFORMS),
}

OPS = (
    OpSpec("LinearClassifier", _infer_classifier, _classifier, ML_DOMAIN, outputs=(1, 2), attributes=_CLASSIFIER),
    OpSpec("LinearRegressor", _infer_regressor, _regressor, ML_DOMAIN, attributes=_REGRESSOR),
)
