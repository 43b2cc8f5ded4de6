"""The proven error bound holds on every input tried, and is not idle: a plan worse than it says breaks it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from prover.graph import import_model
from prover.quantization import FactSpace, IntegerModel, Plan, Request, Settings, calibrate, draw
from prover.quantization.error_bound import PARAM, error_bound
from prover.schema import Bool, Category, Fixed, Int, Schema
from tests.quantization.nets import mlp, model

SCHEMA = Schema("s", (Fixed("f", 64, -300, 500), Int("i", -7, 12), Bool("b"), Category("c", ("x", "y", "z"))))


def errors(onnx: bytes, plan: Plan, count: int = 64) -> np.ndarray:
    """Distances of the plan's logits from the net's in float64, on drawn inputs and on the corners of the ranges."""
    batch = draw(SCHEMA, count, 3)
    ends = np.array([[feature.lo, feature.hi] for feature in SCHEMA.features])
    corners = ends[np.arange(4), np.random.default_rng(1).integers(0, 2, (count, 4))]
    codes = np.concatenate([batch.codes, corners])
    run = IntegerModel(plan, SCHEMA).run(codes)
    step, inputs = plan.steps[-1], run.inputs[-1]
    half = (1 << step.integer("shift")) >> 1 if "shift" in step.params else 0
    scale = 10.0 ** plan.layout.decimals[0] if step.kind == "round" else 1.0
    logits = (inputs - half) * 2.0**-step.fraction_bits / scale
    return np.abs(logits - _net(onnx, codes / np.array([feature.scale for feature in SCHEMA.features])))


def _net(onnx: bytes, rows: np.ndarray) -> np.ndarray:
    """The net's last sums, in float64 from float32 weights."""
    graph = import_model(onnx)
    values = rows
    for node in graph.nodes:
        if node.op == "Gemm":
            weights, bias = (graph.constants[name].astype(np.float64) for name in node.inputs[1:])
            values = values @ (weights.T if node.attributes["transB"] else weights) + bias
        elif node.op == "Relu":
            values = np.maximum(values, 0)
    return values


def planned(onnx: bytes, reveal: str, bits: int) -> Plan:
    chosen = Settings(activation_bits=bits, hidden_error_bits=bits, saturation_bits=0)
    return calibrate(import_model(onnx), SCHEMA, None, request=Request(reveal), settings=chosen)


@settings(max_examples=15)
@given(
    seed=st.integers(0, 10**6),
    hidden=st.lists(st.integers(1, 6), max_size=2),
    head=st.sampled_from([("Sigmoid", "tier"), ("", "score"), ("Sigmoid", "score")]),
    bits=st.integers(4, 14),
)
def test_no_input_is_further_off(seed: int, hidden: list[int], head: tuple[str, str], bits: int) -> None:
    onnx = mlp([4, *hidden, 1], seed, head[0], gain=0.5)
    plan = planned(onnx, head[1], bits)
    bound = error_bound(plan.steps)
    assert bound is not None
    found = float(errors(onnx, plan).max())
    assert found <= bound + 1e-9
    assert Plan.from_json(plan.to_json()).steps[-1].params[PARAM] == plan.steps[-1].params[PARAM]


def test_the_bound_is_of_this_plan() -> None:
    """Weights of a coarser plan leave the bound of the finer one; more bits tighten it."""
    onnx = mlp([4, 6, 1], 5, "Sigmoid", gain=0.5)
    coarse, fine = planned(onnx, "tier", 4), planned(onnx, "tier", 14)
    bounds = error_bound(coarse.steps), error_bound(fine.steps)
    assert bounds[0] is not None
    assert bounds[1] is not None
    assert bounds[1] < bounds[0] / 100
    assert errors(onnx, coarse).max() > bounds[1]


def test_saturation_and_other_steps_have_none() -> None:
    rows = np.random.default_rng(0).normal(size=(64, 4)).astype(np.float32)
    schema = Schema("wide", tuple(Fixed(f"x{i}", 256, -(1 << 18), (1 << 18) - 1) for i in range(4)))
    plan = calibrate(import_model(mlp([4, 8, 8, 1], seed=4, gain=1.5)), schema, rows, settings=Settings())
    assert any("cap" in step.params for step in plan.steps)
    assert error_bound(plan.steps) is None


@pytest.mark.parametrize("factor", [0, 1])
def test_a_last_step_without_its_bound_has_none(factor: int) -> None:
    plan = planned(mlp([4, 1], 5, "Sigmoid", gain=0.5), "tier", 10)
    step = plan.steps[-1]
    other = {name: value for name, value in step.params.items() if name != PARAM or factor}
    assert (error_bound([replace(step, params=other)]) is None) == (factor == 0)
    assert FactSpace.of(SCHEMA).n_slots == plan.n_facts


@pytest.mark.parametrize("to", [TensorProto.FLOAT16, TensorProto.BFLOAT16])
def test_values_rounded_to_sixteen_bits_have_no_bound(to: int) -> None:
    """6.39 becomes 6.375 in bfloat16: a bound of real arithmetic would be a lie of 0.015."""
    nodes = [helper.make_node("Cast", ["X"], ["z"], "z", to=to), helper.make_node("Cast", ["z"], ["y"], "y", to=1)]
    plain = [helper.make_node("Identity", ["X"], ["y"], "y")]
    schema = Schema("s", (Fixed("x", 100, 0, 700),))
    bounds = [
        error_bound(calibrate(import_model(model(chain, {}, 1, {"y": (1, [1, 1])})), schema).steps)
        for chain in (nodes, plain)
    ]
    assert bounds == [None, 0.0]
