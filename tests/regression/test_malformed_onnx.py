"""Malformed ONNX panics: whatever a file says, the answer is a typed error that says what is wrong, never a crash."""

from __future__ import annotations

import contextlib
import random
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from prover.compiler import compile_model
from prover.errors import VerdictError
from prover.graph import import_model
from prover.schema import Fixed, Schema

X = [1, 2, 4, 4]
F32 = np.float32


def ints(*values: int) -> np.ndarray[Any, Any]:
    return np.array(values, dtype=np.int64)


def weights(*shape: int) -> np.ndarray[Any, Any]:
    return np.full(shape, 0.5, dtype=F32)


HOSTILE: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("Conv", {"w": weights(1, 2, 3, 3)}, {"strides": [0, 0]}),
    ("Conv", {"w": weights(1, 2, 3, 3)}, {"strides": [-1, 1]}),
    ("Conv", {"w": weights(1, 2, 3, 3)}, {"dilations": [0, 0]}),
    ("Conv", {"w": weights(1, 2, 3, 3)}, {"pads": [-5, -5, -5, -5]}),
    ("Conv", {"w": weights(1, 2, 3, 3)}, {"pads": [1, 1]}),
    ("Conv", {"w": weights(1, 2, 3, 3)}, {"group": 0}),
    ("Conv", {"w": weights(1, 2, 3, 3)}, {"group": -1}),
    ("Conv", {"w": weights(1, 2, 3, 3)}, {"group": 3}),
    ("Conv", {"w": weights(1, 2, 9, 9)}, {}),
    ("Conv", {"w": weights(1, 3, 3, 3)}, {}),
    ("Conv", {"w": weights(1, 2, 3)}, {}),
    ("Conv", {"w": weights(0, 2, 3, 3)}, {}),
    ("Conv", {"w": weights(1, 2, 3, 3)}, {"kernel_shape": [5, 5]}),
    ("Conv", {"w": weights(1, 2, 3, 3)}, {"auto_pad": "SOMEHOW"}),
    ("Conv", {"w": weights(1, 2, 3, 3)}, {"pads": [2**31, 0, 0, 0]}),
    ("ConvTranspose", {"w": weights(2, 1, 3, 3)}, {"strides": [0, 1]}),
    ("ConvTranspose", {"w": weights(2, 1, 3, 3)}, {"output_padding": [2**40, 0]}),
    ("MaxPool", {}, {"kernel_shape": [0, 0]}),
    ("MaxPool", {}, {"kernel_shape": [9, 9]}),
    ("MaxPool", {}, {"kernel_shape": [2]}),
    ("MaxPool", {}, {"kernel_shape": [2, 2], "strides": [0, 0]}),
    ("MaxPool", {}, {"kernel_shape": [2, 2], "pads": [3, 3, 3, 3]}),
    ("AveragePool", {}, {"kernel_shape": [-2, 2]}),
    ("Gather", {"i": ints(9)}, {"axis": 1}),
    ("Gather", {"i": ints(-9)}, {"axis": 1}),
    ("Gather", {"i": ints(0)}, {"axis": 9}),
    ("GatherElements", {"i": np.full((1, 1, 1, 1), 7, dtype=np.int64)}, {"axis": 1}),
    ("GatherND", {"i": ints(0, 5, 0, 0)}, {}),
    ("ScatterND", {"i": np.array([[0, 9]], dtype=np.int64), "u": weights(1, 4, 4)}, {}),
    ("ScatterElements", {"i": np.full((1, 1, 1, 1), 9, dtype=np.int64), "u": weights(1, 1, 1, 1)}, {"axis": 1}),
    ("Slice", {"s": ints(0), "e": ints(4), "a": ints(2), "t": ints(0)}, {}),
    ("Slice", {"s": ints(0), "e": ints(4), "a": ints(7), "t": ints(1)}, {}),
    ("Slice", {"s": ints(0, 0), "e": ints(4)}, {}),
    ("Split", {"s": ints(3, 3)}, {"axis": 2}),
    ("Split", {"s": ints(-1, 5)}, {"axis": 2}),
    ("Reshape", {"s": ints(-1, -1)}, {}),
    ("Reshape", {"s": ints(-7, 2)}, {}),
    ("Reshape", {"s": ints(5)}, {}),
    ("Transpose", {}, {"perm": [0, 0, 1, 2]}),
    ("Transpose", {}, {"perm": [0, 1]}),
    ("Transpose", {}, {"perm": [0, 1, 2, 9]}),
    ("Squeeze", {"a": ints(1)}, {}),
    ("Unsqueeze", {"a": ints(0, 0)}, {}),
    ("Concat", {"c": weights(1, 2, 3, 3)}, {"axis": 1}),
    ("Concat", {"c": weights(1, 2, 4, 4)}, {"axis": 8}),
    ("Expand", {"s": ints(3, 3)}, {}),
    ("Expand", {"s": ints(-2)}, {}),
    ("Tile", {"r": ints(-1, 1, 1, 1)}, {}),
    ("Tile", {"r": ints(2, 2)}, {}),
    ("Tile", {"r": ints(1 << 30, 1 << 30, 1, 1)}, {}),
    ("Pad", {"p": ints(0, 0, 0, 0, 0, 0, 0, -9)}, {}),
    ("Pad", {"p": ints(1, 1)}, {}),
    ("Pad", {"p": ints(0, 0, 9, 0, 0, 0, 0, 0)}, {"mode": "reflect"}),
    ("TopK", {"k": ints(9)}, {"axis": 2}),
    ("TopK", {"k": ints(-1)}, {"axis": 2}),
    ("TopK", {"k": ints(1)}, {"axis": 5}),
    ("ArgMax", {}, {"axis": 4}),
    ("ReduceSum", {"a": ints(9)}, {}),
    ("ReduceMean", {"a": ints(2, 2)}, {}),
    ("CumSum", {"a": ints(9)}, {}),
    ("Softmax", {}, {"axis": 9}),
    ("Flatten", {}, {"axis": 9}),
    ("Resize", {"r": np.zeros(0, F32), "s": np.array([1, 1, 0, 2], F32)}, {}),
    ("Resize", {"r": np.zeros(0, F32), "s": np.array([1, 1, -2, 2], F32)}, {}),
    ("Resize", {"r": np.zeros(0, F32), "s": np.array([1, 1], F32)}, {}),
    ("Resize", {"r": np.zeros(0, F32), "s": np.array([1, 1, 1e9, 1e9], F32)}, {}),
    ("Einsum", {"w": weights(4, 4)}, {"equation": "abcd,de->abcz"}),
    ("Einsum", {"w": weights(4, 4)}, {"equation": "ab,cd->ad"}),
    ("Einsum", {"w": weights(4, 4)}, {"equation": ")(*&"}),
    ("Einsum", {"w": weights(4, 4)}, {"equation": ""}),
    ("MatMul", {"w": weights(3, 3)}, {}),
    ("Gemm", {"w": weights(4, 4)}, {}),
    ("Add", {"c": weights(5)}, {}),
    ("Where", {"c": np.array([True]), "y": weights(7)}, {}),
    ("Clip", {"l": F32(3.0), "h": weights(2)}, {}),
    ("OneHot", {"d": ints(-3), "v": weights(2)}, {}),
    ("BatchNormalization", {n: weights(3) for n in "sbmv"}, {}),
    ("LayerNormalization", {"s": weights(7)}, {}),
    ("LayerNormalization", {"s": weights(4)}, {"axis": 9}),
    ("InstanceNormalization", {"s": weights(3), "b": weights(3)}, {}),
    ("GroupNormalization", {"s": weights(2), "b": weights(2)}, {"num_groups": 3}),
    ("GroupNormalization", {"s": weights(2), "b": weights(2)}, {"num_groups": 0}),
    ("LSTM", {"w": weights(1, 8, 2), "r": weights(1, 8, 2)}, {"hidden_size": 2}),
    ("QuantizeLinear", {"s": F32(0.0), "z": np.uint8(0)}, {}),
    ("QuantizeLinear", {"s": F32(-1.0), "z": np.uint8(0)}, {}),
    ("QuantizeLinear", {"s": F32("nan"), "z": np.uint8(0)}, {}),
    ("LeakyRelu", {}, {"alpha": float("nan")}),
    ("Elu", {}, {"alpha": float("inf")}),
    ("Cast", {}, {"to": 99}),
    ("Cast", {}, {"to": 0}),
    ("Trilu", {"k": ints(1, 2)}, {}),
    ("LpNormalization", {}, {"p": 7}),
    ("Mod", {"d": weights(1)}, {"fmod": 0}),
    ("Dropout", {"r": F32(1.5)}, {}),
    ("SpaceToNowhere", {}, {}),
]


