"""Comparisons, logic, selection, and what is done to whole numbers bit by bit."""

from __future__ import annotations

from prover.graph.ops.spec import OpSpec
from prover.graph.ops.standard import standard

OPS: tuple[OpSpec, ...] = (
    *standard("Greater"),
    *standard("GreaterOrEqual"),
    *standard("Less"),
    *standard("LessOrEqual"),
    *standard("Equal"),
    *standard("Not"),
    *standard("IsInf"),
)
