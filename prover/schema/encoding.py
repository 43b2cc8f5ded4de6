"""Raw facts to exact integer codes: one applicant at a time, or a float table at once.

Nothing is clamped, wrapped or silently converted: a value outside its feature raises InputError with its name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prover.errors import InputError
from prover.schema.features import EXACT, Bool, Category, Feature, Fixed, Float32
from prover.schema.float_codes import code_of_float32, float32_of_code
from prover.schema.texts import from_texts

FeatureValues = Mapping[str, object] | Sequence[object] | NDArray[np.generic]
"""One input: by feature name, or in schema order."""


@dataclass(frozen=True, eq=False)
class EncodedInput:
    """One input as the circuit sees it.

    Attributes:
        features: the schema's features, d of them.
        codes: int64[d], read-only; 0 where missing.
        missing: bool[d], read-only; set only for optional features.
    """

    features: tuple[Feature, ...]
    codes: NDArray[np.int64]
    missing: NDArray[np.bool_]

    def to_model_row(self) -> NDArray[np.float32]:
        """The row onnxruntime sees, float32[d]: index of a category, NaN where missing."""
        return _model_rows(self.features, self.codes[None], self.missing[None]).reshape(-1)


@dataclass(frozen=True, eq=False)
class EncodedBatch:
    """n inputs: codes int64[n, d] and missing bool[n, d]; indexing and iteration give :class:`EncodedInput`."""

    features: tuple[Feature, ...]
    codes: NDArray[np.int64]
    missing: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, row: int) -> EncodedInput:
        return EncodedInput(self.features, self.codes[row], self.missing[row])

    def __iter__(self) -> Iterator[EncodedInput]:
        return (self[row] for row in range(len(self)))

    def to_model_rows(self) -> NDArray[np.float32]:
        """The rows onnxruntime sees, float32[n, d]; NaN where missing."""
        return _model_rows(self.features, self.codes, self.missing)


def encode_values(features: tuple[Feature, ...], values: FeatureValues) -> EncodedInput:
    """Encode one input given by name, as a sequence in schema order, or as a 1-D array.

    None, and NaN, mean missing; only optional features may be.

    Raises:
        InputError: naming the feature, what is wrong with its value and what it takes, but not the value.
    """
    if isinstance(values, np.ndarray) and values.dtype != object:
        if values.shape != (len(features),):
            raise InputError(
                f"input has shape {values.shape}, expected ({len(features)},)", "pass one row, values.reshape(-1)"
            )
        return encode_table(features, values[None])[0]
    row = _by_name(features, values) if isinstance(values, Mapping) else _in_order(features, values)
    codes = np.zeros(len(features), dtype=np.int64)
    missing = np.zeros(len(features), dtype=np.bool_)
    for index, (feature, value) in enumerate(zip(features, row, strict=True)):
        if _is_missing(value):
            if not feature.optional:
                raise feature.error("the value is missing, but the feature is not optional")
            missing[index] = True
        else:
            codes[index] = feature.encode(value)
    return EncodedInput(features, *_frozen(codes, missing))


def encode_table(features: tuple[Feature, ...], table: NDArray[np.generic]) -> EncodedBatch:
    """Encode n inputs at once; columns in schema order, NaN for missing.

    Args:
        table: [n, d] of a real dtype up to 64 bits (float16, float32, float64, integers, bool), or of objects:
            whatever :func:`encode_values` takes; or of texts, where a cell that is no label is a number.

    Raises:
        InputError: naming the row and the feature.
    """
    if not isinstance(table, np.ndarray) or table.ndim != 2 or table.shape[1] != len(features):
        shape = table.shape if isinstance(table, np.ndarray) else type(table).__name__
        raise InputError(f"inputs have shape {shape}, expected (n, {len(features)})", "one row per input")
    if table.dtype.kind == "U" and len(table):
        table = from_texts(table, {i: item.labels for i, item in enumerate(features) if isinstance(item, Category)})
    if table.dtype == object:
        rows = [encode_values(features, row) for row in table]
        codes = np.stack([row.codes for row in rows]) if rows else np.zeros(table.shape, dtype=np.int64)
        missing = np.stack([row.missing for row in rows]) if rows else np.zeros(table.shape, dtype=np.bool_)
        return EncodedBatch(features, *_frozen(codes, missing))
    if table.dtype.kind not in "fiub" or table.dtype.itemsize > 8:
        raise InputError(f"inputs have dtype {table.dtype}, expected real numbers", "use float32 or float64")
    columns = _Columns(features)
    if table.dtype.kind == "b" and not columns.boolean.all():
        feature = features[int(np.flatnonzero(~columns.boolean)[0])]
        raise feature.error("a boolean array, but the feature is not a bool")
    if table.dtype.kind in "iu":  # beyond 2^53 float64 would round; no feature reaches there
        wide: NDArray[Any] = table
        _refuse_at(features, table, (wide > EXACT) | (wide < -EXACT))
    real = table.astype(np.float64)
    missing = np.isnan(real)
    _refuse_at(features, table, np.isinf(real) | (missing & ~columns.optional))
    present = np.where(missing, 0.0, real)
    units = _to_units(present, columns)
    inexact = columns.float32 & (_as_float32(present) != present)
    outside = ((units < columns.lo) | (units > columns.hi)) & ~missing
    fractional = (units != present) & ~columns.fixed & ~columns.float32
    _refuse_at(features, table, outside | fractional | inexact)
    codes = np.where(missing, 0, units).astype(np.int64)
    return EncodedBatch(features, *_frozen(codes, missing))


class _Columns:
    """What a table's encoding needs to know of each feature, as arrays over the d columns."""

    def __init__(self, features: tuple[Feature, ...]) -> None:
        self.boolean = np.array([isinstance(feature, Bool) for feature in features])
        self.fixed = np.array([isinstance(feature, Fixed) for feature in features])
        self.float32 = np.array([isinstance(feature, Float32) for feature in features])
        self.optional = np.array([feature.optional for feature in features])
        self.scale = np.array([feature.scale for feature in features], dtype=np.float64)
        self.inexact = np.array([feature.scale & (feature.scale - 1) != 0 for feature in features])
        self.lo = np.array([feature.lo for feature in features], dtype=np.float64)
        self.hi = np.array([feature.hi for feature in features], dtype=np.float64)


