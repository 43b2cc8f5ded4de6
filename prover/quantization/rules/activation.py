"""Nonlinear operators: Relu inside the model; Sigmoid at its output."""

from __future__ import annotations

import numpy as np

from prover.graph import Node
from prover.quantization.blocks.relu import relu as rectified
from prover.quantization.rules import rule
from prover.quantization.sparse import Sparse
from prover.quantization.trace import Affine, Link, Trace, Value, linear


@rule("Relu", steps=("relu", "maximum"), cost="b+2")
def relu(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """``max(x, 0)``: a step of its own, where the sign is open."""
    return [rectified(trace, node, linear(node, operands[0], trace))]


@rule("Sigmoid", steps=("function",))
def sigmoid(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """``1 / (1 + exp(-x))`` of every element."""
    return [Link("sigmoid", linear(node, operands[0], trace))]


def softmax_link(logits: Affine) -> Link:
    """Softmax of all elements; of two, it is the sigmoid of their differences, and can be taken apart."""
    if logits.size != 2:
        return Link("softmax", logits)
    rows = Sparse.from_dense(np.array([[1.0, -1.0], [-1.0, 1.0]]))
    return Link("sigmoid", logits.mapped(rows, np.zeros(2), logits.shape))


def complementary(link: Link) -> bool:
    """Whether ``link`` is exactly ``[sigmoid(-x), sigmoid(x)]``.

    Nearly opposite coefficients do not do: a difference of 1e-4 of a feature that reaches 1e6 is 100 in the logit.
    """
    if link.kind != "sigmoid" or link.logits.size != 2:
        return False
    flat: Affine = link.logits
    total = flat.matrix.take(np.array([0])).add(flat.matrix.take(np.array([1])))
    return total.nnz == 0 and float(flat.bias.sum()) == 0.0
