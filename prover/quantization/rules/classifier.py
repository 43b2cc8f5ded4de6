"""LinearClassifier of ai.onnx.ml: linear scores, a link function, and the label."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from prover.graph import Node
from prover.quantization.rules import rule
from prover.quantization.rules.activation import softmax_link
from prover.quantization.rules.linear import floats, weighted_rows
from prover.quantization.trace import Affine, Label, Link, Trace, Value, linear, unsupported

_LARGEST_LABEL = 1 << 52


@rule("LinearClassifier", domain="ai.onnx.ml")
def linear_classifier(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """Label and scores, as onnxruntime computes them.

    The label is the first class of largest score. One row of coefficients with two labels is the binary short form:
    class 1 wins when its score is above 0, and the scores are (1 - p, p); there SOFTMAX does nothing.
    """
    source = linear(node, operands[0], trace)
    classes, names = named_classes(node)
    n_scores = floats(node, "coefficients").size // source.shape[-1]
    scores = weighted_rows(node, source, n_scores)
    transform = node.attributes["post_transform"]
    if n_scores == 1 and classes.size == 2:
        pair = Affine.stack([scores.negated, scores])
        rest = Affine(pair.shape, pair.matrix, pair.bias + np.array([1.0, 0.0]), pair.optional)
        label_scores = Affine.stack([Affine.constant(np.zeros(1), trace.n_variables), scores])
        outputs = pair if transform == "LOGISTIC" else rest
    elif n_scores == classes.size:
        outputs = label_scores = scores
    else:
        raise unsupported(node, f"{n_scores} rows of coefficients for {classes.size} labels")
    outputs = outputs.pick(np.arange(classes.size, dtype=np.int64).reshape(1, -1))
    flat = label_scores.pick(np.arange(classes.size, dtype=np.int64))
    label = Label(flat, classes, (1,), names)
    trace.labels.append(label)
    if n_scores == 1:  # the pair of one score: only LOGISTIC changes it
        return [label, Link("sigmoid", outputs) if transform == "LOGISTIC" else outputs]
    return [label, transformed(trace, node, outputs, str(transform))]


def transformed(trace: Trace, node: Node, scores: Affine, transform: str) -> Value:
    """``post_transform`` of one row of scores [1, k]."""
    if transform == "LOGISTIC":
        return Link("sigmoid", scores)
    if transform == "SOFTMAX":
        return softmax_link(scores)
    if transform == "NONE":
        return scores
    raise unsupported(node, f"post_transform {transform}", "NONE, LOGISTIC and SOFTMAX are proved")


def checked_classes(node: Node, classes: NDArray[np.int64], names: tuple[str, ...] = ()) -> NDArray[np.int64]:
    """``classes``, where a label can be revealed exactly and tells something.

    Raises:
        UnsupportedOpError: a label beyond 2^52, where differences of labels are no longer exact in float64; one label
            only; or one text for two classes.
    """
    beyond = classes[(classes > _LARGEST_LABEL) | (classes < -_LARGEST_LABEL)]
    if beyond.size:
        raise unsupported(node, f"class label {int(beyond[0])} is beyond 2^52", "use smaller labels")
    if np.unique(classes).size < 2:
        raise unsupported(node, f"every class has the label {classes[:1].tolist()}", "give every class its own label")
    if len(set(names)) < len(names):
        raise unsupported(node, "two classes have the same text label", "give every class its own label")
    return classes


def named_classes(node: Node) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Integer labels; text labels are counted from 0 in their own order and come along."""
    integers, texts = node.attributes["classlabels_ints"], node.attributes["classlabels_strings"]
    if integers is not None:
        return checked_classes(node, np.asarray(integers, dtype=np.int64)), ()
    names = tuple(str(name) for name in texts) if isinstance(texts, tuple) else ()
    return checked_classes(node, np.arange(len(names), dtype=np.int64), names), names