def hostile_model(op: str, constants: dict[str, Any], attributes: dict[str, Any]) -> bytes:
    count = 2 if op in ("Split", "TopK") else 1
    first = ["c", "X", "y"] if op == "Where" else ["X", *constants]
    node = helper.make_node(op, first, [f"y{i}" for i in range(count)], "hostile", **attributes)
    graph = helper.make_graph(
        [node],
        "hostile",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, X)],
        [helper.make_tensor_value_info("y0", TensorProto.UNDEFINED, None)],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)])
    made.ir_version = 10
    return made.SerializeToString()


@pytest.mark.parametrize(
    ("op", "constants", "attributes"), HOSTILE, ids=[f"{place}-{entry[0]}" for place, entry in enumerate(HOSTILE)]
)
def test_an_operator_that_makes_no_sense(op: str, constants: dict[str, Any], attributes: dict[str, Any]) -> None:
    schema = Schema("s", tuple(Fixed(f"x{i}", 8, -16, 15) for i in range(32)))
    with pytest.raises(VerdictError) as caught:
        compile_model(hostile_model(op, constants, attributes), schema=schema, reveal="score")
    assert caught.value.message.strip()


@pytest.mark.parametrize("name", ["loan_logistic", "digits_cnn"])
def test_damaged_files(models: Path, name: str) -> None:
    """Flipped, cut and doubled bytes: refused by type, or still a model."""
    data = (models / f"{name}.onnx").read_bytes()
    rows = np.load(models / f"{name}.npz")["X"][:4]
    draw = random.Random(7)
    for _ in range(40):
        broken = bytearray(data)
        for _ in range(draw.randrange(1, 4)):
            broken[draw.randrange(min(len(broken), 4000))] = draw.randrange(256)
        if draw.random() < 0.3:
            del broken[draw.randrange(len(broken)) :]
        try:
            onnx.load_model_from_string(bytes(broken))
        except Exception:
            with pytest.raises(VerdictError):
                compile_model(bytes(broken), calibration=rows.reshape(4, -1))
            continue
        with contextlib.suppress(VerdictError):
            import_model(bytes(broken))
