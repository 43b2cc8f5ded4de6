"""Every supported operator against onnxruntime, at the first and last opset of every entry of the table."""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from prover.errors import UnsupportedOpError
from prover.graph import Graph, import_model, ops
from prover.graph.ops import OpSpec, registry
from prover.graph.ops.spec import DEFAULT_DOMAIN, ML_DOMAIN, NEWEST

from .ml_cases import ML_CASES
from .onnx_models import make_model, run_onnxruntime, value_info
from .op_cases import CASES as CORE_CASES
from .op_cases import Case
from .tree_cases import TREE_CASES

CASES = [*CORE_CASES, *ML_CASES, *TREE_CASES]

RUNTIME_NEWEST = {DEFAULT_DOMAIN: 26, ML_DOMAIN: 5}
"""Last opsets the pinned onnxruntime loads."""

SPECS = [spec for specs in registry().values() for spec in specs]


def opsets(case: Case, spec: OpSpec) -> list[int]:
    first = max(case.since, spec.since)
    last = min(case.until, spec.until, RUNTIME_NEWEST[case.domain])
    return sorted({first, last}) if first <= last else []


RUNS = [
    pytest.param(case, opset, id=f"{case}@{opset}")
    for case in CASES
    for spec in registry()[case.domain, case.op]
    for opset in opsets(case, spec)
]


def build(case: Case, opset: int, *, all_constant: bool = False) -> onnx.ModelProto:
    """The node of a case, beside a Relu that keeps the model depending on an input."""
    names = [f"x{index}" if array is not None else "" for index, array in enumerate(case.arrays)]
    constants = {
        name: array
        for index, (name, array) in enumerate(zip(names, case.arrays, strict=True))
        if array is not None and (all_constant or index in case.static)
    }
    inputs = [
        value_info(name, array.shape, array.dtype)
        for name, array in zip(names, case.arrays, strict=True)
        if array is not None and name not in constants
    ]
    outputs = [value_info(f"y{index}", None, dtype) for index, dtype in enumerate(case.outputs)]
    domain = "" if case.domain == DEFAULT_DOMAIN else case.domain
    node = helper.make_node(case.op, names, [output.name for output in outputs], domain=domain, **dict(case.attributes))
    if case.op == "ZipMap":
        outputs = [helper.make_value_info("y0", helper.make_sequence_type_proto(helper.make_map_type_proto(7, FLOAT)))]
    return make_model(
        [node, helper.make_node("Relu", ["d"], ["e"])],
        [*inputs, value_info("d", [1])],
        [*outputs, "e"],
        constants,
        opset=opset if case.domain == DEFAULT_DOMAIN else 17,
        ml_opset=opset if case.domain == ML_DOMAIN else 3,
    )


FLOAT = helper.make_tensor_type_proto(1, None)
DUMMY = np.ones(1, dtype=np.float32)


def feeds(case: Case) -> dict[str, np.ndarray]:
    given = {f"x{i}": a for i, a in enumerate(case.arrays) if a is not None and i not in case.static}
    return {**given, "d": DUMMY}


def evaluate(graph: Graph, inputs: dict[str, np.ndarray], case: Case) -> list[np.ndarray]:
    """Outputs of the node; also checks that the inferred types are those of the values."""
    names = [f"y{index}" for index in range(len(case.outputs))]
    values = graph.run(inputs, names)
    for name in names:
        info = graph.tensors[name]
        assert (info.dtype, info.shape) == (values[name].dtype, values[name].shape)
    return [values[name] for name in names]


@pytest.mark.parametrize(("case", "opset"), RUNS)
def test_evaluation_matches_onnxruntime(case: Case, opset: int) -> None:
    model = build(case, opset)
    ours = evaluate(import_model(model.SerializeToString()), feeds(case), case)
    theirs = run_onnxruntime(model, feeds(case))
    for index, value in enumerate(ours):
        expected = theirs[f"y{index}"]
        if case.op == "ZipMap":
            expected = np.array([list(row.values()) for row in expected], dtype=np.float32)
        assert value.dtype == np.dtype(case.outputs[index])
        assert value.shape == np.shape(expected)
        if value.dtype.kind == "f":
            np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-6)
        else:
            np.testing.assert_array_equal(value, expected)


