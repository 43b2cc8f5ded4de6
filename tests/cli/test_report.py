"""verdict report: tables, the page, and the document; verdict compile with a wish."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

import prover
from prover.cli.page import page
from prover.cli.report import bar
from prover.errors import BundleError
from prover.lowering import Report
from prover.lowering.cost import Alternative

from .conftest import Verdict

VOID = {"meta", "!doctype"}


class Outline(HTMLParser):
    """Tags and attributes of a page; fails where tags do not nest."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def report(models: Path) -> Report:
    """Of loan_logistic."""
    import numpy as np

    rows = np.load(models / "loan_logistic.npz")["X"]
    return prover.compile(models / "loan_logistic.onnx", schema=models / "loan_schema.json", calibration=rows).report


def outline(text: str) -> Outline:
    parser = Outline()
    parser.feed(text)
    parser.close()
    assert parser.open == []
    return parser


def test_the_tables_show_layers_widths_and_errors(verdict: Verdict, loan: Path) -> None:
    shown = verdict("report", loan)
    assert shown.code == 0, shown.stderr
    for part in (
        "cost and accuracy",
        "Constraints by layer",
        "Bits by step",
        "Errors of the logit",
        "proven error bound",
    ):
        assert part in shown.stdout


def test_the_page_is_whole_and_alone(verdict: Verdict, loan: Path, tmp_path: Path, report: Report) -> None:
    target = tmp_path / "report.html"
    outcome = verdict("report", loan, "--html", target, "--json")
    assert outcome.code == 0, outcome.stderr
    assert outcome.document["constraints"] == report.constraints
    text = target.read_text()
    found = outline(text)
    assert found.tags.isdisjoint({"script", "link", "img", "iframe", "object", "svg"})
    assert found.attributes.isdisjoint({"src", "href", "onload", "onclick"})
    assert "http" not in text
    assert "url(" not in text
    for layer in report.layers:
        assert layer.name in found.text
        assert f"{layer.constraints:,}" in found.text


def test_hostile_names_stay_text(report: Report) -> None:
    evil = "<script>alert(1)</script>\"'&"
    layers = (replace(report.layers[0], name=evil), *report.layers[1:])
    widths = (replace(report.widths[0], name=evil), *report.widths[1:])
    plans = (Alternative(1, 0.5, 0, 1, 2, 3, {evil: 1}),)
    text = page(evil, replace(report, layers=layers, widths=widths, output=evil, exactness=evil, front=plans))
    found = outline(text)
    assert "script" not in found.tags
    assert found.text.count("<script>alert(1)</script>") >= 6


def test_a_report_reads_back_whole(report: Report) -> None:
    assert report.histogram is not None
    assert sum(report.histogram.counts) == report.samples
    assert report.drawn is not None
    assert report.drawn.samples == prover.compiler.N_DRAWN
    assert report.known_error is not None
    assert report.max_logit_error is not None
    assert report.known_error >= report.max_logit_error
    assert report.error_bound is not None
    assert 0 <= report.within_bound <= report.samples
    assert Report.from_json(report.to_json()) == report


@pytest.mark.parametrize("key", ["histogram", "drawn", "front", "layers", "exactness"])
def test_a_damaged_report_is_refused(report: Report, key: str) -> None:
    document = json.loads(report.to_json())
    for broken in ({"a": 1}, 7, [{"name": "x"}]):
        if key == "exactness":
            del document[key]
        else:
            document[key] = broken
        with pytest.raises(BundleError):
            Report.from_json(json.dumps(document))
        document[key] = broken


def test_bars_grow_by_eighths() -> None:
    assert bar(0, 10) == ""
    assert bar(10, 10) == "█" * 32
    assert bar(1, 10_000) == "▏"
    assert [len(bar(k, 32)) for k in range(1, 33)] == list(range(1, 33))


def test_compile_with_a_wish(
    verdict: Verdict, models: Path, tmp_path: Path, require_tool: Callable[[str], Path]
) -> None:
    made = verdict(
        "compile", models / "loan_mlp.onnx", "-o", tmp_path / "mlp", "--schema", models / "loan_schema.json",
        "--calibration", models / "loan_mlp.npz", "--target-error", "0.05",
    )  # fmt: skip
    assert made.code == 0, made.stderr
    assert "Plans to choose from" in made.stdout
    refused = verdict(
        "compile", models / "loan_mlp.onnx", "-o", tmp_path / "none", "--schema", models / "loan_schema.json",
        "--calibration", models / "loan_mlp.npz", "--max-constraints", "100", "--json",
    )  # fmt: skip
    assert refused.code == 2
    assert json.loads(refused.stderr)["error"] == "UnreachableTargetError"
    assert not (tmp_path / "none").exists()
