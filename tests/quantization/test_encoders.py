"""Lookups, texts, imputation and thresholds: exact on every admitted input, as onnxruntime computes them."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from prover.compiler import compile_model, solve
from prover.errors import InputError, ModelShapeError, SchemaError, UnsupportedOpError, VerdictError
from prover.graph import import_model
from prover.lowering import lower
from prover.quantization import IntegerModel, Plan, Request, calibrate
from prover.schema import Bool, Category, Feature, Fixed, Float32, Int, Schema

FLOAT, INT64, STRING = TensorProto.FLOAT, TensorProto.INT64, TensorProto.STRING
ML = "ai.onnx.ml"
COLOURS = ("red", "green", "blue")


def node(op: str, inputs: list[str], output: str, domain: str = ML, **attributes: Any) -> Any:
    return helper.make_node(op, inputs, [output], output, domain=domain, **attributes)


def build(nodes: list[Any], kinds: dict[str, int], output: tuple[str, int] = ("y", FLOAT), ml: int = 3) -> bytes:
    """A model with one column an input."""
    inputs = [helper.make_tensor_value_info(name, kind, [None, 1]) for name, kind in kinds.items()]
    outputs = [helper.make_tensor_value_info(output[0], output[1], None)]
    graph = helper.make_graph(nodes, "net", inputs, outputs)
    opsets = [helper.make_opsetid("", 19), helper.make_opsetid(ML, ml)]
    return bytes(helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString())


def exact(onnx: bytes, features: tuple[Feature, ...], rows: np.ndarray) -> Plan:
    """Integers and onnxruntime's numbers agree on all rows; the circuit too, on some."""
    schema = Schema("facts", features)
    graph = import_model(onnx).labelled(schema.labels)
    plan = calibrate(graph, schema, rows, request=Request("score"))
    batch = schema.encode_batch(rows)
    run = IntegerModel(plan, schema).run(batch.codes, batch.missing)
    session = onnxruntime.InferenceSession(onnx, providers=["CPUExecutionProvider"])
    expected = np.stack([session.run(None, graph.feed(row))[0].ravel() for row in batch.to_model_rows()])
    scale = 10.0 ** np.array(plan.layout.decimals)
    np.testing.assert_allclose(run.outputs / scale, expected, rtol=0, atol=5e-7)
    circuit = lower(schema, plan)
    for row in range(min(3, len(rows))):
        solution = solve(circuit, plan.layout, batch[row], salt=5, context=6)
        assert solution.values == tuple(run.outputs[row].tolist())
    return plan


COLOUR = Category("colour", COLOURS)
TEXTS = np.array([["red"], ["green"], ["blue"]], dtype=object)


@pytest.mark.parametrize(
    ("op", "attributes", "kind"),
    [
        ("OneHotEncoder", {"cats_strings": ["blue", "red"]}, FLOAT),
        ("OneHotEncoder", {"cats_strings": ["blue", "red", "green", "none"], "zeros": 0}, FLOAT),
        ("LabelEncoder", {"keys_strings": ["blue", "red"], "values_floats": [0.5, 2.25]}, FLOAT),
        ("LabelEncoder", {"keys_strings": ["blue", "red"], "values_int64s": [4, 9], "default_int64": -7}, INT64),
        ("CategoryMapper", {"cats_strings": ["blue", "red"], "cats_int64s": [4, 9]}, INT64),
    ],
)
def test_texts_are_looked_up_for_free(op: str, attributes: dict[str, Any], kind: int) -> None:
    plan = exact(build([node(op, ["c"], "y", **attributes)], {"c": STRING}, ("y", kind)), (COLOUR,), TEXTS)
    assert not [step for step in plan.steps if step.kind != "round"]


def test_a_missing_text_is_empty() -> None:
    rows = np.array([["red"], [None], ["blue"]], dtype=object)
    onnx = build([node("OneHotEncoder", ["c"], "y", cats_strings=["red", ""])], {"c": STRING})
    exact(onnx, (Category("colour", COLOURS, optional=True),), rows)


