"""Heads: every way a model ends, what is revealed by default, and what is refused."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper, load_from_string

from prover.errors import ModelError, QuantizationError
from prover.graph import import_model
from prover.quantization import IntegerModel, Plan, Request, Run, Settings, calibrate
from prover.quantization.accuracy import Accuracy, compare
from prover.schema import Bool, Fixed, Int, Polarity, Reveal, Schema
from tests.quantization.nets import linear_classifier, mlp, model

SCHEMA = Schema("s", tuple(Fixed(f"x{i}", 256, -2048, 2047) for i in range(4)))
ROWS = np.random.default_rng(9).uniform(-4, 4, size=(200, 4)).astype(np.float32)
ROWS = np.rint(ROWS * 256).clip(-2048, 2047).astype(np.float32) / 256


def outputs(onnx: bytes) -> dict[str, np.ndarray]:
    session = onnxruntime.InferenceSession(onnx, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    results = [session.run(None, {"X": row[None]}) for row in ROWS]
    return {name: np.stack([np.asarray(result[i]) for result in results]) for i, name in enumerate(names)}


def run(onnx: bytes, request: Request | None = None) -> tuple[Plan, Run, Accuracy]:
    plan = calibrate(import_model(onnx), SCHEMA, ROWS, request=request)
    result = IntegerModel(plan, SCHEMA).run(SCHEMA.encode_batch(ROWS).codes)
    return plan, result, compare(plan, result, outputs(onnx)[plan.output])


W2 = [0.4, -0.3, 0.2, 0.1]
PAIR = [-w for w in W2] + W2
TRIPLE = [0.4, -0.3, 0.2, 0.1, -0.2, 0.5, 0.1, -0.4, 0.0, 0.1, -0.6, 0.3]


@pytest.mark.parametrize(
    ("coefficients", "intercepts", "labels", "transform", "mode"),
    [
        (W2, [0.1], [0, 1], "LOGISTIC", Reveal.TIER),
        (PAIR, [-0.1, 0.1], [0, 1], "LOGISTIC", Reveal.TIER),
        (PAIR, [-0.1, 0.1], [3, 8], "SOFTMAX", Reveal.TIER),
        (W2, [0.1], [0, 1], "NONE", Reveal.LABEL),
        (PAIR, [-0.1, 0.1], [0, 1], "NONE", Reveal.LABEL),
        (TRIPLE, [0.1, 0.0, -0.1], [0, 1, 2], "SOFTMAX", Reveal.LABEL),
        (TRIPLE, [0.1, 0.0, -0.1], [4, 9, 2], "LOGISTIC", Reveal.LABEL),
        (TRIPLE, [0.1, 0.0, -0.1], [10, 20, 30], "NONE", Reveal.LABEL),
    ],
)
def test_linear_classifiers(
    coefficients: list[float], intercepts: list[float], labels: list[int], transform: str, mode: Reveal
) -> None:
    onnx = linear_classifier(coefficients, intercepts, labels, transform, 4)
    plan, _, accuracy = run(onnx)
    assert plan.layout.reveal is mode
    # One row without a link: the label is score > 0, which the scores (1 - s, s) do not tell.
    assert plan.output == ("label" if transform == "NONE" and coefficients is W2 else "scores")
    assert accuracy.decision_flips == accuracy.label_flips == 0
    _, labelled, accuracy = run(onnx, Request("label"))
    assert labelled.outputs[:, 0].tolist() == outputs(onnx)["label"].ravel().tolist()
    plan, by_output, accuracy = run(onnx, Request(output="label"))
    assert plan.labels_only
    assert plan.layout.reveal is Reveal.LABEL
    assert accuracy.decision_flips == 0
    assert np.array_equal(by_output.outputs, labelled.outputs)


def test_scores_of_independent_sigmoids_and_of_raw_outputs() -> None:
    for onnx, decimals in ((mlp([4, 6, 3], seed=1), 6), (mlp([4, 6, 3], seed=2, head=""), 6)):
        plan, result, accuracy = run(onnx)
        assert plan.layout.reveal is Reveal.SCORE  # several targets compete for nothing: no class is invented
        assert plan.classes == ()
        assert accuracy.label_flips == 0
        assert plan.layout.decimals == (decimals,) * 3
        assert accuracy.max_abs_error is not None
        assert accuracy.max_abs_error < 0.01
        assert np.abs(result.outputs / 1e6 - outputs(onnx)["y"].reshape(-1, 3)).max() < 0.01


@pytest.mark.parametrize("transform", ["NONE", "LOGISTIC", "SOFTMAX"])
def test_scores_of_a_classifier_are_of_classes_though_its_label_is_cut_off(transform: str) -> None:
    whole = load_from_string(linear_classifier(TRIPLE, [0.1, 0.0, -0.1], [4, 9, 2], transform, 4))
    del whole.graph.output[0]
    plan, result, accuracy = run(whole.SerializeToString())
    assert plan.layout.reveal is Reveal.LABEL
    assert set(result.outputs.ravel().tolist()) <= {4, 9, 2}
    assert accuracy.label_flips == 0


def test_softmax_reveals_its_scores_and_its_label() -> None:
    onnx = mlp([4, 6, 3], seed=3, head="Softmax")
    plan, result, accuracy = run(onnx, Request("score"))
    assert plan.layout.reveal is Reveal.SCORE
    assert accuracy.max_abs_error is not None
    assert accuracy.max_abs_error < 2e-3
    assert np.abs(result.outputs.sum(axis=1) - 1_000_000).max() < 2_000
    plan, _, accuracy = run(onnx)
    assert plan.layout.reveal is Reveal.LABEL
    assert accuracy.label_flips == 0
    assert accuracy.max_abs_error is None
    assert accuracy.max_logit_error is not None
    assert accuracy.max_logit_error < 0.01


def test_softmax_of_two_is_a_binary_probability() -> None:
    plan, result, accuracy = run(mlp([4, 6, 2], seed=3, head="Softmax"), Request("score"))
    assert plan.link == "sigmoid"
    assert accuracy.max_abs_error is not None
    assert accuracy.max_abs_error < 0.002
    assert result.outputs.shape[1] == 1


def test_one_column_of_two_softmax_probabilities() -> None:
    nodes = [
        helper.make_node("Gemm", ["X", "w"], ["z"], "gemm"),
        helper.make_node("Softmax", ["z"], ["p"], "softmax", axis=1),
        helper.make_node("Gather", ["p", "one"], ["y"], "column", axis=1),
    ]
    weights = {"w": np.array(PAIR, dtype=np.float32).reshape(2, 4).T.copy(), "one": np.array([1])}
    plan, _, accuracy = run(model(nodes, weights, 4, {"y": (TensorProto.FLOAT, [1, 1])}))
    assert plan.layout.reveal is Reveal.TIER
    assert accuracy.decision_flips == 0
    assert accuracy.max_abs_error is not None
    assert accuracy.max_abs_error < 1e-4


def test_normalizer_after_complementary_sigmoids_changes_nothing() -> None:
    def head(norm: str) -> bytes:
        nodes = [
            helper.make_node("Gemm", ["X", "w"], ["z"], "gemm"),
            helper.make_node("Sigmoid", ["z"], ["p"], "sigmoid"),
            helper.make_node("Sub", ["one", "p"], ["q"], "sub"),
            helper.make_node("Concat", ["q", "p"], ["c"], "concat", axis=1),
            helper.make_node("Normalizer", ["c"], ["y"], "normalizer", domain="ai.onnx.ml", norm=norm),
        ]
        weights = {"w": np.array(W2, dtype=np.float32)[:, None], "one": np.float32(1)}
        return model(nodes, weights, 4, {"y": (TensorProto.FLOAT, [1, 2])})

    plan, _, accuracy = run(head("L1"))
    assert plan.layout.reveal is Reveal.TIER
    assert accuracy.decision_flips == 0
    for norm in ("MAX", "L2"):
        _, _, accuracy = run(head(norm), Request("score"))
        assert accuracy.max_abs_error is not None
        assert accuracy.max_abs_error < 2e-3


def test_normalized_sigmoids_prove_their_label_and_their_scores() -> None:
    nodes = [
        helper.make_node("Gemm", ["X", "w"], ["z"], "gemm", transB=1),
        helper.make_node("Sigmoid", ["z"], ["p"], "sigmoid"),
        helper.make_node("Normalizer", ["p"], ["y"], "normalizer", domain="ai.onnx.ml", norm="L1"),
    ]
    weights = {"w": np.array(TRIPLE, dtype=np.float32).reshape(3, 4)}
    onnx = model(nodes, weights, 4, {"y": (TensorProto.FLOAT, [1, 3])})
    _, _, accuracy = run(onnx)
    assert accuracy.label_flips == 0
    assert accuracy.max_logit_error is None
    _, _, accuracy = run(onnx, Request("score"))
    assert accuracy.max_abs_error is not None
    assert accuracy.max_abs_error < 2e-3


def test_ties_go_to_the_first_class() -> None:
    onnx = linear_classifier([0.5] * 12, [0.25] * 3, [5, 6, 7], "NONE", 4)
    _, result, _ = run(onnx, Request("label"))
    assert set(result.outputs.ravel().tolist()) == {5}
    onnx = linear_classifier([0.0] * 4, [0.0], [0, 1], "LOGISTIC", 4)
    _, result, _ = run(onnx, Request("label"))
    assert set(result.outputs.ravel().tolist()) == set(outputs(onnx)["label"].ravel().tolist()) == {0}


def test_regression_scores_and_tiers() -> None:
    onnx = mlp([4, 8, 1], seed=6, head="")
    plan, result, accuracy = run(onnx)
    assert plan.layout.reveal is Reveal.SCORE
    assert plan.layout.polarity is Polarity.NONE
    assert accuracy.max_abs_error is not None
    assert accuracy.max_abs_error < 0.005
    exact = outputs(onnx)["y"].ravel()
    plan, result, accuracy = run(onnx, Request("tier", tiers=(-0.5, 0.25, 1.0), polarity="lower_is_better"))
    assert plan.layout.thresholds == (-500_000, 250_000, 1_000_000)
    assert plan.layout.polarity is Polarity.LOWER_IS_BETTER
    assert np.array_equal(result.outputs[:, 0], np.searchsorted([-0.5, 0.25, 1.0], exact, side="right"))
    with pytest.raises(QuantizationError, match="no default tiers"):
        run(onnx, Request("tier"))
    with pytest.raises(QuantizationError, match="no label"):
        run(onnx, Request("label"))


def test_custom_tiers_of_a_probability() -> None:
    onnx = linear_classifier(W2, [0.1], [0, 1], "LOGISTIC", 4)
    cuts = (0.1, 0.123456, 0.5, 0.9, 0.999)
    plan, result, accuracy = run(onnx, Request("tier", tiers=cuts))
    exact = outputs(onnx)["scores"].reshape(-1, 2)[:, 1]
    assert np.array_equal(result.outputs[:, 0], np.searchsorted(cuts, exact, side="right"))
    assert accuracy.tier_flips == 0
    assert plan.layout.thresholds[1] == 123456


@pytest.mark.parametrize("tiers", [(), (0.5, 0.5), (0.6, 0.5), (0.0, 0.5), (0.5, 1.0), (float("nan"),), (0.5, 2.0)])
def test_impossible_tiers(tiers: tuple[float, ...]) -> None:
    with pytest.raises(QuantizationError):
        run(linear_classifier(W2, [0.1], [0, 1], "LOGISTIC", 4), Request("tier", tiers=tiers))


def test_thresholds_nobody_can_reach_or_miss_are_decided_at_once() -> None:
    onnx = linear_classifier([0.001] * 4, [0.0], [0, 1], "LOGISTIC", 4)
    plan, result, _ = run(onnx, Request("tier", tiers=(0.01, 0.02, 0.5, 0.99)))
    assert plan.steps[-1].integer("base") == 2
    assert plan.steps[-1].integers("thresholds").size == 1
    assert set(result.outputs.ravel().tolist()) == {2, 3}


def bools(bias: float, transform: str = "LOGISTIC") -> bytes:
    """Logits bias, bias + 1, bias + 2, bias + 3 over two booleans."""
    return linear_classifier([1.0, 2.0], [bias], [0, 1], transform, 2)


BITS = Schema("bits", (Bool("a"), Bool("b")))
TRUTH = np.array([[0, 0], [1, 0], [0, 1], [1, 1]], dtype=np.int64)


@pytest.mark.parametrize(
    ("bias", "tiers", "base", "open_thresholds"),
    [
        (0.0, (0.5,), 1, 0),  # logit(0.5) = 0 is the least logit: everybody passes
        (0.0, (0.5, 0.65, 0.8), 1, 2),
        (-3.0, (0.5, 0.65, 0.8), 0, 1),  # and the largest
        (5.0, (0.5, 0.65, 0.8), 3, 0),
        (-9.0, (0.5, 0.65, 0.8), 0, 0),
    ],
)
def test_thresholds_at_the_edge_of_the_proven_range(
    bias: float, tiers: tuple[float, ...], base: int, open_thresholds: int
) -> None:
    plan = calibrate(import_model(bools(bias)), BITS, TRUTH, request=Request("tier", tiers=tiers))
    step = plan.steps[-1]
    assert (step.integer("base"), step.integers("thresholds").size) == (base, open_thresholds)
    logits = bias + TRUTH @ [1, 2]
    passed = [sum(logit >= np.log(cut / (1 - cut)) for cut in tiers) for logit in logits]
    assert IntegerModel(plan, BITS).run(TRUTH).outputs.ravel().tolist() == passed


def test_thresholds_a_millionth_apart_are_told_apart() -> None:
    tiers = (0.731058, 0.731059, 0.73106)  # sigmoid(1) = 0.7310586
    plan = calibrate(import_model(bools(-1.0)), BITS, TRUTH, request=Request("tier", tiers=tiers))
    assert IntegerModel(plan, BITS).run(TRUTH).outputs.ravel().tolist() == [0, 0, 1, 3]


def test_thresholds_equal_in_millionths_are_refused() -> None:
    with pytest.raises(QuantizationError, match="same in millionths"):
        run(mlp([4, 1], seed=6, head=""), Request("tier", tiers=(0.5, 0.50000001)))


def test_requests_that_make_no_sense() -> None:
    onnx = linear_classifier(W2, [0.1], [0, 1], "LOGISTIC", 4)
    for request in (
        Request("rank"),
        Request("label", tiers=(0.5,)),
        Request("tier", output="label"),
        Request(polarity="sideways"),
    ):
        with pytest.raises(QuantizationError):
            run(onnx, request)
    with pytest.raises(ModelError, match="no output 'z'"):
        run(onnx, Request(output="z"))


def test_scores_that_do_not_fit_are_refused() -> None:
    onnx = mlp([4, 1], seed=1, head="", gain=1e13)
    with pytest.raises(QuantizationError, match=r"times 1,000,000 may reach 2\^6.*feature 'x\d'") as caught:
        run(onnx, Request("score"))
    assert "reveal tiers" in caught.value.hint
    plan, _, _ = run(onnx, Request("tier", tiers=(0.0,)))
    assert plan.layout.reveal is Reveal.TIER
    with pytest.raises(QuantizationError):
        Settings(activation_bits=0)
    with pytest.raises(QuantizationError):
        Settings(decimals=19)


def test_a_constant_model_is_refused() -> None:
    nodes = [helper.make_node("Gemm", ["X", "w"], ["h"], "gemm"), helper.make_node("Sub", ["h", "h"], ["y"], "sub")]
    onnx = model(nodes, {"w": np.ones((4, 1), dtype=np.float32)}, 4, {"y": (TensorProto.FLOAT, [1, 1])})
    plan, result, _ = run(onnx, Request("score"))
    assert set(result.outputs.ravel().tolist()) == {0}
    assert plan.steps[-1].inputs.matrix.nnz == 0


def test_scores_of_several_places_have_no_one_label() -> None:
    """A token classifier's [1, 5, 3] is five decisions, not one of fifteen classes."""
    nodes = [helper.make_node("Reshape", ["X", "s"], ["y"])]
    onnx = model(nodes, {"s": np.array([1, 2, 3])}, 6, {"y": (TensorProto.FLOAT, [1, 2, 3])})
    schema = Schema("six", tuple(Int(f"x{i}", 0, 9) for i in range(6)))
    with pytest.raises(QuantizationError, match="scores 2 places"):
        calibrate(import_model(onnx), schema, request=Request("label"))
    plan = calibrate(import_model(onnx), schema, request=Request("score"))
    assert plan.layout.n_outputs == 6


def test_probabilities_times_one_keep_their_tiers() -> None:
    nodes = [helper.make_node("Sigmoid", ["X"], ["p"]), helper.make_node("Mul", ["p", "one"], ["y"])]
    onnx = model(nodes, {"one": np.ones(1, dtype=np.float32)}, 1, {"y": (TensorProto.FLOAT, [1, 1])})
    plan = calibrate(import_model(onnx), Schema("s", (Int("x", -9, 9),)))
    assert plan.link == "sigmoid"
    assert plan.layout.reveal is Reveal.TIER
