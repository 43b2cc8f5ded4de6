"""Comparisons, logic and selection."""

from __future__ import annotations

from prover.graph.ops.spec import OpSpec
from prover.graph.ops.standard import standard

OPS: tuple[OpSpec, ...] = (
    *standard("Greater"),
    *standard("GreaterOrEqual"),
    *standard("Less"),
    *standard("LessOrEqual"),
    *standard("Equal"),
    *standard("And"),
    *standard("Or"),
    *standard("Xor"),
    *standard("Not"),
    *standard("Where", infinite=(1, 2)),
    *standard("IsInf"),
    *standard("Min"),
    *standard("Max"),
)
