"""forge's fuzz and invariant tests: a bounded number of runs every day, 10,000 of each under --full.

Each file of ``forge/test`` is one test here; the properties it holds are named in it, and have Python twins in
``test_*_invariants.py`` with books of their own.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.contracts.foundry import PROJECT, run

FILES = sorted(path.name for path in (PROJECT / "test").glob("*.t.sol"))
PASSED = re.compile(r"^\[PASS\] (\w+)\([^)]*\) \(runs: (\d+)", re.MULTILINE)


@pytest.fixture(scope="session")
def forge(require_tool: Callable[[str], Path]) -> Path:
    for tool in ("node", "solc", "openzeppelin"):
        require_tool(tool)
    return require_tool("forge")


def runs_of(forge: Path, file: str, profile: str, timeout: float) -> dict[str, int]:
    """Runs of each property in ``file``; fails with forge's output, which names the sequence that broke one."""
    path = (PROJECT / "test" / file).as_posix()
    try:
        printed = run(forge, "test", "--match-path", path, profile=profile, timeout=timeout)
    except subprocess.CalledProcessError as error:
        pytest.fail(error.output)
    return {name: int(runs) for name, runs in PASSED.findall(printed)}


@pytest.mark.parametrize("file", FILES)
def test_properties_hold(forge: Path, file: str) -> None:
    runs = runs_of(forge, file, "default", timeout=590)
    assert runs
    assert min(runs.values()) >= 10


@pytest.mark.full
@pytest.mark.timeout(4 * 3600)
@pytest.mark.parametrize("file", FILES)
def test_properties_hold_10_000_times(forge: Path, file: str) -> None:
    runs = runs_of(forge, file, "full", timeout=4 * 3600)
    assert runs
    assert min(runs.values()) >= 10_000
