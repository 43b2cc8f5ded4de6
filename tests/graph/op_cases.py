"""One or more cases for every supported operator: inputs, attributes and what is constant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from onnx import numpy_helper

from prover.graph.ops.spec import DEFAULT_DOMAIN, ML_DOMAIN

G = np.random.default_rng(5)


def floats(*shape: int, dtype: type = np.float32) -> np.ndarray:
    return (3 * G.normal(size=shape)).astype(dtype)


def ints(*shape: int, dtype: type = np.int64) -> np.ndarray:
    return G.integers(-9, 10, size=shape).astype(dtype)


@dataclass(frozen=True)
class Case:
    """One node.

    Attributes:
        arrays: its inputs in order; None for an absent optional one.
        static: indices of inputs that are initializers rather than model inputs.
        outputs: dtype of each output.
        since, until: opsets for which the case holds.
    """

    op: str
    arrays: tuple[np.ndarray | None, ...]
    attributes: Mapping[str, object] = field(default_factory=dict)
    static: tuple[int, ...] = ()
    outputs: tuple[object, ...] = (np.float32,)
    domain: str = DEFAULT_DOMAIN
    since: int = 1
    until: int = 99

    def __str__(self) -> str:
        shapes = "x".join("_" if array is None else f"{array.dtype}{list(array.shape)}" for array in self.arrays)
        return f"{self.op}-{shapes}-{'-'.join(self.attributes)}"


def ml(op: str, array: np.ndarray, outputs: tuple[object, ...] = (np.float32,), **attributes: object) -> Case:
    return Case(op, (array,), attributes, outputs=outputs, domain=ML_DOMAIN)


LINEAR3 = {"coefficients": floats(12).tolist(), "intercepts": [0.5, -0.25, 0.0], "classlabels_ints": [3, 5, 9]}
LINEAR2 = {"coefficients": floats(8).tolist(), "intercepts": [0.5, -0.25], "classlabels_strings": ["no", "yes"]}
LINEAR1 = {"coefficients": floats(4).tolist(), "intercepts": [0.25], "classlabels_ints": [7, 8]}
I64 = (np.int64,)

CASES = [
    Case("Add", (floats(2, 3), floats(3)), static=(1,)),
    Case("Add", (ints(2, 3), ints(2, 1)), outputs=I64),
    Case("Sub", (floats(1), floats(2, 3)), static=(0,)),
    Case("Mul", (floats(4, 1, 3), floats(2, 1)), static=(1,)),
    Case("Mul", (floats(3, dtype=np.float64), floats(3, dtype=np.float64)), outputs=(np.float64,)),
    Case("Div", (floats(2, 3), floats(3)), static=(1,)),
    Case("Div", (ints(4, 4), np.array([-3, -1, 2, 5])), static=(1,), outputs=I64),
    Case("Div", (ints(4, dtype=np.int32), np.array([-3, -1, 2, 5], dtype=np.int32)), outputs=(np.int32,)),
    Case("Relu", (floats(2, 5),)),
    Case("Relu", (floats(2, 5, dtype=np.float64),), outputs=(np.float64,)),
    Case("Relu", (ints(2, 5, dtype=np.int32),), outputs=(np.int32,), since=14),
    Case("Sigmoid", (np.array([-1000, -20, -1, -0.0, 0, 1, 20, 1000], dtype=np.float32),)),
    Case("Gemm", (floats(2, 3), floats(3, 4), floats(4)), static=(1, 2)),
    Case("Gemm", (floats(3, 2), floats(4, 3), floats(2, 1)), {"transA": 1, "transB": 1, "alpha": 0.5, "beta": -2.0}),
    Case("Gemm", (floats(2, 3), floats(3, 4)), since=11),
    Case("MatMul", (floats(2, 3), floats(3, 4)), static=(1,)),
    Case("MatMul", (floats(3), floats(3))),
    Case("MatMul", (floats(3), floats(2, 3, 4)), static=(1,)),
    Case("MatMul", (floats(5, 2, 3), floats(3))),
    Case("MatMul", (floats(5, 1, 2, 3), floats(4, 3, 2))),
    Case("Softmax", (floats(2, 3, 4),)),
    Case("Softmax", (floats(2, 3, 4),), {"axis": 0}),
    Case("Softmax", (floats(2, 3, 4),), {"axis": 2}),
    Case("Softmax", (floats(2, 3, 4),), {"axis": -2}, since=11),
    Case("Softmax", (np.array([[1000.0, 0, -1000]], dtype=np.float32),)),
    Case("ArgMax", (np.array([[1, 3, 3, 2]], dtype=np.float32),), {"axis": 1}, outputs=I64),
    Case("ArgMax", (floats(2, 3, 4),), {"keepdims": 0}, outputs=I64),
    Case("ArgMax", (floats(2, 3, 4),), {"axis": -1}, outputs=I64, since=11),
    Case("ArgMax", (floats(2, 3),), {"axis": 1, "select_last_index": 0}, outputs=I64, since=12),
    Case("Reshape", (floats(2, 6), np.array([3, -1])), static=(1,)),
    Case("Reshape", (floats(2, 3, 4), np.array([0, 0, -1, 2])), static=(1,)),
    Case("Reshape", (floats(1), np.array([], dtype=np.int64)), static=(1,)),
    Case("Reshape", (floats(2, 6), np.array([3, 4])), {"allowzero": 1}, static=(1,), since=14),
    Case("Flatten", (floats(2, 3, 4),)),
    Case("Flatten", (floats(2, 3, 4),), {"axis": 0}),
    Case("Flatten", (floats(2, 3, 4),), {"axis": 3}),
    Case("Flatten", (floats(2, 3, 4),), {"axis": -1}, since=11),
    Case("Squeeze", (floats(1, 3, 1),)),
    Case("Squeeze", (floats(1, 3, 1),), {"axes": [0]}, until=12),
    Case("Squeeze", (floats(1, 3, 1),), {"axes": [-1, 0]}, since=11, until=12),
    Case("Squeeze", (floats(1, 3, 1), np.array([-1])), static=(1,), since=13),
    Case("Unsqueeze", (floats(2, 3),), {"axes": [0, 3]}, until=12),
    Case("Unsqueeze", (floats(2, 3), np.array([3, 0])), static=(1,), since=13),
    Case("Unsqueeze", (floats(2, 3), np.array([-1])), static=(1,), since=13),
    Case("Transpose", (floats(2, 3, 4),)),
    Case("Transpose", (floats(2, 3, 4),), {"perm": [1, 2, 0]}),
    Case("Concat", (floats(2, 3), floats(2, 1), floats(2, 2)), {"axis": 1}, static=(1,)),
    Case("Concat", (ints(2, 3), ints(1, 3)), {"axis": -2}, outputs=I64, since=11),
    Case("Gather", (floats(2, 3, 4), np.array([2, 0])), {"axis": 1}, static=(1,)),
    Case("Gather", (floats(5, 2), np.array([[0, -1], [4, 1]])), static=(1,), since=11),
    Case("Gather", (floats(5, 2), np.array(3, dtype=np.int32)), static=(1,)),
    Case("Gather", (floats(2, 3), np.array([1])), {"axis": -1}, static=(0,), since=11),
    Case("Identity", (floats(2, 3),)),
    Case("Shape", (floats(2, 3, 4),), outputs=I64),
    Case("Shape", (floats(2, 3, 4),), {"start": -2, "end": 2}, outputs=I64, since=15),
    Case("Shape", (floats(2, 3, 4),), {"start": 1, "end": -9}, outputs=I64, since=15),
    Case("Size", (floats(2, 3, 4),), outputs=I64),
    Case("Constant", (), {"value": numpy_helper.from_array(floats(2, 2))}),
    Case("Constant", (), {"value_float": 1.5}, since=12),
    Case("Constant", (), {"value_ints": [1, 2]}, outputs=I64, since=12),
    Case("Constant", (), {"value_strings": ["a", "b"]}, outputs=(object,), since=12),
    Case("ConstantOfShape", (np.array([2, 3]),), static=(0,)),
    Case(
        "ConstantOfShape",
        (np.array([2, 3]),),
        {"value": numpy_helper.from_array(np.array([7]))},
        static=(0,),
        outputs=I64,
    ),
    Case("Cast", (floats(2, 3),), {"to": 7}, outputs=I64),
    Case("Cast", (floats(2, 3),), {"to": 9}, outputs=(np.bool_,)),
    Case("Cast", (ints(2, 3),), {"to": 1}),
    Case("Cast", (floats(2, 3),), {"to": 11}, outputs=(np.float64,)),
    Case("Cast", (floats(2, 3),), {"to": 1}),
    Case("Cast", (floats(2, 3),), {"to": 10}, outputs=(np.float16,)),
    Case("Cast", (floats(2, 3),), {"to": 6, "saturate": 1}, outputs=(np.int32,), since=19),
    Case("ArrayFeatureExtractor", (floats(2, 5), np.array([3, 0, 3])), static=(1,), domain=ML_DOMAIN),
    Case("ArrayFeatureExtractor", (ints(5), np.array([[1, 2]])), static=(1,), outputs=I64, domain=ML_DOMAIN),
    Case("ArrayFeatureExtractor", (floats(2, 2, 3), np.array([2])), static=(1,), domain=ML_DOMAIN),
    Case("ArrayFeatureExtractor", (floats(4), np.array([1])), static=(0,), domain=ML_DOMAIN),
    ml("OneHotEncoder", np.array([[2], [5], [9]]), cats_int64s=[9, 2, 5], zeros=0),
    ml("OneHotEncoder", np.array([2, 7, 9]), cats_int64s=[9, 2, 5]),
    ml("OneHotEncoder", np.array([[2.9, -0.5], [9, 5]], dtype=np.float32), cats_int64s=[0, 9, 2, 5]),
    ml("Scaler", floats(2, 3), offset=[1.0, -2.0, 0.5], scale=[2.0, 0.1, 3.0]),
    ml("Scaler", ints(2, 3), offset=[1.5], scale=[0.1]),
    ml("Scaler", floats(2, 3, dtype=np.float64), offset=[0.1, 0.2, 0.3], scale=[0.7, 1.0, 1.0]),
    ml("Normalizer", floats(3, 4), norm="MAX"),
    ml("Normalizer", -np.abs(floats(3, 4)), norm="MAX"),
    ml("Normalizer", floats(3, 4), norm="L1"),
    ml("Normalizer", floats(3, 4), norm="L2"),
    ml("Normalizer", np.zeros((2, 3), dtype=np.float32), norm="L1"),
    ml("Normalizer", np.zeros((2, 3), dtype=np.float32), norm="L2"),
    ml("Normalizer", np.zeros((2, 3), dtype=np.float32), norm="MAX"),
    ml("LinearClassifier", floats(5, 4), (np.int64, np.float32), **LINEAR3),
    ml("LinearClassifier", floats(5, 4), (np.int64, np.float32), **LINEAR3, post_transform="SOFTMAX"),
    ml("LinearClassifier", floats(5, 4), (np.int64, np.float32), **LINEAR3, post_transform="LOGISTIC", multi_class=1),
    ml("LinearClassifier", floats(5, 4), (object, np.float32), **LINEAR2, post_transform="LOGISTIC"),
    ml("LinearClassifier", floats(5, 4), (np.int64, np.float32), **LINEAR1),
    ml("LinearClassifier", floats(5, 4), (np.int64, np.float32), **LINEAR1, post_transform="LOGISTIC"),
    ml("LinearClassifier", floats(4), (np.int64, np.float32), **LINEAR3),
    ml("LinearClassifier", ints(5, 4), (np.int64, np.float32), **LINEAR3),
    ml("LinearRegressor", floats(5, 4), coefficients=floats(8).tolist(), intercepts=[1.0, 2.0], targets=2),
    ml("LinearRegressor", floats(5, 4), coefficients=floats(4).tolist()),
    ml("ZipMap", floats(2, 3), classlabels_int64s=[1, 2, 3]),
]
