"""Folding: the traced float program equals the graph's own evaluation, whatever the operators between."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

from prover.errors import QuantizationError, UnsupportedOpError
from prover.graph import import_model
from prover.graph.ops import registry
from prover.quantization import FactSpace, IntegerModel, Request, Settings, calibrate
from prover.quantization.rules import rules
from prover.quantization.trace import Affine, trace_graph
from prover.schema import Bool, Category, Fixed, Float32, Int, Schema
from tests.quantization.nets import model

FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64

MIXED = Schema(
    "mixed",
    (
        Int("age", 18, 100),
        Category("region", ("north", "south", "west")),
        Bool("owner"),
        Fixed("rate", 100, -500, 700),
        Category("job", ("a", "b")),
        Int("count", 0, 15),
    ),
)


def one(op: str, inputs: list[str], output: str, domain: str = "", **attributes: Any) -> Any:
    return helper.make_node(op, inputs, [output], output, domain=domain, **attributes)


def linear_value(nodes: list[Any], weights: dict[str, Any], shape: list[int], rows: np.ndarray) -> None:
    """The traced output and the graph's agree on ``rows``."""
    graph = import_model(model(nodes, weights, 6, {"y": (FLOAT, shape)}))
    facts = FactSpace.of(MIXED)
    trace, outputs = trace_graph(graph, facts)
    value = outputs["y"]
    assert isinstance(value, Affine)
    assert not trace.steps
    batch = MIXED.encode_batch(rows)
    slots = facts.expand(batch.codes, batch.missing) * facts.unit
    folded = value.matrix.widen(facts.n_slots).apply(slots) + value.bias
    exact = graph.run_rows(batch.to_model_rows())["y"].reshape(len(rows), -1)
    assert value.shape == tuple(shape)
    np.testing.assert_allclose(folded, exact, rtol=1e-5, atol=1e-4)


ROWS = np.array([[18, 0, 0, -5, 0, 0], [100, 2, 1, 7, 1, 15], [44, 1, 1, 1.25, 0, 3], [61, 2, 0, 0.07, 1, 9]])

RNG = np.random.default_rng(5)
W = RNG.normal(size=(6, 4)).astype(np.float32)


