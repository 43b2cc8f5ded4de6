"""Sums, means, norms, logarithms and products over axes; sums and means of several tensors."""

from __future__ import annotations

from prover.graph.ops.standard import standard

_OVER_AXES = (
    "ReduceSum",
    "ReduceMean",
    "ReduceSumSquare",
    "ReduceL1",
    "ReduceL2",
    "ReduceLogSum",
    "ReduceLogSumExp",
    "ReduceProd",
)

OPS = (
    *(spec for op in _OVER_AXES for spec in standard(op, static={1: "axes"})),
    *standard("Sum"),
    *standard("Mean"),
)
