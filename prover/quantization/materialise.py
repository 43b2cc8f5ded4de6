"""Probabilities and labels in the middle of a model: the symbolic values of :mod:`trace` as variables."""

from __future__ import annotations

import numpy as np

from prover.graph import Node
from prover.quantization.sparse import Sparse
from prover.quantization.trace import Affine, FloatStep, Label, Link, Trace, unsupported


def materialise(trace: Trace, node: Node, value: Link | Label) -> Affine:
    """Append the steps that compute ``value``.

    Raises:
        UnsupportedOpError: a label of text, which is no number.
    """
    if isinstance(value, Label):
        return _label(trace, node, value)
    from prover.quantization.blocks.function import apply
    from prover.quantization.blocks.quotient import quotient
    from prover.quantization.blocks.softmax import softmax

    if value.kind == "softmax":
        flat = value.logits.flat
        shares = softmax(trace, node, flat, 0)
        return shares.reshaped(value.shape)
    odds = apply(trace, node, "Sigmoid", value.logits)
    if value.kind == "sigmoid":
        return odds
    total = odds.mapped(_sum(odds.size), np.zeros(1), (1,))
    return quotient(trace, node, odds, total)


def _label(trace: Trace, node: Node, value: Label) -> Affine:
    if value.names:
        raise unsupported(node, "it computes with a label that is text", "cut the model at its label or probabilities")
    flat = value.logits.flat
    step = FloatStep("argmax", node.name, flat, 1, {"classes": value.classes.tolist()})
    low, high = float(value.classes.min()), float(value.classes.max())
    return trace.append(step, value.shape, whole=True, lo=low, hi=high)


def _sum(size: int) -> Sparse:
    return Sparse.from_dense(np.ones((1, size)))
