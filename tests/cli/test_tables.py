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
    table = read_csv(write(tmp_path, 'job,age,rate\n"clerk, senior",41,0.5\nnone,,-2e3\n'))
    assert table.tolist()[0] == ["clerk, senior", 41.0, 0.5]
    assert table[1, 0] == "none"
    assert np.isnan(table[1, 1])
    plain = read_csv(write(tmp_path, "a,b\n1,2\n3,\n"))
    assert plain.dtype == np.float64
    assert np.isnan(plain[1, 1])


def test_labels_that_look_like_numbers_are_labels(tmp_path: Path) -> None:
    path = write(tmp_path, "grade,age\n10,41\n20,\n,3\n")
    age = Fixed("age", 1, 0, 99, optional=True)
    known = Schema("s", (Category("grade", ("10", "20", "30")), age))
    assert read_csv(path, known)[:, 0].tolist() == ["10", "20", None]
    other = Schema("s", (Category("grade", ("10", "30")), age))
    assert read_csv(path, other)[1, 0] == 20.0  # no label: an index, which the schema refuses


SCHEMA = Schema("s", (Category("job", ("clerk", "other")), Fixed("age", 1, 0, 99), Fixed("rate", 10, 0, 99)))
ROWS = [["clerk", 41.0, 0.5], ["other", 7.0, 2.0]]


@pytest.mark.parametrize(
    "text",
    [
        "job,age,rate\nclerk,41,0.5\nother,7,2\n",
        " job, age ,rate\nclerk,41,0.5\nother,7,2\n",
        "rate,job,age\n0.5,clerk,41\n2,other,7\n",
        "clerk,41,0.5\nother,7,2\n",
    ],
)
def test_columns_are_found_by_name_where_there_is_a_header(tmp_path: Path, text: str) -> None:
    assert read_csv(write(tmp_path, text), SCHEMA).tolist() == ROWS


@pytest.mark.parametrize(
    ("header", "why"),
    [
        ("job,years,rate", "no column 'age'"),
        ("job,rate", "no column 'age'"),
        ("job,age,rate,id", "a column 'id'"),
        ("job,age,age", "two columns are called 'age'"),
        ("a,b,c", "no column 'job'"),
    ],
)
def test_headers_of_another_schema_are_refused(tmp_path: Path, header: str, why: str) -> None:
    row = ",".join(["1"] * len(header.split(",")))
    with pytest.raises(InputError, match=why):
        read_csv(write(tmp_path, f"{header}\n{row}\n"), SCHEMA)


def test_a_file_without_header_keeps_its_first_row(tmp_path: Path) -> None:
    assert read_csv(write(tmp_path, "1,2\n3,4\n")).tolist() == [[1, 2], [3, 4]]
    assert read_csv(write(tmp_path, "1,2\n")).tolist() == [[1, 2]]
    assert read_csv(write(tmp_path, "clerk,2\nnone,4\n")).tolist() == [["clerk", 2.0], ["none", 4.0]]
    assert read_csv(write(tmp_path, "a,2019\n1,2\n")).tolist() == [[1, 2]]  # a name above numbers
    labels = Schema("s", (Category("job", ("clerk", "other")),))
    assert read_csv(write(tmp_path, "clerk\nother\n"), labels).tolist() == [["clerk"], ["other"]]


def test_a_derived_schema_has_no_names_to_match(tmp_path: Path) -> None:
    derived = Schema("derived", (Fixed("x0", 1, 0, 9), Fixed("x1", 1, 0, 9)))
    assert read_csv(write(tmp_path, "age,rate\n1,2\n"), derived).tolist() == [[1, 2]]
    assert read_csv(write(tmp_path, "x1,x0\n1,2\n"), derived).tolist() == [[2, 1]]


@pytest.mark.parametrize("text", ["", "a,b\n", "a,b\n1,2\n3\n", 'a\n"open\n'])
def test_what_is_no_table(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match=r"rows\.csv"):
        read_csv(write(tmp_path, text))


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
