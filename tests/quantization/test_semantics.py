"""Where onnxruntime's arithmetic is not exact arithmetic: what is proved there, and what is refused by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from prover.compiler import compile_model, model_outputs
from prover.errors import ModelFileError, ModelShapeError, UnsupportedOpError
from prover.graph import import_model
from prover.quantization import IntegerModel, Request, calibrate
from prover.schema import Bool, Category, Feature, Fixed, Int, Reveal, Schema
from tests.quantization.nets import linear_classifier, mlp, model

FLOAT, INT64, UINT8 = TensorProto.FLOAT, TensorProto.INT64, TensorProto.UINT8
DOUBLE, FLOAT16, INT8, INT32 = TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.INT8, TensorProto.INT32


def amount(high: int) -> Schema:
    return Schema("s", (Int("amount", 0, high),))


def one(op: str, inputs: list[str], output: str, domain: str = "", **attributes: Any) -> Any:
    return helper.make_node(op, inputs, [output], output, domain=domain, **attributes)


def cast_there_and_back(target: int, factor: float = 0.5) -> bytes:
    nodes = [one("Cast", ["X"], "h", to=target), one("Cast", ["h"], "f", to=FLOAT), one("Mul", ["f", "w"], "y")]
    return model(nodes, {"w": np.array([[factor]], dtype=np.float32)}, 1, {"y": (FLOAT, [1, 1])})


def refusal(onnx_model: bytes, schema: Schema, request: Request | None = None) -> str:
    with pytest.raises(UnsupportedOpError) as caught:
        calibrate(import_model(onnx_model), schema, request=request)
    assert caught.value.node
    return str(caught.value)


# --- casts ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "high"), [(DOUBLE, 1_000_000), (INT8, 127), (UINT8, 255), (INT32, 1 << 24), (INT64, 1 << 40)]
)
def test_casts_that_fit_are_proved_as_onnxruntime_computes_them(target: int, high: int) -> None:
    onnx_model, schema = cast_there_and_back(target, 100 / high), amount(high)
    rows = np.array([[0], [1], [high // 3], [high]], dtype=np.float32)
    plan = calibrate(import_model(onnx_model), schema, request=Request("score"))
    run = IntegerModel(plan, schema).run(schema.encode_batch(rows).codes)
    exact = model_outputs(onnx_model, import_model(onnx_model), rows, "y").reshape(-1)
    np.testing.assert_allclose(run.outputs[:, 0] / 1e6, exact, atol=1e-4)


@pytest.mark.parametrize(
    ("target", "high", "shown"),
    [
        (INT8, 128, "[0, 128], which int8"),
        (UINT8, 256, "[0, 256], which uint8"),
        (INT32, (1 << 31) - 1, "int32"),  # float32 rounds it to 2^31
    ],
)
def test_casts_that_would_wrap_are_refused_with_their_range(target: int, high: int, shown: str) -> None:
    message = refusal(cast_there_and_back(target), amount(high))
    assert shown in message
    assert "node 'h'" in message


def test_casts_of_negative_values_to_unsigned_types_are_refused() -> None:
    assert "[-1, 5], which uint8" in refusal(cast_there_and_back(UINT8), Schema("s", (Int("n", -1, 5),)))


def test_casts_to_half_precision_must_fit_it() -> None:
    """70000 is infinite there."""
    assert "[0, 1e+06], which float16" in refusal(cast_there_and_back(FLOAT16), amount(1_000_000))
    for narrow in (TensorProto.FLOAT8E4M3FN, TensorProto.FLOAT8E5M2):
        with pytest.raises(UnsupportedOpError, match="Cast"):
            import_model(cast_there_and_back(narrow))


def test_half_precision_inputs_must_be_exact() -> None:
    proto = onnx.load_from_string(mlp([1, 1], seed=1, head=""))
    cast = helper.make_node("Cast", ["H"], ["X"], "cast", to=FLOAT)
    proto.graph.node.insert(0, cast)
    proto.graph.input[0].CopyFrom(helper.make_tensor_value_info("H", FLOAT16, [1, 1]))
    graph = import_model(proto.SerializeToString())
    calibrate(graph, amount(2048), request=Request("score"))
    with pytest.raises(ModelShapeError, match="input 'H': float16"):
        calibrate(graph, amount(2049))


def test_integer_inputs_must_hold_the_schema() -> None:
    proto = onnx.load_from_string(mlp([1, 1], seed=1, head=""))
    proto.graph.node.insert(0, helper.make_node("Cast", ["I"], ["X"], "cast", to=FLOAT))
    proto.graph.input[0].CopyFrom(helper.make_tensor_value_info("I", INT8, [1, 1]))
    graph = import_model(proto.SerializeToString())
    calibrate(graph, amount(127), request=Request("score"))
    with pytest.raises(ModelShapeError, match=r"input 'I': its values lie in \[0, 128\], which int8"):
        calibrate(graph, amount(128))
    with pytest.raises(ModelShapeError, match="not known to be whole"):
        calibrate(graph, Schema("s", (Fixed("rate", 4, 0, 100),)))


@pytest.mark.parametrize("factor", [0.75, -0.75, 3.0, 0.703125])
@pytest.mark.parametrize(
    "feature",
    [Int("amount", -40, 40), Fixed("rate", 4, -160, 160), Bool("owner"), Category("job", ("a", "b", "c"))],
    ids=lambda feature: feature.kind,
)
def test_truncation_is_towards_zero_for_every_fact(factor: float, feature: Feature) -> None:
    """Products of these factors and facts are exact in float32, so there is one right answer."""
    nodes = [one("Mul", ["X", "c"], "m"), one("Cast", ["m"], "h", to=INT64), one("Cast", ["h"], "y", to=FLOAT)]
    data = model(nodes, {"c": np.array([[factor]], dtype=np.float32)}, 1, {"y": (FLOAT, [1, 1])})
    schema = Schema("s", (feature,))
    codes = np.arange(feature.lo, feature.hi + 1, dtype=np.int64)[:, None]
    plan = calibrate(import_model(data), schema, request=Request("score"))
    run = IntegerModel(plan, schema).run(codes)
    values = codes[:, 0] / (feature.scale if isinstance(feature, Fixed) else 1)
    assert np.array_equal(run.outputs[:, 0], np.trunc(values * factor) * 10**6)


def test_the_range_of_a_category_is_its_last_label_not_the_sum_of_all() -> None:
    labels = tuple(f"c{i}" for i in range(100))
    calibrate(import_model(cast_there_and_back(INT8)), Schema("s", (Category("c", labels),)), request=Request("score"))


def integer_arithmetic(op: str, constant: int) -> bytes:
    nodes = [
        one("Cast", ["X"], "h", to=INT8),
        one(op, ["h", "c"], "m"),
        one("Cast", ["m"], "y", to=FLOAT),
    ]
    return model(nodes, {"c": np.array([[constant]], dtype=np.int8)}, 1, {"y": (FLOAT, [1, 1])})


def test_integer_arithmetic_that_wraps_is_refused() -> None:
    message = refusal(integer_arithmetic("Mul", 3), amount(100))
    assert "[0, 300], which int8" in message
    assert "node 'm'" in message


@pytest.mark.parametrize("divisor", [2, -3, 100])
def test_integer_division_drops_the_fraction_exactly(divisor: int) -> None:
    onnx_model, schema = integer_arithmetic("Div", divisor), Schema("s", (Int("a", -128, 127),))
    rows = np.arange(-128, 128, dtype=np.float32)[:, None]
    plan = calibrate(import_model(onnx_model), schema, request=Request("score"))
    run = IntegerModel(plan, schema).run(schema.encode_batch(rows).codes)
    exact = model_outputs(onnx_model, import_model(onnx_model), rows, "y").reshape(-1)
    assert run.outputs[:, 0].tolist() == (1_000_000 * exact).astype(np.int64).tolist()


def labelled(table: list[Any], dtype: Any, target: int) -> bytes:
    nodes = [
        one("Gemm", ["X", "w", "b"], "z", transB=1),
        one("ArgMax", ["z"], "l", axis=1, keepdims=0),
        one("Gather", ["table", "l"], "q"),
        one("Cast", ["q"], "y", to=target),
    ]
    weights = {
        "w": np.array([[0.01], [0.02], [0.03]], dtype=np.float32),
        "b": np.array([1, 0.5, 0], dtype=np.float32),
        "table": np.array(table, dtype=dtype),
    }
    return model(nodes, weights, 1, {"y": (target, [1])})


def test_casts_of_labels() -> None:
    assert "[0, 513], which uint8" in refusal(labelled([0, 300, 513], np.int64, UINT8), amount(1000))
    onnx_model, schema = labelled([0, 30, 255], np.int64, UINT8), amount(1000)
    plan = calibrate(import_model(onnx_model), schema)
    rows = np.array([[10], [100], [1000]], dtype=np.float32)
    run = IntegerModel(plan, schema).run(schema.encode_batch(rows).codes)
    exact = model_outputs(onnx_model, import_model(onnx_model), rows, "y")
    assert run.outputs.ravel().tolist() == exact.ravel().tolist()


# --- labels -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("large", [2**53 + 1, 2**60 + 1, -(2**62), 2**63 - 1, -(2**63)])
def test_labels_float64_would_round_are_refused(large: int) -> None:
    schema = Schema("s", (Int("a", -10, 10),))
    for reveal in ("label", "tier"):
        assert "beyond 2^52" in refusal(
            linear_classifier([1.0], [0.0], [0, large], "LOGISTIC", 1), schema, Request(reveal)
        )
    three = linear_classifier([-1.0, 0.0, 1.0], [0.0] * 3, [0, 1, large], "SOFTMAX", 1)
    assert "beyond 2^52" in refusal(three, schema)
    if large > 0:
        assert "beyond 2^52" in refusal(labelled([0, 1, large], np.uint64, TensorProto.UINT64), amount(10))


def test_the_largest_labels_are_exact() -> None:
    schema, labels = Schema("s", (Int("a", -10, 10),)), [-(2**52) + 1, 2**52]
    onnx_model = linear_classifier([1.0], [0.0], labels, "LOGISTIC", 1)
    plan = calibrate(import_model(onnx_model), schema, request=Request("label"))
    run = IntegerModel(plan, schema).run(np.array([[-5], [5]]))
    assert run.outputs.ravel().tolist() == labels


def test_labels_that_tell_nothing_are_refused() -> None:
    schema = Schema("s", (Int("a", -10, 10),))
    onnx_model = linear_classifier([1.0], [0.0], [5, 5], "LOGISTIC", 1)
    assert "every class has the label [5]" in refusal(onnx_model, schema, Request("label"))
    node = helper.make_node(
        "LinearClassifier",
        ["X"],
        ["label", "scores"],
        domain="ai.onnx.ml",
        coefficients=[1.0, 0.0, -1.0],
        intercepts=[0.0] * 3,
        classlabels_strings=["no", "yes", "no"],
    )
    texts = model([node], {}, 1, {"label": (TensorProto.STRING, [1]), "scores": (FLOAT, [1, 3])})
    assert "same text" in refusal(texts, schema)


# --- probabilities ----------------------------------------------------------------------------------------------------


def normalized_pair(rows: list[list[float]]) -> bytes:
    nodes = [
        one("Gemm", ["X", "w", "b"], "z", transB=1),
        one("Sigmoid", ["z"], "p"),
        one("Normalizer", ["p"], "y", "ai.onnx.ml", norm="L1"),
    ]
    weights = {"w": np.array(rows, dtype=np.float32), "b": np.array([50, -50], dtype=np.float32)}
    return model(nodes, weights, 2, {"y": (FLOAT, [1, 2])})


def test_nearly_complementary_sigmoids_are_no_binary_probability() -> None:
    """The sums of the weights are 1e-5 of the largest; yet at b = 10^6 both sigmoids are 1 and their L1 norm is 1/2."""
    schema = Schema("s", (Bool("a"), Int("b", 0, 1_000_000)))
    rows = np.array([[a, b] for a in (0, 1) for b in range(50)], dtype=np.float32)
    near = compile_model(normalized_pair([[-100, 0.0004], [100, 0.0005]]), schema=schema, calibration=rows)
    assert near.plan.link == "normalized"
    assert near.layout.reveal is Reveal.LABEL
    exact = compile_model(normalized_pair([[-100, 0.0004], [100, -0.0004]]), schema=schema, calibration=rows)
    assert exact.plan.link == "sigmoid"
    assert exact.layout.reveal is Reveal.TIER


# --- the reference ----------------------------------------------------------------------------------------------------


def test_a_model_onnxruntime_refuses_is_a_bad_file() -> None:
    proto = onnx.load_from_string(mlp([1, 2, 1], seed=1))
    for node in proto.graph.node:
        node.name = "same"
    with pytest.raises(ModelFileError, match="onnxruntime does not run this model"):
        compile_model(proto.SerializeToString(), schema=amount(10))


def test_the_reference_runs_unoptimised(monkeypatch: pytest.MonkeyPatch) -> None:
    levels = []
    session = onnxruntime.InferenceSession

    def opened(source: bytes, options: onnxruntime.SessionOptions, **rest: Any) -> onnxruntime.InferenceSession:
        levels.append(options.graph_optimization_level)
        return session(source, options, **rest)

    monkeypatch.setattr(onnxruntime, "InferenceSession", opened)
    onnx_model = mlp([1, 2, 1], seed=1)
    model_outputs(onnx_model, import_model(onnx_model), np.ones((1, 1), dtype=np.float32), "y")
    assert levels == [onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL]
