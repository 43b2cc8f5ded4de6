"""Remainders, shifts of bits, and conversions to another tensor's type."""

from __future__ import annotations

from prover.graph.ops.spec import OpSpec
from prover.graph.ops.standard import standard

OPS: tuple[OpSpec, ...] = (
    *standard("Mod"),
    *standard("BitShift"),
    *standard("BitwiseNot"),
    *standard("CastLike"),
)
