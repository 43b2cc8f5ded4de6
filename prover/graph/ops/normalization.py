"""Normalisations over axes, channels and batches; inference only."""

from __future__ import annotations

from collections.abc import Sequence

from prover.graph.ir import Node
from prover.graph.ops.spec import Inferred, Operand, needed
from prover.graph.ops.standard import standard


def _like_first(node: Node, inputs: Sequence[Operand | None]) -> list[Inferred]:
    """Operators the standard gives as functions have no shape inference of their own."""
    value = needed(inputs[0])
    return [Inferred(value.dtype, value.shape)]


OPS = (
    *standard("BatchNormalization", allowed={"training_mode": (0,)}, outputs=(1, 1)),
    *standard("LayerNormalization"),
    *standard("InstanceNormalization"),
    *standard("GroupNormalization", infer=_like_first),
    *standard("RMSNormalization"),
    *standard("MeanVarianceNormalization", infer=_like_first),
    *standard("LpNormalization", allowed={"p": (1, 2)}),
)
