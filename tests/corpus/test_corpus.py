"""Trained estimators through the compiler, row by row against onnxruntime; the tracked table says what to expect."""

from __future__ import annotations

import functools
import importlib.util
from typing import Any

import pytest

from tests.conftest import IN_CI

from .entry import Entry, measure
from .snapshot import corpus, recorded

PACKAGES = ("sklearn", "skl2onnx", "onnxmltools", "xgboost", "lightgbm")

ACCEPTED_FLIPS = {
    "NuSVC-probability": "onnxruntime stops coupling pairwise probabilities 0.0025 early: near a tier's threshold",
}
"""Decisions that differ from onnxruntime's, and why that is right. Labels never do."""


@functools.cache
def entries() -> dict[str, Entry]:
    return {entry.name: entry for entry in corpus()}


@pytest.fixture(scope="module", autouse=True)
def _trainers() -> None:
    """Without the packages that train and export, the tests are skipped; in CI they fail."""
    absent = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if absent and IN_CI:
        pytest.fail("not installed: " + ", ".join(absent))
    if absent:
        pytest.skip("not installed: " + ", ".join(absent))


def check(name: str) -> None:
    """One entry does as the table says, and the table says nothing that must not be."""
    expected = recorded()[name]
    result = measure(entries()[name]).to_dict()
    assert ("refused" in result) == ("refused" in expected), result
    if "refused" in result:
        return
    assert result["flips"] == 0 or (name in ACCEPTED_FLIPS and result["reveal"] == "tier"), result
    # A score is within two bits of the default precision, where onnxruntime's own float32 is.
    assert result.get("error", 0.0) <= max(2 * expected.get("error", 0.0), 2.0**-9), result
    assert result["reveal"] == expected["reveal"]
    # Training differs a little from one machine to the next, and with it what a model costs.
    assert result["constraints"] <= 1.2 * expected["constraints"] + 100


QUICK = [
    "LogisticRegression-binary",
    "LogisticRegression-multinomial",
    "OneVsRest-logistic",
    "SGDClassifier-log",
    "LinearRegression",
    "PoissonRegressor",
    "SVC-poly-binary",
    "SVC-rbf-multiclass",
    "SVC-probability-binary",
    "SVR-rbf",
    "GaussianNB",
    "BernoulliNB",
    "QDA",
    "KMeans",
    "DecisionTreeClassifier",
    "RandomForestClassifier",
    "GradientBoosting-binary",
    "MLPClassifier-tanh",
    "Stacking",
    "Calibrated-LinearSVC",
    "StandardScaler+logistic",
    "Normalizer-l2+logistic",
    "KBinsDiscretizer-ordinal+logistic",
    "SimpleImputer-mean+logistic",
    "XGBClassifier-binary",
    "LGBMClassifier-binary",
    "Columns-onehot+logistic",
    "Columns-ordinal+logistic",
]
"""Part of the everyday suite: one of each kind."""


@pytest.mark.parametrize("name", QUICK)
def test_a_kind_of_model(name: str) -> None:
    check(name)


@pytest.mark.full
def test_every_model() -> None:
    problems: dict[str, Any] = {}
    for name in entries():
        if name in QUICK:
            continue
        try:
            check(name)
        except AssertionError as error:
            problems[name] = str(error)[:300]
    assert not problems


def test_the_table_is_that_of_the_corpus() -> None:
    table = recorded()
    assert table.keys() == entries().keys(), "run python -m tests.corpus.snapshot"
    proved = {name: row for name, row in table.items() if "refused" not in row}
    assert len(proved) >= 100
    assert {name for name, row in proved.items() if row["flips"]} <= ACCEPTED_FLIPS.keys()
