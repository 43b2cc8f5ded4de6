"""Normalisations, softmax, attention and recurrent layers, against onnxruntime."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from onnx import helper, numpy_helper

from prover.errors import UnsupportedOpError
from prover.graph import import_model
from prover.quantization import IntegerModel, Request, Settings, calibrate, draw
from prover.schema import Bool, Fixed, Schema
from tests.quantization.agreement import agreement, expected
from tests.quantization.nets import model

RNG = np.random.default_rng(8)


def f32(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype(np.float32)


def node(op: str, inputs: str, output: str = "y", **attributes: Any) -> Any:
    return helper.make_node(
        op, [name if name != "-" else "" for name in inputs.split()], [output], output, **attributes
    )


def reshaped() -> list[Any]:
    return [node("Reshape", "X shape", "x")]


NORMS: dict[str, tuple[Any, tuple[int, ...], dict[str, Any], int]] = {
    "layer": (node("LayerNormalization", "x g b", axis=-1), (2, 6), {"g": f32(6), "b": f32(6)}, 17),
    "layer over two axes": (node("LayerNormalization", "x g", axis=1), (2, 2, 3), {"g": f32(2, 3)}, 17),
    "instance": (node("InstanceNormalization", "x g b"), (1, 2, 6), {"g": f32(2), "b": f32(2)}, 17),
    "group": (node("GroupNormalization", "x g b", num_groups=2), (1, 4, 3), {"g": f32(4), "b": f32(4)}, 21),
    "root mean square": (node("RMSNormalization", "x g"), (2, 6), {"g": f32(6)}, 23),
    "mean and variance": (node("MeanVarianceNormalization", "x", axes=[0, 2]), (2, 2, 3), {}, 17),
    "unit length": (node("LpNormalization", "x", axis=1, p=2), (2, 6), {}, 17),
    "unit sum": (node("LpNormalization", "x", axis=0, p=1), (2, 6), {}, 17),
    "batch": (
        node("BatchNormalization", "x s b m v"),
        (1, 3, 4),
        {"s": f32(3), "b": f32(3), "m": f32(3), "v": np.abs(f32(3)) + np.float32(0.1)},
        17,
    ),
}


@pytest.mark.parametrize("name", NORMS)
def test_normalisations(name: str) -> None:
    last, shape, weights, opset = NORMS[name]
    weights = {**weights, "shape": np.array(shape)}
    found = agreement([*reshaped(), last], weights, int(np.prod(shape)), list(shape), opset=opset)
    assert found.error < 0.02
    if name == "batch":
        assert [step.kind for step in found.plan.steps] == ["round"]  # folded


def test_a_normalisation_of_a_constant_row_stays_finite() -> None:
    """Its variance is 0, so that only epsilon is left under the root."""
    nodes = [node("Mul", "X zero", "z"), node("LayerNormalization", "z g", axis=-1)]
    found = agreement(nodes, {"zero": np.float32(1e-6), "g": np.ones(4, np.float32)}, 4, [1, 4])
    assert found.error < 0.02


def test_a_variance_that_is_not_positive_is_refused_by_name() -> None:
    weights = {"s": f32(3), "m": f32(3), "v": np.float32([1, -1, 1]), "shape": np.array([1, 3, 1])}
    data = model([*reshaped(), node("BatchNormalization", "x s m m v")], weights, 3, {"y": (1, [1, 3, 1])})
    schema = Schema("s", tuple(Fixed(f"x{i}", 4, 0, 8) for i in range(3)))
    with pytest.raises(UnsupportedOpError, match="variance that is not positive"):
        calibrate(import_model(data), schema)


@pytest.mark.parametrize(
    ("last", "error"),
    [
        (node("LayerNormalization", "h g b", axis=-1), 0.02),
        (node("Softmax", "h", axis=1), 4e-3),
        (node("LpNormalization", "h", axis=1, p=1), math.inf),
        (node("LpNormalization", "h", axis=1, p=2), math.inf),
    ],
    ids=["layer", "softmax", "L1", "L2"],
)
def test_bounds_hold_far_from_the_samples(last: Any, error: float) -> None:
    """Rows that hardly vary, and corners of the ranges: what a caller knows of a product must hold there, too.

    A length that is far below those seen is saturated; a variance is not, for epsilon is the least it can be.
    """
    schema = Schema("far", tuple(Fixed(f"x{i}", 256, -1024, 1024) for i in range(6)))
    weights = {"w": f32(6, 6), "g": f32(6), "b": f32(6)}
    data = model([node("MatMul", "X w", "h"), last], weights, 6, {"y": (1, [1, 6])})
    samples = (RNG.integers(-1024, 1025, (64, 6)) / 256).astype(np.float32)
    plan = calibrate(import_model(data), schema, samples, request=Request("score"), settings=Settings())
    spread = RNG.choice([0, 1, 2, 5, 50], (200, 1))
    flat = RNG.integers(-900, 901, (200, 1)) + RNG.integers(-1, 2, (200, 6)) * spread
    codes = np.concatenate((flat, RNG.choice([-1024, 0, 1024], (200, 6)), np.zeros((1, 6), dtype=np.int64)))
    reference = IntegerModel(plan, schema)
    run = reference.run(codes)
    start = reference.facts.n_slots
    for step in plan.steps:
        outputs = run.variables[:, start : start + step.n_outputs]
        start += step.n_outputs
        assert (step.lo <= outputs).all()
        assert (outputs <= step.hi).all()
    wanted = expected(data, (codes / 256).astype(np.float32))
    finite = np.isfinite(wanted).all(axis=1)
    assert np.abs(run.outputs / 1e6 - wanted)[finite].max() < error


@pytest.mark.parametrize(
    ("op", "axis", "opset"), [("Softmax", 1, 13), ("Softmax", 0, 13), ("Softmax", 1, 11), ("LogSoftmax", -1, 13)]
)
def test_distributions_along_an_axis(op: str, axis: int, opset: int) -> None:
    """Before opset 13 the axis begins a block that is flattened."""
    weights = {"shape": np.array([2, 2, 3])}
    found = agreement([*reshaped(), node(op, "x", axis=axis)], weights, 12, [2, 2, 3], opset=opset)
    assert found.error < 4e-3


@pytest.mark.parametrize(("op", "attributes"), [("LogSoftmax", {"axis": 1}), ("ReduceLogSumExp", {"axes": [1]})])
def test_logarithms_of_sums_of_exponentials_where_all_are_equal(op: str, attributes: dict[str, Any]) -> None:
    """No sample comes near the largest sum, k; a table that ended where samples do would be off by log(k / 3.69)."""
    shape = [1, 4 if op == "LogSoftmax" else 1]
    data = model([node(op, "X", **attributes)], {}, 4, {"y": (1, shape)})
    schema = Schema("s", tuple(Fixed(f"x{index}", 256, -8192, 8192) for index in range(4)))
    plan = calibrate(import_model(data), schema, draw(schema, 200, seed=7).to_model_rows())
    codes = np.repeat(np.array([-8192, -1, 0, 300, 8192]), 4).reshape(-1, 4)
    run = IntegerModel(plan, schema).run(codes)
    assert np.abs(run.outputs / 1e6 - expected(data, (codes / 256).astype(np.float32))).max() < 2e-3
    assert not any(name.startswith("clamp") for step in plan.steps for name in step.params)


def attention(mask: np.ndarray) -> tuple[list[Any], dict[str, Any]]:
    """One head over four tokens of three numbers, as exporters write it."""
    nodes = [
        *reshaped(),
        node("MatMul", "x wq", "q"),
        node("MatMul", "x wk", "k"),
        node("MatMul", "x wv", "v"),
        node("Transpose", "k", "kt", perm=[1, 0]),
        node("MatMul", "q kt", "s"),
        node("Div", "s root", "d"),
        node("Add", "d mask", "a"),
        node("Softmax", "a", "p", axis=-1),
        node("MatMul", "p v"),
    ]
    weights = {"shape": np.array([4, 3]), "wq": f32(3, 3), "wk": f32(3, 3), "wv": f32(3, 3), "root": np.float32(1.732)}
    return nodes, {**weights, "mask": mask}


@pytest.mark.parametrize("depth", [0.0, -1e4, float(np.finfo(np.float32).min), -math.inf])
def test_attention_as_exporters_write_it(depth: float) -> None:
    """A mask of very negative numbers takes keys out: they cost nothing."""
    mask = np.triu(np.full((4, 4), depth, dtype=np.float32), 1)
    nodes, weights = attention(mask)
    found = agreement(nodes, weights, 12, [4, 3], ends=(-1.0, 1.0))
    assert found.error < 0.01
    exponentials = sum(step.n_outputs for step in found.plan.steps if step.kind == "function")
    assert exponentials == (16 if depth == 0.0 else 1 + 3 + 4)  # rows of 2 keys are one sigmoid, of 1 key a constant


@pytest.mark.parametrize("depth", [-1e9, float(np.finfo(np.float32).min)])
def test_padding_masks_may_be_private(depth: float) -> None:
    """``scores + (1 - mask) * depth``, the mask a boolean fact: as deep as the scores need, not 2^128."""
    schema = Schema("masked", (*(Fixed(f"x{i}", 16, -64, 64) for i in range(4)), *(Bool(f"m{i}") for i in range(4))))
    nodes = [
        node("Gather", "X i", "s", axis=1),
        node("Gather", "X j", "m", axis=1),
        node("Sub", "one m", "rest"),
        node("Mul", "rest depth", "mask"),
        node("Add", "s mask", "a"),
        node("Softmax", "a", "p", axis=1),
        node("Mul", "p w"),
    ]
    weights = {
        "i": np.arange(4),
        "j": np.arange(4, 8),
        "one": np.float32(1),
        "depth": np.float32(depth),
        "w": np.float32([1, -2, 3, -4]),
    }
    data = model(nodes, weights, 8, {"y": (1, [1, 4])})
    rows = np.concatenate((RNG.integers(-64, 65, (24, 4)) / 16, RNG.integers(0, 2, (24, 4))), axis=1).astype(np.float32)
    rows[:, 4] = 1.0  # no row is masked as a whole
    plan = calibrate(import_model(data), schema, rows, request=Request("score"), settings=Settings())
    run = IntegerModel(plan, schema).run(schema.encode_batch(rows).codes)
    np.testing.assert_allclose(run.outputs / 1e6, expected(data, rows), atol=4e-3)
    assert max(step.inputs.width for step in plan.steps) < 61


def test_the_attention_operator() -> None:
    """Two heads that share keys and values, causal."""
    nodes = [
        node("Reshape", "X shape", "x"),
        node("MatMul", "x wk", "k"),
        node("Attention", "x k k", q_num_heads=2, kv_num_heads=1, is_causal=1),
    ]
    weights = {"shape": np.array([1, 3, 4]), "wk": f32(4, 2)}
    found = agreement(nodes, weights, 12, [1, 3, 4], ends=(-1.0, 1.0), opset=23)
    assert found.error < 0.01


def recurrent(
    op: str, *, steps: int = 2, batch: int = 1, hidden: int = 2, directions: int = 1, lengths: list[int] | None = None,
    state: bool = False, peephole: bool = False, output: int = 0, **attributes: Any,
) -> tuple[list[Any], dict[str, Any], int, list[int]]:  # fmt: skip
    gates = {"RNN": 1, "GRU": 3, "LSTM": 4}[op]
    first = bool(attributes.get("layout"))
    weights: dict[str, Any] = {
        "shape": np.array([batch, steps, 2] if first else [steps, batch, 2]),
        "W": f32(directions, gates * hidden, 2),
        "R": f32(directions, gates * hidden, hidden),
        "B": f32(directions, 2 * gates * hidden),
    }
    inputs = ["x", "W", "R", "B", "", "", "", ""]
    if lengths is not None:
        weights["L"], inputs[4] = np.array(lengths, dtype=np.int32), "L"
    if state:
        weights["h"], inputs[5] = f32(directions, batch, hidden), "h"
        if op == "LSTM":
            weights["c"], inputs[6] = f32(directions, batch, hidden), "c"
    if peephole:
        weights["P"], inputs[7] = f32(directions, 3 * hidden), "P"
    while not inputs[-1]:
        inputs.pop()
    outputs = [""] * output + ["y"]
    last = helper.make_node(op, inputs, outputs, "cell", hidden_size=hidden, **attributes)
    every = [batch, steps, directions, hidden] if first else [steps, directions, batch, hidden]
    final = [batch, directions, hidden] if first else [directions, batch, hidden]
    return [*reshaped(), last], weights, steps * batch * 2, final if output else every


CELLS: dict[str, dict[str, Any]] = {
    "plain RNN": {"op": "RNN", "steps": 3},
    "RNN with a leak, clipped": {"op": "RNN", "activations": ["LeakyRelu"], "activation_alpha": [0.2], "clip": 0.5},
    "plain GRU": {"op": "GRU"},
    "GRU, linear before reset, reverse": {"op": "GRU", "linear_before_reset": 1, "direction": "reverse", "state": True},
    "GRU of other functions": {
        "op": "GRU",
        "activations": ["HardSigmoid", "Elu"],
        "activation_alpha": [0.25, 0.7],
        "activation_beta": [0.4],
    },
    "GRU of several lengths": {"op": "GRU", "batch": 2, "lengths": [1, 2], "direction": "reverse"},
    "plain LSTM": {"op": "LSTM"},
    "LSTM in both directions": {"op": "LSTM", "directions": 2, "direction": "bidirectional", "state": True},
    "LSTM with peepholes": {"op": "LSTM", "peephole": True, "state": True},
    "LSTM, coupled": {"op": "LSTM", "input_forget": 1},
    "LSTM of other functions": {
        "op": "LSTM",
        "activations": ["Affine", "ScaledTanh", "Softsign"],
        "activation_alpha": [0.3, 0.9],
        "activation_beta": [0.1, 0.8],
    },
    "cell state of several lengths": {"op": "LSTM", "batch": 2, "lengths": [2, 1], "output": 2, "steps": 2},
    "hidden state": {"op": "LSTM", "output": 1},
}


@pytest.mark.parametrize("name", CELLS)
def test_recurrent_layers(name: str) -> None:
    nodes, weights, n, shape = recurrent(**CELLS[name])
    found = agreement(nodes, weights, n, shape, ends=(-1.0, 1.0), rows=12)
    assert found.error < 6e-3


def test_recurrent_layers_of_constants_are_folded() -> None:
    """The importer's own evaluation agrees with onnxruntime on a bidirectional, ragged, peephole LSTM."""
    nodes, weights, _, shape = recurrent(
        "LSTM", steps=3, batch=2, directions=2, direction="bidirectional", lengths=[3, 1], state=True, peephole=True
    )
    weights["x"] = f32(3, 2, 2)
    nodes = [nodes[1], node("Add", "cells X", "y")]
    nodes[0].output[0] = "cells"
    found = agreement(nodes, {key: weights[key] for key in weights if key != "shape"}, 1, shape)
    assert [step.kind for step in found.plan.steps] == ["round"]
    assert found.error < 1e-5


@pytest.mark.parametrize(
    ("attributes", "problem"),
    [({"activations": ["ThresholdedRelu"]}, "thresholdedrelu"), ({"direction": "sideways"}, "sideways")],
)
def test_unsupported_cells_are_refused_by_name(attributes: dict[str, Any], problem: str) -> None:
    nodes, weights, n, shape = recurrent("RNN", **attributes)
    arrays = {name: numpy_helper.to_array(numpy_helper.from_array(value)) for name, value in weights.items()}
    data = model(nodes, arrays, n, {"y": (1, shape)})
    schema = Schema("s", tuple(Fixed(f"x{i}", 4, 0, 8) for i in range(n)))
    with pytest.raises(UnsupportedOpError, match=problem):
        calibrate(import_model(data), schema)
