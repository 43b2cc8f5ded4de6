"""Column pipelines over raw facts: one input a column, texts and numbers mixed, as skl2onnx writes them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .data import credit
from .entry import OPSETS, Entry, Exported
from .export import spread

TEXTS, NUMBERS = (0, 2, 3, 8), (1, 4, 12)
"""Columns of the German credit data: status, history, purpose, sex; duration, amount, age."""


def pipeline_entry(
    name: str,
    make: Callable[[list[int], list[int]], Any],
    *,
    texts: Sequence[int] = TEXTS,
    numbers: Sequence[int] = NUMBERS,
    named: bool = False,
    indexed: bool = False,
    reveal: str | None = None,
) -> Entry:
    """A pipeline over some columns.

    Args:
        make: given the positions of the text columns and of the numbers.
        named: the classes have names.
        indexed: categories are numbers (int64), not texts.
    """

    def build() -> Exported:
        from skl2onnx import convert_sklearn
        from skl2onnx.common.data_types import FloatTensorType, Int64TensorType, StringTensorType

        table = credit().part(*texts, *numbers)
        rows = table.x.astype(object) if indexed else table.texts
        target = np.where(table.y == 1, "good", "bad") if named else table.y
        model = make(list(range(len(texts))), list(range(len(texts), rows.shape[1])))
        label = Int64TensorType([None, 1]) if indexed else StringTensorType([None, 1])
        kinds = [(f"c{i}", label if i < len(texts) else FloatTensorType([None, 1])) for i in range(rows.shape[1])]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(rows, target)
            exported = convert_sklearn(model, initial_types=kinds, target_opset=OPSETS, options={"zipmap": False})
        part = spread(len(rows))
        return Exported(
            exported.SerializeToString(), table.schema, table.x[part] if indexed else rows[part], None, reveal
        )

    return Entry(name, build)


def entries() -> list[Entry]:
    """Encoders of texts beside scaled numbers, before several kinds of models."""
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import KBinsDiscretizer, OneHotEncoder, OrdinalEncoder, StandardScaler
    from sklearn.svm import SVC
    from sklearn.tree import DecisionTreeClassifier

    def columns(encode: Any, scale: Any, model: Callable[[], Any]) -> Callable[[list[int], list[int]], Any]:
        def make(texts: list[int], numbers: list[int]) -> Any:
            parts = [("text", encode(), texts), ("number", scale(), numbers)]
            return make_pipeline(ColumnTransformer([part for part in parts if part[2]]), model())

        return make

    def logistic() -> Any:
        return LogisticRegression(max_iter=1000)

    def one_hot() -> Any:
        return OneHotEncoder(handle_unknown="ignore")

    def tree() -> Any:
        return DecisionTreeClassifier(max_depth=4)

    def forest() -> Any:
        return RandomForestClassifier(8, max_depth=4, random_state=1)

    add = pipeline_entry
    return [
        add("Columns-onehot+logistic", columns(one_hot, StandardScaler, logistic)),
        add("Columns-onehot+logistic-names", columns(one_hot, StandardScaler, logistic), named=True),
        add("Columns-onehot-drop+logistic", columns(lambda: OneHotEncoder(drop="first"), StandardScaler, logistic)),
        add("Columns-onehot-strict+logistic", columns(OneHotEncoder, StandardScaler, logistic), indexed=True),
        add("Columns-ordinal+logistic", columns(OrdinalEncoder, StandardScaler, logistic)),
        add("Columns-ordinal+tree", columns(OrdinalEncoder, StandardScaler, tree)),
        add(
            "Columns-ordinal+forest",
            columns(
                OrdinalEncoder, lambda: "passthrough", lambda: RandomForestClassifier(8, max_depth=4, random_state=1)
            ),
        ),
        add("Columns-onehot+svc", columns(one_hot, StandardScaler, lambda: SVC(kernel="linear")), named=True),
        add(
            "Columns-onehot+mlp",
            columns(one_hot, StandardScaler, lambda: MLPClassifier((8,), max_iter=100, random_state=1)),
        ),
        add("Columns-onehot-only", columns(one_hot, StandardScaler, logistic), numbers=()),
        add(
            "Columns-bins+logistic",
            columns(one_hot, lambda: KBinsDiscretizer(3, encode="onehot-dense"), logistic),
        ),
        add(
            "Columns-impute+logistic",
            columns(one_hot, lambda: make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), logistic),
        ),
    ]
