"""Wide ranges: weights get coarser before a model is refused, and a refusal names the feature and what helps."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper

from prover.errors import QuantizationError
from prover.graph import import_model
from prover.quantization import IntegerModel, Plan, Request, Settings, calibrate
from prover.quantization.bounds import LIMIT
from prover.schema import Int, Schema
from tests.quantization.nets import linear_classifier, model


def wide(*highs: int) -> Schema:
    return Schema("wide", tuple(Int(f"x{i}", 0, high) for i, high in enumerate(highs)))


def regression(weights: list[float], *, relu: bool = False) -> bytes:
    """``weights @ x``, or its positive part."""
    nodes = [helper.make_node("MatMul", ["X", "w"], ["z" if relu else "y"], "linear")]
    if relu:
        nodes.append(helper.make_node("Relu", ["z"], ["y"], "relu"))
    column = np.array(weights, dtype=np.float32)[:, None]
    return model(nodes, {"w": column}, len(weights), {"y": (TensorProto.FLOAT, [1, 1])})


def scores(plan: Plan, schema: Schema, codes: NDArray[np.int64]) -> NDArray[np.float64]:
    assert all(max(abs(int(s.inputs.lo.min())), int(s.inputs.hi.max())) < LIMIT for s in plan.steps)
    return IntegerModel(plan, schema).run(codes).outputs[:, 0] / 1e6


@pytest.mark.parametrize("k", [1, 10, 1000, 10**4, 10**5, 10**6, 10**7])
def test_large_differences_behind_a_relu_are_exact(k: int) -> None:
    schema = wide(100_000, 100_000)
    plan = calibrate(import_model(regression([k, -k], relu=True)), schema)
    codes = np.array([[0, 0], [100_000, 0], [0, 100_000], [77_777, 33_333], [5, 4]], dtype=np.int64)
    exact = np.maximum(codes[:, 0] - codes[:, 1], 0) * k
    assert scores(plan, schema, codes).tolist() == exact.tolist()


@pytest.mark.parametrize("high", [10**7, 10**9, 10**12, 10**12 * 2])
def test_large_linear_scores(high: int) -> None:
    schema = wide(high)
    codes = np.array([[0], [1], [high // 3], [high]], dtype=np.int64)
    exact = codes[:, 0].astype(np.float64)
    plan = calibrate(import_model(regression([1.0])), schema)
    assert scores(plan, schema, codes).tolist() == exact.tolist()
    weight = float(np.float32(0.1234567))
    got = scores(calibrate(import_model(regression([weight])), schema), schema, codes)
    assert np.abs(got - weight * exact).max() <= max(1e-6, weight * high * 2.0**-20)


def test_a_score_is_refused_only_when_it_does_not_fit() -> None:
    schema = wide(5, 10**13)
    with pytest.raises(QuantizationError, match=r"value times 1,000,000 may reach 2\^63, .* feature 'x1'") as caught:
        calibrate(import_model(regression([1.0, 1.0])), schema)
    assert "narrow the range of 'x1'" in caught.value.hint
    plan = calibrate(import_model(regression([1.0, 1.0])), schema, request=Request("tier", tiers=(10.0, 1e12)))
    run = IntegerModel(plan, schema).run(np.array([[4, 5], [5, 5], [0, 10**12 - 1], [0, 10**12]], dtype=np.int64))
    assert run.outputs.ravel().tolist() == [0, 1, 1, 2]


@pytest.mark.parametrize(("weight", "high"), [(1e-9, 10**12), (1e-3, 10**9), (1e-6, 10**9), (1e-12, 10**12)])
@pytest.mark.parametrize("reveal", ["tier", "label", "score"])
def test_wide_ranges_with_modest_logits(weight: float, high: int, reveal: str) -> None:
    stored = float(np.float32(weight))
    schema, half = wide(high), float(np.float32(weight * high / 2))
    plan = calibrate(
        import_model(linear_classifier([stored], [-half], [0, 1], "LOGISTIC", 1)), schema, request=Request(reveal)
    )
    logits = np.array([-20.0, -1.0, -0.1, 0.1, 0.55, 0.7, 1.3, 1.5, 20.0])
    codes = np.clip(np.rint((logits + half) / stored), 0, high).astype(np.int64)[:, None]
    exact = 1 / (1 + np.exp(half - stored * codes[:, 0]))
    got = IntegerModel(plan, schema).run(codes).outputs[:, 0]
    if reveal == "score":
        assert np.abs(got / 1e6 - exact).max() < 1e-3
    else:
        cuts = [0.5, 0.65, 0.8] if reveal == "tier" else [0.5]
        assert got.tolist() == np.searchsorted(cuts, exact, side="right").tolist()


def test_precision_that_cannot_be_kept_is_refused_by_feature() -> None:
    onnx = linear_classifier([1.0, 1e-14], [-5.0], [0, 1], "LOGISTIC", 2)
    with pytest.raises(QuantizationError, match=r"one part in .* feature 'x1'") as caught:
        calibrate(import_model(onnx), wide(1, 10**15))
    assert "narrow the range of 'x1'" in caught.value.hint
    # The remedy is one: over the range that occurs the same weights fit.
    calibrate(import_model(onnx), wide(1, 10**11))


@pytest.mark.parametrize("last", ["Relu", "Sigmoid"])
def test_weights_that_overflow_once_folded(last: str) -> None:
    nodes = [helper.make_node("Mul", [f"x{i}" if i else "X", "c"], [f"x{i + 1}"], f"mul{i}") for i in range(10)]
    nodes.append(helper.make_node(last, ["x10"], ["y"], "last"))
    onnx = model(nodes, {"c": np.float32(1e38)}, 1, {"y": (TensorProto.FLOAT, [1, 1])})
    with np.errstate(over="ignore"), pytest.raises(QuantizationError, match="not a finite number"):
        calibrate(import_model(onnx), wide(7))


def test_a_wide_hidden_layer_names_a_feature_too() -> None:
    schema = wide(3, 10**15)
    rows = np.random.default_rng(0).integers(0, 4, size=(50, 2))
    nodes = [
        helper.make_node("Gemm", ["X", "w", "b"], ["z"], "linear"),
        helper.make_node("Relu", ["z"], ["r"], "relu"),
        helper.make_node("MatMul", ["r", "v"], ["y"], "last"),
    ]
    weights = {
        "w": np.eye(2, dtype=np.float32),
        "b": np.full(2, -1, dtype=np.float32),
        "v": np.full((2, 1), 0.3, dtype=np.float32),
    }
    graph = import_model(model(nodes, weights, 2, {"y": (TensorProto.FLOAT, [1, 1])}))
    with pytest.raises(QuantizationError, match="feature 'x1'"):
        calibrate(graph, schema, rows, settings=Settings(saturation_bits=0))
    calibrate(graph, schema, rows)  # saturated where the samples end