@pytest.mark.parametrize(
    ("nodes", "weights", "shape"),
    [
        ([one("Gemm", ["X", "w", "c"], "y", alpha=0.5, beta=2.0)], {"w": W, "c": W[0]}, [1, 4]),
        ([one("Gemm", ["X", "w"], "y", transB=1)], {"w": W.T.copy()}, [1, 4]),
        ([one("MatMul", ["X", "w"], "y")], {"w": W}, [1, 4]),
        ([one("MatMul", ["X", "w"], "y")], {"w": W[:, 0].copy()}, [1]),
        ([one("Reshape", ["X", "s"], "r"), one("MatMul", ["w", "r"], "y")], {"w": W.T.copy(), "s": [6, 1]}, [4, 1]),
        ([one("Add", ["X", "c"], "a"), one("Sub", ["c", "a"], "y")], {"c": W[:, 1].copy()}, [1, 6]),
        ([one("Mul", ["c", "X"], "a"), one("Div", ["a", "d"], "y")], {"c": W[:, 1].copy(), "d": np.float32(3)}, [1, 6]),
        ([one("Add", ["X", "X"], "y")], {}, [1, 6]),
        ([one("Gather", ["X", "i"], "g", axis=1), one("Concat", ["g", "X"], "y", axis=1)], {"i": [5, 0]}, [1, 8]),
        ([one("Concat", ["X", "c"], "y", axis=-1)], {"c": W[:1]}, [1, 10]),
        ([one("Reshape", ["X", "s"], "r"), one("Transpose", ["r"], "y", perm=[1, 0])], {"s": [2, 3]}, [3, 2]),
        ([one("ArrayFeatureExtractor", ["X", "i"], "y", "ai.onnx.ml")], {"i": [3, 3, 1]}, [1, 3]),
        ([one("Scaler", ["X"], "y", "ai.onnx.ml", offset=[1.0] * 6, scale=[0.1, 2, 3, 4, 5, 6])], {}, [1, 6]),
        ([one("Scaler", ["X"], "y", "ai.onnx.ml", offset=[2.0], scale=[0.5])], {}, [1, 6]),
        (
            [one("Flatten", ["X"], "f"), one("Unsqueeze", ["f", "a"], "u"), one("Squeeze", ["u", "a"], "y")],
            {"a": [0]},
            [1, 6],
        ),
        (
            [
                one(
                    "LinearRegressor",
                    ["X"],
                    "y",
                    "ai.onnx.ml",
                    coefficients=W[:, :2].T.ravel().tolist(),
                    intercepts=[1.0, 2.0],
                    targets=2,
                )
            ],
            {},
            [1, 2],
        ),
        (
            [
                one("Gather", ["X", "i"], "g", axis=1),
                one("Cast", ["g"], "c", to=INT64),
                one("OneHotEncoder", ["c"], "o", "ai.onnx.ml", cats_int64s=[2, 0, 1], zeros=0),
                one("Reshape", ["o", "s"], "y"),
            ],
            {"i": [1], "s": [1, 3]},
            [1, 3],
        ),
        (
            [
                one("Gather", ["X", "i"], "g", axis=1),
                one("OneHotEncoder", ["g"], "o", "ai.onnx.ml", cats_int64s=[1, 5], zeros=1),
                one("Reshape", ["o", "s"], "y"),
            ],
            {"i": [2, 1, 4], "s": [1, 6]},
            [1, 6],
        ),
    ],
    ids=lambda value: (
        "+".join(n.op_type for n in value) if isinstance(value, list) and value and hasattr(value[0], "op_type") else ""
    ),
)
def test_linear_operators_fold_exactly(nodes: list[Any], weights: dict[str, Any], shape: list[int]) -> None:
    arrays = {name: np.asarray(value) for name, value in weights.items()}
    linear_value(nodes, arrays, shape, ROWS)


def test_every_operator_of_the_graph_has_a_rule() -> None:
    """All but those that never see the input's values, and those the importer removes."""
    constants = "Constant ConstantOfShape EyeLike NonZero Range Shape Size Unique"
    folded = {("ai.onnx", op) for op in constants.split()}
    assert rules() == registry().keys() - folded - {("ai.onnx.ml", "ZipMap"), ("ai.onnx", "StringNormalizer")}


def refused(nodes: list[Any], weights: dict[str, Any], outputs: dict[str, Any], schema: Schema = MIXED) -> str:
    graph = import_model(model(nodes, weights, len(schema), outputs))
    with pytest.raises(UnsupportedOpError) as caught:
        calibrate(graph, schema)
    assert caught.value.node
    assert caught.value.op
    return str(caught.value)


def encoder(zeros: int = 1) -> list[Any]:
    return [
        one("Gather", ["X", "i"], "g", axis=1),
        one("OneHotEncoder", ["g"], "o", "ai.onnx.ml", cats_int64s=[0, 1], zeros=zeros),
        one("Reshape", ["o", "s"], "y"),
    ]


def test_whole_numbers_are_encoded_by_equalities() -> None:
    weights = {"i": np.array([5]), "s": np.array([1, 2])}
    graph = import_model(model(encoder(), weights, 6, {"y": (FLOAT, [1, 2])}))
    plan = calibrate(graph, MIXED, ROWS)
    assert [step.kind for step in plan.steps][:1] == ["equal"]
    run = IntegerModel(plan, MIXED).run(MIXED.encode_batch(ROWS).codes)
    scale = 10 ** np.array(plan.layout.decimals)
    assert (run.outputs == scale * (ROWS[:, 5:] == [0, 1])).all()
    assert "value 2" in refused(encoder(zeros=0), weights, {"y": (FLOAT, [1, 2])})


def test_encoding_a_fraction_is_refused() -> None:
    weights = {"i": np.array([3]), "s": np.array([1, 2])}
    assert "not known to be whole" in refused(encoder(), weights, {"y": (FLOAT, [1, 2])})


