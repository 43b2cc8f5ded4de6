"""The price before setup: exact where it says exact, typed errors, JSON both ways."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

from prover import groth16
from prover.compiler import Report, compile_model, solve
from prover.errors import BundleError, Cancelled, ModelFileError, SchemaError
from prover.lowering.cost import domain_size, zkey_bytes
from prover.schema import Int, Schema
from tests.lowering.conftest import Compile
from tests.quantization.nets import NAMES, model, samples, schema_of


def test_key_sizes_are_exact(compiled: Compile, tmp_path: Path, require_tool: Callable[[str], Path]) -> None:
    require_tool("native")
    for name in NAMES:
        parts = compiled(name, "tier")
        key = groth16.setup(parts.circuit.r1cs, tmp_path / f"{name}.zkey", backend="native")
        assert key.path.stat().st_size == parts.report.proving_key_bytes == zkey_bytes(parts.circuit.r1cs)
        points = key.verifying_key
        assert parts.report.verifying_key_bytes == 64 + 3 * 128 + 64 * len(points.ic)


def test_domain_has_room_for_the_key_rows(compiled: Compile) -> None:
    r1cs = compiled("loan_logistic", "tier").circuit.r1cs
    rows = r1cs.n_constraints + r1cs.n_public + 1
    assert domain_size(r1cs) // 2 < rows <= domain_size(r1cs)
    for constraints, public, wanted in ((508, 3, 512), (509, 3, 1024), (0, 0, 1), (1, 0, 2), (2, 1, 4)):
        assert domain_size(_Sized(constraints, public)) == wanted  # type: ignore[arg-type]


@dataclasses.dataclass
class _Sized:
    n_constraints: int
    n_public: int


def test_json_has_what_readers_need_and_reads_back(compiled: Compile) -> None:
    for name in NAMES:
        for reveal in ("tier", "label", "score"):
            report = compiled(name, reveal).report
            document = json.loads(report.to_json())
            assert {"constraints", "domain", "max_abs_error", "decision_flips", "gas"} <= document.keys()
            assert document["decision_flips"] == 0
            assert Report.from_json(report.to_json()) == report
            assert sum(layer.constraints for layer in report.layers) == report.constraints
            assert dict(report.summary())["decision flips"].startswith("0 ")
            assert report.samples == 256
            assert report.calibrated


def test_a_score_states_its_proven_error(compiled: Compile) -> None:
    report = compiled("credit_logistic", "score").report
    assert 0 < report.score_error_bound < 2e-6
    assert report.decimals == (6,)
    assert "proven error of the sigmoid" in dict(report.summary())
    assert compiled("credit_logistic", "tier").report.score_error_bound == 0


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "null", '{"constraints": 1}', "[" * 100_000],
    ids=["empty", "list", "none", "null", "short", "deep"],
)
def test_other_files_are_not_reports(text: str) -> None:
    with pytest.raises(BundleError):
        Report.from_json(text)


def test_without_calibration_the_report_says_so(models: Path) -> None:
    parts = compile_model(models / "loan_logistic.onnx", schema=schema_of(models, "loan_logistic"))
    assert not parts.report.calibrated
    assert "drawn from the schema's ranges" in dict(parts.report.summary())["accuracy measured on"]


def test_other_inputs_show_what_float32_decides_otherwise() -> None:
    """16777217 > 16777216, but not in float32: no sample shows it, a neighbour of one does, and the report says so."""
    nodes = [helper.make_node("Greater", ["X", "t"], ["c"], "c"), helper.make_node("Cast", ["c"], ["y"], "y", to=1)]
    data = model(nodes, {"t": np.array([[2.0**24]], dtype=np.float32)}, 1, {"y": (1, [1, 1])})
    rows = np.array([[2.0**24], [2.0**24 - 5], [2.0**24 + 8]])
    report = compile_model(data, schema=Schema("s", (Int("x", 0, 1 << 26),)), calibration=rows).report
    assert report.max_abs_error == 0
    assert report.drawn is not None
    assert report.known_error == report.drawn.max_abs_error == 1
    assert "reproduce no rounding of float32" in report.exactness


def test_neither_schema_nor_samples(models: Path) -> None:
    with pytest.raises(SchemaError, match="neither"):
        compile_model(models / "loan_logistic.onnx")


def test_a_missing_model(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError):
        compile_model(tmp_path / "none.onnx", calibration=np.zeros((1, 2)))


def test_bytes_and_path_compile_alike(compiled: Compile, models: Path) -> None:
    rows, _ = samples(models, "loan_logistic")
    data = (models / "loan_logistic.onnx").read_bytes()
    parts = compile_model(data, schema=schema_of(models, "loan_logistic"), calibration=rows, reveal="tier")
    assert parts.plan.to_json() == compiled("loan_logistic", "tier").plan.to_json()


def test_progress_can_stop_compilation(models: Path) -> None:
    stages: list[str] = []

    def stop_at_constraints(stage: str, fraction: float) -> bool:
        stages.append(stage)
        return "constraints" not in stage

    with pytest.raises(Cancelled):
        compile_model(
            models / "loan_logistic.onnx", schema=schema_of(models, "loan_logistic"), progress=stop_at_constraints
        )
    assert stages[-1] == "compile: constraints"


def test_zipmap_outputs_compile_and_compare() -> None:
    node = helper.make_node(
        "LinearClassifier",
        ["X"],
        ["label", "scores"],
        "classifier",
        domain="ai.onnx.ml",
        coefficients=[0.5, -0.25],
        intercepts=[0.1],
        classlabels_ints=[0, 1],
        post_transform="LOGISTIC",
    )
    zipmap = helper.make_node("ZipMap", ["scores"], ["p"], "zip", domain="ai.onnx.ml", classlabels_int64s=[0, 1])
    pairs = helper.make_map_type_proto(TensorProto.INT64, helper.make_tensor_type_proto(TensorProto.FLOAT, None))
    info = helper.make_value_info("p", helper.make_sequence_type_proto(pairs))
    onnx = model([node, zipmap], {}, 2, {"label": (TensorProto.INT64, [1]), "p": info})
    rows = np.random.default_rng(1).normal(size=(50, 2)).astype(np.float32)
    report = compile_model(onnx, calibration=rows).report
    assert report.output == "p"
    assert report.reveal == "tier"
    assert report.decision_flips == 0
    assert report.max_abs_error is not None
    assert report.max_abs_error < 0.002


def test_several_inputs_are_cut_from_one_row() -> None:
    nodes = [
        helper.make_node("Concat", ["B", "A"], ["c"], "concat", axis=1),
        helper.make_node("MatMul", ["c", "w"], ["y"], "matmul"),
    ]
    weights = {"w": np.array([[1.0], [10.0], [100.0]], dtype=np.float32)}
    onnx = model(nodes, weights, {"A": 2, "B": 1}, {"y": (TensorProto.FLOAT, [1, 1])})
    schema = Schema("s", (Int("a0", 0, 7), Int("a1", 0, 7), Int("b", 0, 7)))
    parts = compile_model(onnx, schema=schema, reveal="score")
    assert parts.report.max_abs_error is not None
    assert parts.report.max_abs_error < 1e-3
    solution = solve(parts.circuit, parts.layout, schema.encode([2, 3, 4]), salt=1, context=0)
    assert solution.values == (324_000_000,)


def test_text_labels_are_counted_and_named() -> None:
    node = helper.make_node(
        "LinearClassifier",
        ["X"],
        ["label", "scores"],
        "classifier",
        domain="ai.onnx.ml",
        coefficients=[0.5, -0.25, -0.5, 0.25, 0.1, 0.7],
        intercepts=[0.1, 0.0, 0.2],
        classlabels_strings=["reject", "review", "accept"],
        post_transform="SOFTMAX",
    )
    outputs = {"label": (TensorProto.STRING, [1]), "scores": (TensorProto.FLOAT, [1, 3])}
    onnx = model([node], {}, 2, outputs)
    rows = np.random.default_rng(1).normal(size=(50, 2)).astype(np.float32)
    for output in (None, "label"):
        parts = compile_model(onnx, calibration=rows, output=output)
        assert parts.report.decision_flips == 0
        assert parts.plan.class_names == ("reject", "review", "accept")
        assert parts.plan.classes == (0, 1, 2)


def test_layers_of_outputs_nobody_reveals_cost_nothing() -> None:
    def branches(outputs: dict[str, Any]) -> bytes:
        nodes = []
        for name in ("p", "q"):
            nodes += [
                helper.make_node("Gemm", ["X", f"w{name}"], [f"z{name}"], f"gemm{name}"),
                helper.make_node("Relu", [f"z{name}"], [f"a{name}"], f"relu{name}"),
                helper.make_node("MatMul", [f"a{name}", f"v{name}"], [f"l{name}"], f"matmul{name}"),
                helper.make_node("Sigmoid", [f"l{name}"], [name], f"sigmoid{name}"),
            ]
        draw = np.random.default_rng(3).normal
        shapes = {"wp": (3, 4), "wq": (3, 5), "vp": (4, 1), "vq": (5, 1)}
        weights = {name: draw(size=shape).astype(np.float32) for name, shape in shapes.items()}
        return model(nodes, weights, 3, outputs)

    schema = Schema("s", tuple(Int(f"x{i}", 0, 15) for i in range(3)))
    single = (TensorProto.FLOAT, [1, 1])
    both = branches({"p": single, "q": single})
    for name in ("p", "q"):
        alone = compile_model(branches({name: single}), schema=schema).report
        chosen = compile_model(both, schema=schema, output=name).report
        assert chosen.layers == alone.layers
        assert chosen.decision_flips == 0
