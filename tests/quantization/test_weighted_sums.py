"""Sums that softmax weighs: the error does not grow with the number of elements."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper

from prover.graph import import_model
from prover.quantization import IntegerModel, Settings, calibrate, draw
from prover.schema import Fixed, Schema


@pytest.mark.parametrize("k", [5, 100, 200])
def test_the_mean_under_a_softmax(k: int) -> None:
    """One large element and many that are each too small for an activation's bits, but not together."""
    nodes = [
        helper.make_node("Softmax", ["X"], ["p"], "soft"),
        helper.make_node("Mul", ["p", "X"], ["q"], "mul"),
        helper.make_node("ReduceSum", ["q"], ["y"], "sum", keepdims=1),
    ]
    graph = helper.make_graph(
        nodes,
        "mean",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, [1, k])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1])],
    )
    opsets = [helper.make_opsetid("", 20)]
    model = bytes(helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString())
    schema = Schema("s", tuple(Fixed(f"x{i}", 16, -64, 64) for i in range(k)))
    rows = draw(schema, 40, seed=7).to_model_rows()
    plan = calibrate(import_model(model), schema, rows, settings=Settings())
    codes = np.full((3, k), -64, dtype=np.int64)
    codes[0, 0], codes[1, k // 2 :], codes[2, :3] = 64, 48, (64, 60, 20)
    found = IntegerModel(plan, schema).run(codes).outputs / 10.0 ** np.array(plan.layout.decimals)
    session = onnxruntime.InferenceSession(model)
    for row, value in zip(codes, found, strict=True):
        wanted = session.run(None, {"X": (row[None] / 16).astype(np.float32)})[0]
        assert np.abs(value - wanted).max() < 8 * 2.0**-9  # the range of X, times four roundings
