"""scripts/lib/bootstrap.sh: versions are compared, not only found, and every obstacle is named."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

import pytest


def run(repository: Path, script: str, *, path: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run bash with the library sourced. ``path`` replaces PATH after that."""
    library = shlex.quote(str(repository / "scripts" / "lib" / "bootstrap.sh"))
    prefix = f"set -euo pipefail; . {library}; " + (f"PATH={shlex.quote(path)}; " if path is not None else "")
    environment = {key: value for key, value in os.environ.items() if key != "VERDICT_PYTHON"}
    return subprocess.run(["bash", "-c", prefix + script], capture_output=True, text=True, check=False, env=environment)


def fake(folder: Path, name: str, prints: str, code: int = 0) -> None:
    """A program that prints one line."""
    program = folder / name
    program.write_text(f"#!/bin/sh\necho '{prints}'\nexit {code}\n")
    program.chmod(0o755)


@pytest.mark.parametrize(
    ("have", "want", "enough"),
    [
        ("1.85.0", "1.85", True),
        ("1.85", "1.85.0", True),
        ("1.84.1", "1.85", False),
        ("1.100.0", "1.85", True),
        ("1.9.0", "1.85", False),
        ("2.0", "1.85", True),
        ("1.85.0-nightly", "1.85", True),
        ("1.85.0+build.5", "1.85.1", False),
        ("3.11.2", "3.11", True),
        ("3.9.18", "3.11", False),
        ("3.14.999", "3.14.2", True),
        ("20.08.0", "20.9", False),
        ("", "1.0", False),
    ],
)
def test_versions_compare_by_number(repository: Path, have: str, want: str, enough: bool) -> None:
    result = run(repository, f'at_least "{have}" "{want}"')
    assert result.returncode == (0 if enough else 1), result.stderr


def test_old_cargo_is_named_with_what_is_needed(repository: Path, tmp_path: Path) -> None:
    fake(tmp_path, "cargo", "cargo 1.63.0 (fd9c4297c 2022-07-01)")
    result = run(repository, "native_obstacle", path=f"{tmp_path}:/usr/bin:/bin")
    assert result.stdout.startswith("cargo is 1.63.0, needs 1.")


def test_old_rustc_beside_a_new_cargo_is_seen(repository: Path, tmp_path: Path) -> None:
    fake(tmp_path, "cargo", "cargo 99.0.0")
    fake(tmp_path, "rustc", "rustc 1.63.0")
    result = run(repository, "native_obstacle", path=f"{tmp_path}:/usr/bin:/bin")
    assert result.stdout.startswith("rustc is 1.63.0, needs 1.")


def test_cargo_that_does_not_run_is_missing(repository: Path, tmp_path: Path) -> None:
    fake(tmp_path, "cargo", "error: no toolchain", code=1)
    result = run(repository, "native_obstacle", path=f"{tmp_path}:/usr/bin:/bin")
    assert result.stdout.startswith("cargo not found or not working; needs Rust 1.")


def test_missing_linker_is_named(repository: Path, tmp_path: Path) -> None:
    fake(tmp_path, "cargo", "cargo 99.0.0")
    fake(tmp_path, "rustc", "rustc 99.0.0")
    for tool in ("sed", "head", "cut"):
        (tmp_path / tool).symlink_to(next(p for d in ("/usr/bin", "/bin") if (p := Path(d) / tool).exists()))
    assert "no C linker" in run(repository, "native_obstacle", path=str(tmp_path)).stdout
    fake(tmp_path, "cc", "")
    assert run(repository, "native_obstacle", path=str(tmp_path)).stdout == ""


def test_python_too_old_and_too_new_are_refused_by_name(repository: Path, tmp_path: Path) -> None:
    fake(tmp_path, "python3", "3.9.18")
    fake(tmp_path, "python", "3.99.0")
    result = run(repository, "find_python", path=str(tmp_path))
    assert result.returncode == 1
    assert "python3 is 3.9.18" in result.stderr
    assert "python is 3.99.0" in result.stderr
    assert "VERDICT_PYTHON" in result.stderr


def test_stamp_holds_only_for_the_same_key(repository: Path, tmp_path: Path) -> None:
    stamps = shlex.quote(str(tmp_path / "with space"))
    script = (
        f"STAMPS={stamps}; stamped a 1 && exit 9; stamp a 1; stamped a 1; stamped a 2 && exit 8; stamped b 1 || exit 0"
    )
    assert run(repository, script).returncode == 0


def test_content_hash_sees_changes_and_ignores_builds(repository: Path, tmp_path: Path) -> None:
    source = tmp_path / "a tree" / "src"
    source.mkdir(parents=True)
    (source / "lib.rs").write_text("one")

    def digest() -> str:
        tree = shlex.quote(str(tmp_path / "a tree"))
        script = f"PYTHON=python3; content_hashes {tree}"
        result = run(repository, script)
        assert result.returncode == 0, result.stderr
        return result.stdout

    first = digest()
    (tmp_path / "a tree" / "target").mkdir()
    (tmp_path / "a tree" / "target" / "built").write_text("anything")
    assert digest() == first
    (source / "lib.rs").write_text("two")
    second = digest()
    assert second != first
    (source / "lib.rs").rename(source / "other.rs")
    assert digest() not in (first, second)


@pytest.mark.parametrize("script", ["demo", "test", "bench", "scenario", "lib/bootstrap.sh", "../.ci/run"])
def test_shell_scripts_parse(repository: Path, script: str) -> None:
    subprocess.run(["bash", "-n", repository / "scripts" / script], check=True)
