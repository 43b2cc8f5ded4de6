"""Samples as people keep them: a CSV file, mostly with a header, texts and numbers mixed."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prover.errors import InputError
from prover.schema import Schema
from prover.schema.texts import from_texts


def read_csv(path: Path, schema: Schema | None = None) -> NDArray[Any]:
    """The rows of a file, below its header where it has one.

    With a schema the header's names are the features', in any order. A file without header has the columns of the
    schema in order, and so has one for a schema that was derived from data, whose features have no names of their own.

    Args:
        schema: of the rows, where there is one.

    Returns:
        float64[n, d] of numbers; objects [n, d] where a column holds texts. An empty cell is missing.

    Raises:
        InputError: unreadable, without rows, rows of different lengths, or a header of other names.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.reader(file, strict=True))
    except FileNotFoundError as error:
        raise InputError(f"there is no file {path}") from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} is not a CSV file: {error}", "save it as UTF-8, comma separated") from error
    if not rows:
        raise InputError(f"{path} is empty")
    wrong = next((number for number, row in enumerate(rows, 1) if len(row) != len(rows[0])), None)
    if wrong is not None:
        raise InputError(f"{path}: line {wrong} has {len(rows[wrong - 1])} columns, line 1 has {len(rows[0])}")
    order = list(range(len(rows[0])))
    if _is_header(rows, schema):
        if schema is not None:
            order = _order(path, [name.strip() for name in rows[0]], schema)
        rows = rows[1:]
    if not rows or not order:
        raise InputError(f"{path} has no rows below its header")
    return from_texts(np.array(rows, dtype=object)[:, order], {} if schema is None else schema.labels)


def _is_header(rows: list[list[str]], schema: Schema | None) -> bool:
    """Whether the first row holds names: those of the schema, or texts where numbers or labels belong."""
    first = rows[0]
    if schema is None:
        texts = [bool(cell.strip()) and not _is_number(cell) for cell in first]
        below = [all(_is_number(row[place]) for row in rows[1:] if row[place].strip()) for place in range(len(first))]
        named = len(rows) > 1 and any(text and numbers for text, numbers in zip(texts, below, strict=True))
        return named or all(texts)
    names = [feature.name for feature in schema.features]
    if sorted(cell.strip() for cell in first) == sorted(names):
        return True
    labels = [schema.labels.get(index, ()) for index in range(len(first))]
    return any(
        cell.strip() and not _is_number(cell) and cell not in known for cell, known in zip(first, labels, strict=True)
    ) and not any(_is_number(cell) for cell in first)


def _order(path: Path, names: list[str], schema: Schema) -> list[int]:
    """The column of every feature."""
    wanted = [feature.name for feature in schema.features]
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated is not None:
        raise InputError(f"{path}: two columns are called {repeated!r}", "name each column once")
    if sorted(names) != sorted(wanted) and _is_derived(schema):
        return list(range(len(names)))
    missing = [name for name in wanted if name not in names]
    foreign = [name for name in names if name not in wanted]
    if missing or foreign:
        lacks = f"has no column {missing[0]!r}" if missing else f"has a column {foreign[0]!r}, which is no feature"
        raise InputError(
            f"{path}: its header {lacks}", "name the columns as the schema's features: " + ", ".join(wanted)
        )
    return [names.index(name) for name in wanted]


def _is_derived(schema: Schema) -> bool:
    """Whether its features are called as :meth:`Schema.derive` calls them."""
    return all(feature.name == f"x{index}" for index, feature in enumerate(schema.features))


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
