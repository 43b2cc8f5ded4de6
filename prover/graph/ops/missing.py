"""IsNaN: what tells a missing value."""

from __future__ import annotations

from prover.graph.ops.standard import standard

OPS = standard("IsNaN")
