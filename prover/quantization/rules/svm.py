"""Support vector machines of ai.onnx.ml: one-against-one votes and Platt's probabilities over sums of kernels.

Each pair of classes is one sum of kernels (see :mod:`prover.quantization.blocks.kernels`) and one comparison.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from prover.graph import Node
from prover.graph.ops.ml_svm import Machine, class_labels, classifier_machine, regressor_machine
from prover.quantization.blocks.compare import at_least_zero
from prover.quantization.blocks.coupling import coupled
from prover.quantization.blocks.kernels import kernel_sums, kernels
from prover.quantization.blocks.sums import shifted
from prover.quantization.rules import rule
from prover.quantization.rules.classifier import named_classes, transformed
from prover.quantization.rules.linear import integer
from prover.quantization.sparse import Sparse
from prover.quantization.trace import Affine, Label, Link, Trace, Value, linear, unsupported

F64 = NDArray[np.float64]
_ML = "ai.onnx.ml"
_KERNELS = "LINEAR 0; RBF, SIGMOID 2b+m+3 a support vector; POLY p a monomial or vector"
_STEPS = ("compare", "contract", "function", "quotient")

_MOST_COUPLED = 16
"""Most classes whose pairwise probabilities are coupled: k^3 / 3 products."""


@rule("SVMRegressor", domain=_ML, steps=_STEPS, cost=_KERNELS)
def svm_regressor(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """``sum_v coefficient_v * K(x, v) + rho``; of one class, 1 above zero and -1 elsewhere."""
    source = linear(node, operands[0], trace)
    machine = regressor_machine(node, source.shape[-1])
    weights, offset = machine.coefficients.astype(np.float64), machine.rho[:1].astype(np.float64)
    scores = kernel_sums(trace, node, source, machine, weights, offset)
    if not integer(node, "one_class"):
        return [scores]
    above = at_least_zero(trace, node, scores, strict=True)
    return [shifted(_scaled(above, 2.0), -1.0)]


@rule("SVMClassifier", domain=_ML, steps=_STEPS, cost=f"{_KERNELS}; b+1 a pair of classes")
def svm_classifier(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """Label and scores, as onnxruntime computes them: the label is the class with most votes, ties to the first."""
    source = linear(node, operands[0], trace)
    labels = class_labels(node)
    machine = classifier_machine(node, source.shape[-1], labels.size)
    transform = str(node.attributes["post_transform"])
    if not machine.starts:
        scores = _shifted(kernels(trace, node, source, machine), np.full(labels.size, machine.rho[0], dtype=np.float64))
        return [
            _label(trace, node, _preferred(trace, node, scores, machine)),
            transformed(trace, node, scores, transform),
        ]
    n_pairs = labels.size * (labels.size - 1) // 2
    offset = machine.rho[:n_pairs].astype(np.float64)
    pairs = kernel_sums(trace, node, source, machine, machine.pairs(labels.size), offset)
    label = _label(trace, node, _votes(trace, node, pairs, labels.size))
    if machine.prob_a.size:
        return [label, _platt(trace, node, pairs, machine, labels.size, transform)]
    if labels.size > 2:
        return [label, transformed(trace, node, pairs, transform)]
    negative = pairs.negated if transform in ("NONE", "LOGISTIC") else shifted(pairs.negated, 1.0)
    both = Affine.stack([negative, pairs]).reshaped((1, -1))
    return [label, Link("sigmoid", both) if transform == "LOGISTIC" else both]


def _votes(trace: Trace, node: Node, pairs: Affine, n_classes: int) -> Affine:
    """Votes of each class: a pair votes for its first class when its score is above 0, else for the second."""
    first = at_least_zero(trace, node, pairs, strict=True)
    weights = np.zeros((n_classes, pairs.size))
    against = np.zeros(n_classes)
    for column, (i, j) in enumerate(combinations(range(n_classes), 2)):
        weights[i, column], weights[j, column] = 1.0, -1.0
        against[j] += 1.0
    return first.mapped(Sparse.from_dense(weights), against, (n_classes,))


def _preferred(trace: Trace, node: Node, scores: Affine, machine: Machine) -> Affine:
    """What decides the label of a linear machine.

    Of two classes, onnxruntime chooses the second when any score is above 0 (or at least 1/2, if no coefficient is
    negative), and otherwise the one of larger score.
    """
    flat = scores.flat
    if scores.size > 2:
        return flat
    positive = bool((machine.vectors >= 0).all())
    enough = at_least_zero(trace, node, shifted(flat, -0.5 if positive else 0.0), strict=not positive)
    ahead = at_least_zero(trace, node, flat.mapped(Sparse.from_dense(np.array([[-1.0, 1.0]])), np.zeros(1), (1,)), True)
    reasons = Affine.stack([enough, ahead])
    weights = np.array([[0.0, 0.0, 0.0], [2.0, 2.0, 2.0]])
    return reasons.mapped(Sparse.from_dense(weights), np.array([1.0, 0.0]), (2,))


def _platt(trace: Trace, node: Node, pairs: Affine, machine: Machine, n_classes: int, transform: str) -> Value:
    """Probabilities ``1 / (1 + exp(a s + b))`` of the first class of each pair, coupled where there are more pairs.

    onnxruntime stops coupling them 0.005 / k before they are consistent, which its probabilities may differ by.
    """
    if n_classes > _MOST_COUPLED:
        raise unsupported(
            node,
            f"pairwise probabilities of {n_classes} classes",
            f"at most {_MOST_COUPLED} are coupled; without prob_a, label and pairwise scores are proved",
        )
    weights = machine.prob_a.astype(np.float64)
    second = _shifted(_scaled_rows(pairs, weights), machine.prob_b.astype(np.float64))
    if n_classes > 2:
        odds = trace.proved(node, Link("sigmoid", second.negated))
        return transformed(trace, node, coupled(trace, node, odds, n_classes), transform)
    shares = Link("sigmoid", Affine.stack([second.negated, second]).reshaped((1, -1)))
    if transform == "NONE":
        return shares
    return transformed(trace, node, linear(node, shares, trace), transform)


def _label(trace: Trace, node: Node, scores: Affine) -> Label:
    classes, names = named_classes(node)
    label = Label(scores, classes, (1,), names)
    trace.labels.append(label)
    return label


def _scaled(value: Affine, factor: float) -> Affine:
    return _scaled_rows(value, np.full(value.size, factor))


def _scaled_rows(value: Affine, factors: F64) -> Affine:
    return Affine(value.shape, value.matrix.scale_rows(factors), value.bias * factors, value.optional)


def _shifted(value: Affine, offset: F64) -> Affine:
    return Affine(value.shape, value.matrix, value.bias + offset, value.optional)
