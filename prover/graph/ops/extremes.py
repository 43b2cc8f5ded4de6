"""Maxima and minima over axes."""

from __future__ import annotations

from prover.graph.ops.standard import standard

_AXES = {1: "axes"}

OPS = (
    *standard("ReduceMax", static=_AXES),
    *standard("ReduceMin", static=_AXES),
)
