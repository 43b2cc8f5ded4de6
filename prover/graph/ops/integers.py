"""Remainders, shifts of bits, and conversions to another tensor's type."""

from __future__ import annotations

from collections.abc import Sequence

from prover.graph.ir import Array, Node
from prover.graph.ops.spec import OpSpec, array
from prover.graph.ops.standard import standard


def _cast_like(node: Node, inputs: Sequence[Array | None]) -> list[Array]:
    return [array(inputs[0]).astype(array(inputs[1]).dtype)]


OPS: tuple[OpSpec, ...] = (
    *standard("Mod"),
    *standard("BitShift"),
    *standard("BitwiseNot"),
    *standard("CastLike", evaluate=_cast_like, infinite=(0,)),
)
