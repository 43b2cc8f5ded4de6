"""Files are whole or absent, whatever happens in between."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from prover.errors import StorageError
from prover.files import atomic_path, write_atomic


def test_a_file_is_replaced_in_one_step(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file"
    write_atomic(path, "first")
    write_atomic(path, b"second")
    assert path.read_bytes() == b"second"
    assert [item.name for item in path.parent.iterdir()] == ["file"]


@pytest.mark.parametrize(("mode", "mask", "expected"), [(0o666, 0o022, 0o644), (0o600, 0o022, 0o600)])
def test_permissions_follow_the_umask(tmp_path: Path, mode: int, mask: int, expected: int) -> None:
    before = os.umask(mask)
    try:
        path = write_atomic(tmp_path / "file", "x", mode=mode)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == expected


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt])
def test_a_failure_in_between_changes_nothing(tmp_path: Path, failure: type[BaseException]) -> None:
    path = write_atomic(tmp_path / "file", "old")

    def write_half() -> None:
        with atomic_path(path) as partial:
            partial.write_text("half")
            raise failure

    with pytest.raises(failure):
        write_half()
    assert path.read_text() == "old"
    assert [item.name for item in tmp_path.iterdir()] == ["file"]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="cannot write"):
        write_atomic(tmp_path / "file" / "below", "x")
    (tmp_path / "folder").mkdir()
    with pytest.raises(StorageError, match="folder"):
        write_atomic(tmp_path / "folder", "x")
    assert sorted(item.name for item in tmp_path.iterdir()) == ["file", "folder"]