def test_columns_of_texts_and_numbers() -> None:
    nodes = [
        node("OneHotEncoder", ["c"], "o", cats_strings=["red", "green"]),
        node("LabelEncoder", ["d"], "l", keys_strings=["a", "b"], values_floats=[1.5, -2.0]),
        node("Reshape", ["o", "s"], "r", domain=""),
        node("Cast", ["n"], "m", domain="", to=FLOAT),
        node("Concat", ["r", "l", "x", "m"], "y", domain="", axis=1),
    ]
    shape = helper.make_node("Constant", [], ["s"], value=numpy_helper.from_array(np.array([-1, 2])))
    onnx = build([shape, *nodes], {"c": STRING, "x": FLOAT, "d": STRING, "n": INT64})
    features = (COLOUR, Fixed("x", 8, -80, 80), Category("d", ("a", "b")), Int("n", 0, 9))
    exact(onnx, features, np.array([["red", 0.5, "b", 3], ["blue", -10.0, "a", 9]], dtype=object))


def test_a_schema_is_derived_from_texts() -> None:
    nodes = [
        node("OneHotEncoder", ["c"], "o", cats_strings=["red", "green"]),
        node("Reshape", ["o", "s"], "r", domain=""),
        node("LinearRegressor", ["r"], "y", coefficients=[1.0, 2.0], intercepts=[0.5]),
    ]
    shape = helper.make_node("Constant", [], ["s"], value=numpy_helper.from_array(np.array([-1, 2])))
    parts = compile_model(build([shape, *nodes], {"c": STRING}), calibration=TEXTS)
    assert parts.schema.features == (Category("x0", ("green", "red", "blue")),)  # what the model knows, then the data
    assert parts.report.max_abs_error == 0
    with pytest.raises(SchemaError, match="mixes texts and numbers"):
        Schema.derive(np.array([["red"], [3.5]], dtype=object), "s")
    with pytest.raises(InputError, match="none of its labels"):
        compile_model(build([shape, *nodes], {"c": STRING}), schema=parts.schema, calibration=TEXTS[::-1] + "?")


def test_texts_must_be_categories() -> None:
    onnx = build([node("OneHotEncoder", ["c"], "y", cats_strings=["red"])], {"c": STRING})
    with pytest.raises((ModelShapeError, UnsupportedOpError), match="categor"):
        calibrate(import_model(onnx), Schema("s", (Int("c", 0, 3),)))
    strict = build([node("OneHotEncoder", ["c"], "y", cats_strings=["red"], zeros=0)], {"c": STRING})
    with pytest.raises(UnsupportedOpError, match="admits the value 'green'"):
        calibrate(import_model(strict), Schema("s", (COLOUR,)))


def test_texts_made_of_texts() -> None:
    """A table from text to text, and a default in place of the missing ones, as imputers write it."""
    nodes = [
        node("Equal", ["c", "nothing"], "gone", domain=""),
        node("Where", ["gone", "other", "c"], "full", domain=""),
        node("LabelEncoder", ["full"], "short", keys_strings=["red", "grey"], values_strings=["r", "g"]),
        node("OneHotEncoder", ["short"], "o", cats_strings=["r", "g", "_Unused"]),
        node("Reshape", ["o", "s"], "y", domain=""),
    ]
    constants = {"nothing": [""], "other": ["grey"], "s": [-1, 3]}
    made = []
    for name, value in constants.items():
        array = np.array(value, dtype=np.int64 if name == "s" else object)
        made.append(helper.make_node("Constant", [], [name], value=numpy_helper.from_array(array)))
    rows = np.array([["red"], [None], ["blue"]], dtype=object)
    exact(build([*made, *nodes], {"c": STRING}), (Category("colour", COLOURS, optional=True),), rows)


NUMBERS = np.arange(-3, 9, dtype=np.float64)[:, None]


@pytest.mark.parametrize(
    ("op", "attributes", "kinds"),
    [
        ("OneHotEncoder", {"cats_int64s": [2, 5, -3]}, (INT64, FLOAT)),
        ("LabelEncoder", {"keys_int64s": [2, 5], "values_floats": [0.5, -1.0], "default_float": 4.0}, (INT64, FLOAT)),
        ("LabelEncoder", {"keys_int64s": [2, 5, 7], "values_int64s": [9, 8, -1]}, (INT64, INT64)),
        ("LabelEncoder", {"keys_floats": [2.0, 5.0, 0.5], "values_int64s": [9, 8, 1]}, (FLOAT, INT64)),
        ("Imputer", {"imputed_value_floats": [7.5], "replaced_value_float": 5.0}, (FLOAT, FLOAT)),
        ("Imputer", {"imputed_value_int64s": [7], "replaced_value_int64": -3}, (INT64, INT64)),
    ],
)
def test_whole_numbers_are_looked_up_by_equality(op: str, attributes: dict[str, Any], kinds: tuple[int, int]) -> None:
    onnx = build([node(op, ["n"], "y", **attributes)], {"n": kinds[0]}, ("y", kinds[1]))
    plan = exact(onnx, (Int("n", -3, 8),), NUMBERS)
    assert plan.steps[0].kind == "equal"


