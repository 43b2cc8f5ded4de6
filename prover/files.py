"""Files that are either whole or absent: write to a neighbour, fsync, rename."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from prover.errors import StorageError


def write_atomic(path: str | os.PathLike[str], data: bytes | str, *, mode: int = 0o666) -> Path:
    """Replace ``path`` by ``data`` in one step; text is written as UTF-8.

    Args:
        mode: permissions, before the process's umask; 0o600 for what is private.

    Raises:
        StorageError: the disk is full or the directory is not writable; the old file is untouched.
    """
    with atomic_path(path, mode=mode) as partial:
        raw = data.encode() if isinstance(data, str) else data
        try:
            partial.write_bytes(raw)
        except OSError as error:
            raise _storage_error(Path(path), error) from error
    return Path(path)


@contextlib.contextmanager
def atomic_path(path: str | os.PathLike[str], *, mode: int = 0o666) -> Iterator[Path]:
    """Yield a temporary neighbour of ``path``; on a clean exit it is flushed to disk and renamed onto ``path``.

    For writers that need a path of their own (the native core streams keys into it). On any exception the
    temporary file is removed and ``path`` keeps its old content.

    Raises:
        StorageError: creating, flushing or renaming failed.
    """
    target = Path(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent)
        os.close(handle)
    except OSError as error:
        raise _storage_error(target, error) from error
    partial = Path(name)
    try:
        yield partial
        try:
            _flush(partial)
            mask = os.umask(0)
            os.umask(mask)
            partial.chmod(mode & ~mask)
            partial.replace(target)
            _flush(target.parent)
        except OSError as error:
            raise _storage_error(target, error) from error
    finally:
        partial.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _storage_error(path: Path, error: OSError) -> StorageError:
    return StorageError(
        f"cannot write {path}: {error.strerror or error}",
        "free some space or choose another directory; the previous file, if any, is untouched",
    )
