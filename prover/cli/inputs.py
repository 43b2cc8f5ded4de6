"""Reading what a user hands over: sample arrays, one applicant, integers."""

from __future__ import annotations

import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prover.cli.tables import read_csv
from prover.errors import InputError
from prover.jsontext import parse_json
from prover.schema import Schema

_DAMAGE = (
    OSError,
    ValueError,
    TypeError,
    EOFError,
    SyntaxError,
    KeyError,
    AttributeError,
    MemoryError,
    OverflowError,
    RuntimeError,  # an encrypted member; NotImplementedError, an unknown compression, is one too
    tokenize.TokenError,
    zlib.error,
    zipfile.BadZipFile,
)
"""What numpy and zipfile raise on files that are not theirs."""


def read_samples(path: Path, schema: Schema | None = None) -> NDArray[Any]:
    """The samples in an ``.npz`` (array ``X``, or its only two-dimensional array), ``.npy`` or ``.csv`` file.

    Args:
        schema: of the samples, where there is one; it names the columns of a ``.csv``.

    Returns:
        number[n, d], or objects where a ``.csv`` holds texts.

    Raises:
        InputError: unreadable, or no array that could be meant.
    """
    if path.suffix == ".csv":
        return read_csv(path, schema)
    try:
        loaded = np.load(path, allow_pickle=False)
    except FileNotFoundError as error:
        raise InputError(f"there is no file {path}") from error
    except _DAMAGE as error:
        raise InputError(f"{path} is not a numpy file: {error}", "save it with numpy.savez(path, X=samples)") from error
    if isinstance(loaded, np.ndarray):
        return _matrix(path, "array", loaded)
    with loaded as archive:
        try:
            if "X" in archive.files:
                return _matrix(path, "X", archive["X"])
            matrices = [name for name in archive.files if archive[name].ndim == 2]
            if len(matrices) != 1:
                names = ", ".join(archive.files) or "nothing"
                raise InputError(f"{path} holds {names}; which are the samples?", "name the array X")
            return _matrix(path, matrices[0], archive[matrices[0]])
        except _DAMAGE as error:
            raise InputError(f"{path} is damaged: {error}", "save it again with numpy.savez") from error


def _matrix(path: Path, name: str, array: NDArray[Any]) -> NDArray[Any]:
    if array.dtype.kind not in "biuf":
        raise InputError(f"{path}: {name} has dtype {array.dtype}", "samples are numbers")
    if array.ndim > 2 and array.size:
        return array.reshape(array.shape[0], -1)
    if array.ndim != 2:
        raise InputError(f"{path}: {name} has shape {array.shape}", "samples have the shape (n, features)")
    return array


def read_input(path: Path, index: int | None, schema: Schema | None = None) -> Any:
    """One input: row ``index`` of a sample file, or a JSON object (feature → value), list, or list of either.

    Raises:
        InputError: unreadable, or the index is missing or out of range.
    """
    if path.suffix in (".npz", ".npy", ".csv"):
        samples = read_samples(path, schema)
        return samples[_index(path, index, len(samples))]
    try:
        document = parse_json(path.read_text(encoding="utf-8"), object_pairs_hook=_no_repeats)
    except FileNotFoundError as error:
        raise InputError(f"there is no file {path}") from error
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} is not JSON: {error}", "give an object of feature values, or an .npz file") from error
    many = isinstance(document, list) and document and isinstance(document[0], (dict, list))
    if many:
        return document[_index(path, index, len(document))]
    if index not in (None, 0):
        raise InputError(f"{path} holds one input, there is no number {index}")
    if not isinstance(document, (dict, list)):
        raise InputError(f"{path} holds {type(document).__name__}", "give an object of feature values or a list")
    return document


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("a feature is named twice")
    return document


def _index(path: Path, index: int | None, count: int) -> int:
    if index is None and count == 1:
        return 0
    if index is None:
        raise InputError(f"{path} holds {count} inputs", "say which one with --index")
    if not 0 <= index < count:
        raise InputError(f"{path} holds {count} inputs, there is no number {index}", f"0 to {count - 1}")
    return index


def integer(name: str, text: str) -> int:
    """A non-negative integer in decimal or 0x-hexadecimal.

    Raises:
        InputError: it is not one.
    """
    try:
        value = int(text, 0)
    except ValueError:
        value = -1
    if value < 0:
        raise InputError(f"{name} is {text!r}, not a non-negative integer", "write it in decimal or as 0x…")
    return value
