"""XGBoost and LightGBM."""

from __future__ import annotations

from typing import Any

import numpy as np

from .data import Table, credit, holes
from .entry import Entry
from .estimators import cancer, diabetes, iris, wine
from .export import booster_entry


def numbers() -> Table:
    """The seven whole numbers of the German credit data."""
    return credit().part(1, 4, 7, 10, 12, 15, 17)


def gaps() -> Table:
    """The same with missing values."""
    return holes(numbers(), (0, 2, 4))


def entries() -> list[Entry]:
    """Classifiers and regressors of both."""
    import lightgbm as lgb
    import xgboost as xgb

    add = booster_entry
    few: dict[str, Any] = {"n_estimators": 8, "max_depth": 3, "random_state": 1}
    light: dict[str, Any] = {**few, "verbose": -1, "n_jobs": 1, "min_child_samples": 5}

    return [
        add("XGBClassifier-binary", lambda: xgb.XGBClassifier(**few), numbers),
        add("XGBClassifier-binary-score", lambda: xgb.XGBClassifier(**few), cancer, reveal="score"),
        add("XGBClassifier-multiclass", lambda: xgb.XGBClassifier(**few), iris),
        add("XGBClassifier-wine", lambda: xgb.XGBClassifier(**few), wine),
        add("XGBClassifier-missing", lambda: xgb.XGBClassifier(**few), gaps),
        add("XGBClassifier-deep", lambda: xgb.XGBClassifier(**{**few, "max_depth": 6}), numbers),
        add("XGBRegressor", lambda: xgb.XGBRegressor(**few), diabetes),
        add("XGBRegressor-poisson", lambda: xgb.XGBRegressor(objective="count:poisson", **few), diabetes),
        add("XGBRegressor-logistic", lambda: _unit(xgb.XGBRegressor(objective="reg:logistic", **few)), diabetes),
        add("XGBRFClassifier", lambda: xgb.XGBRFClassifier(**few), numbers),
        add("LGBMClassifier-binary", lambda: lgb.LGBMClassifier(**light), numbers),
        add("LGBMClassifier-multiclass", lambda: lgb.LGBMClassifier(**light), iris),
        add("LGBMClassifier-missing", lambda: lgb.LGBMClassifier(**light), gaps),
        add("LGBMClassifier-leaves", lambda: lgb.LGBMClassifier(**{**light, "num_leaves": 15, "max_depth": 6}), cancer),
        add("LGBMClassifier-rf", lambda: lgb.LGBMClassifier(**light, **_FOREST), numbers),
        add("LGBMRegressor", lambda: lgb.LGBMRegressor(**light), diabetes),
        add("LGBMRegressor-l1", lambda: lgb.LGBMRegressor(objective="mae", **light), diabetes),
        add("LGBMRegressor-poisson", lambda: lgb.LGBMRegressor(objective="poisson", **light), diabetes),
        add("LGBMClassifier-text", lambda: _named(lgb.LGBMClassifier(**light)), iris),
    ]


_FOREST: dict[str, Any] = {"boosting_type": "rf", "bagging_fraction": 0.5, "bagging_freq": 1}


def _unit(model: Any) -> Any:
    """Trained on targets between 0 and 1."""
    fit = model.fit
    model.fit_groups = lambda x, y: fit(x, y / (y.max() + 1))
    return model


def _named(model: Any) -> Any:
    """Trained on classes with names."""
    fit = model.fit
    model.fit_groups = lambda x, y: fit(x, np.array(["setosa", "versicolor", "virginica"])[y])
    return model
