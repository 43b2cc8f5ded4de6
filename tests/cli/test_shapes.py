"""Inputs that leave dimensions open, fixed from the shell and from Python."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest

import prover
from prover.schema import Fixed, Schema

from .conftest import Verdict

SCHEMA = Schema("s", tuple(Fixed(f"x{i}", 4, -40, 40) for i in range(6)))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    text = """<ir_version: 8, opset_import: ["" : 17]> g (float[N,T,3] x) => (float[N,M,K] y) { y = Neg (x) }"""
    path = tmp_path / "m.onnx"
    onnx.save(onnx.parser.parse_model(text), path)
    return path


def test_a_length_given_by_the_caller(model: Path) -> None:
    bundle = prover.compile(model, schema=SCHEMA, input_shapes={"x": (1, 2, 3)})
    assert bundle.layout.n_outputs == 6


def test_a_length_given_on_the_command_line(verdict: Verdict, model: Path, tmp_path: Path) -> None:
    schema, folder = tmp_path / "s.json", tmp_path / "b"
    schema.write_text(SCHEMA.to_json())
    arguments = ("compile", model, "-o", folder, "--schema", schema)
    failed = verdict(*arguments)
    assert failed.code == 2
    assert "--input-shape x=1," in failed.stderr
    assert verdict(*arguments, "--input-shape", "x=1,2,3").code == 0
    assert verdict(*arguments, "--input-shape", "x=1,two").code == 2
