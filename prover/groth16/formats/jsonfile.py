"""Reading and writing iden3's JSON files: numbers travel as decimal strings, points as projective triples."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from prover.errors import FormatError
from prover.files import write_atomic
from prover.groth16.points import G1_INFINITY, G2_INFINITY, G1Point, G2Point
from prover.jsontext import parse_json

MAX_BYTES = 1 << 22
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,77}", re.ASCII)
_INFINITY_G1 = ["0", "1", "0"]
_INFINITY_G2 = [["0", "0"], ["1", "0"], ["0", "0"]]


def load_json(source: str | os.PathLike[str] | bytes, what: str) -> Any:
    """Parse a file (or its bytes) as strict JSON.

    Args:
        what: the file's kind, for messages, for example ``"proof.json"``.

    Raises:
        FormatError: missing, larger than 4 MiB, not UTF-8, not JSON, nested too deeply, or with a repeated name.
    """
    try:
        if isinstance(source, bytes):
            raw = source
        else:
            with Path(source).open("rb") as handle:
                raw = handle.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise FormatError(f"{what}: larger than {MAX_BYTES} bytes")
        return parse_json(raw, object_pairs_hook=_no_repeats, parse_constant=_refuse)
    except (OSError, ValueError) as error:
        raise FormatError(f"{what} cannot be read: {error}") from error


def save_json(path: str | os.PathLike[str], value: object) -> Path:
    """Write atomically, laid out as snarkjs does (one space of indentation)."""
    return write_atomic(path, dumps(value))


def dumps(value: object) -> str:
    """The text :func:`save_json` writes."""
    return json.dumps(value, indent=1)


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = dict(pairs)
    if len(names) != len(pairs):
        raise ValueError("an object repeats a name")
    return names


def _refuse(token: str) -> Any:
    raise ValueError(f"{token} is not JSON")


def expect(value: Any, fields: Mapping[str, str], names: Sequence[str], what: str) -> dict[str, Any]:
    """Check that ``value`` is an object with these constant ``fields`` and exactly the other ``names`` besides.

    Raises:
        FormatError: it is not.
    """
    if not isinstance(value, dict):
        raise FormatError(f"{what}: not a JSON object")
    for name, constant in fields.items():
        if value.get(name) != constant:
            raise FormatError(f"{what}: {name} is {value.get(name)!r}, expected {constant!r}")
    surplus = set(value) ^ {*fields, *names}
    if surplus:
        raise FormatError(f"{what}: missing or unknown field {sorted(surplus)[0]!r}")
    return value


def integer(value: Any, what: str) -> int:
    """A canonical decimal string below 2^256.

    Raises:
        FormatError: another type, a sign, a leading zero, or too large.
    """
    if not isinstance(value, str) or not _DECIMAL.fullmatch(value) or int(value) >= 1 << 256:
        raise FormatError(f"{what}: {str(value)[:80]!r} is not a decimal string below 2^256")
    return int(value)


def integers(value: Any, count: int, what: str) -> list[int]:
    """Exactly ``count`` of them.

    Raises:
        FormatError: another length or type.
    """
    if not isinstance(value, list) or len(value) != count:
        raise FormatError(f"{what}: expected a list of {count}")
    return [integer(item, what) for item in value]


def g1_to_json(point: G1Point) -> list[str]:
    """``[x, y, "1"]``; infinity is ``["0", "1", "0"]``."""
    return list(_INFINITY_G1) if point == G1_INFINITY else [str(point[0]), str(point[1]), "1"]


def g2_to_json(point: G2Point) -> list[list[str]]:
    """``[[x0, x1], [y0, y1], ["1", "0"]]``, real part first."""
    if point == G2_INFINITY:
        return [list(row) for row in _INFINITY_G2]
    return [[str(value) for value in row] for row in (*point, (1, 0))]


def g1_from_json(value: Any, what: str) -> G1Point:
    """The inverse of :func:`g1_to_json`. Coordinates may be any number below 2^256: no curve check.

    Raises:
        FormatError: another shape, or a third coordinate that is not 1.
    """
    if value == _INFINITY_G1:
        return G1_INFINITY
    x, y, z = integers(value, 3, what)
    if z != 1:
        raise FormatError(f"{what}: not an affine point")
    return x, y


def g2_from_json(value: Any, what: str) -> G2Point:
    """The inverse of :func:`g2_to_json`. Coordinates may be any number below 2^256: no curve check.

    Raises:
        FormatError: another shape, or a third coordinate that is not 1.
    """
    if value == _INFINITY_G2:
        return G2_INFINITY
    if not isinstance(value, list) or len(value) != 3:
        raise FormatError(f"{what}: expected a list of 3")
    (x0, x1), (y0, y1), z = (integers(row, 2, what) for row in value)
    if z != [1, 0]:
        raise FormatError(f"{what}: not an affine point")
    return (x0, x1), (y0, y1)
