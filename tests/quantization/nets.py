"""Small ONNX models made on the spot, and the four loan and credit models."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from prover.schema import Bool, Float32, Schema

NAMES = ("loan_logistic", "loan_mlp", "credit_logistic", "credit_mlp")

IMAGES = ("digits_cnn", "lenet5")
"""Convolutional models: one schema type for all pixels, ten raw scores, the label revealed."""

TREES = ("credit_forest", "credit_xgboost", "loan_forest", "loan_xgboost")
"""Tree ensembles; the credit ones read seven float32 columns and 54 booleans."""

F32 = NDArray[np.float32]


def samples(models: Path, name: str) -> tuple[F32, F32]:
    """(rows float32[256, d], the model's probabilities float32[256, k])."""
    data = np.load(models / f"{name}.npz")
    return data["X"].reshape(len(data["X"]), -1), data["expected"]


def schema_of(models: Path, name: str) -> Schema:
    """The loan schema, or one derived from the samples."""
    if name.startswith("loan"):
        return Schema.from_json(models / "loan_schema.json")
    if name in TREES:
        return Schema(name, (*(Float32(f"x{i}") for i in range(7)), *(Bool(f"x{i}") for i in range(7, 61))))
    return Schema.derive(samples(models, name)[0], name, uniform=name in IMAGES)


def model(nodes: list[Any], weights: dict[str, Any], n_inputs: int | dict[str, int], outputs: dict[str, Any]) -> bytes:
    """An ONNX model over rows; several inputs by name and width, or one called ``X``.

    ``outputs`` maps names to (element type, shape), or to a ValueInfoProto for what is no tensor.
    """
    inputs = {"X": n_inputs} if isinstance(n_inputs, int) else n_inputs
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, width]) for name, width in inputs.items()],
        [
            helper.make_tensor_value_info(name, *kind) if isinstance(kind, tuple) else kind
            for name, kind in outputs.items()
        ],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in weights.items()],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    return bytes(helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString())


def mlp(widths: list[int], seed: int, head: str = "Sigmoid", gain: float = 1.0) -> bytes:
    """A random MLP: Gemm and Relu between ``widths``, then the head (an operator of one input, or ``""``)."""
    generator = np.random.default_rng(seed)
    nodes, weights, last = [], {}, "X"
    for index, (inner, outer) in enumerate(itertools.pairwise(widths)):
        weights[f"w{index}"] = (generator.normal(size=(outer, inner)) * gain / np.sqrt(inner)).astype(np.float32)
        weights[f"b{index}"] = (generator.normal(size=outer) * 0.3).astype(np.float32)
        nodes.append(
            helper.make_node("Gemm", [last, f"w{index}", f"b{index}"], [f"z{index}"], f"gemm{index}", transB=1)
        )
        last = f"z{index}"
        if index < len(widths) - 2:
            nodes.append(helper.make_node("Relu", [last], [f"a{index}"], f"relu{index}"))
            last = f"a{index}"
    if head:
        nodes.append(helper.make_node(head, [last], ["y"], "head"))
    else:
        nodes[-1].output[0] = "y"
    return model(nodes, weights, widths[0], {"y": (TensorProto.FLOAT, [1, widths[-1]])})


def linear_classifier(
    coefficients: list[float], intercepts: list[float], labels: list[int], transform: str, n_inputs: int
) -> bytes:
    """One ai.onnx.ml LinearClassifier with outputs ``label`` and ``scores``."""
    node = helper.make_node(
        "LinearClassifier",
        ["X"],
        ["label", "scores"],
        "classifier",
        domain="ai.onnx.ml",
        coefficients=coefficients,
        intercepts=intercepts,
        classlabels_ints=labels,
        post_transform=transform,
    )
    outputs = {"label": (TensorProto.INT64, [1]), "scores": (TensorProto.FLOAT, [1, len(labels)])}
    return model([node], {}, n_inputs, outputs)
