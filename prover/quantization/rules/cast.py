"""Conversions between element types: nothing happens where every value is one of the other type."""

from __future__ import annotations

import numpy as np

from prover.graph import Node
from prover.graph.dtypes import ELEMENT_TYPES, NIBBLES
from prover.quantization.blocks.compare import equal_zero
from prover.quantization.blocks.function import truncate
from prover.quantization.blocks.links import is_positive
from prover.quantization.blocks.sums import shifted
from prover.quantization.rules import rule
from prover.quantization.rules.linear import integer
from prover.quantization.trace import Affine, Label, Link, Trace, Value, linear, unsupported


@rule("Cast", "CastLike", steps=("floor", "equal"))
def cast(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """To a float type nothing happens; to an integer type the fraction is dropped; to a boolean, ``x != 0``.

    Narrower floats are computed as wide ones. Runtimes differ in how they round to four bits, so that only whole
    numbers become those. That a value fits its type is checked for every integer tensor
    (:mod:`prover.quantization.dtypes`): nothing wraps around.
    """
    value = operands[0]
    if node.op == "Cast":
        target = ELEMENT_TYPES[integer(node, "to")]
    else:
        target = trace.tensors[node.inputs[1]].dtype
    if target.kind == "O" or trace.tensors[node.inputs[0]].dtype.kind == "O":
        raise unsupported(node, "a conversion from or to text")
    if isinstance(value, Link) and target.kind == "f":
        return [value]
    if isinstance(value, Label) and target != np.bool_ and not (value.names and target.kind == "f"):
        return [value]
    if isinstance(value, Affine) and target.kind == "f":
        return [value]  # also where it may be missing
    source = linear(node, value, trace)
    if target.kind == "f":
        return [source]
    if target == np.bool_:
        return [_truth(trace, node, source)]
    if target in NIBBLES and not trace.is_whole(source).all():
        raise unsupported(node, f"a conversion to {target} of values with a fraction", "cast them to int8 first")
    return [truncate(trace, node, source)]


def _truth(trace: Trace, node: Node, x: Affine) -> Value:
    if is_positive(trace, x):
        return np.ones(x.shape, dtype=np.bool_)
    low, high = trace.interval(x)
    if bool(((low >= 0) & (high <= 1) & trace.is_whole(x)).all()):
        return x
    return shifted(equal_zero(trace, node, x).negated, 1.0)
