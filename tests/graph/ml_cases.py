"""Cases of the ai.onnx.ml operators beyond the plainest ones: post transforms, kernels, lookups, missing values."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from onnx import numpy_helper

from prover.graph.ops.spec import ML_DOMAIN

from .op_cases import LINEAR3, Case, floats, ints, ml

I64 = (np.int64,)
TEXT = (object,)
SCORED = (np.int64, np.float32)
TEXT_SCORED = (object, np.float32)
KERNELS = ("LINEAR", "POLY", "RBF", "SIGMOID")

TEXTS = np.array([["red"], ["blue"], ["none"]], dtype=object)
HOLES = np.array([[1.5, np.nan, 0.0], [np.nan, 2.0, -0.0]], dtype=np.float32)
SHARES = np.array([[0.2, 0.5, 0.9], [0.4, 0.01, 0.6]], dtype=np.float32)
UNIT = np.eye(3, dtype=np.float32).ravel().tolist()

SVC = {"support_vectors": floats(16).tolist(), "rho": [0.1, -0.2, 0.3], "kernel_params": [0.1, 0.2, 3.0]}
SVC3 = {**SVC, "coefficients": floats(8).tolist(), "vectors_per_class": [2, 1, 1], "classlabels_ints": [3, 5, 9]}
SVC2 = {**SVC, "coefficients": floats(4).tolist(), "vectors_per_class": [3, 1], "classlabels_strings": ["no", "yes"]}
PLATT3 = {"prob_a": [-0.5, -0.3, -0.4], "prob_b": [0.2, 0.1, 0.0]}
PLATT2 = {"prob_a": [-0.5], "prob_b": [0.2]}
PLAIN = {"rho": [0.3], "classlabels_ints": [4, 7], "kernel_params": [0.0, 0.0, 0.0]}
MIXED = [0.5, -0.3, 0.2, 0.1, -0.4, 0.6, 0.3, -0.2]
SVR = {
    "support_vectors": floats(12).tolist(),
    "coefficients": [0.5, -1.0, 0.25],
    "rho": [0.5],
    "n_supports": 3,
    "kernel_params": [0.1, 0.5, 2.0],
}

COLOURS = ["blue", "green", "red"]
PLACES = {"cats_int64s": [3, 4, 9], "cats_strings": COLOURS}
NUMBERS = np.array([3, 9, 5])
REALS = np.array([0.5, np.nan, 3.0, 0.1], dtype=np.float32)
LOOKUPS = [
    (TEXTS, I64, {"keys_strings": COLOURS, "values_int64s": [3, 4, 9], "default_int64": 7}),
    (TEXTS, (np.float32,), {"keys_strings": COLOURS, "values_floats": [0.5, 0.25, 9.0]}),
    (TEXTS, TEXT, {"keys_strings": COLOURS, "values_strings": ["b", "g", "r"]}),
    (NUMBERS, I64, {"keys_int64s": [3, 4, 9], "values_int64s": [1, 2, 8]}),
    (NUMBERS, (np.float32,), {"keys_int64s": [3, 4, 9], "values_floats": [0.5, 0.25, 9.0], "default_float": 2.5}),
    (NUMBERS, TEXT, {"keys_int64s": [3, 4, 9], "values_strings": COLOURS, "default_string": "none"}),
    (REALS, (np.float32,), {"keys_floats": [0.5, 0.1, 9.0], "values_floats": [3.0, 4.0, 9.0]}),
    (REALS, I64, {"keys_floats": [0.5, 0.1, 9.0], "values_int64s": [3, 4, 9]}),
    (REALS, TEXT, {"keys_floats": [0.5, 0.1, 9.0], "values_strings": COLOURS}),
]
"""Keys to look up, dtype of the result, attributes."""


def _tensor(*values: float) -> object:
    return numpy_helper.from_array(np.array(values, dtype=np.float32))


def _versions(case: Case, since: int = 1, until: int = 99) -> Case:
    return replace(case, since=since, until=until)


ML_CASES = [
    ml("LinearClassifier", floats(5, 4), SCORED, **LINEAR3, post_transform="SOFTMAX_ZERO"),
    ml(
        "LinearClassifier",
        SHARES,
        SCORED,
        coefficients=UNIT,
        intercepts=[0.0] * 3,
        classlabels_ints=[0, 1, 2],
        post_transform="PROBIT",
    ),
    ml("LinearRegressor", floats(5, 4), coefficients=floats(8).tolist(), targets=2, post_transform="SOFTMAX"),
    ml("LinearRegressor", floats(5, 4), coefficients=floats(8).tolist(), targets=2, post_transform="LOGISTIC"),
    ml("LinearRegressor", floats(5, 4), coefficients=[0.0] * 4 + [1.0] * 4, targets=2, post_transform="SOFTMAX_ZERO"),
    ml("LinearRegressor", SHARES, coefficients=UNIT, targets=3, post_transform="PROBIT"),
    *(ml("SVMClassifier", floats(6, 4), SCORED, **SVC3, kernel_type=kernel) for kernel in KERNELS),
    *(ml("SVMClassifier", floats(6, 4), TEXT_SCORED, **SVC2, kernel_type=kernel) for kernel in KERNELS),
    ml("SVMClassifier", floats(6, 4), SCORED, **SVC3, **PLATT3, kernel_type="RBF"),
    ml("SVMClassifier", floats(6, 4), SCORED, **SVC3, kernel_type="RBF", post_transform="SOFTMAX"),
    *(
        ml("SVMClassifier", floats(6, 4), TEXT_SCORED, **SVC2, kernel_type="RBF", post_transform=transform)
        for transform in ("LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO")
    ),
    ml("SVMClassifier", floats(6, 4), TEXT_SCORED, **SVC2, **PLATT2, kernel_type="RBF"),
    ml("SVMClassifier", floats(6, 4), TEXT_SCORED, **SVC2, **PLATT2, post_transform="LOGISTIC"),
    ml("SVMClassifier", floats(12, 4), SCORED, **PLAIN, coefficients=MIXED),
    ml("SVMClassifier", floats(12, 4), SCORED, **PLAIN, coefficients=[0.1] * 7 + [0.3]),
    ml(
        "SVMClassifier",
        ints(6, 4),
        SCORED,
        **{**PLAIN, "coefficients": floats(12).tolist(), "classlabels_ints": [3, 5, 9]},
    ),
    *(ml("SVMRegressor", floats(5, 4), **SVR, kernel_type=kernel) for kernel in KERNELS),
    ml("SVMRegressor", floats(5, 4), **SVR, kernel_type="RBF", one_class=1),
    ml("SVMRegressor", floats(5, 4), coefficients=floats(4).tolist(), rho=[0.5], kernel_params=[0.0, 0.0, 0.0]),
    ml("Imputer", HOLES, imputed_value_floats=[1.0, 2.0, 3.0], replaced_value_float=float("nan")),
    ml("Imputer", HOLES, imputed_value_floats=[7.0], replaced_value_float=0.0),
    ml("Imputer", ints(4, 3), I64, imputed_value_int64s=[1, 2, 3], replaced_value_int64=4),
    ml("Binarizer", floats(3, 4), threshold=0.5),
    ml("Binarizer", np.array([[0.1, 0.5, 0.7]], dtype=np.float32), threshold=0.1),
    Case("FeatureVectorizer", (floats(2, 3), floats(2, 1)), {"inputdimensions": [3, 1]}, domain=ML_DOMAIN),
    Case("FeatureVectorizer", (ints(2, 3), ints(2, 1)), {"inputdimensions": [3, 1]}, domain=ML_DOMAIN),
    ml("OneHotEncoder", TEXTS, cats_strings=COLOURS),
    _versions(ml("LabelEncoder", TEXTS, I64, classes_strings=COLOURS, default_int64=7), until=1),
    _versions(ml("LabelEncoder", NUMBERS, TEXT, classes_strings=COLOURS), until=1),
    *(_versions(ml("LabelEncoder", keys, dtype, **attributes), since=2) for keys, dtype, attributes in LOOKUPS),
    _versions(
        ml(
            "LabelEncoder",
            REALS,
            keys_tensor=_tensor(0.5, np.nan),
            values_tensor=_tensor(7.0, 9.0),
            default_tensor=_tensor(-3.0),
        ),
        since=4,
    ),
    ml("CategoryMapper", TEXTS, I64, **PLACES, default_int64=7),
    ml("CategoryMapper", NUMBERS, TEXT, **PLACES),
    Case("StringNormalizer", (TEXTS.ravel(),), outputs=TEXT),
]
