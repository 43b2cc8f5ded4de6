"""The .wtns file: one field element for each wire.

Section 1 is ``n8:u32 = 32, prime[n8], n_wires:u32``, section 2 the values, little-endian (iden3's version 2).
"""

from __future__ import annotations

import os
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from prover.errors import FormatError
from prover.field import R
from prover.groth16.formats.binfile import read_sections, section, write_sections
from prover.groth16.formats.elements import is_canonical

MAGIC, VERSION = b"wtns", 2
_PREFIX = struct.pack("<I", 32) + R.to_bytes(32, "little")


def write_wtns(path: str | os.PathLike[str], witness: NDArray[np.uint64]) -> Path:
    """Write uint64[n, 4] canonical values atomically.

    Raises:
        StorageError: the disk is full or the directory is not writable.
    """
    body = np.ascontiguousarray(witness, dtype="<u8").tobytes()
    return write_sections(path, MAGIC, VERSION, [(1, _PREFIX + struct.pack("<I", len(witness))), (2, body)])


def read_wtns(path: str | os.PathLike[str]) -> NDArray[np.uint64]:
    """Read a witness.

    Returns:
        uint64[n, 4], every value below r.

    Raises:
        FormatError: not a .wtns file of BN254's scalar field, truncated, or a value at or above r.
    """
    name = str(path)
    sections = read_sections(path, MAGIC, VERSION)
    header = section(sections, 1, len(_PREFIX) + 4, name)
    if bytes(header[: len(_PREFIX)]) != _PREFIX:
        raise FormatError(f"{name}: not over BN254's scalar field")
    (count,) = struct.unpack_from("<I", header, len(_PREFIX))
    body = section(sections, 2, 32 * count, name)
    witness = np.frombuffer(body, dtype="<u8").reshape(-1, 4).astype(np.uint64)
    if not is_canonical(witness, R):
        raise FormatError(f"{name}: a value is not below r")
    return witness
