"""Samples in a CSV file: numbers, texts, gaps, and what is no table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from prover.cli.tables import read_csv
from prover.errors import InputError
from prover.schema import Category, Fixed, Schema

from .conftest import Verdict


def write(folder: Path, text: str) -> Path:
    path = folder / "rows.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_numbers_texts_and_gaps(tmp_path: Path) -> None:
    table = read_csv(write(tmp_path, 'job,age,rate\n"clerk, senior",41,0.5\nnone,,-2e3\n'), {})
    assert table.tolist()[0] == ["clerk, senior", 41.0, 0.5]
    assert table[1, 0] == "none"
    assert np.isnan(table[1, 1])
    plain = read_csv(write(tmp_path, "a,b\n1,2\n3,\n"), {})
    assert plain.dtype == np.float64
    assert np.isnan(plain[1, 1])


def test_labels_that_look_like_numbers_are_labels(tmp_path: Path) -> None:
    path = write(tmp_path, "grade,age\n10,41\n20,\n,3\n")
    assert read_csv(path, {0: ("10", "20", "30")})[:, 0].tolist() == ["10", "20", None]
    assert read_csv(path, {0: ("10", "30")})[1, 0] == 20.0  # no label: an index, which the schema refuses


@pytest.mark.parametrize("text", ["", "a,b\n", "a,b\n1,2\n3\n", 'a\n"open\n'])
def test_what_is_no_table(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match=r"rows\.csv"):
        read_csv(write(tmp_path, text), {})


def test_a_model_of_texts_from_the_shell(verdict: Verdict, tmp_path: Path, require_tool: object) -> None:
    require_tool("native")  # type: ignore[operator]
    nodes = [
        helper.make_node(
            "LabelEncoder", ["job"], ["j"], domain="ai.onnx.ml", keys_strings=["clerk"], values_floats=[2.5]
        ),
        helper.make_node("Add", ["j", "rate"], ["score"]),
    ]
    kinds = {"job": TensorProto.STRING, "rate": TensorProto.FLOAT}
    graph = helper.make_graph(
        nodes,
        "texts",
        [helper.make_tensor_value_info(name, kind, [None, 1]) for name, kind in kinds.items()],
        [helper.make_tensor_value_info("score", TensorProto.FLOAT, [None, 1])],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), tmp_path / "m.onnx")
    schema = Schema("s", (Category("job", ("clerk", "other")), Fixed("rate", 4, -40, 40)))
    (tmp_path / "s.json").write_text(schema.to_json())
    rows = write(tmp_path, "job,rate\nclerk,1.5\nother,-2.25\n")
    folder, proof = tmp_path / "bundle", tmp_path / "proof.json"
    made = verdict(
        "compile", tmp_path / "m.onnx", "-o", folder, "--schema", tmp_path / "s.json", "--calibration", rows, "--json"
    )
    assert made.code == 0, made.stderr
    assert made.document["max_abs_error"] == 0
    assert verdict("setup", folder).code == 0
    assert verdict("prove", folder, "--input", rows, "--index", 0, "-o", proof).code == 0
    assert verdict("verify", folder, proof).code == 0
