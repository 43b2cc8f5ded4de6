"""LinearClassifier and LinearRegressor of ai.onnx.ml: linear scores, their transform, and the label."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from prover.graph import Node
from prover.graph.ops.ml_scores import ZERO
from prover.quantization.blocks.compare import at_least_zero
from prover.quantization.blocks.function import apply
from prover.quantization.blocks.maximum import maximum
from prover.quantization.blocks.product import product
from prover.quantization.blocks.quotient import quotient
from prover.quantization.blocks.sums import combined, shifted
from prover.quantization.rules import rule
from prover.quantization.rules.activation import softmax_link
from prover.quantization.rules.linear import floats, integer, weighted_rows
from prover.quantization.sparse import Sparse
from prover.quantization.trace import Affine, Label, Link, Trace, Value, linear, unsupported

_LARGEST_LABEL = 1 << 52

_TRANSFORM = ("compare", "contract", "function", "maximum", "quotient")
"""Steps of SOFTMAX_ZERO and PROBIT; the other transforms have none of their own."""


_COST = "0; PROBIT 2b+m+3, SOFTMAX_ZERO 5b+m+9"


@rule("LinearClassifier", domain="ai.onnx.ml", steps=_TRANSFORM, cost=_COST)
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


@rule("LinearRegressor", domain="ai.onnx.ml", steps=_TRANSFORM, cost=_COST)
def linear_regressor(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """``x @ coefficients.T + intercepts``, one column per target, transformed."""
    source = linear(node, operands[0], trace)
    scores = weighted_rows(node, source, integer(node, "targets"))
    return [transformed(trace, node, scores, str(node.attributes["post_transform"]))]


def transformed(trace: Trace, node: Node, scores: Affine, transform: str) -> Value:
    """``post_transform`` of one row of scores [1, k]."""
    if transform == "LOGISTIC":
        return Link("sigmoid", scores)
    if transform == "SOFTMAX":
        return softmax_link(scores)
    if transform == "SOFTMAX_ZERO":
        return _softmax_zero(trace, node, scores)
    if transform == "PROBIT":
        return apply(trace, node, "Probit", scores)
    return scores


def _softmax_zero(trace: Trace, node: Node, scores: Affine) -> Value:
    """Softmax of the scores that are not zero, which is what onnxruntime calls up to 10^-7; the others get 0."""
    low, high = trace.interval(scores)
    if bool(((low > ZERO) | (high < -ZERO)).all()):
        return softmax_link(scores)
    above = at_least_zero(trace, node, shifted(scores, -ZERO), strict=True)
    present = combined(above, at_least_zero(trace, node, shifted(scores.negated, -ZERO), strict=True))
    largest = maximum(trace, node, scores.reshaped((1, -1)))
    powers = product(trace, node, apply(trace, node, "Exp", combined(scores, largest, -1.0)), present)
    total = powers.mapped(Sparse.from_dense(np.ones((1, powers.size))), np.zeros(1), (1, 1))
    return quotient(trace, node, powers, total)


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
