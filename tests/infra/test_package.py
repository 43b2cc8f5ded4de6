"""The installed package: cheap to import, whole without a Rust toolchain, one version everywhere."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

HEAVY = ("onnx", "onnxruntime", "web3", "eth", "rich", "typer", "pydantic", "py_ecc", "prover._native")


def test_importing_the_package_loads_nothing_heavy(repository: Path) -> None:
    script = f"import prover, sys; print([name for name in {HEAVY!r} if name in sys.modules])"
    command = [sys.executable, "-c", script]
    result = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_one_version_everywhere(repository: Path) -> None:
    import prover

    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    workspace = tomllib.loads((repository / "prover" / "native" / "Cargo.toml").read_text())["workspace"]["package"]
    assert prover.__version__ == project["version"] == workspace["version"]
    assert project["license"] == workspace["license"] == "Apache-2.0"


def build_wheel(repository: Path, folder: Path, environment: dict[str, str]) -> zipfile.ZipFile:
    """Build a wheel from a copy of the sources, with the pinned build packages of this environment."""
    source = folder / "source"
    ignore = shutil.ignore_patterns("target", "__pycache__", "*.so", "node_modules", ".*")
    shutil.copytree(repository / "prover", source / "prover", ignore=ignore)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(repository / name, source / name)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-index", "--no-deps", "--no-build-isolation"]
    command += ["--wheel-dir", str(folder / "wheels"), str(source)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | environment)
    assert result.returncode == 0, result.stderr[-2000:]
    (wheel,) = (folder / "wheels").iterdir()
    return zipfile.ZipFile(wheel)


def test_wheel_builds_without_cargo_and_holds_the_data(repository: Path, tmp_path: Path) -> None:
    with build_wheel(repository, tmp_path, {"CARGO": "/nonexistent/cargo"}) as wheel:
        names = set(wheel.namelist())
    assert not [name for name in names if name.endswith(".so")]
    data = {".json", ".template", ".js", ".pyi", ".py"}
    sources = {
        path.relative_to(repository).as_posix()
        for path in (repository / "prover").rglob("*")
        if path.suffix in data or path.name == "py.typed"
        if not {"native", "__pycache__"} & set(path.relative_to(repository).parts)
    }
    assert sources <= names, f"not in the wheel: {sorted(sources - names)}"
    assert not [name for name in names if name.split("/")[0] not in ("prover", "verdict_zkml-0.1.0.dist-info")]
    assert not [name for name in names if name.startswith("prover/native/")]


@pytest.mark.full
def test_wheel_with_cargo_holds_the_native_core(
    repository: Path, tmp_path: Path, require_tool: Callable[[str], Path]
) -> None:
    require_tool("cargo")
    target = {"CARGO_TARGET_DIR": str(repository / "prover" / "native" / "target")}
    with build_wheel(repository, tmp_path, target) as wheel:
        assert "prover/_native.abi3.so" in wheel.namelist()
        assert "-cp311-abi3-" in Path(str(wheel.filename)).name
