"""``post_transform`` of the ONNX-ML models, as onnxruntime computes it (float32)."""

from __future__ import annotations

import numpy as np

from prover.graph.ir import Array
from prover.graph.ops.elementwise import sigmoid
from prover.graph.ops.reduction import softmax

TRANSFORMS = ("NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT")

ZERO = 1e-7
"""SOFTMAX_ZERO takes scores up to this magnitude for absent."""

ERFINV = 0.147
"""The constant of Winitzki's approximation of the inverse error function, which PROBIT uses."""


def transformed(scores: Array, transform: object) -> Array:
    """``transform`` of the rows of scores[n, k]."""
    if transform == "LOGISTIC":
        return sigmoid(scores)
    if transform == "SOFTMAX":
        return softmax(scores, 1)
    if transform == "SOFTMAX_ZERO":
        return _softmax_zero(scores)
    if transform == "PROBIT":
        return _probit(scores)
    return scores


def _softmax_zero(scores: Array) -> Array:
    """Softmax of the scores that are not zero; the others stay (almost) zero."""
    largest = scores.max(axis=1, keepdims=True)
    weights = np.where(np.abs(scores) > ZERO, np.exp(scores - largest), scores * np.exp(-largest))
    counted = np.where(np.abs(scores) > ZERO, weights, 0).sum(axis=1, keepdims=True)
    return np.asarray(weights / counted)


def _probit(scores: Array) -> Array:
    """``sqrt(2) * erfinv(2 p - 1)`` by Winitzki's formula; NaN outside (0, 1)."""
    x = 2 * scores - 1
    log = np.log((1 - x) * (1 + x))
    half = 2 / (np.pi * ERFINV) + 0.5 * log
    return np.asarray(np.sqrt(2.0) * np.copysign(np.sqrt(-half + np.sqrt(half * half - log / ERFINV)), x))