def test_fractions_are_compared_as_float32_compares_them() -> None:
    """Every value of a feature with two decimals, at thresholds and keys that are such values rounded to float32."""
    rows = np.arange(-60, 60, dtype=np.float64)[:, None] / 100
    feature = (Fixed("x", 100, -60, 59),)
    for threshold in (0.1, 0.37, -0.29, 0.0):
        exact(build([node("Binarizer", ["x"], "y", threshold=threshold)], {"x": FLOAT}), feature, rows)
    keys = {"keys_floats": [0.1, 0.37, 0.005], "values_floats": [1.0, 2.0, 3.0]}
    exact(build([node("LabelEncoder", ["x"], "y", **keys)], {"x": FLOAT}), feature, rows)


OPTIONAL = (
    Int("age", 18, 99, optional=True),
    Fixed("rate", 8, -40, 40, optional=True),
    Bool("owner", optional=True),
    Category("region", ("0", "1", "2"), optional=True),
    Int("count", 0, 9),
)
HOLES = np.array(
    [
        [40, 1.5, 1, 2, 3],
        [np.nan, 1.5, 0, 1, 3],
        [40, np.nan, 1, 0, 0],
        [18, -5, np.nan, 2, 9],
        [99, 5, 0, np.nan, 1],
        [np.nan, np.nan, np.nan, np.nan, 4],
    ]
)


def missing_model(*nodes: Any) -> bytes:
    names = [f"x{index}" for index in range(len(OPTIONAL))]
    joined = node("Concat", names, "x", domain="", axis=1)
    return build([joined, *nodes], dict.fromkeys(names, FLOAT))


def test_missing_values_are_imputed_for_free() -> None:
    values = [41.5, -0.25, 1.0, 2.0, 7.0]
    impute = {"imputed_value_floats": values, "replaced_value_float": float("nan")}
    plan = exact(missing_model(node("Imputer", ["x"], "y", **impute)), OPTIONAL, HOLES)
    assert not [step for step in plan.steps if step.kind != "round"]
    scaled = missing_model(
        node("Scaler", ["x"], "s", offset=[1.0] * 5, scale=[0.5] * 5), node("Imputer", ["s"], "y", **impute)
    )
    exact(scaled, OPTIONAL, HOLES)
    summed = missing_model(node("ReduceSum", ["x"], "s", domain=""), node("Imputer", ["s"], "y", **impute))
    with pytest.raises(UnsupportedOpError, match="'age' is computed with while it may be missing"):
        calibrate(import_model(summed), Schema("s", OPTIONAL))


def test_float32_features_are_not_imputed() -> None:
    """Their slots hold codes, which are no numbers."""
    onnx = build([node("Imputer", ["x"], "y", imputed_value_floats=[1.0], replaced_value_float=0.0)], {"x": FLOAT})
    with pytest.raises(UnsupportedOpError, match="'x', which is float32"):
        calibrate(import_model(onnx), Schema("s", (Float32("x"),)))


def test_a_missing_value_tells_itself() -> None:
    flags = missing_model(node("IsNaN", ["x"], "n", domain=""), node("Cast", ["n"], "y", domain="", to=FLOAT))
    exact(flags, OPTIONAL, HOLES)


def test_an_imputed_category_is_encoded_for_free() -> None:
    impute = {"imputed_value_floats": [1.0], "replaced_value_float": float("nan")}
    nodes = [node("Imputer", ["c"], "i", **impute), node("OneHotEncoder", ["i"], "y", cats_int64s=[0, 1, 2])]
    plan = exact(build(nodes, {"c": FLOAT}), OPTIONAL[3:4], HOLES[:, 3:4])
    assert not [step for step in plan.steps if step.kind != "round"]


