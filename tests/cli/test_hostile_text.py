"""Names out of files of others on a terminal and on a page: nothing in them moves the cursor or turns text around."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

import prover
from prover.cli.console import plain
from prover.cli.page import page
from prover.cli.report import show
from prover.lowering import Report
from prover.schema import Fixed, Schema

from .conftest import Verdict

HOSTILE = "y\x1b[31m\u202ered\x07\u2066"


def model(op: str = "Neg") -> onnx.ModelProto:
    info = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 2]) for name in ("x", HOSTILE)]
    graph = helper.make_graph([helper.make_node(op, ["x"], [HOSTILE], name=HOSTILE)], "g", info[:1], info[1:])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def is_plain(text: str) -> bool:
    return not set(text) & set(HOSTILE) - set("y[31mred")


@pytest.fixture
def schema(tmp_path: Path) -> Path:
    path = tmp_path / "s.json"
    path.write_text(Schema("s", (Fixed("a", 4, -40, 40), Fixed("b", 4, -40, 40))).to_json())
    return path


def test_what_is_escaped_and_what_is_not() -> None:
    assert plain("Grüße, 日本: 1 − 2 → 3\nnext") == "Grüße, 日本: 1 − 2 → 3\nnext"
    assert plain("a\x1b[2J\u202eb\u200f\r") == "a\\x1b[2J\\u202eb\\u200f\\r"
    assert plain("one\ntwo", kept="") == "one\\ntwo"


def test_reports_of_models_with_hostile_names(verdict: Verdict, tmp_path: Path, schema: Path) -> None:
    onnx.save(model(), tmp_path / "m.onnx")
    made = verdict("compile", tmp_path / "m.onnx", "-o", tmp_path / "b", "--schema", schema, "--name", HOSTILE)
    assert made.code == 0, made.stderr
    shown = verdict("report", tmp_path / "b", "--html", tmp_path / "b.html")
    for text in (made.stdout, shown.stdout, (tmp_path / "b.html").read_text(encoding="utf-8")):
        assert is_plain(text)
        assert "\\x1b" in text
        assert "\\u202e" in text


def test_layers_and_titles(verdict: Verdict, tmp_path: Path, schema: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle = prover.compile(model().SerializeToString(), schema=Schema.from_json(schema))
    layers = tuple(replace(layer, name=HOSTILE) for layer in bundle.report.layers)
    hostile: Report = replace(bundle.report, layers=layers)
    show(HOSTILE, hostile)
    assert is_plain(capsys.readouterr().out)
    assert is_plain(page(HOSTILE, hostile))


def test_errors_that_quote_a_model(verdict: Verdict, tmp_path: Path, schema: Path) -> None:
    onnx.save(model(op="Nope\x1b[31m\u202e"), tmp_path / "m.onnx")
    failed = verdict("compile", tmp_path / "m.onnx", "-o", tmp_path / "b", "--schema", schema)
    assert failed.code == 2
    assert is_plain(failed.stderr)
    assert "Nope\\x1b" in failed.stderr