def _to_units(present: NDArray[np.float64], columns: _Columns) -> NDArray[np.float64]:
    """Codes as float64, exact up to 2^53: rounded half to even for ``fixed``, the float code for ``float32``."""
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = present * columns.scale
        units = np.rint(scaled)
        # The product may have rounded onto a half: decide those few exactly.
        near_half = columns.inexact & (np.abs(np.abs(scaled - units) - 0.5) <= 2.0**-50 * np.abs(scaled))
    for row, column in np.argwhere(near_half):
        units[row, column] = float(round(Fraction(present[row, column]) * int(columns.scale[column])))
    if columns.float32.any():
        units[:, columns.float32] = code_of_float32(_as_float32(present[:, columns.float32]))
    return units


def _as_float32(values: NDArray[np.float64]) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):
        return values.astype(np.float32)


def _refuse_at(features: tuple[Feature, ...], table: NDArray[np.generic], bad: NDArray[np.bool_]) -> None:
    """Raise for the first bad cell, if any, in reading order."""
    if bad.any():
        row, column = (int(index) for index in np.argwhere(bad)[0])
        feature = features[column]
        value = table[row, column].item()
        where = f" in row {row}" if len(table) > 1 else ""
        try:
            feature.encode(value)
        except InputError as error:
            raise InputError(error.message + where, error.hint) from None
        raise feature.error(f"the value is not exactly representable{where}")


def _by_name(features: tuple[Feature, ...], values: Mapping[str, object]) -> list[object]:
    known = {feature.name for feature in features}
    unknown = [str(name) for name in values if name not in known]
    if unknown:
        raise InputError(f"unknown feature {unknown[0]!r}", "the schema has " + _names(features))
    absent = [feature for feature in features if feature.name not in values and not feature.optional]
    if absent:
        raise absent[0].error("no value given")
    return [values.get(feature.name) for feature in features]


def _in_order(features: tuple[Feature, ...], values: Sequence[object] | NDArray[np.generic]) -> list[object]:
    if isinstance(values, str | bytes) or not isinstance(values, Sequence | np.ndarray):
        raise InputError(f"an input is a mapping or a sequence, not {type(values).__name__}")
    if isinstance(values, np.ndarray) and values.ndim != 1:
        raise InputError(f"input has shape {values.shape}, expected ({len(features)},)", "pass one row")
    if len(values) != len(features):
        raise InputError(f"{len(values)} values for {len(features)} features", "in order: " + _names(features))
    return list(values)


def _names(features: tuple[Feature, ...]) -> str:
    shown = ", ".join(feature.name for feature in features[:24])
    return shown + (f", ... ({len(features)} in all)" if len(features) > 24 else "")


def _is_missing(value: object) -> bool:
    return value is None or (isinstance(value, float | np.floating) and bool(np.isnan(value)))


def _model_rows(
    features: tuple[Feature, ...], codes: NDArray[np.int64], missing: NDArray[np.bool_]
) -> NDArray[np.float32]:
    scale = np.array([feature.scale for feature in features], dtype=np.float64)
    rows = (codes / scale).astype(np.float32)
    exact = np.array([isinstance(feature, Float32) for feature in features])
    rows[:, exact] = float32_of_code(codes[:, exact])
    rows[missing] = np.nan
    return rows


def _frozen(codes: NDArray[np.int64], missing: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    codes.flags.writeable = False
    missing.flags.writeable = False
    return codes, missing
