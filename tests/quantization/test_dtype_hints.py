"""An integer input over features that are no integers: the error names one."""

from __future__ import annotations

import onnx
import pytest

from prover.errors import ModelShapeError
from prover.graph import import_model
from prover.quantization import Request, calibrate
from prover.schema import Fixed, Int, Schema


def test_the_feature_that_is_no_integer_is_named() -> None:
    text = """<ir_version: 8, opset_import: ["" : 17]> g (int64[1,3] x) => (int64[1,3] y) { y = Neg (x) }"""
    graph = import_model(onnx.parser.parse_model(text).SerializeToString())
    schema = Schema("s", (Int("age", 0, 99), Fixed("rate", 100, 0, 99), Int("sum", 0, 99)))
    with pytest.raises(ModelShapeError, match="int64 values that are not known to be whole: feature 'rate' is none"):
        calibrate(graph, schema, request=Request("score"))


def test_a_schema_of_another_length_is_told_the_shapes() -> None:
    text = """<ir_version: 8, opset_import: ["" : 17]> g (float[T,1,3] x) => (float[T,1,3] y) { y = Neg (x) }"""
    model = onnx.parser.parse_model(text).SerializeToString()
    schema = Schema("s", tuple(Int(f"x{index}", 0, 99) for index in range(6)))
    with pytest.raises(ModelShapeError, match=r"takes 3 values \(x \[1, 1, 3\]\), the schema has 6") as caught:
        calibrate(import_model(model), schema, request=Request("score"))
    assert "--input-shape" in caught.value.hint
    assert calibrate(import_model(model, input_shapes={"x": (2, 1, 3)}), schema).layout.n_outputs == 6
