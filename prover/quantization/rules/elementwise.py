"""Exact functions of one number: signs, rounding, and everything made of straight pieces."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prover.graph import Node
from prover.quantization.blocks.compare import at_least_zero, equal_zero
from prover.quantization.blocks.function import ceil, floor, round_half_even
from prover.quantization.blocks.product import product
from prover.quantization.blocks.relu import relu
from prover.quantization.blocks.sums import aligned, combined, scaled, shifted
from prover.quantization.rules import rule
from prover.quantization.rules.linear import real
from prover.quantization.trace import Affine, Trace, Value, linear, unsupported

_ROUNDINGS: Mapping[str, Callable[[Trace, Node, Affine], Affine]] = {
    "Floor": floor,
    "Ceil": ceil,
    "Round": round_half_even,
}


@rule("Neg", steps=())
def neg(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """``-x``."""
    return [linear(node, operands[0], trace).negated]


@rule(*_ROUNDINGS, steps=("floor",))
def rounding(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """Whole numbers; exact where the input is."""
    return [_ROUNDINGS[node.op](trace, node, linear(node, operands[0], trace))]


@rule("Abs", steps=("relu",))
def absolute(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """``2 relu(x) - x``."""
    x = linear(node, operands[0], trace)
    return [combined(scaled(relu(trace, node, x), 2.0), x, -1.0)]


@rule("Sign", steps=("compare", "equal"))
def sign(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """``2 (x >= 0) - 1 - (x = 0)`` of whole numbers; ``(x >= 0) - (-x >= 0)`` of others, which may be rounded."""
    x = linear(node, operands[0], trace)
    positive = at_least_zero(trace, node, x)
    if trace.is_whole(x).all():
        return [combined(shifted(scaled(positive, 2.0), -1.0), equal_zero(trace, node, x), -1.0)]
    return [combined(positive, at_least_zero(trace, node, x.negated), -1.0)]


@rule("LeakyRelu", steps=("relu",))
def leaky_relu(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """``alpha x + (1 - alpha) relu(x)``."""
    x, alpha = linear(node, operands[0], trace), real(node, "alpha")
    return [combined(scaled(x, alpha), relu(trace, node, x), 1.0 - alpha)]


@rule("PRelu", steps=("relu", "contract"))
def prelu(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """``relu(x) - slope relu(-x)``, with ``relu(-x) = relu(x) - x``."""
    x = linear(node, operands[0], trace)
    positive = relu(trace, node, x)
    negative = combined(positive, x, -1.0)
    slope = aligned(x, linear(node, operands[1], trace))[1]
    return [combined(positive, product(trace, node, negative, slope), -1.0)]


@rule("Clip", steps=("relu",))
def clip(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """Between two constants, or values that depend on the input; the upper end wins where they cross."""
    x = linear(node, operands[0], trace)
    low, high = _ends(node, operands)
    if low is not None:
        x = _at_least(trace, node, x, low)
    if high is not None:
        x = _at_least(trace, node, x.negated, _negative(trace, node, high)).negated
    return [x]


@rule("ThresholdedRelu", steps=("relu", "compare"))
def thresholded_relu(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """``relu(x - alpha) + alpha (x > alpha)``."""
    alpha = real(node, "alpha")
    return [_above(trace, node, linear(node, operands[0], trace), alpha, alpha)]


@rule("Shrink", steps=("relu", "compare"))
def shrink(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """``x - bias`` above ``lambd``, ``x + bias`` below ``-lambd``, 0 between."""
    x, edge, bias = linear(node, operands[0], trace), real(node, "lambd"), real(node, "bias")
    if edge < 0:
        raise unsupported(node, f"lambd is {edge:g}, less than 0")
    return [
        combined(_above(trace, node, x, edge, edge - bias), _above(trace, node, x.negated, edge, edge - bias), -1.0)
    ]


def _above(trace: Trace, node: Node, x: Affine, edge: float, jump: float) -> Affine:
    """``x - edge + jump`` where x > edge, 0 elsewhere."""
    rest = shifted(x, -edge)
    rising = relu(trace, node, rest)
    return combined(rising, at_least_zero(trace, node, rest, strict=True), jump) if jump else rising


def _ends(node: Node, operands: list[Value | None]) -> tuple[Value | None, Value | None]:
    """Lower and upper end: attributes before opset 11, inputs since; None for those that cut nothing off."""
    ends: list[Value | None] = []
    for place, name in ((1, "min"), (2, "max")):
        end = operands[place] if len(operands) > place else None
        if end is None and node.attributes.get(name) is not None:
            end = np.asarray(node.attributes[name], dtype=np.float64)
        ends.append(None if isinstance(end, np.ndarray) and _cuts_nothing(end, name) else end)
    return ends[0], ends[1]


def _cuts_nothing(end: NDArray[Any], name: str) -> bool:
    """Whether a bound is the end of its own type, as exporters write where there is none."""
    if end.dtype.kind in "iu":
        least, most = float(np.iinfo(end.dtype).min), float(np.iinfo(end.dtype).max)
    else:
        least, most = float(np.finfo(np.float32).min), float(np.finfo(np.float32).max)
    value = float(end.ravel()[0]) if end.size == 1 else 0.0
    return value <= least if name == "min" else value >= most


def _negative(trace: Trace, node: Node, value: Value) -> Value:
    return linear(node, value, trace).negated


def _at_least(trace: Trace, node: Node, x: Affine, low: Value) -> Affine:
    """``low + relu(x - low)``."""
    bound = aligned(x, linear(node, low, trace))[1]
    return combined(bound, relu(trace, node, combined(x, bound, -1.0)))
