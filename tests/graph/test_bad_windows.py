"""Attributes of convolutions, pools and resizes that contradict the shapes, or that are not proved: refused by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from prover.errors import ModelError
from prover.graph import import_model
from tests.quantization.spatial import images, one_node, program

IMAGE = (1, 2, 4, 4)
KERNEL = np.ones((2, 1, 2, 2), dtype=np.float32)
GROUPS = {"group": 2}
TWICE = [None, np.array([1, 1, 2, 2], dtype=np.float32)]


def refusal(op: str, shape: tuple[int, ...], attributes: dict[str, Any], constants: list[Any]) -> str:
    """What is said of the node, on import or when it is traced."""
    names = ["" if array is None else f"c{index}" for index, array in enumerate(constants)]
    node = helper.make_node(op, ["x", *names], ["y"], "bad", **attributes)
    weights = [numpy_helper.from_array(array, name) for name, array in zip(names, constants, strict=True) if name]
    graph = helper.make_graph(
        [node],
        "bad",
        [helper.make_tensor_value_info("x", 1, shape)],
        [helper.make_tensor_value_info("y", 1, None)],
        weights,
    )
    data = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=8)
    assert isinstance(data, onnx.ModelProto)
    with pytest.raises(ModelError) as caught:
        program(import_model(data.SerializeToString()), images(shape))
    assert "'bad'" in caught.value.message
    return caught.value.message


@pytest.mark.parametrize(
    ("attributes", "constants", "message"),
    [
        ({"group": 0}, [KERNEL], "2 channels in 0 groups"),
        ({"group": -2}, [KERNEL], "2 channels in -2 groups"),
        ({"group": 3}, [KERNEL], "2 channels in 3 groups"),
        ({}, [KERNEL], "2 channels in 1 groups"),
        (GROUPS, [KERNEL, np.ones(5, dtype=np.float32)], r"bias of shape (5,) for 2 channels"),
        (GROUPS, [KERNEL, np.ones((2, 1), dtype=np.float32)], r"bias of shape (2, 1)"),
        ({**GROUPS, "auto_pad": "AROUND"}, [KERNEL], "auto_pad = 'AROUND'"),
        ({**GROUPS, "strides": [0, 1]}, [KERNEL], "strides"),
        ({**GROUPS, "strides": [1]}, [KERNEL], "strides"),
        ({**GROUPS, "pads": [-1, 0, 0, 0]}, [KERNEL], "pads"),
        ({**GROUPS, "dilations": [9, 9]}, [KERNEL], "negative"),
    ],
)
def test_convolutions_that_contradict_themselves(
    attributes: dict[str, Any], constants: list[Any], message: str
) -> None:
    assert message in refusal("Conv", IMAGE, attributes, constants)


def test_transposed_convolutions_of_other_channels() -> None:
    assert "kernel of shape (3, 1, 2, 2)" in refusal("ConvTranspose", IMAGE, {}, [np.ones((3, 1, 2, 2), np.float32)])


def test_transposed_convolutions_to_a_size_below_the_inputs() -> None:
    """Shape inference leaves such dimensions out; the node says them."""
    attributes = {"output_shape": [3, 2], "group": 2}
    onnx_model = one_node("ConvTranspose", IMAGE, attributes, [KERNEL], infer=False)
    (output,) = import_model(onnx_model).outputs
    assert output.shape == (1, 2, 3, 2)


@pytest.mark.parametrize("op", ["MaxPool", "AveragePool"])
def test_windows_that_see_only_padding(op: str) -> None:
    """The maximum of nothing and its mean are no numbers; counted as zeros, the padding has a mean."""
    pads = {"kernel_shape": [2, 2], "pads": [3, 3, 3, 3]}
    assert "in the padding altogether" in refusal(op, IMAGE, pads, [])


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"mode": "sharp"}, "mode = 'sharp'"),
        ({"nearest_mode": "random"}, "nearest_mode = 'random'"),
        ({"coordinate_transformation_mode": "polar"}, "coordinate_transformation_mode = 'polar'"),
        ({"coordinate_transformation_mode": "tf_crop_and_resize"}, "without a region of interest"),
        ({"antialias": 1, "mode": "nearest"}, "antialias = 1"),
        ({"axes": [7, 8, 9, 10]}, "axis"),
    ],
)
def test_resizes_that_are_not_proved(attributes: dict[str, Any], message: str) -> None:
    assert message in refusal("Resize", (1, 1, 2, 2), attributes, TWICE)


@pytest.mark.parametrize(("length", "blocks"), [(5, 4), (4, 5)])
def test_columns_that_fill_no_image(length: int, blocks: int) -> None:
    constants = [np.array([3, 3]), np.array([2, 2])]
    assert "4 blocks of shape (2, 2)" in refusal("Col2Im", (1, length, blocks), {}, constants)
