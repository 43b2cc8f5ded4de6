"""The estimate before work starts: near what models take, and a refusal of what no machine holds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

from prover.capacity import MEMORY_VARIABLE, available_memory, estimate, require_memory
from prover.compiler import compile_model
from prover.errors import ModelTooLargeError
from prover.graph import import_model
from prover.schema import Fixed, Schema
from tests.quantization.nets import mlp, model, samples, schema_of


@pytest.mark.parametrize("name", ["loan_mlp", "credit_mlp"])
def test_estimates_are_near_the_circuits(models: Path, name: str) -> None:
    path = models / f"{name}.onnx"
    expected = estimate(import_model(path))
    parts = compile_model(path, schema=schema_of(models, name), calibration=samples(models, name)[0])
    assert 0.5 < expected.constraints / parts.circuit.r1cs.n_constraints < 3.0
    weights = sum(step.inputs.matrix.nnz for step in parts.plan.steps)
    assert 0.4 < expected.terms / weights < 2.0


def test_estimates_grow_with_the_model() -> None:
    small, wide, deep = (
        estimate(import_model(mlp(widths, seed=0))) for widths in ([9, 64, 1], [9, 128, 1], [9, 64, 64, 1])
    )
    assert 1.8 < wide.constraints / small.constraints < 2.1
    assert deep.constraints - small.constraints == 64 * 40
    assert deep.terms - small.terms == 64 * 64


def convolutions(side: int, channels: int) -> bytes:
    """Three convolutions over a colour image, as large as their inputs."""
    nodes, weights, last, depth = [], {}, "image", 3
    nodes.append(helper.make_node("Reshape", ["X", "shape"], ["image"], "reshape"))
    weights["shape"] = np.array([1, 3, side, side], dtype=np.int64)
    for k in range(3):
        weights[f"w{k}"] = np.zeros((channels, depth, 3, 3), dtype=np.float32)
        nodes.append(helper.make_node("Conv", [last, f"w{k}"], [f"z{k}"], f"conv{k}", pads=[1, 1, 1, 1]))
        nodes.append(helper.make_node("Relu", [f"z{k}"], [f"a{k}"], f"relu{k}"))
        last, depth = f"a{k}", channels
    nodes.append(helper.make_node("GlobalAveragePool", [last], ["y"], "pool"))
    return model(nodes, weights, 3 * side * side, {"y": (TensorProto.FLOAT, [1, channels, 1, 1])})


def recurrent(op: str, turns: int, cells: int, inputs: int = 4) -> bytes:
    """One layer with random weights."""
    rng, gates = np.random.default_rng(0), {"RNN": 1, "GRU": 3, "LSTM": 4}[op]
    shapes = {"W": (1, gates * cells, inputs), "R": (1, gates * cells, cells)}
    weights: dict[str, np.ndarray] = {name: rng.normal(size=shape) / 3 for name, shape in shapes.items()}
    weights = {name: value.astype(np.float32) for name, value in weights.items()}
    weights["shape"] = np.array([turns, 1, inputs], dtype=np.int64)
    nodes = [
        helper.make_node("Reshape", ["X", "shape"], ["s"], "reshape"),
        helper.make_node(op, ["s", "W", "R"], ["y"], "layer", hidden_size=cells),
    ]
    return model(nodes, weights, turns * inputs, {"y": (TensorProto.FLOAT, [turns, 1, 1, cells])})


@pytest.mark.parametrize("op", ["RNN", "GRU", "LSTM"])
def test_recurrent_layers_are_counted_by_cells_and_turns(op: str) -> None:
    onnx = recurrent(op, 4, 5)
    expected = estimate(import_model(onnx))
    parts = compile_model(onnx, schema=Schema("s", tuple(Fixed(f"x{i}", 16, -32, 32) for i in range(16))))
    assert 0.7 < expected.constraints / parts.circuit.r1cs.n_constraints < 1.6


def test_a_long_recurrent_layer_is_refused() -> None:
    graph = import_model(recurrent("LSTM", 200, 256))
    assert 15e6 < estimate(graph).constraints < 30e6
    with pytest.raises(ModelTooLargeError):
        require_memory(graph, available=32 << 30)


@pytest.mark.parametrize(("op", "indices"), [("Gather", [1]), ("GatherElements", [1, 64]), ("GatherND", [1, 1])])
def test_lookups_at_private_places_are_counted(op: str, indices: list[int]) -> None:
    sizes = {}
    for entries in (100, 60_000):
        table = {"table": np.ones((entries, 64), dtype=np.float32), "shape": np.array(indices, dtype=np.int64)}
        nodes = [
            helper.make_node("Cast", ["X"], ["whole"], "cast", to=TensorProto.INT64),
            helper.make_node("Reshape", ["whole", "shape"], ["i"], "reshape"),
            helper.make_node(op, ["table", "i"], ["y"], "look"),
        ]
        count = int(np.prod(indices))
        sizes[entries] = estimate(import_model(model(nodes, table, count, {"y": (TensorProto.FLOAT, [1, 64])})))
    more = sizes[60_000].terms - sizes[100].terms
    assert more == 64 * 59_900
    assert sizes[60_000].constraints - sizes[100].constraints == int(np.prod(indices)) * 59_900
    assert sizes[60_000].memory > 1 << 30


def test_an_image_network_is_refused_before_it_is_folded() -> None:
    onnx = convolutions(224, 64)
    schema = Schema("pixels", (Fixed("x", 255, 0, 255),))  # never looked at
    with pytest.raises(ModelTooLargeError, match=r"[\d,]+ constraints and [\d,.]+ GB of memory; [\d,.]+ GB") as caught:
        compile_model(onnx, schema=schema)
    assert caught.value.estimate > 2**40 > caught.value.available > 0
    assert MEMORY_VARIABLE in caught.value.hint


def test_the_limit_can_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = import_model(mlp([9, 64, 1], seed=0))
    needed = require_memory(graph, 1 << 40).memory
    with pytest.raises(ModelTooLargeError):
        require_memory(graph, needed - 1)
    monkeypatch.setenv(MEMORY_VARIABLE, "10")
    with pytest.raises(ModelTooLargeError, match=r"0\.0 GB are available"):
        require_memory(graph)
    monkeypatch.setenv(MEMORY_VARIABLE, "100000")
    assert require_memory(graph).memory == needed


def test_available_memory_is_the_least_of_what_the_system_says(tmp_path: Path) -> None:
    assert available_memory({}, tmp_path) is None
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/meminfo").write_text("MemTotal: 16 kB\nMemFree: 1 kB\nMemAvailable:    8 kB\n")
    assert available_memory({}, tmp_path) == 8192
    group = tmp_path / "sys/fs/cgroup"
    group.mkdir(parents=True)
    (group / "memory.max").write_text("max\n")
    (group / "memory.current").write_text("3000\n")
    assert available_memory({}, tmp_path) == 8192
    (group / "memory.max").write_text("5000\n")
    assert available_memory({}, tmp_path) == 2000
    (group / "memory.stat").write_text("anon 7\ninactive_file 500\n")
    assert available_memory({}, tmp_path) == 2500
    assert available_memory({MEMORY_VARIABLE: "7"}, tmp_path) == 7 << 20
    assert available_memory({MEMORY_VARIABLE: "many"}, tmp_path) == 2500


def test_this_machine_tells() -> None:
    found = available_memory({})
    assert found is None or found > 1 << 20
