"""ONNX-ML support vector machines: SVMClassifier and SVMRegressor, as onnxruntime computes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from prover.graph.ir import Array, Node
from prover.graph.ops.elementwise import sigmoid
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

_SURE = 1e-7
"""Pairwise probabilities keep this distance from 0 and 1."""

_ROUNDS = 100
"""Most rounds of the coupling of pairwise probabilities."""


@dataclass(frozen=True)
class Machine:
    """The parameters of a machine.

    Attributes:
        kernel: ``"LINEAR"``, ``"POLY"``, ``"RBF"`` or ``"SIGMOID"``.
        gamma, coef0, degree: of the kernel.
        vectors: float32[s, d] support vectors; of a linear machine without any, its coefficients, one row a class.
        coefficients: float32[k - 1, s], duals as libsvm orders them; float32[1, s] of a regressor.
        rho: float32[...], one constant for each pair of classes.
        starts: first support vector of each class and the end of the last one; empty for a linear machine.
        prob_a, prob_b: Platt's sigmoids, one for each pair, or empty.
    """

    kernel: str
    gamma: float
    coef0: float
    degree: float
    vectors: Array
    coefficients: Array
    rho: Array
    starts: tuple[int, ...]
    prob_a: Array
    prob_b: Array

    def kernels(self, data: Array) -> Array:
        """float32[n, d] -> float32[n, s]."""
        if self.kernel == "RBF":
            squares = ((data[:, None, :] - self.vectors[None]) ** 2).sum(axis=2)
            return np.asarray(np.exp(-np.float32(self.gamma) * squares))
        dots = data @ self.vectors.T
        if self.kernel == "LINEAR":
            return np.asarray(dots)
        scaled = np.float32(self.gamma) * dots + np.float32(self.coef0)
        return np.asarray(np.tanh(scaled) if self.kernel == "SIGMOID" else scaled ** np.float32(self.degree))

    def pairs(self, n_classes: int) -> Array:
        """float64[pairs, s]: how much each support vector counts for the first class of a pair, against the second."""
        rows = np.zeros((n_classes * (n_classes - 1) // 2, len(self.vectors)))
        for row, (i, j) in enumerate(combinations(range(n_classes), 2)):
            first, second = slice(*self.starts[i : i + 2]), slice(*self.starts[j : j + 2])
            rows[row, first] = self.coefficients[j - 1, first]
            rows[row, second] = self.coefficients[i, second]
        return rows


def class_labels(node: Node) -> Array:
    """int64[k], or str objects[k]."""
    return labels_of(node, "classlabels_ints")


def classifier_machine(node: Node, width: int, n_classes: int) -> Machine:
    """The machine of an SVMClassifier over ``width`` features."""
    counts = node.attributes["vectors_per_class"] or ()
    assert isinstance(counts, tuple)
    pairs = n_classes * (n_classes - 1) // 2
    prob_a, prob_b = floats(node, "prob_a"), floats(node, "prob_b")
    if n_classes < 2 or prob_a.size != prob_b.size:
        raise ValueError("fewer than two classes, or prob_a and prob_b of different lengths")
    if not counts:
        if prob_a.size:
            raise ValueError("prob_a without support vectors")
        rows = floats(node, "coefficients")
        if rows.size != n_classes * width:
            raise ValueError(f"{rows.size} coefficients for {n_classes} classes of {width} features")
        return _machine(node, "LINEAR", rows.reshape(n_classes, width), np.eye(n_classes, dtype=np.float32), 1, ())
    if len(counts) != n_classes or min(counts) < 0 or (prob_a.size not in (0, pairs)):
        raise ValueError("vectors_per_class, prob_a or prob_b do not match the classes")
    starts = tuple(np.cumsum([0, *counts]).tolist())
    vectors = floats(node, "support_vectors")
    duals = floats(node, "coefficients")
    if vectors.size != starts[-1] * width or duals.size != starts[-1] * (n_classes - 1):
        raise ValueError(f"support vectors or coefficients do not match {starts[-1]} vectors of {width} features")
    kernel = str(node.attributes["kernel_type"])
    return _machine(node, kernel, vectors.reshape(-1, width), duals.reshape(n_classes - 1, -1), pairs, starts)


def regressor_machine(node: Node, width: int) -> Machine:
    """The machine of an SVMRegressor over ``width`` features."""
    count = node.attributes["n_supports"]
    assert isinstance(count, int)
    duals = floats(node, "coefficients")
    if count == 0:
        if duals.size != width:
            raise ValueError(f"{duals.size} coefficients for {width} features")
        return _machine(node, "LINEAR", duals.reshape(1, width), np.ones((1, 1), dtype=np.float32), 1, ())
    vectors = floats(node, "support_vectors")
    if vectors.size != count * width or duals.size != count:
        raise ValueError(f"support vectors or coefficients do not match {count} vectors of {width} features")
    return _machine(node, str(node.attributes["kernel_type"]), vectors.reshape(-1, width), duals.reshape(1, -1), 1, ())


def _machine(
    node: Node, kernel: str, vectors: Array, coefficients: Array, n_rho: int, starts: tuple[int, ...]
) -> Machine:
    rho, params = floats(node, "rho"), floats(node, "kernel_params")
    if rho.size < n_rho or params.size not in (0, 3):
        raise ValueError(f"rho has {rho.size} entries, kernel_params {params.size}")
    gamma, coef0, degree = params.tolist() if params.size else (0.0, 0.0, 0.0)
    if kernel == "POLY" and degree != int(degree):
        raise unsupported(node, f"a polynomial kernel of degree {degree:g}", "use a whole degree")
    probabilities = floats(node, "prob_a"), floats(node, "prob_b")
    return Machine(kernel, gamma, coef0, degree, vectors, coefficients, rho, starts, *probabilities)


def _width(shape: tuple[int, ...]) -> int:
    if len(shape) not in (1, 2):
        raise ValueError(f"the input has rank {len(shape)}, expected 1 or 2")
    return shape[-1]


def _infer_classifier(node: Node, inputs: Sequence[Operand | None]) -> list[Inferred]:
    data = needed(inputs[0])
    same_dtype(inputs)
    labels = class_labels(node)
    machine = classifier_machine(node, _width(data.shape), labels.size)
    pairwise = bool(machine.starts) and machine.prob_a.size == 0
    transform = node.attributes["post_transform"]
    if pairwise and labels.size == 2 and transform == "PROBIT":
        raise unsupported(node, "PROBIT of a single score", "onnxruntime leaves its complement empty")
    columns = labels.size * (labels.size - 1) // 2 if pairwise and labels.size > 2 else labels.size
    rows = data.shape[0] if len(data.shape) == 2 else 1
    return [Inferred(labels.dtype, (rows,)), Inferred(_FLOAT32, (rows, columns))]


def _classifier(node: Node, inputs: Sequence[Array | None]) -> list[Array]:
    data = np.atleast_2d(array(inputs[0])).astype(np.float32)
    labels, transform = class_labels(node), node.attributes["post_transform"]
    machine = classifier_machine(node, data.shape[1], labels.size)
    kernels = machine.kernels(data)
    if not machine.starts:
        scores = kernels + machine.rho[0]
        chosen = scores.argmax(axis=1)
        if labels.size == 2:  # a score that is large enough is a vote for the second class, whoever reached it
            least = np.float32(0.5) if (machine.vectors >= 0).all() else np.nextafter(np.float32(0), np.float32(1))
            chosen[scores.max(axis=1) >= least] = 1
        return [labels[chosen], transformed(scores, transform).astype(np.float32)]
    scores = (kernels @ machine.pairs(labels.size).T + machine.rho[: labels.size * (labels.size - 1) // 2]).astype(
        np.float32
    )
    votes = np.zeros((len(data), labels.size), dtype=np.int64)
    for column, (i, j) in enumerate(combinations(range(labels.size), 2)):
        votes[:, i] += scores[:, column] > 0
        votes[:, j] += scores[:, column] <= 0
    chosen = votes.argmax(axis=1)
    if machine.prob_a.size:
        shares = np.clip(1 - sigmoid(scores * machine.prob_a + machine.prob_b), _SURE, 1 - _SURE)
        scores = np.stack([_coupled(row, labels.size) for row in shares])
    elif labels.size == 2:
        negative = -scores if transform in ("NONE", "LOGISTIC") else 1 - scores
        scores = np.concatenate([negative, scores], axis=1)
        transform = "LOGISTIC" if transform == "LOGISTIC" else "NONE"
    return [labels[chosen], transformed(scores, transform).astype(np.float32)]


def _coupled(shares: Array, n_classes: int) -> Array:
    """Class probabilities from pairwise ones: Wu, Lin and Weng (JMLR 5, 2004), algorithm 2, stopped at 0.005 / k."""
    r = np.zeros((n_classes, n_classes))
    for share, (i, j) in zip(shares, combinations(range(n_classes), 2), strict=True):
        r[i, j], r[j, i] = share, 1 - share
    q = -r.T * r
    np.fill_diagonal(q, (r**2).sum(axis=0))
    p = np.full(n_classes, 1 / n_classes)
    for _ in range(_ROUNDS):
        qp = q @ p
        total = p @ qp
        if np.abs(qp - total).max() < 0.005 / n_classes:
            break
        for i in range(n_classes):
            step = (total - qp[i]) / q[i, i]
            p[i] += step
            total = (total + step * (step * q[i, i] + 2 * qp[i])) / (1 + step) ** 2
            qp, p = (qp + step * q[i]) / (1 + step), p / (1 + step)
    return p


def _infer_regressor(node: Node, inputs: Sequence[Operand | None]) -> list[Inferred]:
    data = needed(inputs[0])
    same_dtype(inputs)
    regressor_machine(node, _width(data.shape))
    return [Inferred(_FLOAT32, (data.shape[0] if len(data.shape) == 2 else 1, 1))]


def _regressor(node: Node, inputs: Sequence[Array | None]) -> list[Array]:
    data = np.atleast_2d(array(inputs[0])).astype(np.float32)
    machine = regressor_machine(node, data.shape[1])
    scores = machine.kernels(data) @ machine.coefficients.T + machine.rho[0]
    if node.attributes["one_class"]:
        scores = np.where(scores > 0, 1.0, -1.0)
    return [scores.astype(np.float32)]


_COMMON = {
    "coefficients": reals(required=True),
    "kernel_params": reals(),
    "kernel_type": text("LINEAR", allowed=("LINEAR", "POLY", "RBF", "SIGMOID")),
    "rho": reals(required=True),
    "support_vectors": reals(),
}
_CLASSIFIER = {
    **_COMMON,
    "classlabels_ints": integers(),
    "classlabels_strings": texts(),
    "post_transform": text("NONE", allowed=TRANSFORMS),
    "prob_a": reals(),
    "prob_b": reals(),
    "vectors_per_class": integers(),
}
_REGRESSOR = {
    **_COMMON,
    "n_supports": integer(0),
    "one_class": integer(0, allowed=(0, 1)),
    "post_transform": text("NONE", allowed=("NONE",)),
}

OPS = (
    OpSpec("SVMClassifier", _infer_classifier, _classifier, ML_DOMAIN, outputs=(2, 2), attributes=_CLASSIFIER),
    OpSpec("SVMRegressor", _infer_regressor, _regressor, ML_DOMAIN, attributes=_REGRESSOR),
)
