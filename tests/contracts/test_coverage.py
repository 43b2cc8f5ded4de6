"""At least 98 % of the contracts' lines run in the tests; what does not is listed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.contracts.coverage import LEFT_OUT, LEFT_OUT_TESTS
from tests.contracts.statements import Span, instruction_spans, reached, statements

LEAST = 98.0


@pytest.mark.full
@pytest.mark.timeout(3600)
def test_nearly_every_line_runs(repository: Path) -> None:
    command = [sys.executable, "-m", "tests.contracts.coverage"]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, timeout=3600)
    assert done.returncode == 0, done.stdout + done.stderr
    print(done.stdout)
    figures = json.loads(done.stdout.splitlines()[-1])
    assert figures["percent"] >= LEAST, done.stdout


def test_what_is_left_out_exists(repository: Path) -> None:
    """A renamed test would otherwise come back unnoticed, and fail on the other build."""
    folder = repository / "tests" / "contracts"
    assert all((folder / name).is_file() for name in LEFT_OUT)
    assert all(f"def {test}(" in (folder / file).read_text() for file, test in LEFT_OUT_TESTS)


def test_instructions_lead_back_to_statements() -> None:
    """PUSH2 skips its two bytes; empty fields repeat; another file's and no file's instructions have no span."""
    code = bytes.fromhex("610102" + "5b" + "00" + "fe")
    spans = instruction_spans(code, "5:10:0;7:2;;1:1:3", {0: "A.sol"})
    assert spans == {0: Span("A.sol", 5, 15), 3: Span("A.sol", 7, 9), 4: Span("A.sol", 7, 9)}


def test_the_halves_of_a_line_count_apart() -> None:
    """``if (x) revert Y();``: the condition alone does not cover the revert."""
    condition = {"nodeType": "Identifier", "src": "4:1:0"}
    body = {"nodeType": "RevertStatement", "src": "7:11:0"}
    whole = {"nodeType": "IfStatement", "src": "0:18:0", "condition": condition, "trueBody": body}
    named = {"nodeType": "VariableDeclarationStatement", "src": "20:9:0", "initialValue": None}
    found = list(statements("A.sol", {"nodeType": "Block", "src": "0:30:0", "statements": [whole, named]}))
    assert found == [Span("A.sol", 4, 5), Span("A.sol", 7, 18)]
    assert reached(found, [Span("A.sol", 4, 5), Span("A.sol", 0, 18)]) == {Span("A.sol", 4, 5)}
    assert reached(found, [Span("A.sol", 9, 10)]) == {Span("A.sol", 7, 18)}
