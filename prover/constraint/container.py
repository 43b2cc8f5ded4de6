"""A file of arrays: canonical JSON header, then raw little-endian arrays. Deterministic, and safe to read.

Layout: magic (8 bytes) | header length (uint64) | header JSON, padded with spaces to 8 bytes | arrays, each padded
with zeros to 8 bytes. The header is ``{"arrays": [[dtype, shape], ...], "body": ...}`` with sorted keys.
"""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prover.errors import FormatError
from prover.jsontext import parse_json

_DTYPES = ("<i8", "<u4", "<u8", "|u1")


def _padded(size: int) -> int:
    return (size + 7) // 8 * 8


def write_container(magic: bytes, body: Any, arrays: list[NDArray[Any]]) -> bytes:
    """Bytes of a JSON body and its arrays (int64, uint32, uint64 or uint8)."""
    packed = [np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")) for array in arrays]
    header = {"arrays": [[array.dtype.str, list(array.shape)] for array in packed], "body": body}
    text = json.dumps(header, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()
    text = text.ljust(_padded(len(text)))
    parts = [magic, len(text).to_bytes(8, "little"), text]
    for array in packed:
        parts.append(array.tobytes().ljust(_padded(array.nbytes), b"\0"))
    return b"".join(parts)


def read_container(magic: bytes, data: bytes) -> tuple[Any, list[NDArray[Any]]]:
    """Inverse of :func:`write_container`. Sizes are checked before anything is allocated.

    Raises:
        FormatError: wrong magic, truncated or extended data, unknown dtype, malformed header.
    """
    if data[:8] != magic:
        raise FormatError(f"not a {magic.rstrip(bytes(1)).decode(errors='replace')} file")
    length = int.from_bytes(data[8:16], "little")
    if len(data) < 16 or length > len(data) - 16:
        raise FormatError("the file's header is truncated")
    try:
        header = parse_json(data[16 : 16 + length])
        shapes = [(str(dtype), tuple(int(n) for n in shape)) for dtype, shape in header["arrays"]]
        body = header["body"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise FormatError(f"the file's header is malformed: {error}") from error
    position, arrays = 16 + length, []
    for dtype, shape in shapes:
        if dtype not in _DTYPES or len(shape) > 2 or any(n < 0 for n in shape):
            raise FormatError(f"the file declares an array of type {dtype} and shape {shape}")
        size = np.dtype(dtype).itemsize * math.prod(shape)
        if size > len(data) - position:
            raise FormatError("the file is truncated")
        raw = np.frombuffer(data, dtype=dtype, count=math.prod(shape), offset=position)
        arrays.append(raw.reshape(shape).astype(np.dtype(dtype).newbyteorder("=")))
        position += _padded(size)
    if position != len(data):
        raise FormatError(f"the file has {len(data)} bytes, its header describes {position}")
    return body, arrays
