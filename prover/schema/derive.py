"""A schema out of calibration data, for a model that comes without one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from prover.errors import SchemaError
from prover.schema.features import EXACT_FIXED, Bool, Category, Feature, Fixed, Int
from prover.schema.texts import from_texts

SCALE = 1024
"""Units to 1 of a derived ``fixed`` feature: 10 fraction bits."""

FINEST = 16
"""A column whose largest magnitude counts fewer units than this gets a finer scale, so that it keeps its digits."""


def derive_features(calibration: NDArray[np.generic], *, uniform: bool = False) -> tuple[Feature, ...]:
    """Features x0..x{d-1} under which every calibration row encodes.

    A column of zeros and ones becomes bool; one of integers int; any other fixed. Ranges are widened to
    [0, 2^b - 1], or [-2^b, 2^b - 1] when a value is negative: such a range needs no exact check in the circuit.
    A column with NaN becomes optional. A column of texts becomes a category of the texts it holds, sorted.

    Args:
        calibration: [n, d] real numbers, n and d at least 1; or objects or texts, columns of which may be numbers.
        uniform: one type and range for all columns.

    Raises:
        SchemaError: no data, infinities, a column without a number, or values too large for exact integers.
    """
    table = np.asarray(calibration)
    if table.dtype.kind == "U" and table.ndim == 2 and 0 not in table.shape:
        table = from_texts(table, {})
    if table.dtype == object and table.ndim == 2 and 0 not in table.shape and not uniform:
        return tuple(_mixed(f"x{index}", column) for index, column in enumerate(table.T))
    if table.ndim != 2 or 0 in table.shape or table.dtype.kind not in "fiub":
        raise SchemaError(
            f"calibration data has shape {table.shape} and dtype {table.dtype}, expected real numbers (n, d)",
            "one row per sample, flattened: X.reshape(len(X), -1)",
        )
    columns = table.astype(np.float64).T
    if uniform:
        kind = _feature("all columns", columns.ravel(), closed=True)
        return tuple(_renamed(kind, f"x{index}") for index in range(len(columns)))
    return tuple(_feature(f"x{index}", column) for index, column in enumerate(columns))


def _feature(name: str, column: NDArray[np.float64], *, closed: bool = False) -> Feature:
    missing = np.isnan(column)
    values = column[~missing]
    optional = bool(missing.any())
    if values.size == 0 or np.isinf(values).any():
        what = "only missing values" if values.size == 0 else "infinities"
        raise SchemaError(f"calibration column {name!r} holds {what}", "clean the data, or write a schema")
    low, high = float(values.min()), float(values.max())
    if ((values == 0) | (values == 1)).all():
        return Bool(name, optional=optional)
    whole = bool((values == np.rint(values)).all())
    scale = 1 if whole else _scale(max(-low, high))
    if max(-low, high) * scale >= EXACT_FIXED:
        raise SchemaError(
            f"calibration column {name!r} reaches {max(-low, high):g}, too large for exact integers",
            "write a schema with a coarser scale for it",
        )
    ends = round(low * scale), round(high * scale)
    bounds = _closed(*ends) if closed else _widened(*ends)
    return Int(name, *bounds, optional=optional) if whole else Fixed(name, scale, *bounds, optional=optional)


def _mixed(name: str, column: NDArray[np.object_]) -> Feature:
    """A column of objects: texts, or numbers."""
    present = [value for value in column if value is not None and value == value]
    if present and all(isinstance(value, str) for value in present):
        return Category(name, tuple(sorted(set(present))), optional=len(present) < len(column))
    try:
        return _feature(name, column.astype(np.float64))
    except (TypeError, ValueError) as error:
        raise SchemaError(f"calibration column {name!r} mixes texts and numbers", "clean the data") from error


def _scale(peak: float) -> int:
    """1024, or the power of two that gives a column of tiny values 10 significant bits."""
    if peak * SCALE >= FINEST:
        return SCALE
    exponent = min(int(np.ceil(np.log2(SCALE) - np.log2(peak))), EXACT_FIXED.bit_length() - 1)
    return 1 << exponent


def _widened(low: int, high: int) -> tuple[int, int]:
    """The smallest [0, 2^b - 1] or [-2^b, 2^b - 1] around low..high."""
    if low >= 0:
        return 0, (1 << max(high.bit_length(), 1)) - 1
    bits = max((-low - 1).bit_length(), max(high, 0).bit_length())
    return -(1 << bits), (1 << bits) - 1


def _closed(low: int, high: int) -> tuple[int, int]:
    """Like :func:`_widened`, but an end that is a power of two stays; above, with one count more: a range of 2^b + 1
    values would cost a row in the circuit's check, one of 2^b + 2 costs none."""
    wide = _widened(low, high)
    below = low if low < 0 and _is_power(-low) else wide[0]
    return below, high + 1 if high > 2 and _is_power(high) else wide[1]


def _is_power(count: int) -> bool:
    return count & (count - 1) == 0


def _renamed(feature: Feature, name: str) -> Feature:
    if isinstance(feature, Fixed):
        return Fixed(name, feature.scale, feature.min, feature.max, optional=feature.optional)
    if isinstance(feature, Int):
        return Int(name, feature.min, feature.max, optional=feature.optional)
    return Bool(name, optional=feature.optional)
