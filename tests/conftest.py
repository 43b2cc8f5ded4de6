"""What all tests share: paths, the tools a test may need, and the ``full`` marker.

A test that needs a tool asks for it::

    def test_snarkjs_accepts(require_tool):
        snarkjs = require_tool("snarkjs")

Without the tool the test is skipped, with the reason in the summary; where ``CI`` is set it fails, so that nothing
goes untested unnoticed.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent
IN_CI = os.environ.get("CI", "").lower() not in ("", "0", "false")

# Machines are shared and slow at times: no per-example deadline. CI tries the same examples every time.
settings.register_profile("local", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if IN_CI else "local")

_PACKAGES = {
    "circomlibjs": ("tests", "circomlibjs"),
    "snarkjs": ("tests", "snarkjs/build/cli.cjs"),
    "solhint": ("tests", "solhint/solhint.js"),
    "solc": ("contracts", "solc/soljson.js"),
    "openzeppelin": ("contracts", "@openzeppelin/contracts"),
}
_missing: Counter[str] = Counter()


def find_tool(name: str) -> Path | None:
    """Where a tool is, or None.

    Args:
        name: ``native`` (the built extension module), an npm package of ``contracts/`` or ``tests/`` by the names
            above (run those with ``node``), ``anvil`` or ``forge`` (executables), ``slither`` or ``halmos`` (in
            environments of their own), or any program on PATH.
    """
    if name == "native":
        spec = importlib.util.find_spec("prover._native")
        return Path(spec.origin) if spec and spec.origin else None
    if name in _PACKAGES:
        folder, inside = _PACKAGES[name]
        path = ROOT / folder / "node_modules" / inside
        return path if path.exists() else None
    if name in ("anvil", "forge", "cast"):
        cpu = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
        package = f"{name}-{platform.system().lower()}-{cpu}"
        path = ROOT / "tests" / "node_modules" / "@foundry-rs" / package / "bin" / name
        if path.exists():
            return path
    apart = Path(sys.prefix) / "tools" / name / "bin" / name
    if apart.exists():
        return apart
    beside = Path(sys.executable).parent / name  # node may live in the virtual environment
    found = str(beside) if beside.exists() else shutil.which(name)
    return Path(found) if found else None


@pytest.fixture(scope="session")
def require_tool() -> Callable[[str], Path]:
    """``require_tool(name) -> Path``: the tool's path; skips the test without it, or fails it in CI."""

    def require(name: str) -> Path:
        path = find_tool(name)
        if path is not None:
            return path
        _missing[name] += 1
        message = f"{name} is missing: scripts/test installs what can be installed without root"
        if IN_CI:
            pytest.fail(message)
        pytest.skip(message)

    return require


@pytest.fixture(scope="session")
def repository() -> Path:
    """Root of the checkout."""
    return ROOT


@pytest.fixture(scope="session")
def models() -> Path:
    """Folder of the ONNX models, samples and schemas: see its README for where they come from."""
    return ROOT / "tests" / "models"


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--full``: also what is slower than the everyday suite allows."""
    parser.addoption("--full", action="store_true", help="run the tests marked full as well")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out tests marked ``full`` unless asked for."""
    if config.getoption("--full"):
        return
    slow = [item for item in items if item.get_closest_marker("full")]
    if slow:
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if not item.get_closest_marker("full")]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name the missing tools once, with how many tests went without them."""
    for name, count in sorted(_missing.items()):
        outcome = "failed" if IN_CI else "skipped"
        terminalreporter.write_line(f"missing tool: {name} ({count} tests {outcome})", yellow=True)
