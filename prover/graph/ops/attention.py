"""Scaled dot product attention, and the rotation of its queries and keys."""

from __future__ import annotations

from prover.graph.ops.standard import standard

OPS = (
    *standard(
        "Attention",
        static={6: "nonpad_kv_seqlen"},
        infinite=(3,),
        allowed={"softmax_precision": (1, 11), "qk_matmul_output_mode": (0, 1, 2, 3), "is_causal": (0, 1)},
    ),
    *standard("RotaryEmbedding", static={3: "position_ids"}),
)
