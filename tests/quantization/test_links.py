"""Sigmoids and shares of sigmoids that exporters write out: proved on their logits, over any range."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper

from prover.graph import import_model
from prover.quantization import FactSpace, IntegerModel, Request, calibrate
from prover.quantization.trace import Affine, Link, Value, trace_graph
from prover.schema import Fixed, Schema
from tests.quantization.nets import model

FLOAT = TensorProto.FLOAT
G = np.random.default_rng(4)
W = G.normal(size=(4, 3)).astype(np.float32)
SCHEMA = Schema("s", tuple(Fixed(f"x{index}", 64, -256, 255) for index in range(4)))
ROWS = G.integers(-256, 256, size=(80, 4)) / 64


def op(name: str, inputs: list[str], output: str, **attributes: Any) -> Any:
    return helper.make_node(name, inputs, [output], output, **attributes)


def sigmoids(inverse: str) -> list[Any]:
    """``1 / (1 + exp(-(x @ w)))`` in pieces."""
    pieces = [op("MatMul", ["X", "w"], "z"), op("Neg", ["z"], "n"), op("Exp", ["n"], "e"), op("Add", ["e", "one"], "d")]
    last = op("Reciprocal", ["d"], "p") if inverse == "Reciprocal" else op("Div", ["one", "d"], "p")
    return [*pieces, last]


def shares(divisor: str = "t") -> list[Any]:
    """As scikit-learn's exporter does it: a sum of zero counts as one."""
    return [
        op("ReduceSum", ["p", "axis"], "t", keepdims=1),
        op("Cast", ["t"], "some", to=TensorProto.BOOL),
        op("Not", ["some"], "none"),
        op("Cast", ["none"], "m", to=FLOAT),
        op("Add", ["p", "m"], "top"),
        op("Mul", ["m", "three"], "m3"),
        op("Add", ["m3", divisor], "u"),
        op("Div", ["top", "u"], "y"),
    ]


def build(nodes: list[Any], scale: float = 1.0) -> bytes:
    weights = {"w": W * scale, "one": np.float32(1), "three": np.float32(3), "axis": np.array([1])}
    return model(nodes, weights, 4, {nodes[-1].output[0]: (FLOAT, [1, 3])})


def traced(onnx: bytes) -> Value:
    return next(iter(trace_graph(import_model(onnx), FactSpace.of(SCHEMA))[1].values()))


@pytest.mark.parametrize("inverse", ["Reciprocal", "Div"])
def test_a_written_out_sigmoid_is_one(inverse: str) -> None:
    value = traced(build(sigmoids(inverse)))
    assert isinstance(value, Link)
    assert value.kind == "sigmoid"
    assert value.logits.matrix.cols.max() < FactSpace.of(SCHEMA).n_slots


def test_shares_of_sigmoids_keep_the_order_of_their_logits() -> None:
    """Nothing is left of the pieces but the choice between the logits."""
    onnx = build([*sigmoids("Reciprocal"), *shares()], scale=0.5)
    value = traced(onnx)
    assert isinstance(value, Link)
    assert value.kind == "normalized"
    plan = calibrate(import_model(onnx), SCHEMA, ROWS, request=Request("label"))
    assert [step.kind for step in plan.steps] == ["argmax"]
    values = IntegerModel(plan, SCHEMA).run(SCHEMA.encode_batch(ROWS).codes).outputs
    session = onnxruntime.InferenceSession(onnx, providers=["CPUExecutionProvider"])
    expected = [session.run(None, {"X": row[None].astype(np.float32)})[0].argmax() for row in ROWS]
    assert values.ravel().tolist() == expected


@pytest.mark.parametrize(
    "nodes",
    [
        [
            op("MatMul", ["X", "w"], "z"),
            op("Exp", ["z"], "e"),
            op("Add", ["e", "three"], "d"),
            op("Reciprocal", ["d"], "p"),
        ],
        [
            op("MatMul", ["X", "w"], "z"),
            op("Sigmoid", ["z"], "s"),
            op("Add", ["s", "one"], "d"),
            op("Div", ["one", "d"], "p"),
        ],
        [*sigmoids("Div"), *shares("three")],
    ],
    ids=["three plus an exponential", "one plus a sigmoid", "over another number"],
)
def test_what_only_looks_alike_is_computed(nodes: list[Any]) -> None:
    onnx = build(nodes, scale=0.2)
    assert isinstance(traced(onnx), Affine)
    plan = calibrate(import_model(onnx), SCHEMA, ROWS, request=Request("score"))
    values = IntegerModel(plan, SCHEMA).run(SCHEMA.encode_batch(ROWS).codes).outputs / 1e6
    session = onnxruntime.InferenceSession(onnx, providers=["CPUExecutionProvider"])
    expected = [session.run(None, {"X": row[None].astype(np.float32)})[0].ravel() for row in ROWS]
    np.testing.assert_allclose(values, np.stack(expected), atol=2e-3)
