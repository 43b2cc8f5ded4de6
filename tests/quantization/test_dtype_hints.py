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
