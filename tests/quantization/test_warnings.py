"""What a report warns of: values that inputs of the schema take and samples do not, and inputs without a proof."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from prover.cli.page import page
from prover.compiler import CompiledParts, compile_model
from prover.errors import BundleError
from prover.lowering import Report
from tests.quantization.test_functions import fixed, grid, one_node


def compiled(op: str, ends: tuple[int, int], samples: tuple[float, float]) -> CompiledParts:
    rows = grid(*samples).astype(np.float32)
    return compile_model(one_node(op), schema=fixed(*ends), calibration=rows, reveal="score")


def test_saturation_inside_the_schema_is_warned_of() -> None:
    report = compiled("Exp", (-30, 30), (-1, 1)).report
    assert len(report.warnings) == 2
    assert report.warnings[0].startswith("the_Exp: ")
    assert "cut off" in report.warnings[0]
    assert "decided otherwise" in report.warnings[1]
    assert report.saturated == 1


def test_inputs_without_a_proof_are_warned_of() -> None:
    report = compiled("Sqrt", (-4, 4), (0.25, 4)).report
    assert [warning.split(":")[0] for warning in report.warnings] == ["the_Sqrt"]
    assert "no proof" in report.warnings[0]
    assert report.saturated == 0


def test_samples_that_reach_everything_need_no_warning() -> None:
    assert compiled("Exp", (-4, 4), (-4, 4)).report.warnings == ()


def test_warnings_are_read_back_strictly_and_shown() -> None:
    report = replace(compiled("Exp", (-4, 4), (-4, 4)).report, warnings=("a <b>", "c"))
    assert Report.from_json(report.to_json()) == report
    assert "Warning: a &lt;b&gt;" in page("m", report)
    for wrong in ('"warnings": "a"', '"warnings": [1]', '"other": []'):
        text = report.to_json().replace('"warnings": [\n  "a <b>",\n  "c"\n ]', wrong)
        assert text != report.to_json()
        with pytest.raises(BundleError):
            Report.from_json(text)
