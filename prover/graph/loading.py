"""From an ONNX file or bytes to a parsed protobuf. Trusts nothing."""

from __future__ import annotations

import os
from pathlib import Path
from stat import S_ISREG
from typing import Any

from prover.errors import ModelFileError
from prover.graph.limits import Limits


def read_model(source: str | os.PathLike[str] | bytes, limits: Limits) -> tuple[Any, Path | None]:
    """Parse a model.

    Returns:
        the ``onnx.ModelProto``, and the folder where its external data may lie (None for bytes).

    Raises:
        ModelFileError: missing, not a regular file, too large, or not an ONNX model.
    """
    import onnx
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    if isinstance(source, bytes):
        data, folder = source, None
    else:
        path = Path(source)
        data, folder = read_regular_file(path, limits.file_bytes, "model"), path.parent
    if len(data) > limits.file_bytes:
        raise ModelFileError(f"the model has {len(data)} bytes, more than {limits.file_bytes}")
    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
    except (DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ModelFileError(f"not an ONNX model, or a truncated one: {error}", "export the model again") from error
    if not model.HasField("graph") or not model.opset_import:
        raise ModelFileError("not an ONNX model: no graph, or no operator sets", "export the model again")
    return model, folder


def read_regular_file(path: Path, limit: int, what: str, offset: int = 0, length: int | None = None) -> bytes:
    """Bytes [offset, offset + length) of a file, to its end when length is None.

    Raises:
        ModelFileError: missing, unreadable, no regular file, shorter than asked for, or more than ``limit`` bytes.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))  # a pipe must not block us
        with open(descriptor, "rb") as file:
            status = os.fstat(file.fileno())
            if not S_ISREG(status.st_mode):
                raise ModelFileError(f"the {what} {path} is not a regular file")
            wanted = status.st_size - offset if length is None else length
            if wanted > limit:
                raise ModelFileError(f"the {what} {path} has {wanted} bytes, more than {limit}")
            if offset > status.st_size or wanted > status.st_size - offset:
                raise ModelFileError(f"the {what} {path} is truncated: bytes {offset} + {wanted} of {status.st_size}")
            file.seek(offset)
            return file.read(wanted)
    except FileNotFoundError as error:
        raise ModelFileError(f"there is no {what} {path}") from error
    except (OSError, ValueError, OverflowError) as error:  # ValueError: a null byte in the path
        raise ModelFileError(f"cannot read the {what} {path!s}: {error}") from error
