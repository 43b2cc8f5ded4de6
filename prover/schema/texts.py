"""Tables whose cells are all texts, as files and numpy's string arrays hold them: which columns are numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def from_texts(table: NDArray[Any], labels: Mapping[int, Sequence[str]]) -> NDArray[Any]:
    """Numbers where texts are numbers; an empty cell is missing.

    Args:
        table: [n, d] of texts (dtype ``<U`` or objects).
        labels: of the categories, by column: cells that are labels are texts, though they look like numbers.

    Returns:
        float64[n, d]; objects [n, d] where a column holds texts.
    """
    columns = [_column([str(cell) for cell in column], labels.get(index, ())) for index, column in enumerate(table.T)]
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