def test_a_label_the_encoder_does_not_know_is_refused() -> None:
    nodes = [
        one("Gather", ["X", "i"], "g", axis=1),
        one("OneHotEncoder", ["g"], "o", "ai.onnx.ml", cats_int64s=[0, 1], zeros=0),
        one("Reshape", ["o", "s"], "y"),
    ]
    weights = {"i": np.array([1]), "s": np.array([1, 2])}
    assert "value 2" in refused(nodes, weights, {"y": (FLOAT, [1, 2])})


def test_optional_facts_are_refused_by_name_where_they_are_computed_with() -> None:
    schema = Schema("s", (Int("a", 0, 7, optional=True), Bool("b")))
    w = np.ones((2, 1), dtype=np.float32)
    onnx = model([one("MatMul", ["X", "w"], "y")], {"w": w}, 2, {"y": (FLOAT, [1, 1])})
    with pytest.raises(UnsupportedOpError, match="optional feature 'a'") as caught:
        calibrate(import_model(onnx), schema)
    assert "mandatory in the schema" in caught.value.hint
    assert "NaN" not in str(caught.value)  # nobody's data was looked at
    rows = np.array([[1, 0], [np.nan, 1], [np.nan, 0]])
    with pytest.raises(UnsupportedOpError, match=r"'a'.*holds NaN in 2 of the calibration rows"):
        calibrate(import_model(onnx), schema, rows)
    onnx = model([one("Gather", ["X", "i"], "y", axis=1)], {"i": np.array([0])}, 2, {"y": (FLOAT, [1, 1])})
    with pytest.raises(QuantizationError, match=r"output 'y'.*'a'.*NaN in 2"):
        calibrate(import_model(onnx), schema, rows, request=Request("score"))
    # A model that does not read it is fine: the fact is still committed to.
    nodes = [one("Gather", ["X", "i"], "y", axis=1)]
    graph = import_model(model(nodes, {"i": np.array([1])}, 2, {"y": (FLOAT, [1, 1])}))
    plan = calibrate(graph, schema, request=Request("score"))
    run = IntegerModel(plan, schema).run(np.array([[0, 1], [5, 0]]), np.array([[True, False], [False, False]]))
    assert run.outputs.ravel().tolist() == [1_000_000, 0]


def test_float32_features_cannot_enter_a_linear_model() -> None:
    graph = import_model(
        model([one("Identity", ["X"], "i"), one("Add", ["i", "i"], "y")], {}, 1, {"y": (FLOAT, [1, 1])})
    )
    with pytest.raises(UnsupportedOpError, match="'pixel', which is float32"):
        calibrate(graph, Schema("s", (Float32("pixel"),)))


def test_a_schema_of_another_width_is_refused() -> None:
    from prover.errors import ModelShapeError

    graph = import_model(model([one("Add", ["X", "X"], "y")], {}, 3, {"y": (FLOAT, [1, 3])}))
    with pytest.raises(ModelShapeError, match="6 features"):
        calibrate(graph, MIXED)


def test_skip_connections_read_variables_of_two_scales() -> None:
    nodes = [
        one("MatMul", ["X", "w"], "z"),
        one("Relu", ["z"], "a"),
        one("Concat", ["a", "X"], "c", axis=1),
        one("MatMul", ["c", "v"], "y"),
    ]
    weights = {"w": W * 0.05, "v": RNG.normal(size=(10, 1)).astype(np.float32) * 0.1}
    graph = import_model(model(nodes, weights, 6, {"y": (FLOAT, [1, 1])}))
    plan = calibrate(graph, MIXED, ROWS, request=Request("score"), settings=Settings())
    batch = MIXED.encode_batch(ROWS)
    run = IntegerModel(plan, MIXED).run(batch.codes)
    exact = graph.run_rows(batch.to_model_rows())["y"].reshape(-1)
    np.testing.assert_allclose(run.outputs[:, 0] / 1e6, exact, atol=0.002)
