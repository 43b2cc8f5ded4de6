"""Quantised operators: integers of few bits, scales and zero points."""

from __future__ import annotations

from prover.graph.ops.standard import standard

OPS = (
    *standard("QuantizeLinear", static={1: "y_scale", 2: "y_zero_point"}),
    *standard("DequantizeLinear", static={1: "x_scale", 2: "x_zero_point"}),
    *standard("DynamicQuantizeLinear"),
    *standard("MatMulInteger"),
    *standard("ConvInteger", static={1: "w"}),
    *standard("QLinearMatMul", static={1: "a_scale", 2: "a_zero_point", 4: "b_scale", 5: "b_zero_point",
                                       6: "y_scale", 7: "y_zero_point"}),
    *standard("QLinearConv", static={1: "x_scale", 2: "x_zero_point", 3: "w", 4: "w_scale", 5: "w_zero_point",
                                     6: "y_scale", 7: "y_zero_point"}),
)  # fmt: skip
