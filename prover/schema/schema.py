"""A schema: the named raw facts a model reads, in order, and the hash that stands for them on chain."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from prover.errors import SchemaError
from prover.jsontext import parse_json
from prover.schema.derive import derive_features
from prover.schema.encoding import EncodedBatch, EncodedInput, FeatureValues, encode_table, encode_values
from prover.schema.features import KINDS, Category, Feature, check_text
from prover.schema.hashing import keccak256
from prover.schema.packing import PackingPlan, plan_packing

MAX_FEATURES = 1 << 16
"""Most features of a schema."""

MAX_JSON_BYTES = 1 << 26
"""Largest schema file read."""


@dataclass(frozen=True)
class Schema:
    """Features in the order of the model's input columns.

    Attributes:
        name: for humans; part of the hash.
        features: at least one, at most :data:`MAX_FEATURES`, names all different.
        source: where the facts come from; for humans, not part of the hash.

    Raises:
        SchemaError: the schema cannot be; names the feature and the fix.
    """

    name: str
    features: tuple[Feature, ...]
    source: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        check_text(self.name, "the schema's name")
        if self.source:
            check_text(self.source, "the schema's source")
        object.__setattr__(self, "features", tuple(self.features))
        if not 1 <= len(self.features) <= MAX_FEATURES:
            raise SchemaError(f"a schema has 1 to {MAX_FEATURES} features, not {len(self.features)}")
        seen: set[str] = set()
        for feature in self.features:
            if not isinstance(feature, Feature):
                raise SchemaError(f"{feature!r} is not a feature", "use Bool, Category, Int, Fixed or Float32")
            if feature.name in seen:
                raise SchemaError(f"two features are called {feature.name!r}", "rename one of them")
            seen.add(feature.name)

    def __len__(self) -> int:
        return len(self.features)

    @classmethod
    def from_json(cls, source: str | bytes | os.PathLike[str]) -> Schema:
        """Read a schema from JSON text (``str`` that starts with a brace, or ``bytes``) or from a file.

        Raises:
            SchemaError: no such file, not JSON, an unknown or repeated key, a wrong type, or an impossible schema.
        """
        return _schema(_parse(_text(source)))

    def to_json(self) -> str:
        """Indented JSON that :meth:`from_json` reads back, with the source."""
        head = {"name": self.name, **({"source": self.source} if self.source else {})}
        document = {**head, "features": [feature.to_dict() for feature in self.features]}
        return json.dumps(document, indent=1, ensure_ascii=False) + "\n"

    def canonical_bytes(self) -> bytes:
        """The bytes that are hashed: JSON with sorted keys, no spaces, UTF-8, without ``source``."""
        document = {"name": self.name, "features": [feature.to_dict() for feature in self.features]}
        return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

    @cached_property
    def hash(self) -> bytes:
        """Keccak-256 of :meth:`canonical_bytes`, 32 bytes: ``schema`` in attestations and model records."""
        return keccak256(self.canonical_bytes())

    @cached_property
    def packing(self) -> PackingPlan:
        """Where each feature sits in the committed field elements."""
        return plan_packing(self.features)

    @classmethod
    def derive(cls, calibration: NDArray[np.generic], name: str, *, uniform: bool = False) -> Schema:
        """A schema under which every calibration row encodes; see :func:`prover.schema.derive.derive_features`.

        Args:
            calibration: [n, d] real numbers, NaN for missing.
            name: of the schema.
            uniform: give all columns one type and range (images, where a pixel that is black in every sample
                says nothing about the next one).

        Raises:
            SchemaError: no rows, or a column no feature type fits.
        """
        return cls(name, derive_features(calibration, uniform=uniform), "derived from calibration data")

    @property
    def labels(self) -> dict[int, tuple[str, ...]]:
        """Labels of every category, by its place."""
        return {i: item.labels for i, item in enumerate(self.features) if isinstance(item, Category)}

    def encode(self, values: FeatureValues) -> EncodedInput:
        """Encode one input; raises InputError naming the feature. See :func:`prover.schema.encoding.encode_values`."""
        return encode_values(self.features, values)

    def encode_batch(self, table: NDArray[np.generic]) -> EncodedBatch:
        """Encode [n, d] inputs at once; raises InputError. See :func:`prover.schema.encoding.encode_table`."""
        return encode_table(self.features, table)


def _text(source: str | bytes | os.PathLike[str]) -> str:
    if isinstance(source, str) and source.lstrip().startswith("{"):
        return source
    try:
        if not isinstance(source, bytes):
            path = Path(source)
            if not path.is_file():
                raise SchemaError(f"no schema file {path}")
            if path.stat().st_size > MAX_JSON_BYTES:
                raise SchemaError(f"schema file {path} is larger than {MAX_JSON_BYTES} bytes")
            source = path.read_bytes()
        return source.decode()
    except UnicodeDecodeError as error:
        raise SchemaError(f"the schema is not UTF-8: {error}") from error
    except (OSError, ValueError) as error:  # ValueError: a path with a null byte
        raise SchemaError(f"cannot read the schema: {error}") from error


def _parse(text: str) -> Mapping[str, object]:
    try:
        document = parse_json(text, object_pairs_hook=_unique_keys, parse_constant=_no_constant)
    except ValueError as error:
        raise SchemaError(f"the schema is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise SchemaError("a schema is a JSON object", 'like {"name": ..., "features": [...]}')
    return document


def _unique_keys(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    result = dict(pairs)
    if len(result) != len(pairs):
        names = [key for key, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise SchemaError(f"the key {twice!r} appears twice in one JSON object")
    return result


def _no_constant(name: str) -> object:
    raise SchemaError(f"{name} is not a JSON number")


def _schema(document: Mapping[str, object]) -> Schema:
    _check_keys(document, required={"name", "features"}, allowed={"name", "features", "source"}, where="the schema")
    entries = document["features"]
    if not isinstance(entries, list):
        raise SchemaError("the schema's features must be a list")
    source = document.get("source", "")
    if not isinstance(source, str):
        raise SchemaError(f"the schema's source must be a string, not {source!r}")
    features = tuple(_feature(entry, index) for index, entry in enumerate(entries))
    return Schema(document["name"], features, source)  # type: ignore[arg-type]


def _feature(entry: object, index: int) -> Feature:
    if not isinstance(entry, dict):
        raise SchemaError(f"feature {index} must be a JSON object, not {entry!r}")
    where = f"feature {entry.get('name', index)!r}"
    kind = entry.get("type")
    if not isinstance(kind, str) or kind not in KINDS:
        raise SchemaError(f"{where} has the unknown type {kind!r}", "types: " + ", ".join(KINDS))
    cls = KINDS[kind]
    parameters = {item.name: item.default is MISSING for item in fields(cls)}
    required = {"type"} | {name for name, needed in parameters.items() if needed}
    _check_keys(entry, required=required, allowed=required | {"optional", "source"}, where=where)
    return cls(**{key: value for key, value in entry.items() if key not in ("type", "source")})


def _check_keys(entry: Mapping[str, object], required: set[str], allowed: set[str], where: str) -> None:
    for key in sorted(required - entry.keys()):
        raise SchemaError(f"{where} has no {key!r}", "expected " + ", ".join(sorted(allowed)))
    for key in sorted(entry.keys() - allowed):
        raise SchemaError(f"{where} has the unknown key {key!r}", "expected " + ", ".join(sorted(allowed)))
