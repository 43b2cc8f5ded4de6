"""Samples as people keep them: a CSV file with a header, texts and numbers mixed."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prover.errors import InputError


def read_csv(path: Path, labels: Mapping[int, Sequence[str]]) -> NDArray[Any]:
    """The rows below the header, which only counts the columns: features are matched by position.

    Args:
        labels: of the categories, by column: cells that are labels are texts, though they look like numbers.

    Returns:
        float64[n, d] of numbers; objects [n, d] where a column holds texts. An empty cell is missing.

    Raises:
        InputError: unreadable, without rows, or rows of different lengths.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.reader(file, strict=True))
    except FileNotFoundError as error:
        raise InputError(f"there is no file {path}") from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} is not a CSV file: {error}", "save it as UTF-8, comma separated") from error
    if len(rows) < 2:
        raise InputError(f"{path} has no rows below its header")
    wrong = next((number for number, row in enumerate(rows, 1) if len(row) != len(rows[0])), None)
    if wrong is not None:
        raise InputError(f"{path}: line {wrong} has {len(rows[wrong - 1])} columns, the header {len(rows[0])}")
    cells = [list(column) for column in zip(*rows[1:], strict=True)]
    columns = [_column(column, labels.get(index, ())) for index, column in enumerate(cells)]
    kind: Any = np.float64 if all(column.dtype == np.float64 for column in columns) else object
    return np.stack([column.astype(kind) for column in columns], axis=1)


def _column(cells: list[str], labels: Sequence[str]) -> NDArray[Any]:
    """A column of numbers, or of texts where any cell is none or all are labels."""
    texts = np.array([cell or None for cell in cells], dtype=object)
    if labels and set(cells) - {""} <= set(labels):
        return texts
    try:
        return np.array([math.nan if cell.strip() == "" else float(cell) for cell in cells], dtype=np.float64)
    except ValueError:
        return texts
