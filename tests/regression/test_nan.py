"""NaN mapped to zero: nowhere does a number that is none become one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

from prover.compiler import compile_model
from prover.errors import InputError, ModelFileError, SchemaError
from prover.schema import Bool, Category, Feature, Fixed, Float32, Int, Schema
from tests.quantization.nets import model

FEATURES: list[Feature] = [
    Bool("x"),
    Int("x", -5, 5),
    Fixed("x", 16, -100, 100),
    Category("x", ("a", "b")),
    Float32("x"),
]
NONE_OF_THEM = [np.nan, -np.nan, np.inf, -np.inf, np.float32("nan"), np.float64("inf")]


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.kind)
@pytest.mark.parametrize("value", NONE_OF_THEM, ids=repr)
def test_a_feature_does_not_take_it(feature: Feature, value: float) -> None:
    schema = Schema("s", (feature,))
    for attempt in (lambda: schema.encode([value]), lambda: schema.encode({"x": value})):
        with pytest.raises(InputError, match="'x'"):
            attempt()
    with pytest.raises(InputError, match="'x'"):
        schema.encode_batch(np.array([[value]]))


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.kind)
def test_missing_is_not_zero(feature: Feature) -> None:
    """Where a fact may be missing, NaN is the missing flag, and another commitment than any value's."""
    schema = Schema("s", (type(feature)(**{**vars(feature), "optional": True}),))
    missing = schema.encode([None])
    assert missing.missing.tolist() == [True]
    assert schema.encode_batch(np.array([[np.nan]])).missing.tolist() == [[True]]
    zero = schema.encode([0])
    assert zero.missing.tolist() == [False]
    from prover.schema import commit

    assert commit(schema, missing, 1) != commit(schema, zero, 1)
    for infinity in (np.inf, -np.inf):
        with pytest.raises(InputError):
            schema.encode([infinity])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_weight_that_is_no_number_is_refused(value: float) -> None:
    nodes = [helper.make_node("MatMul", ["X", "w"], ["y"], "matmul")]
    onnx = model(nodes, {"w": np.array([[value]], dtype=np.float32)}, 1, {"y": (TensorProto.FLOAT, [1, 1])})
    with pytest.raises(ModelFileError, match="NaN or infinity"):
        compile_model(onnx, schema=Schema("s", (Int("x", 0, 5),)))


@pytest.mark.parametrize(
    ("op", "value"), [("Log", -1.0), ("Sqrt", -1.0), ("Reciprocal", 0.0), ("Div", 0.0), ("Log", 0.0), ("Acos", 2.0)]
)
def test_a_constant_that_folds_to_none_is_refused(op: str, value: float) -> None:
    """What the graph computes of constants alone is refused like a weight, not replaced."""
    inputs = ["c", "c"] if op == "Div" else ["c"]
    nodes = [helper.make_node(op, inputs, ["n"], "fold"), helper.make_node("Mul", ["X", "n"], ["y"], "scale")]
    onnx = model(nodes, {"c": np.array([value], dtype=np.float32)}, 1, {"y": (TensorProto.FLOAT, [1, 1])})
    with pytest.raises(ModelFileError, match="NaN or infinity"):
        compile_model(onnx, schema=Schema("s", (Int("x", 0, 5),)))


def test_calibration_rows_that_are_none_are_refused(models: Path) -> None:
    rows = np.load(models / "loan_logistic.npz")["X"].astype(np.float64)
    schema = Schema.from_json(models / "loan_schema.json")
    rows[3, 4] = np.nan
    with pytest.raises(InputError, match="credit_amount"):
        compile_model(models / "loan_logistic.onnx", schema=schema, calibration=rows)
    rows[:, 4] = np.inf
    with pytest.raises(SchemaError, match="infinities"):
        compile_model(models / "loan_logistic.onnx", calibration=rows)


@pytest.mark.parametrize("zero", [0.0, -0.0, np.float32(-0.0)])
def test_zero_has_one_code_where_numbers_are_added(zero: float) -> None:
    """A float32 feature of a tree keeps the sign, as onnxruntime's comparisons see it; linear features have one 0."""
    for feature in (Int("x", -5, 5), Fixed("x", 16, -100, 100), Bool("x")):
        assert Schema("s", (feature,)).encode([zero]).codes.tolist() == [0]
