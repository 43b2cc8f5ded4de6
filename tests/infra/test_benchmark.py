"""scripts/benchmark: the measuring itself. Never how long anything takes."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from benchmark.__main__ import find_model, measure
from benchmark.process import ToolError, measured
from benchmark.result import Result
from benchmark.table import print_results, ratios, seconds, size
from benchmark.tools import Gnark, Snarkjs, Tool, Verdict
from rich.console import Console


def test_peak_memory_is_the_childs() -> None:
    small, low = measured([sys.executable, "-c", "print('noise'); print('{\"a\": 1}')"])
    assert small == {"a": 1}
    held = b"x" * 200_000_000  # what this process holds is not counted
    _, again = measured([sys.executable, "-c", "print('{}')"])
    assert again < low + 20_000_000 < len(held)
    _, high = measured([sys.executable, "-c", "b = b'x' * 200_000_000; print('{}')"])
    assert high - low > 150_000_000


def test_failure_carries_the_last_line_of_stderr() -> None:
    with pytest.raises(ToolError, match="out of sausages"):
        measured([sys.executable, "-c", "import sys; print('{}'); sys.exit('out of sausages')"])


def test_missing_program_and_missing_result_are_reasons() -> None:
    with pytest.raises(ToolError, match="No such file"):
        measured(["/nonexistent/prover"])
    with pytest.raises(ToolError, match="no result"):
        measured([sys.executable, "-c", "print('not json')"])


def test_samples_add_up_and_the_summary_is_json() -> None:
    result = Result("verdict", "m")
    result.update({"prove": [3.0, 1.0], "constraints": 7})
    result.update({"prove": [2.0], "constraints": 8})
    result.remember_peak(5)
    result.remember_peak(4)
    document = json.loads(json.dumps(result.to_dict()))
    assert document["prove"] == [3.0, 1.0, 2.0]
    assert (document["prove_median"], document["prove_min"]) == (2.0, 1.0)
    assert (document["constraints"], document["prove_memory"]) == (8, 5)


def test_ratios_compare_the_same_model_only() -> None:
    own = Result("verdict", "m", prove=[0.1, 0.3, 0.2], prove_memory=50)
    own.update({"prove_cpu": [0.4], "groth16": [0.01], "groth16_cpu": [0.02]})
    whole = Result("ezkl", "m", prove=[20.0], prove_cpu=[40.0], prove_memory=1000)
    from_witness = Result("snarkjs", "m", groth16=[0.05], groth16_cpu=[0.05], prove_memory=25)
    other = Result("ezkl", "n", prove=[1.0], prove_cpu=[1.0], prove_memory=1)
    failed = Result("gnark", "m", reason="go is not installed")
    assert ratios([own, whole, from_witness, other, failed]) == [
        "m: from input to proof ezkl takes 100.00 x the time, 100.00 x the CPU time and 20.00 x the memory of verdict",
        "m: from witness to proof snarkjs takes 5.00 x the time, 2.50 x the CPU time and 0.50 x the memory of verdict",
    ]


@pytest.mark.parametrize(
    ("value", "text"), [(None, ""), (0.0123, "12.3 ms"), (0.5, "0.50 s"), (12.34, "12.3 s"), (1234.0, "1234 s")]
)
def test_durations(value: float | None, text: str) -> None:
    assert seconds(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(None, ""), (256, "256 B"), (1_340_000, "1.34 MB"), (2_000_000_000, "2 GB")]
)
def test_sizes(value: int | None, text: str) -> None:
    assert size(value) == text


@pytest.fixture
def importable(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The jobs find the package of this checkout, installed or not."""
    monkeypatch.setenv("PYTHONPATH", str(repository))


def measured_together(tools: list[Tool], folder: Path) -> list[Result]:
    """Measure loan_logistic once with each tool, and show it."""
    results = measure(find_model("loan_logistic"), tools, 1, folder, Console(quiet=True))
    console = Console(record=True, width=190, quiet=True)
    print_results(console, results)
    for result in results:
        assert not result.reason
        assert result.groth16
        assert len(result.groth16) == len(result.groth16_cpu)
        assert result.prove_memory
    return results


@pytest.mark.usefixtures("importable")
def test_verdict_and_snarkjs_prove_the_same_files(tmp_path: Path, require_tool: Callable[[str], Path]) -> None:
    for tool in ("native", "node", "snarkjs"):
        require_tool(tool)
    own, peer = measured_together([Verdict(), Snarkjs()], tmp_path)
    assert own.proof == peer.proof == 256
    assert own.constraints
    assert own.gas
    assert len(ratios([own, peer])) == 1


@pytest.mark.full
@pytest.mark.usefixtures("importable")
def test_gnark_proves_the_same_constraints(tmp_path: Path, require_tool: Callable[[str], Path]) -> None:
    for tool in ("native", "go"):
        require_tool(tool)
    own, peer = measured_together([Verdict(), Gnark()], tmp_path)
    assert own.constraints == peer.constraints


def test_a_tool_that_fails_keeps_its_reason_and_the_others_go_on(tmp_path: Path) -> None:
    class Fine(Snarkjs):
        name = "fine"

        def prepare(self, model: object, folder: Path, result: Result) -> None:
            result.setup = 1.0

        def prove(self, model: object, folder: Path, result: Result) -> None:
            result.update({"prove": [1.0]})

    class Broken(Fine):
        name = "broken"

        def prepare(self, model: object, folder: Path, result: Result) -> None:
            raise ToolError("not installable")

    broken, fine = measure(find_model("loan_logistic"), [Broken(), Fine()], 2, tmp_path, Console(quiet=True))
    assert (broken.reason, broken.prove) == ("not installable", [])
    assert (fine.reason, fine.prove) == ("", [1.0, 1.0])
