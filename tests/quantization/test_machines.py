"""Support vector machines, normalised rows and the transforms of linear models, against onnxruntime."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper

from prover.compiler import solve
from prover.errors import QuantizationError, UnsupportedOpError
from prover.graph import import_model
from prover.lowering import lower
from prover.quantization import IntegerModel, Plan, Request, calibrate
from prover.schema import Fixed, Schema
from tests.quantization.nets import model

FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64
G = np.random.default_rng(8)
SCHEMA = Schema("s", tuple(Fixed(f"x{index}", 64, -128, 127) for index in range(4)))
ROWS = G.integers(-128, 128, size=(60, 4)) / 64
KERNELS = ("LINEAR", "POLY", "RBF", "SIGMOID")


def machine(n_classes: int, kernel: str, each: int = 3, **more: Any) -> bytes:
    """An SVMClassifier with ``each`` vectors a class; outputs ``label`` and ``scores``."""
    generator = np.random.default_rng(n_classes)
    pairs = n_classes * (n_classes - 1) // 2
    node = helper.make_node(
        "SVMClassifier",
        ["X"],
        ["label", "scores"],
        "svm",
        domain="ai.onnx.ml",
        kernel_type=kernel,
        kernel_params=[0.4, 0.3, 3.0],
        support_vectors=generator.normal(size=4 * each * n_classes).tolist(),
        coefficients=generator.normal(size=(n_classes - 1) * each * n_classes).tolist(),
        vectors_per_class=[each] * n_classes,
        rho=generator.normal(size=pairs).tolist(),
        classlabels_ints=list(range(4, 4 + n_classes)),
        **more,
    )
    return model([node], {}, 4, {"label": (INT64, [1]), "scores": (FLOAT, None)})


def reveal(onnx: bytes, output: str, mode: str | None) -> tuple[Plan, np.ndarray, np.ndarray]:
    """(plan, what it reveals of every row, onnxruntime's output); the circuit agrees on one row."""
    plan = calibrate(import_model(onnx), SCHEMA, ROWS, request=Request(mode, output))
    batch = SCHEMA.encode_batch(ROWS)
    values = IntegerModel(plan, SCHEMA).run(batch.codes).outputs
    solution = solve(lower(SCHEMA, plan), plan.layout, batch[7], salt=5, context=6)
    assert solution.values == tuple(values[7].tolist())
    session = onnxruntime.InferenceSession(onnx, providers=["CPUExecutionProvider"])
    expected = [session.run([output], {"X": row[None].astype(np.float32)})[0].ravel() for row in ROWS]
    return plan, values, np.stack(expected)


def scores_of(onnx: bytes, tolerance: float, output: str = "scores") -> Plan:
    plan, values, expected = reveal(onnx, output, "score")
    scale = 10.0 ** np.array(plan.layout.decimals)
    np.testing.assert_allclose(values / scale, expected, atol=tolerance, rtol=1e-3)
    return plan


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("n_classes", [2, 3, 4])
def test_labels_are_the_votes(kernel: str, n_classes: int) -> None:
    _, values, expected = reveal(machine(n_classes, kernel), "label", None)
    assert (values == expected).all()
    assert len(np.unique(expected)) > 1


@pytest.mark.parametrize("kernel", KERNELS)
def test_scores_of_pairs(kernel: str) -> None:
    scores_of(machine(3, kernel), 8e-3)
    scores_of(machine(2, kernel), 8e-3)


def test_a_polynomial_kernel_costs_the_monomials_not_the_vectors() -> None:
    plan = scores_of(machine(3, "POLY", each=12), 1e-2)
    assert [step.kind for step in plan.steps] == ["contract", "contract", "round"]
    assert plan.steps[0].n_outputs == 10  # products of two of four features


@pytest.mark.parametrize("transform", ["LOGISTIC", "SOFTMAX"])
def test_transformed_scores(transform: str) -> None:
    scores_of(machine(3, "RBF", post_transform=transform), 5e-3)
    plan, values, expected = reveal(machine(2, "RBF", post_transform=transform), "scores", "score")
    scale = 10.0 ** np.array(plan.layout.decimals)
    np.testing.assert_allclose(values / scale, expected[:, -values.shape[1] :], atol=5e-3)


def test_pairwise_probabilities() -> None:
    """onnxruntime stops 0.005 / k before its coupling is consistent."""
    onnx = machine(2, "RBF", prob_a=[-1.5], prob_b=[0.2])
    plan, values, expected = reveal(onnx, "scores", "score")
    assert np.abs(values[:, 0] / 10.0 ** plan.layout.decimals[0] - expected[:, 1]).max() < 0.005
    _, values, expected = reveal(onnx, "label", None)
    assert (values == expected).all()


LINEAR: dict[str, Any] = {"kernel_params": [0.0, 0.0, 0.0], "rho": [0.3]}


@pytest.mark.parametrize(
    "coefficients",
    [
        [0.5, -0.3, 0.2, 0.1, -0.4, 0.6, 0.3, -0.2],
        [0.1, 0.2, 0.05, 0.1, 0.3, 0.1, 0.02, 0.2],
        G.normal(size=12).tolist(),
    ],
    ids=["mixed", "positive", "three"],
)
def test_machines_without_vectors(coefficients: list[float]) -> None:
    labels = list(range(len(coefficients) // 4))
    node = helper.make_node(
        "SVMClassifier",
        ["X"],
        ["label", "scores"],
        "svm",
        domain="ai.onnx.ml",
        coefficients=coefficients,
        classlabels_ints=labels,
        **LINEAR,
    )
    onnx = model([node], {}, 4, {"label": (INT64, [1]), "scores": (FLOAT, None)})
    _, values, expected = reveal(onnx, "label", None)
    assert (values == expected).all()
    scores_of(onnx, 1e-5)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("one_class", [0, 1])
def test_regressors(kernel: str, one_class: int) -> None:
    node = helper.make_node(
        "SVMRegressor",
        ["X"],
        ["y"],
        "svr",
        domain="ai.onnx.ml",
        kernel_type=kernel,
        kernel_params=[0.4, 0.3, 2.0],
        support_vectors=np.random.default_rng(3).normal(size=24).tolist(),
        coefficients=[0.5, -1.0, 0.25, 0.75, -0.3, 0.1],
        rho=[0.1],
        n_supports=6,
        one_class=one_class,
    )
    onnx = model([node], {}, 4, {"y": (FLOAT, None)})
    scores_of(onnx, 3e-3 if not one_class else 0.0, "y")


@pytest.mark.parametrize("norm", ["MAX", "L1", "L2"])
def test_normalised_rows(norm: str) -> None:
    nodes = [
        helper.make_node("Add", ["X", "c"], ["z"], "add"),
        helper.make_node("Normalizer", ["z"], ["y"], "norm", domain="ai.onnx.ml", norm=norm),
    ]
    weights = {"c": np.array([2.5, 1.0, 0.5, -0.3], dtype=np.float32)}
    scores_of(model(nodes, weights, 4, {"y": (FLOAT, None)}), 3e-3, "y")


@pytest.mark.parametrize("transform", ["LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO", "PROBIT"])
def test_transforms_of_linear_models(transform: str) -> None:
    """Scores stay in (0, 1), where the inverse of the normal distribution is defined."""
    node = helper.make_node(
        "LinearRegressor",
        ["X"],
        ["y"],
        "linear",
        domain="ai.onnx.ml",
        coefficients=[0.05, 0.02, -0.03, 0.01, 0.04, 0.0, 0.05, -0.02, 0.01, 0.01, 0.01, 0.01],
        intercepts=[0.5, 0.6, 0.4],
        targets=3,
        post_transform=transform,
    )
    scores_of(model([node], {}, 4, {"y": (FLOAT, None)}), 3e-3, "y")


def test_what_has_no_meaning_is_refused_by_name() -> None:
    def refuse(match: str, op: str, outputs: list[str], **attributes: Any) -> None:
        node = helper.make_node(op, ["X"], outputs, "m", domain="ai.onnx.ml", **attributes)
        with pytest.raises((UnsupportedOpError, QuantizationError), match=match):
            calibrate(import_model(model([node], {}, 4, {outputs[-1]: (FLOAT, None)})), SCHEMA, ROWS)

    weights = {"coefficients": [0.1] * 4, "intercepts": [0.0]}
    refuse("LOGISTIC of a single target", "LinearRegressor", ["y"], **weights, post_transform="LOGISTIC")
    refuse(
        "PROBIT of a single score",
        "LinearClassifier",
        ["l", "y"],
        **weights,
        classlabels_ints=[0, 1],
        post_transform="PROBIT",
    )
    two = {"coefficients": [0.1] * 8, "intercepts": [0.0, 0.1], "targets": 2}
    refuse("Probit is defined from 0 to 1", "LinearRegressor", ["y"], **two, post_transform="PROBIT")
    kernel = {"kernel_params": [0.1, 0.0, 2.5], "kernel_type": "POLY", "support_vectors": [0.1] * 4, "n_supports": 1}
    refuse("degree 2.5", "SVMRegressor", ["y"], **kernel, coefficients=[1.0], rho=[0.0])


def test_squares_of_small_numbers_keep_their_digits() -> None:
    """As naive Bayes writes its likelihood: squares of deviations, divided by small variances, beside large ones."""
    spread = np.array([2e-3, 2e-2, 1.0, 50.0], dtype=np.float32)
    nodes = [
        helper.make_node("Mul", ["X", "spread"], ["z"], "scale"),
        helper.make_node("Pow", ["z", "two"], ["q"], "square"),
        helper.make_node("Div", ["q", "variance"], ["y"], "divide"),
    ]
    weights = {"spread": spread, "two": np.float32(2), "variance": spread**2}
    scores_of(model(nodes, weights, 4, {"y": (FLOAT, None)}), 5e-3, "y")


@pytest.mark.parametrize("n_classes", [3, 5])
def test_probabilities_of_several_classes(n_classes: int) -> None:
    """The consistent ones, from which onnxruntime's iteration stays 0.005 / k away; the label is that of the votes."""
    pairs = n_classes * (n_classes - 1) // 2
    onnx = machine(n_classes, "LINEAR", prob_a=np.linspace(-1.5, -0.5, pairs).tolist(), prob_b=[0.1] * pairs)
    plan, values, expected = reveal(onnx, "scores", "score")
    shares = values / 10.0 ** np.array(plan.layout.decimals)
    assert np.abs(shares - expected).max() < 0.008
    assert np.abs(shares.sum(axis=1) - 1).max() < 5e-3
    _, values, expected = reveal(onnx, "label", None)
    assert (values == expected).all()
