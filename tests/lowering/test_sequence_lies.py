"""Dishonest witnesses of small models with products, quotients, roots and exponentials: no wire changes unnoticed."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

from prover.compiler import solve
from prover.field import from_limbs
from prover.graph import import_model
from prover.lowering import lower
from prover.quantization import Request, calibrate
from prover.schema import Fixed, Schema
from prover.testing.lying import surviving_mutations
from tests.quantization.nets import model

WEIGHTS = {
    "w": np.random.default_rng(2).normal(size=(6, 3)).astype(np.float32),
    "g": np.float32([1, 2, -1]),
    "three": np.float32(3),
    "square": np.array([2, 3]),
    "axes": np.array([0, 1]),
}


def node(op: str, inputs: str, output: str, **attributes: Any) -> Any:
    return helper.make_node(op, inputs.split(), [output], output, **attributes)


MODELS = {
    "quotients": [
        node("MatMul", "X w", "a"),
        node("Mul", "a a", "s"),
        node("Add", "s three", "d"),
        node("Div", "a d", "q"),
        node("Div", "q a", "y"),
    ],
    "normalisation": [node("MatMul", "X w", "a"), node("LayerNormalization", "a g", "y", axis=-1)],
    "attention": [
        node("Reshape", "X square", "x"),
        node("Transpose", "x", "t", perm=[1, 0]),
        node("MatMul", "t x", "s"),
        node("Softmax", "s", "p", axis=1),
        node("MatMul", "p t", "y"),
    ],
}


@pytest.mark.parametrize("name", MODELS)
def test_sampled_wires_are_pinned(name: str) -> None:
    schema = Schema("pinned", tuple(Fixed(f"x{i}", 16, -32, 32) for i in range(6)))
    shape = [3, 2] if name == "attention" else [1, 3]
    used = {item for one in MODELS[name] for item in one.input} & WEIGHTS.keys()
    data = model(MODELS[name], {key: WEIGHTS[key] for key in used}, 6, {"y": (TensorProto.FLOAT, shape)})
    samples = (np.random.default_rng(3).integers(-32, 33, (32, 6)) / 16).astype(np.float32)
    plan = calibrate(import_model(data), schema, samples, request=Request("score"))
    circuit = lower(schema, plan)
    solution = solve(circuit, plan.layout, schema.encode(samples[0]), salt=5, context=6)
    computed = [wire for wire in range(1, circuit.r1cs.n_wires) if "commitment" not in circuit.wire_name(wire)]
    wires = random.Random(4).sample(computed, min(400, len(computed)))
    assert list(surviving_mutations(circuit.r1cs, from_limbs(solution.witness), wires)) == []
