"""What is tracked: the fixed top level, and nothing that belongs to one machine."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

TOP_LEVEL = {"contracts", "deployments", "prover", "scripts", "tests", "pyproject.toml", "README.md", "LICENSE"}
# Written in pieces, so that this file does not find itself.
HOSTS = ("pypi" + ".org", "python" + "hosted.org", "npm" + "js.org", "proxy.golang" + ".org", "static.crates" + ".io")
PATHS = ("/" + "work/", "/tmp" + "/lab", "/" + "root/", "/" + "home/")
FORBIDDEN = re.compile(
    "|".join(rf"(?<![\w.]){re.escape(path)}" for path in PATHS) + "|" + "|".join(map(re.escape, HOSTS))
)


@pytest.fixture(scope="module")
def tracked(repository: Path, require_tool: Callable[[str], Path]) -> list[Path]:
    """Every file git tracks and that is there."""
    if not (repository / ".git").exists():
        pytest.skip("not a git checkout")
    git = require_tool("git")
    listed = subprocess.run([git, "ls-files", "-z"], cwd=repository, check=True, capture_output=True, text=True).stdout
    return [path for name in listed.split("\0") if name and (path := repository / name).is_file()]


def test_top_level_is_fixed(repository: Path, tracked: list[Path]) -> None:
    top = {path.relative_to(repository).parts[0] for path in tracked}
    assert {name for name in top if not name.startswith(".")} <= TOP_LEVEL


def test_no_registry_and_no_machine_is_named(repository: Path, tracked: list[Path]) -> None:
    found = []
    for path in tracked:
        text = path.read_bytes().decode("utf-8", errors="ignore")
        found += [f"{path.relative_to(repository)}: {match[0]}" for match in FORBIDDEN.finditer(text)]
    assert not found


def test_no_large_or_built_file_is_tracked(repository: Path, tracked: list[Path]) -> None:
    built = {".so", ".pyd", ".dylib", ".whl", ".zkey", ".ptau", ".pyc"}
    assert not [path for path in tracked if path.suffix in built and "vectors" not in path.parts]
    assert not [path for path in tracked if path.stat().st_size > 2_000_000]


@pytest.mark.parametrize("name", ["demo", "test", "bench", "scenario", "lock", "regenerate", "../.ci/run"])
def test_scripts_are_executable(repository: Path, name: str) -> None:
    script = repository / "scripts" / name
    assert os.access(script, os.X_OK)
    assert script.read_text().startswith("#!/usr/bin/env ")


def test_licence_is_apache_2(repository: Path) -> None:
    text = (repository / "LICENSE").read_text()
    assert "Apache License" in text
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text
