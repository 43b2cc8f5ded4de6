"""Column pipelines over raw facts: one input a column, texts and numbers mixed, as skl2onnx writes them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from prover.schema import Schema

from .data import credit
from .entry import OPSETS, Entry, Exported
from .export import plain_attributes, spread

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
    whole: bool = False,
    joined: bool = False,
    gone: bool = False,
) -> Entry:
    """A pipeline over some columns.

    Args:
        make: given the positions of the text columns and of the numbers.
        named: the classes have names.
        indexed: categories are numbers (int64), not texts.
        whole: numbers are int64, not float32.
        joined: one tensor of all texts and one of all numbers, not one a column.
        gone: texts are missing here and there, and empty when the model is trained.
    """

    def build() -> Exported:
        from skl2onnx import convert_sklearn
        from skl2onnx.common.data_types import FloatTensorType, Int64TensorType, StringTensorType

        table = credit().part(*texts, *numbers)
        rows, schema = table.x.astype(object) if indexed else table.texts, table.schema
        if gone:
            rows, schema = _pierced(rows, schema, len(texts))
        target = np.where(table.y == 1, "good", "bad") if named else table.y
        model = make(list(range(len(texts))), list(range(len(texts), rows.shape[1])))
        text = Int64TensorType if indexed else StringTensorType
        number = Int64TensorType if whole else FloatTensorType
        if joined:
            kinds = [("texts", text([None, len(texts)])), ("numbers", number([None, len(numbers)]))]
        else:
            types = [text] * len(texts) + [number] * len(numbers)
            kinds = [(f"c{index}", kind([None, 1])) for index, kind in enumerate(types)]
        with warnings.catch_warnings(), plain_attributes():
            warnings.simplefilter("ignore")
            model.fit(rows, target)
            exported = convert_sklearn(model, initial_types=kinds, target_opset=OPSETS, options={"zipmap": False})
        shown = table.x if indexed else np.where(rows == "", None, rows)
        return Exported(exported.SerializeToString(), schema, shown[spread(len(rows))])

    return Entry(name, build)


def _pierced(rows: Any, schema: Schema, n_texts: int) -> tuple[Any, Schema]:
    """A tenth of the texts of every other column empty, and the schema that allows it."""
    generator = np.random.default_rng(2)
    rows, features = rows.copy(), list(schema.features)
    for column in range(0, n_texts, 2):
        rows[generator.random(len(rows)) < 0.1, column] = ""
        features[column] = replace(features[column], optional=True)
    return rows, Schema(schema.name, tuple(features))


def _boosters() -> None:
    """Teach the pipeline converter the boosters' own."""
    from lightgbm import LGBMClassifier
    from onnxmltools.convert.lightgbm.operator_converters.LightGbm import convert_lightgbm
    from onnxmltools.convert.xgboost.operator_converters.XGBoost import convert_xgboost
    from skl2onnx import update_registered_converter
    from skl2onnx.common.shape_calculator import calculate_linear_classifier_output_shapes
    from xgboost import XGBClassifier

    options = {"nocl": [True, False], "zipmap": [True, False, "columns"]}
    for kind, convert in ((XGBClassifier, convert_xgboost), (LGBMClassifier, convert_lightgbm)):
        shapes = calculate_linear_classifier_output_shapes
        update_registered_converter(kind, f"Corpus{kind.__name__}", shapes, convert, options=options)


def entries() -> list[Entry]:
    """Encoders of texts beside scaled numbers, before several kinds of models."""
    from lightgbm import LGBMClassifier
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import KBinsDiscretizer, OneHotEncoder, OrdinalEncoder, StandardScaler, TargetEncoder
    from sklearn.svm import SVC
    from sklearn.tree import DecisionTreeClassifier
    from xgboost import XGBClassifier

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

    def plain() -> str:
        return "passthrough"

    def filled() -> Any:
        return make_pipeline(SimpleImputer(missing_values="", strategy="constant", fill_value="none"), one_hot())

    def unknown() -> Any:
        return OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)

    def rare() -> Any:
        return OneHotEncoder(min_frequency=30, handle_unknown="infrequent_if_exist")

    def boosted() -> Any:
        _boosters()
        return XGBClassifier(n_estimators=8, max_depth=3, random_state=1)

    def light() -> Any:
        _boosters()
        return LGBMClassifier(n_estimators=8, max_depth=3, random_state=1, verbose=-1, n_jobs=1)

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
            columns(OrdinalEncoder, plain, forest),
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
        add("Columns-target+logistic", columns(lambda: TargetEncoder(random_state=1), StandardScaler, logistic)),
        add("Columns-ordinal-unknown+logistic", columns(unknown, StandardScaler, logistic)),
        add("Columns-onehot-rare+logistic", columns(rare, StandardScaler, logistic)),
        add("Columns-whole+logistic", columns(one_hot, StandardScaler, logistic), whole=True),
        add("Columns-joined+logistic", columns(one_hot, StandardScaler, logistic), joined=True),
        add("Columns-missing+logistic", columns(one_hot, StandardScaler, logistic), gone=True),
        add("Columns-missing-filled+logistic", columns(filled, StandardScaler, logistic), gone=True),
        add("Columns-ordinal+xgboost", columns(OrdinalEncoder, plain, boosted)),
        add("Columns-onehot+lightgbm", columns(one_hot, plain, light)),
    ]
