"""Random small convolutional nets: the circuit computes the reference, the reference what onnxruntime does."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from prover.compiler import compile_model, solve
from prover.field import from_limbs
from prover.schema import Fixed, Schema
from prover.testing.lying import surviving_mutations
from tests.lowering.conftest import Compile
from tests.lowering.test_lies import honest
from tests.lowering.test_random_models import agree
from tests.quantization.nets import model

PIXELS = 2 * 6 * 6
SCHEMA = Schema("pixels", tuple(Fixed(f"x{index}", 16, -16, 17) for index in range(PIXELS)))

LAYERS = {
    "conv": {"op": "Conv", "pads": [1, 1, 1, 1]},
    "strided": {"op": "Conv", "strides": [2, 2], "auto_pad": "SAME_UPPER"},
    "transposed": {"op": "ConvTranspose", "pads": [1, 1, 1, 1]},
    "relu": {"op": "Relu"},
    "maximum": {"op": "MaxPool", "kernel_shape": [2, 2], "strides": [2, 2], "ceil_mode": 1},
    "overlapping": {"op": "MaxPool", "kernel_shape": [3, 3], "pads": [1, 1, 1, 1]},
    "average": {"op": "AveragePool", "kernel_shape": [2, 2], "strides": [2, 2], "ceil_mode": 1},
}


def network(kinds: list[str], last: str, seed: int) -> bytes:
    """Pixels through the layers, a global pool or a product, to three scores."""
    generator = np.random.default_rng(seed)
    weights: dict[str, Any] = {"shape": np.array([1, 2, 6, 6])}
    nodes, name = [helper.make_node("Reshape", ["X", "shape"], ["t"], "image")], "t"
    for index, kind in enumerate(kinds):
        attributes: dict[str, Any] = dict(LAYERS[kind])
        op = attributes.pop("op")
        inputs = [name]
        if op.startswith("Conv"):
            weights[f"w{index}"] = (generator.normal(size=(2, 2, 3, 3)) / 4).astype(np.float32)
            weights[f"b{index}"] = (generator.normal(size=2) / 4).astype(np.float32)
            inputs += [f"w{index}", f"b{index}"]
        name = f"t{index}"
        nodes.append(helper.make_node(op, inputs, [name], f"{kind}{index}", **attributes))
    nodes.append(helper.make_node(last, [name], ["pooled"], "pooled"))
    nodes.append(helper.make_node("Flatten", ["pooled"], ["flat"], "flat"))
    weights["last"] = generator.normal(size=(2, 3)).astype(np.float32)
    nodes.append(helper.make_node("MatMul", ["flat", "last"], ["y"], "scores"))
    return model(nodes, weights, PIXELS, {"y": (TensorProto.FLOAT, [1, 3])})


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    kinds=st.lists(st.sampled_from(sorted(LAYERS)), min_size=1, max_size=4),
    last=st.sampled_from(["GlobalAveragePool", "GlobalMaxPool"]),
    seed=st.integers(0, 10**6),
    reveal=st.sampled_from(["label", "score"]),
)
def test_random_convolutional_nets(kinds: list[str], last: str, seed: int, reveal: str) -> None:
    rows = np.random.default_rng(seed).integers(-16, 17, (24, PIXELS)).astype(np.float32) / 16
    parts = compile_model(network(kinds, last, seed), schema=SCHEMA, calibration=rows, reveal=reveal)
    agree(parts, 3, seed)
    assert parts.report.max_logit_error is not None
    assert parts.report.max_logit_error < 0.02


def test_sampled_wires_of_a_small_net_are_pinned() -> None:
    """Convolution, rectified maxima, means: every sampled wire changed in many ways."""
    rows = np.random.default_rng(4).integers(-16, 17, (8, PIXELS)).astype(np.float32) / 16
    parts = compile_model(
        network(["strided", "relu", "maximum"], "GlobalAveragePool", 1), schema=SCHEMA, calibration=rows, reveal="label"
    )
    encoded = parts.schema.encode(rows[0])
    witness = from_limbs(solve(parts.circuit, parts.layout, encoded, salt=9, context=77).witness)
    wires = random.Random(1).sample(range(1, parts.circuit.r1cs.n_wires), 400)
    assert list(surviving_mutations(parts.circuit.r1cs, witness, wires)) == []


def test_sampled_wires_of_digits_cnn_are_pinned(compiled: Compile, models: Path) -> None:
    parts = compiled("digits_cnn", "label")
    witness = honest(parts, models, "digits_cnn", 3)
    wires = random.Random(1).sample(range(1, parts.circuit.r1cs.n_wires), 300)
    assert list(surviving_mutations(parts.circuit.r1cs, witness, wires)) == []
