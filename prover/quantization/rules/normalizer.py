"""Normalizer of ai.onnx.ml: rows over their largest element, their L1 or their L2 norm."""

from __future__ import annotations

from prover.graph import Node
from prover.quantization.blocks.maximum import maximum
from prover.quantization.blocks.quotient import quotient
from prover.quantization.reductions import Groups, along
from prover.quantization.rules import rule
from prover.quantization.rules.activation import complementary
from prover.quantization.rules.normalization import over_norm
from prover.quantization.rules.reduction import magnitudes
from prover.quantization.trace import Affine, Link, Trace, Value, linear


@rule("Normalizer", domain="ai.onnx.ml", steps=("contract", "maximum", "quotient", "relu", "root"))
def normalizer(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """Each row over its norm; probabilities that sum to 1 stay as they are.

    onnxruntime leaves a row of zeros alone, and divides by the largest element as it is, not by its magnitude. Here a
    norm that may be 0 is kept away from it by saturation, which leaves rows of zeros alone as well.
    """
    value, norm = operands[0], str(node.attributes["norm"])
    if isinstance(value, Link) and norm == "L1":
        if value.kind == "softmax" or complementary(value):
            return [value]
        if value.kind == "sigmoid":
            return [Link("normalized", value.logits)]
    x = linear(node, value, trace)
    groups = along(x.shape, (len(x.shape) - 1,))
    if norm == "L2":
        return [over_norm(trace, node, x, groups, 0.0, 1)[0]]
    sizes = _largest(trace, node, x, groups) if norm == "MAX" else groups.sums(magnitudes(trace, node, x))
    return [quotient(trace, node, x, sizes)]


def _largest(trace: Trace, node: Node, x: Affine, groups: Groups) -> Affine:
    """The largest element of each row, [.., 1]."""
    rows = x.reshaped((-1, groups.length))
    found = maximum(trace, node, rows)
    return found.reshaped((*x.shape[:-1], 1))
