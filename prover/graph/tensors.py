"""TensorProto to numpy: lengths and limits are checked before anything is allocated."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from prover.errors import ModelFileError
from prover.graph.dtypes import BFLOAT16, ELEMENT_TYPES, NIBBLES
from prover.graph.ir import Array
from prover.graph.limits import Limits
from prover.graph.loading import read_regular_file

_FIELDS = {
    1: "float_data",
    7: "int64_data",
    8: "string_data",
    11: "double_data",
    12: "uint64_data",
    13: "uint64_data",
}
"""Typed field of each element type; all others use ``int32_data``."""

_EXTERNAL = 1


def utf8(text: Any) -> str:
    """A string field of a protobuf, which comes back as bytes when it is not UTF-8.

    Raises:
        ModelFileError: it is not.
    """
    if not isinstance(text, str):
        raise ModelFileError(f"the model holds a name that is not UTF-8: {text!r}")
    return text


def decode_tensor(proto: Any, name: str, folder: Path | None, limits: Limits) -> Array:
    """A read-only array in native byte order; strings become str objects.

    External data is read from inside ``folder`` and moved into the proto, so that later passes see a closed model.

    Raises:
        ModelFileError: unsupported element type, negative or huge dimensions, data that does not fill the shape,
            or external data outside the folder.
    """
    dtype = ELEMENT_TYPES.get(proto.data_type)
    if dtype is None:
        raise ModelFileError(
            f"tensor {name!r} has element type {proto.data_type}, which is not supported", "export it as float32"
        )
    shape = tuple(proto.dims)
    count = limits.size(shape)
    if count is None:
        raise ModelFileError(f"tensor {name!r} has the shape {list(shape)[:16]}, which is negative or too large")
    if proto.HasField("segment"):
        raise ModelFileError(f"tensor {name!r} is stored in segments", "save the model with current onnx")
    if proto.data_location == _EXTERNAL:
        size = (count + 1) // 2 if dtype in NIBBLES else count * _width(proto, dtype)
        proto.raw_data = _external(proto, name, folder, size)
        proto.ClearField("data_location")
        proto.ClearField("external_data")
    if dtype in NIBBLES:
        array = _from_nibbles(proto, name, dtype, count)
    elif proto.HasField("raw_data"):
        array = _from_raw(proto.raw_data, name, np.dtype(np.uint16) if proto.data_type == BFLOAT16 else dtype, count)
    else:
        values = getattr(proto, _FIELDS.get(proto.data_type, "int32_data"))
        array = _from_field(values, name, dtype, count, proto.data_type)
    if proto.data_type == BFLOAT16:
        array = (array.astype(np.uint32) << 16).view(np.float32)
    try:
        array = array.reshape(shape)
    except ValueError as error:  # no elements, and other dimensions so long that numpy cannot count
        raise ModelFileError(f"tensor {name!r} has the shape {list(shape)[:16]}, which is too large") from error
    array.flags.writeable = False
    return array


def decode_sparse(proto: Any, name: str, folder: Path | None, limits: Limits) -> Array:
    """The dense form of a SparseTensorProto, in which all other elements are zero.

    Raises:
        ModelFileError: as :func:`decode_tensor`; or indices that are out of range, repeated, or not as many as values.
    """
    shape = tuple(proto.dims)
    size = limits.size(shape)
    if size is None or not shape:
        raise ModelFileError(f"tensor {name!r} has the shape {list(shape)[:16]}, which is empty, negative or too large")
    values = decode_tensor(proto.values, name, folder, limits)
    indices = decode_tensor(proto.indices, f"{name} (indices)", folder, limits)
    if values.ndim != 1 or values.dtype.kind == "O" or indices.dtype != np.int64:
        raise ModelFileError(f"tensor {name!r}: sparse values must be a list of numbers, and indices int64")
    if indices.shape == (values.size, len(shape)):
        inside = bool(((indices >= 0) & (indices < np.array(shape))).all())
        flat = np.ravel_multi_index(tuple(indices.T), shape) if inside else indices
    else:
        inside = indices.shape == values.shape and bool(((indices >= 0) & (indices < size)).all())
        flat = indices
    if not inside or np.unique(flat).size != values.size:
        raise ModelFileError(
            f"tensor {name!r}: {values.size} sparse values do not have as many places in {list(shape)}"
        )
    dense = np.zeros(size, dtype=values.dtype)
    dense[flat] = values
    dense = dense.reshape(shape)
    dense.flags.writeable = False
    return dense


def _width(proto: Any, dtype: np.dtype[Any]) -> int:
    """Bytes of one stored element."""
    return 2 if proto.data_type == BFLOAT16 else dtype.itemsize


def _from_nibbles(proto: Any, name: str, dtype: np.dtype[Any], count: int) -> Array:
    """Integers of four bits, two to a byte or to a number of ``int32_data``."""
    raw = proto.raw_data if proto.HasField("raw_data") else bytes(value & 0xFF for value in proto.int32_data)
    if len(raw) != (count + 1) // 2:
        raise ModelFileError(f"tensor {name!r} has {len(raw)} bytes of data, its shape needs {(count + 1) // 2}")
    both = np.frombuffer(raw, dtype=np.uint8)
    low, high = NIBBLES[dtype]
    halves = np.stack((both & 15, both >> 4), axis=1).ravel()[:count].astype(np.int8)
    return np.where(halves > high, halves + 2 * low, halves).astype(dtype)


def _from_raw(raw: bytes, name: str, dtype: np.dtype[Any], count: int) -> Array:
    if dtype.kind == "O":
        raise ModelFileError(f"tensor {name!r} stores strings as raw bytes")
    if len(raw) != count * dtype.itemsize:
        raise ModelFileError(f"tensor {name!r} has {len(raw)} bytes of data, its shape needs {count * dtype.itemsize}")
    if dtype == np.bool_:
        return np.frombuffer(raw, dtype=np.uint8).astype(np.bool_)
    return np.frombuffer(raw, dtype=dtype.newbyteorder("<")).astype(dtype)


def _from_field(values: Any, name: str, dtype: np.dtype[Any], count: int, code: int) -> Array:
    if len(values) != count:
        raise ModelFileError(f"tensor {name!r} has {len(values)} values, its shape needs {count}")
    if dtype.kind == "O":
        try:
            strings = [value.decode() for value in values]
        except UnicodeDecodeError as error:
            raise ModelFileError(f"tensor {name!r} holds a string that is not UTF-8: {error}") from error
        return np.array(strings, dtype=object)
    if code == BFLOAT16:
        return np.array(values, dtype=np.int64).astype(np.uint16)
    if dtype == np.float16:
        return np.array(values, dtype=np.int32).astype(np.uint16).view(np.float16)
    return np.array(values).astype(dtype)


def _external(proto: Any, name: str, folder: Path | None, n_bytes: int) -> bytes:
    """The bytes of a tensor kept in another file, which must lie inside the model's folder.

    Symbolic links are resolved first. The path names the file twice (here and when opening), so somebody who can
    write the folder meanwhile can still redirect it; he could as well replace the model.
    """
    if folder is None:
        raise ModelFileError(f"tensor {name!r} lies in another file, but the model was given as bytes", "pass its path")
    entries = {utf8(entry.key): utf8(entry.value) for entry in proto.external_data}
    location = entries.get("location", "")
    root = folder.resolve()
    try:
        target = (root / location).resolve()
        offset, length = int(entries.get("offset", 0)), int(entries.get("length", n_bytes))
    except (OSError, ValueError, RuntimeError) as error:  # RuntimeError: a loop of symbolic links
        raise ModelFileError(f"tensor {name!r}: malformed external data: {error}") from error
    absolute = Path(location).is_absolute() or location.startswith(("/", "\\")) or ":" in location
    if not location or absolute or ".." in Path(location).parts or not target.is_relative_to(root):
        raise ModelFileError(
            f"tensor {name!r} points to {location!r}, outside the model's folder",
            "put the data file beside the model and save it with a relative location",
        )
    if offset < 0 or length != n_bytes:
        raise ModelFileError(f"tensor {name!r}: bytes {offset} + {length} of {location!r}, its shape needs {n_bytes}")
    return read_regular_file(target, n_bytes, f"data of tensor {name!r},", offset, length)
