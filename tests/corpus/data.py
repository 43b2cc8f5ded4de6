"""Real data: tables of raw numbers, the schema they come under, and what is to be predicted."""

from __future__ import annotations

import csv
import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from prover.schema import Bool, Category, Feature, Fixed, Int, Schema

CREDIT = Path(__file__).resolve().parent.parent / "models" / "germancredit.csv"


@dataclass(frozen=True)
class Table:
    """One data set.

    Attributes:
        x: float64[n, d], raw numbers with few decimals; float32 rounding of them is what a model reads. A category is
            the index of its label.
        y: int64[n] classes or float64[n] targets.
        schema: the raw facts of a row, exactly.
        columns: names of the features.
    """

    x: NDArray[np.float64]
    y: NDArray[np.generic]
    schema: Schema

    def part(self, *columns: int, rows: int = 10**6) -> Table:
        """Some columns, and every other row until there are no more than ``rows``."""
        step = -(-len(self.x) // rows)
        features = tuple(self.schema.features[column] for column in columns)
        return Table(self.x[::step, list(columns)], self.y[::step], Schema(self.schema.name, features))

    @property
    def texts(self) -> NDArray[np.object_]:
        """The same rows as objects: labels in place of their indices."""
        table = self.x.astype(object)
        for column, feature in enumerate(self.schema.features):
            if isinstance(feature, Category):
                table[:, column] = [feature.labels[int(index)] for index in self.x[:, column]]
        return table


def feature(name: str, column: NDArray[np.float64]) -> Feature:
    """The plainest feature that holds every value: a boolean, an integer, or a number with fixed decimals."""
    values = column[~np.isnan(column)]
    optional = len(values) < len(column)
    if set(values.tolist()) <= {0.0, 1.0}:
        return Bool(name, optional=optional)
    for decimals in range(7):
        units = np.rint(values * 10**decimals)
        if np.allclose(units / 10**decimals, values, rtol=1e-12, atol=0):
            break
    low, high = int(units.min()), int(units.max())
    if decimals == 0:
        return Int(name, low, high, optional=optional)
    return Fixed(name, 10**decimals, low, high, optional=optional)


def schema_of(name: str, x: NDArray[np.float64]) -> Schema:
    """One feature a column."""
    return Schema(name, tuple(feature(f"f{index}", column) for index, column in enumerate(x.T)))


@functools.cache
def bundled(name: str) -> Table:
    """One of scikit-learn's own data sets: iris, wine, cancer, digits, diabetes."""
    from sklearn import datasets

    if name == "diabetes":
        x, y = datasets.load_diabetes(return_X_y=True, scaled=False)
        return Table(np.round(x, 4), y, schema_of(name, np.round(x, 4)))
    load = {"cancer": "breast_cancer"}.get(name, name)
    x, y = getattr(datasets, f"load_{load}")(return_X_y=True)
    return Table(x, y.astype(np.int64), schema_of(name, x))


@functools.cache
def credit() -> Table:
    """German credit: 13 categories and 7 whole numbers; 1 is good, 0 is bad."""
    with CREDIT.open(newline="") as file:
        rows = list(csv.reader(file))
    header, body = rows[0][:-1], rows[1:]
    columns, features = [], []
    for index, name in enumerate(header):
        texts = [row[index] for row in body]
        if all(text.lstrip("-").isdigit() for text in texts):
            column = np.array([float(text) for text in texts])
            columns.append(column)
            features.append(feature(name, column))
        else:
            labels = tuple(sorted(set(texts)))
            columns.append(np.array([float(labels.index(text)) for text in texts]))
            features.append(Category(name, labels))
    good = np.array([int(row[-1] == "good") for row in body], dtype=np.int64)
    return Table(np.stack(columns, axis=1), good, Schema("german-credit", tuple(features)))


def holes(table: Table, columns: tuple[int, ...], share: float = 0.1) -> Table:
    """The same table with values missing at random in some columns."""
    x = table.x.copy()
    gone = np.random.default_rng(3).random((len(x), len(columns))) < share
    x[:, list(columns)] = np.where(gone, np.nan, x[:, list(columns)])
    return Table(x, table.y, schema_of(table.schema.name, x))
