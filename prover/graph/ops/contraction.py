"""Powers and sums of products: Pow, Einsum."""

from __future__ import annotations

from prover.graph.ops.standard import standard

OPS = (
    *standard("Pow"),
    *standard("Einsum"),
)
