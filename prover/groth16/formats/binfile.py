"""The container of iden3's binary files: four bytes of magic, a version, and numbered sections.

    magic[4]  version:u32  n_sections:u32  { id:u32  size:u64  body[size] } × n_sections        (little-endian)

Nothing is ever allocated by a length the file claims: every length is first compared with the bytes that are there.
"""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from prover.errors import FormatError, StorageError
from prover.files import atomic_path

MAX_SECTIONS = 64
Buffer = bytes | memoryview


def read_sections(path: str | os.PathLike[str], magic: bytes, version: int) -> dict[int, memoryview]:
    """Map a file and cut it into its sections, without copying.

    Args:
        magic: the four bytes the file must start with.
        version: the one version that is understood.

    Returns:
        Section id -> its bytes, in file order.

    Raises:
        FormatError: the file is missing, truncated, of another kind or version, names a section twice, or has
            bytes after its last section.
    """
    data = _map(Path(path))
    name = f"{path}"
    if len(data) < 12 or bytes(data[:4]) != magic:
        raise FormatError(f"{name} is not a .{magic.decode()} file", "check the path; the file may be truncated")
    found_version, count = struct.unpack_from("<II", data, 4)
    if found_version != version:
        raise FormatError(f"{name}: version {found_version}, expected {version}")
    if count > MAX_SECTIONS:
        raise FormatError(f"{name}: claims {count} sections")
    sections: dict[int, memoryview] = {}
    position = 12
    for _ in range(count):
        if len(data) - position < 12:
            raise FormatError(f"{name}: truncated before a section header", "the file was cut: write it again")
        number, size = struct.unpack_from("<IQ", data, position)
        position += 12
        if size > len(data) - position:
            raise FormatError(
                f"{name}: section {number} claims {size} bytes, {len(data) - position} are left",
                "the file was cut: write it again",
            )
        if number in sections:
            raise FormatError(f"{name}: section {number} appears twice")
        sections[number] = data[position : position + size]
        position += size
    if position != len(data):
        raise FormatError(f"{name}: {len(data) - position} bytes after the last section")
    return sections


def _map(path: Path) -> memoryview:
    try:
        with path.open("rb") as handle:
            if os.fstat(handle.fileno()).st_size == 0:
                return memoryview(b"")
            return memoryview(mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ))
    except (OSError, ValueError) as error:
        raise FormatError(f"cannot read {path}: {error}") from error


def section(sections: Mapping[int, memoryview], number: int, size: int | None, name: str) -> memoryview:
    """One section, of exactly ``size`` bytes unless that is None.

    Raises:
        FormatError: it is missing or has another size.
    """
    if number not in sections:
        raise FormatError(f"{name}: section {number} is missing")
    body = sections[number]
    if size is not None and len(body) != size:
        raise FormatError(f"{name}: section {number} has {len(body)} bytes, its header implies {size}")
    return body


def write_sections(
    path: str | os.PathLike[str], magic: bytes, version: int, sections: Iterable[tuple[int, Buffer]]
) -> Path:
    """Write a whole file atomically, sections in the order given.

    Raises:
        StorageError: the disk is full or the directory is not writable; the old file is untouched.
    """
    with atomic_path(path) as partial:
        try:
            with partial.open("wb") as handle:
                handle.writelines(section_chunks(magic, version, sections))
        except OSError as error:
            raise StorageError(f"cannot write {path}: {error.strerror or error}", "free some space") from error
    return Path(path)


def section_chunks(magic: bytes, version: int, sections: Iterable[tuple[int, Buffer]]) -> Iterator[Buffer]:
    """The bytes of a whole file, piece by piece."""
    listed = list(sections)
    yield magic + struct.pack("<II", version, len(listed))
    for number, body in listed:
        yield struct.pack("<IQ", number, len(body))
        yield body
