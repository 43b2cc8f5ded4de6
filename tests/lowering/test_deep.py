"""Deep nets: widths that would explode saturate instead, and circuits say what the reference says."""

from __future__ import annotations

import itertools
import resource
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

import prover
from prover.bundle import load
from prover.compiler import compile_model, solve
from prover.graph import import_model
from prover.quantization import IntegerModel, Settings, calibrate
from prover.schema import Fixed, Schema
from tests.quantization.nets import F32, model

EAGER, NEVER = Settings(), Settings(saturation_bits=0)


def deep_mlp(n_inputs: int, width: int, n_hidden: int, seed: int = 7) -> bytes:
    """He-initialised with biases, so that activations keep their size, and two classes."""
    generator = np.random.default_rng(seed)
    widths = [n_inputs, *[width] * n_hidden, 2]
    nodes, weights, last = [], {}, "X"
    for k, (inner, outer) in enumerate(itertools.pairwise(widths)):
        weights[f"w{k}"] = generator.normal(0, np.sqrt(2 / inner), (outer, inner)).astype(np.float32)
        weights[f"b{k}"] = generator.normal(0, 0.1, outer).astype(np.float32)
        nodes.append(helper.make_node("Gemm", [last, f"w{k}", f"b{k}"], [f"z{k}"], f"dense{k}", transB=1))
        nodes.append(helper.make_node("Relu" if k < n_hidden else "Softmax", [f"z{k}"], [f"a{k}"], f"act{k}"))
        last = f"a{k}"
    return model(nodes, weights, n_inputs, {last: (TensorProto.FLOAT, [1, 2])})


def rows(count: int, width: int, seed: int) -> F32:
    return np.random.default_rng(seed).uniform(-2, 2, (count, width)).round(3).astype(np.float32)


def inputs(width: int, reach: int = 2000) -> Schema:
    return Schema("deep", tuple(Fixed(f"x{i}", 1000, -reach, reach) for i in range(width)))


def test_a_saturated_net_is_proved_as_the_reference_has_it() -> None:
    schema = inputs(8, 32_000)
    parts = compile_model(deep_mlp(8, 24, 9), schema=schema, calibration=rows(64, 8, 1), reveal="label", settings=EAGER)
    capped = [step for step in parts.plan.steps if "cap" in step.params]
    assert len(capped) >= 3
    assert parts.report.saturated == len(capped)
    assert all((step.integer("cap") & (step.integer("cap") + 1)) == 0 for step in capped)
    corners = np.random.default_rng(2).choice([-32.0, 32.0], size=(40, 8)).astype(np.float32)
    batch = schema.encode_batch(np.concatenate((corners, rows(8, 8, 3))))
    run = IntegerModel(parts.plan, schema).run(batch.codes)
    reached = [
        int((run.inputs[parts.plan.steps.index(s)] >> s.integer("shift")).max()) > s.integer("cap") for s in capped
    ]
    assert any(reached)  # corners saturate
    for index in range(0, len(batch.codes), 6):
        solution = solve(parts.circuit, parts.layout, batch[index], salt=1, context=2)
        assert list(solution.values) == run.outputs[index].tolist()


def test_widths_stop_growing_and_cost_one_row_more() -> None:
    schema, onnx = inputs(8, 32_000), deep_mlp(8, 24, 9)
    graph, data = import_model(onnx), rows(64, 8, 1)
    chosen, free = (calibrate(graph, schema, data, settings=settings) for settings in (EAGER, NEVER))
    widths = [step.inputs.width for step in chosen.steps[:-1]]
    first = next(k for k, step in enumerate(chosen.steps) if "cap" in step.params)
    assert max(widths[first + 1 :]) < widths[first]
    assert chosen.steps[-2].inputs.width <= free.steps[-2].inputs.width - 8
    layers = {
        layer.name: layer.constraints
        for layer in compile_model(onnx, schema=schema, calibration=data, settings=EAGER, reveal="label").report.layers
    }
    last = chosen.steps[-2]
    digits = [
        max(int(low).bit_length(), int(high).bit_length()) + 1
        for low, high in zip(last.inputs.lo, last.inputs.hi, strict=True)
    ]
    rows_each = 3 if "cap" in last.params else 2
    assert layers[last.node] <= sum(digits) + rows_each * 24


def test_mean_errors_of_rounded_weights_are_gone() -> None:
    schema, graph, data = inputs(8), import_model(deep_mlp(8, 24, 1)), rows(256, 8, 1)
    plan = calibrate(graph, schema, data, settings=Settings(hidden_error_bits=3))
    step = plan.steps[0]
    batch = schema.encode_batch(data)
    got = (
        IntegerModel(plan, schema).run(batch.codes).inputs[0] - ((1 << step.integer("shift")) >> 1)
    ) / 2.0**step.fraction_bits
    error = got - graph.run_rows(data, ["z0"])["z0"].reshape(256, -1)
    assert np.abs(error).max() > 2.0**-10
    assert np.abs(error.mean(axis=0)).max() <= 2.0 ** -(step.fraction_bits + 1) + 1e-6


@pytest.mark.full
def test_fourteen_layers_of_512(tmp_path: Path) -> None:
    """Issue 4's figures: 260,000 constraints and 6 GB; and it proves, from its bundle."""
    schema, path = inputs(96), tmp_path / "deep.onnx"
    path.write_bytes(deep_mlp(96, 512, 13))
    bundle = prover.compile(path, schema=schema, calibration=rows(256, 96, 3), reveal="label")
    assert bundle.report.constraints <= 260_000
    assert bundle.report.max_logit_error is not None
    assert bundle.report.max_logit_error <= 0.04
    prover.setup(bundle).save(tmp_path / "bundle")
    again = load(tmp_path / "bundle")
    person = dict(zip((f"x{i}" for i in range(96)), rows(1, 96, 9)[0].tolist(), strict=True))
    proof = prover.prove(again, person)
    assert prover.verify(again, proof)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss <= 6 << 20  # kilobytes
