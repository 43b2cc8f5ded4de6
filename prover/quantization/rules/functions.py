"""Functions of one number, element by element, by approximation."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from prover.graph import Node
from prover.quantization.blocks.function import apply
from prover.quantization.blocks.links import inverted
from prover.quantization.blocks.sums import scaled
from prover.quantization.rules import rule
from prover.quantization.rules.linear import real
from prover.quantization.trace import Affine, Trace, Value, linear

_PLAIN = (
    "Exp", "Log", "Sin", "Cos", "Tan", "Asin", "Acos", "Atan", "Sinh", "Cosh", "Asinh", "Acosh", "Atanh",
    "Tanh", "Softplus", "Softsign", "Erf", "Mish", "HardSwish",
)  # fmt: skip

_WITH_CONSTANTS: Mapping[str, Callable[[Node], dict[str, float]]] = {
    "Elu": lambda node: {"alpha": real(node, "alpha")},
    "Celu": lambda node: {"alpha": real(node, "alpha")},
    "Selu": lambda node: {"alpha": real(node, "alpha"), "gamma": real(node, "gamma")},
}


@rule(*_PLAIN, steps=("function", "floor"))
def plain(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """One table for all elements."""
    return [apply(trace, node, node.op, linear(node, operands[0], trace))]


@rule(*_WITH_CONSTANTS, steps=("function",))
def with_constants(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """Elu, Celu and Selu with their constants."""
    constants = _WITH_CONSTANTS[node.op](node)
    return [apply(trace, node, node.op, linear(node, operands[0], trace), **constants)]  # type: ignore[arg-type]


@rule("Reciprocal", steps=("quotient",))
def reciprocal(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """``1 / x``: correct to the last bit; a sigmoid where x is 1 + exp(-logit)."""
    x = linear(node, operands[0], trace)
    return [inverted(trace, x) or apply(trace, node, node.op, x)]


@rule("Sqrt", steps=("root",))
def square_root(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """Correct to the last bit."""
    return [apply(trace, node, node.op, linear(node, operands[0], trace))]


@rule("HardSigmoid", steps=("function",))
def hard_sigmoid(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """``clip(alpha x + beta, 0, 1)``; a falling one is the rising one of -x."""
    x, alpha, beta = linear(node, operands[0], trace), real(node, "alpha"), real(node, "beta")
    if alpha == 0.0:
        return [Affine.constant(np.full(x.shape, min(max(beta, 0.0), 1.0)), trace.n_variables)]
    return [apply(trace, node, "HardSigmoid", x if alpha > 0 else x.negated, alpha=abs(alpha), beta=beta)]


@rule("Gelu", steps=("function",))
def gelu(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """The exact form, or the one with tanh."""
    name = "Gelu" if node.attributes["approximate"] == "none" else "GeluTanh"
    return [apply(trace, node, name, linear(node, operands[0], trace))]


@rule("Swish", steps=("function",))
def swish(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """``x * sigmoid(alpha * x)``, which is ``silu(alpha * x) / alpha``."""
    alpha = real(node, "alpha")
    x = linear(node, operands[0], trace)
    if alpha == 0.0:
        return [scaled(x, 0.5)]
    return [scaled(apply(trace, node, "Silu", scaled(x, alpha)), 1.0 / alpha)]