@pytest.mark.parametrize(("case", "opset"), [run for run in RUNS if run.values[0].arrays])
def test_folding_gives_the_same_constants(case: Case, opset: int) -> None:
    expected = evaluate(import_model(build(case, opset).SerializeToString()), feeds(case), case)
    folded = import_model(build(case, opset, all_constant=True).SerializeToString())
    assert [node.op for node in folded.nodes] == ["Relu"]
    for value, reference in zip(evaluate(folded, {"d": DUMMY}, case), expected, strict=True):
        np.testing.assert_array_equal(value, reference)


def test_every_entry_has_a_case() -> None:
    """Or is the standard's own: those run all its node tests, in tests/backend."""
    for spec in SPECS:
        if spec.standard:
            continue
        cases = [case for case in CASES if (case.domain, case.op) == (spec.domain, spec.op)]
        assert any(opsets(case, spec) for case in cases), f"no case for {spec.op} {spec.since}-{spec.until}"


def test_entries_of_one_operator_follow_each_other() -> None:
    """Up to the newest version, or to the one that took the operator out."""
    for (domain, op), specs in registry().items():
        newest = onnx.defs.get_schema(op, NEWEST[domain], "" if domain == DEFAULT_DOMAIN else domain)
        ends = {NEWEST[domain], newest.since_version - 1} if newest.deprecated else {NEWEST[domain]}
        assert specs[-1].until in ends, op
        for earlier, later in pairwise(specs):
            assert earlier.until + 1 == later.since, op


def test_attributes_are_those_of_the_specification() -> None:
    """Each entry lists exactly the ONNX attributes of its versions; those it leaves out are refused on purpose."""
    left_out = {("Constant", "sparse_value")}
    for spec in SPECS:
        for opset in (spec.since, spec.until):
            domain = "" if spec.domain == DEFAULT_DOMAIN else spec.domain
            schema = onnx.defs.get_schema(spec.op, opset, domain)
            known = {(spec.op, name) for name in spec.attributes}
            official = {(spec.op, name) for name in schema.attributes}
            assert known | (official & left_out) == official, f"{spec.op} at opset {opset}"
            assert (spec.inputs[0], min(spec.inputs[1], 2**31 - 1)) == (schema.min_input, schema.max_input) or (
                schema.max_input > 2**16 and spec.inputs[1] == 2**16
            )


def test_an_operator_is_added_by_adding_a_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "determinant.py").write_text(
        "import numpy as np\n"
        "from prover.graph.ops.spec import Inferred, OpSpec\n"
        "OPS = (OpSpec('Det', lambda node, x: [Inferred(x[0].dtype, x[0].shape[:-2])],\n"
        "    lambda node, x: [np.linalg.det(x[0]).astype(x[0].dtype)], since=11),)\n"
    )
    node = helper.make_node("Det", ["x"], ["y"])
    data = make_model([node], {"x": [1, 2, 2]}, ["y"]).SerializeToString()
    with pytest.raises(UnsupportedOpError, match="Det"):
        import_model(data)
    monkeypatch.setattr(ops, "__path__", [*ops.__path__, str(tmp_path)])
    registry.cache_clear()
    try:
        values = import_model(data).run({"x": np.array([[[1, 2], [3, 5]]], dtype=np.float32)})
        np.testing.assert_allclose(values["y"], [-1], rtol=1e-6)
    finally:
        registry.cache_clear()
        sys.modules.pop("prover.graph.ops.determinant")


def test_table_reaches_the_installed_onnx() -> None:
    assert NEWEST[DEFAULT_DOMAIN] == onnx.defs.onnx_opset_version()
