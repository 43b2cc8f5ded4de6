"""The .r1cs file: the constraint system A·w ∘ B·w = C·w, iden3's version 1.

Section 1 is the header, section 2 the rows (each three lists ``n:u32 { wire:u32 value[32] }``), section 3 the label of
each wire, which here is the wire's own number. Little-endian; values are plain, not Montgomery.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from prover.constraint.r1cs import R1CS, Matrix
from prover.errors import FormatError
from prover.field import R
from prover.groth16.formats.binfile import Buffer, read_sections, section, section_chunks, write_sections
from prover.groth16.formats.elements import is_canonical

MAGIC, VERSION = b"r1cs", 1
_PREFIX = struct.pack("<I", 32) + R.to_bytes(32, "little")
_HEADER = struct.Struct("<IIIIQI")
_ENTRY_WORDS = 9
_ENTRY = np.dtype([("wire", "<u4"), ("value", "V32")])


def write_r1cs(path: str | os.PathLike[str], r1cs: R1CS) -> Path:
    """Write a constraint system atomically. Private inputs are not told apart from other wires: their count is 0.

    Raises:
        StorageError: the disk is full or the directory is not writable.
    """
    return write_sections(path, MAGIC, VERSION, _sections(r1cs))


def r1cs_bytes(r1cs: R1CS) -> bytes:
    """The file's bytes: the same for the same system on every machine, so their hash names the circuit."""
    return b"".join(section_chunks(MAGIC, VERSION, _sections(r1cs)))


def _sections(r1cs: R1CS) -> list[tuple[int, Buffer]]:
    sizes = (r1cs.n_wires, r1cs.n_outputs, r1cs.n_public_inputs, 0, r1cs.n_wires, r1cs.n_constraints)
    header = _HEADER.pack(*sizes)
    labels = np.arange(r1cs.n_wires, dtype="<u8").tobytes()
    return [(1, _PREFIX + header), (2, _encode_rows(r1cs)), (3, labels)]


def _encode_rows(r1cs: R1CS) -> bytes:
    """Every field is a multiple of four bytes, so the section is laid out as uint32 words without a loop over rows."""
    matrices = (r1cs.a, r1cs.b, r1cs.c)
    counts = np.stack([np.diff(matrix.indptr) for matrix in matrices], axis=1).astype(np.int64)
    ends = np.cumsum((1 + _ENTRY_WORDS * counts).ravel())
    starts = np.concatenate(([0], ends[:-1])).reshape(counts.shape) if counts.size else counts
    words = np.zeros(int(ends[-1]) if ends.size else 0, dtype="<u4")
    words[starts.ravel()] = counts.ravel()
    table = np.ascontiguousarray(r1cs.table, dtype="<u8").view("<u4").reshape(-1, 8)
    for column, matrix in enumerate(matrices):
        within = np.arange(len(matrix.wires)) - np.repeat(matrix.indptr[:-1], counts[:, column])
        positions = np.repeat(starts[:, column] + 1, counts[:, column]) + _ENTRY_WORDS * within
        words[positions] = matrix.wires
        for limb in range(8):
            words[positions + 1 + limb] = table[matrix.coef_ids, limb]
    return words.tobytes()


def read_r1cs(path: str | os.PathLike[str]) -> R1CS:
    """Read a constraint system.

    Raises:
        FormatError: not a .r1cs file of BN254's scalar field, truncated, contradicting itself, with custom gates, with
            a wire repeated in one list, or with a coefficient at or above r.
    """
    name = str(path)
    sections = read_sections(path, MAGIC, VERSION)
    if set(sections) - {1, 2, 3}:
        raise FormatError(f"{name}: custom gates are not supported", "compile the circuit for Groth16")
    header = section(sections, 1, len(_PREFIX) + _HEADER.size, name)
    if bytes(header[: len(_PREFIX)]) != _PREFIX:
        raise FormatError(f"{name}: not over BN254's scalar field")
    n_wires, n_outputs, n_public_inputs, n_private_inputs, _, n_rows = _HEADER.unpack_from(header, len(_PREFIX))
    if 1 + n_outputs + n_public_inputs + n_private_inputs > n_wires:
        raise FormatError(f"{name}: more inputs and outputs than wires")
    section(sections, 3, 8 * n_wires, name)
    counts, entries = _decode_rows(section(sections, 2, None, name), n_rows, name)
    if len(entries) and int(entries["wire"].max()) >= n_wires:
        raise FormatError(f"{name}: a constraint names a wire beyond {n_wires}")
    values = np.ascontiguousarray(entries["value"]).view("<u8").reshape(-1, 4)
    if not is_canonical(values, R):
        raise FormatError(f"{name}: a coefficient is not below r")
    entries = entries[_ascending(counts, entries["wire"], name)]
    distinct, ids = np.unique(entries["value"], return_inverse=True)
    table = np.ascontiguousarray(distinct).view("<u8").reshape(-1, 4).astype(np.uint64)
    owner = np.repeat(np.arange(3 * n_rows) % 3, counts)
    matrices = []
    for column in range(3):
        mine = owner == column
        indptr = np.concatenate(([0], np.cumsum(counts[column::3]))).astype(np.int64)
        wires = entries["wire"][mine].astype(np.uint32)
        matrices.append(Matrix(indptr, wires, ids.reshape(-1)[mine].astype(np.uint32)))
    a, b, c = matrices
    origins = (Path(path).name,) if n_rows else ()
    starts = np.zeros(len(origins), dtype=np.int64)
    return R1CS(n_wires, n_outputs, n_public_inputs, a, b, c, table, origins, starts)


def _decode_rows(body: memoryview, n_rows: int, name: str) -> tuple[NDArray[np.int64], NDArray[np.void]]:
    """Lengths of the 3·n_rows lists, int64, and all their entries one after the other."""
    if 12 * n_rows > len(body):
        raise FormatError(f"{name}: claims {n_rows} constraints in {len(body)} bytes")
    counts = np.empty(3 * n_rows, dtype=np.int64)
    parts = []
    position = 0
    for index in range(3 * n_rows):
        if len(body) - position < 4:
            raise FormatError(f"{name}: constraint {index // 3} is cut off")
        (count,) = struct.unpack_from("<I", body, position)
        position += 4
        if count * _ENTRY.itemsize > len(body) - position:
            raise FormatError(f"{name}: constraint {index // 3} claims {count} terms beyond the section's end")
        counts[index] = count
        parts.append(body[position : position + count * _ENTRY.itemsize])
        position += count * _ENTRY.itemsize
    if position != len(body):
        raise FormatError(f"{name}: {len(body) - position} bytes after the last constraint")
    return counts, np.frombuffer(b"".join(parts), dtype=_ENTRY)


def _ascending(counts: NDArray[np.int64], wires: NDArray[np.uint32], name: str) -> NDArray[np.int64]:
    """The permutation that sorts every list by wire; other compilers do not all write them sorted."""
    owner = np.repeat(np.arange(len(counts), dtype=np.int64), counts)
    keys = (owner << 32) | wires.astype(np.int64)
    order = np.argsort(keys, kind="stable")
    if np.any(np.diff(keys[order]) == 0):
        raise FormatError(f"{name}: a wire appears twice in one linear combination")
    return np.asarray(order, dtype=np.int64)