def test_vectors_are_put_side_by_side() -> None:
    nodes = [node("FeatureVectorizer", ["a", "b"], "y", inputdimensions=[1, 1])]
    exact(build(nodes, {"a": FLOAT, "b": FLOAT}), (Int("a", 0, 9), Bool("b")), np.array([[3, 1], [9, 0]]))


def test_labels_get_other_names() -> None:
    classifier = helper.make_node(
        "LinearClassifier",
        ["x"],
        ["l", "s"],
        "c",
        domain=ML,
        coefficients=[1.0, -1.0, 0.5],
        intercepts=[0.0, 3.0, 1.0],
        classlabels_ints=[4, 6, 9],
    )
    names = node("LabelEncoder", ["l"], "y", keys_int64s=[9, 4, 6], values_strings=["low", "mid", "high"])
    onnx = build([classifier, names], {"x": FLOAT}, ("y", STRING))
    schema = Schema("s", (Int("x", -9, 9),))
    rows = np.arange(-9, 10, dtype=np.float64)[:, None]
    plan = calibrate(import_model(onnx), schema, rows)
    assert plan.class_names == ("mid", "high", "low")
    session = onnxruntime.InferenceSession(onnx, providers=["CPUExecutionProvider"])
    expected = [session.run(None, {"x": row[None].astype(np.float32)})[0][0] for row in rows]
    run = IntegerModel(plan, schema).run(schema.encode_batch(rows).codes)
    assert [plan.class_names[label] for label in run.outputs[:, 0]] == expected


def test_what_is_refused_by_name() -> None:
    maps = helper.make_map_type_proto(STRING, helper.make_tensor_type_proto(FLOAT, None))
    item = node("DictVectorizer", ["m"], "y", string_vocabulary=["a"])
    graph = helper.make_graph(
        [item], "net", [helper.make_value_info("m", maps)], [helper.make_tensor_value_info("y", FLOAT, None)]
    )
    opsets = [helper.make_opsetid("", 19), helper.make_opsetid(ML, 3)]
    with pytest.raises(UnsupportedOpError, match="DictVectorizer"):
        import_model(helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString())
    lower_case = node("StringNormalizer", ["c"], "y", domain="", case_change_action="LOWER")
    with pytest.raises(UnsupportedOpError, match="case_change_action = 'LOWER'"):
        import_model(build([lower_case], {"c": STRING}, ("y", STRING)))


def test_a_normalizer_that_changes_nothing_is_removed() -> None:
    nodes = [node("StringNormalizer", ["c"], "n", domain=""), node("OneHotEncoder", ["n"], "y", cats_strings=["red"])]
    graph = import_model(build(nodes, {"c": STRING}))
    assert [item.op for item in graph.nodes] == ["OneHotEncoder"]


def test_keys_beyond_the_range_are_not_compared_with() -> None:
    """A table of 200,000 keys for a feature of ten values costs at most ten equalities."""
    keys = {"keys_int64s": list(range(200_000)), "values_floats": [float(key % 7) for key in range(200_000)]}
    feature, rows = (Int("n", 3, 12),), np.arange(3, 13, dtype=np.float64)[:, None]
    plan = exact(build([node("LabelEncoder", ["n"], "y", **keys)], {"n": INT64}), feature, rows)
    assert next(step for step in plan.steps if step.kind == "equal").n_outputs == 9  # 7 has the default, 0
    hot = node("OneHotEncoder", ["n"], "o", cats_int64s=[*range(100, 4000), 5, 12], zeros=1)
    total = node("ReduceSum", ["o"], "y", domain="", keepdims=0)
    plan = exact(build([hot, total], {"n": INT64}), feature, rows)
    assert next(step for step in plan.steps if step.kind == "equal").n_outputs == 2


def test_too_many_keys_are_refused() -> None:
    keys = {"keys_int64s": list(range(200_000)), "values_floats": [1.0] * 200_000}
    onnx = build([node("LabelEncoder", ["n"], "y", **keys)], {"n": INT64})
    with pytest.raises(UnsupportedOpError, match="200000 keys to compare with"):
        calibrate(import_model(onnx), Schema("s", (Int("n", 0, 1 << 20),)))


def test_a_category_listed_twice_is_refused() -> None:
    with pytest.raises(VerdictError, match="cats_int64s holds an entry twice"):
        import_model(build([node("OneHotEncoder", ["n"], "y", cats_int64s=[1, 2, 1])], {"n": INT64}))
