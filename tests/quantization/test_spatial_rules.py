"""Convolutions, pools and resizes of any attributes against onnxruntime."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from onnxruntime.capi.onnxruntime_pybind11_state import Fail, NotImplemented, RuntimeException

from prover.graph import import_model
from tests.quantization.spatial import check_exact, check_linear, images, one_node, program, runtime

RUNTIME_ERRORS = (Fail, NotImplemented, RuntimeException)


@st.composite
def geometries(draw: st.DrawFn, *, ceil: bool = False) -> tuple[list[int], list[int], dict[str, Any]]:
    """(spatial sizes, kernel, attributes) of windows that fit, in one to three dimensions."""
    rank = draw(st.integers(1, 3))
    per_axis = {1: 9, 2: 6, 3: 4}[rank]
    sizes = [draw(st.integers(2, per_axis)) for _ in range(rank)]
    kernel = [draw(st.integers(1, 3)) for _ in range(rank)]
    attributes: dict[str, Any] = {"strides": [draw(st.integers(1, 3)) for _ in range(rank)]}
    mode = draw(st.sampled_from(["NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"]))
    dilations = [draw(st.integers(1, 2)) for _ in range(rank)] if not mode.startswith("SAME") else [1] * rank
    attributes |= {"dilations": dilations, "auto_pad": mode}
    if mode == "NOTSET":
        attributes["pads"] = [draw(st.integers(0, k - 1)) for k in kernel] + [
            draw(st.integers(0, k - 1)) for k in kernel
        ]
    pads = attributes.get("pads", [0] * 2 * rank)
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
    if not mode.startswith("SAME"):
        assume(all(s + pads[i] + pads[rank + i] >= reach[i] for i, s in enumerate(sizes)))
    elif not all(-(-n // s) * s - s + k >= n for n, s, k in zip(sizes, attributes["strides"], kernel, strict=True)):
        assume(False)  # where a stride exceeds the kernel, onnxruntime's pools crop, its convolutions do not
    if ceil and mode in ("NOTSET", "VALID"):
        attributes["ceil_mode"] = draw(st.integers(0, 1))
    return sizes, kernel, attributes


def assume_it_runs(onnx: bytes, shape: tuple[int, ...]) -> None:
    """onnxruntime refuses some padding it would compute itself, and dilated pools of some ranks."""
    try:
        runtime(onnx, images(shape, 1), shape)
    except RUNTIME_ERRORS:
        assume(False)


@settings(max_examples=60)
@given(data=st.data())
def test_convolutions(data: st.DataObject) -> None:
    sizes, kernel, attributes = data.draw(geometries())
    groups, inner, outer = data.draw(st.sampled_from([(1, 1, 2), (1, 2, 3), (2, 2, 1), (3, 1, 2)]))
    generator = np.random.default_rng(len(sizes))
    weights = generator.normal(size=(groups * outer, inner, *kernel)).astype(np.float32)
    bias = generator.normal(size=groups * outer).astype(np.float32) if data.draw(st.booleans()) else None
    shape = (1, groups * inner, *sizes)
    constants = [weights] if bias is None else [weights, bias]
    check_linear(one_node("Conv", shape, {**attributes, "group": groups}, constants), shape)


@settings(max_examples=60)
@given(data=st.data())
def test_transposed_convolutions(data: st.DataObject) -> None:
    rank = data.draw(st.integers(1, 2))
    sizes = [data.draw(st.integers(1, 4)) for _ in range(rank)]
    kernel = [data.draw(st.integers(1, 3)) for _ in range(rank)]
    strides = [data.draw(st.integers(1, 3)) for _ in range(rank)]
    dilations = [data.draw(st.integers(1, 2)) for _ in range(rank)]
    groups, inner, outer = data.draw(st.sampled_from([(1, 1, 2), (1, 2, 3), (2, 2, 1)]))
    attributes: dict[str, Any] = {"strides": strides, "dilations": dilations, "group": groups}
    extra = [data.draw(st.integers(0, s - 1)) for s in strides]
    pads = [data.draw(st.integers(0, 1)) for _ in range(2 * rank)]
    full = [(n - 1) * s + (k - 1) * d + 1 for n, s, k, d in zip(sizes, strides, kernel, dilations, strict=True)]
    how = data.draw(st.sampled_from(["pads", "shape", "same"]))
    if how == "pads":
        attributes |= {"output_padding": extra, "pads": pads}
        assume(all(f - pads[i] - pads[rank + i] > 0 for i, f in enumerate(full)))
    elif how == "shape":
        attributes["output_shape"] = [data.draw(st.integers(max(1, f - 2), f)) for f in full]
        attributes["auto_pad"] = data.draw(st.sampled_from(["SAME_UPPER", "NOTSET"]))
    else:
        attributes["auto_pad"] = "SAME_UPPER"
        assume(all(f >= n * s for f, n, s in zip(full, sizes, strides, strict=True)))
    weights = np.random.default_rng(rank).normal(size=(groups * inner, outer, *kernel)).astype(np.float32)
    bias = np.arange(groups * outer, dtype=np.float32)
    shape = (1, groups * inner, *sizes)
    check_linear(one_node("ConvTranspose", shape, attributes, [weights, bias]), shape)


@settings(max_examples=60)
@given(data=st.data())
def test_average_pools(data: st.DataObject) -> None:
    sizes, kernel, attributes = data.draw(geometries(ceil=True))
    attributes |= {"kernel_shape": kernel, "count_include_pad": data.draw(st.integers(0, 1))}
    shape = (1, 2, *sizes)
    onnx = one_node("AveragePool", shape, attributes)
    assume_it_runs(onnx, shape)
    check_linear(onnx, shape)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_maximum_pools_are_exact(data: st.DataObject) -> None:
    sizes, kernel, attributes = data.draw(geometries(ceil=True))
    shape = (1, 2, *sizes)
    onnx = one_node("MaxPool", shape, {**attributes, "kernel_shape": kernel})
    assume_it_runs(onnx, shape)
    check_exact(onnx, shape, seed=data.draw(st.integers(0, 99)))


@pytest.mark.parametrize("op", ["LpPool", "GlobalLpPool"])
@pytest.mark.parametrize("p", [1, 2])
def test_pools_of_norms(op: str, p: int) -> None:
    shape = (1, 2, 4, 5)
    windows = {"kernel_shape": [2, 3], "strides": [2, 2], "pads": [0, 1, 1, 1]} if op == "LpPool" else {}
    onnx = one_node(op, shape, {"p": p, **windows})
    rows, graph = images(shape), import_model(onnx)
    expected = runtime(onnx, rows, shape)[0]
    np.testing.assert_allclose(graph.run_rows(rows)["y"], expected, rtol=1e-5)
    np.testing.assert_allclose(program(graph, rows)[1], expected.reshape(len(rows), -1), atol=1e-3)


@settings(max_examples=40)
@given(data=st.data())
def test_columns_to_images(data: st.DataObject) -> None:
    sizes, kernel, attributes = data.draw(geometries().filter(lambda made: made[2]["auto_pad"] == "NOTSET"))
    del attributes["auto_pad"]
    pads = attributes["pads"]
    counts = [
        (n + pads[i] + pads[len(sizes) + i] - (k - 1) * d - 1) // s + 1
        for i, (n, k, d, s) in enumerate(
            zip(sizes, kernel, attributes["dilations"], attributes["strides"], strict=True)
        )
    ]
    shape = (1, 2 * int(np.prod(kernel)), int(np.prod(counts)))
    constants = [np.array(sizes, dtype=np.int64), np.array(kernel, dtype=np.int64)]
    check_reference("Col2Im", shape, attributes, constants)


@pytest.mark.parametrize("op", ["GlobalMaxPool", "GlobalAveragePool"])
def test_global_pools(op: str) -> None:
    shape = (1, 3, 2, 4)
    (check_exact if op == "GlobalMaxPool" else check_linear)(one_node(op, shape, {}), shape)


MODES = ("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric", "half_pixel_symmetric")


@settings(max_examples=80)
@given(
    transformation=st.sampled_from(MODES),
    nearest=st.sampled_from(["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"]),
    sizes=st.tuples(st.integers(1, 9), st.integers(1, 9)),
)
def test_nearest_resize(transformation: str, nearest: str, sizes: tuple[int, int]) -> None:
    shape = (1, 1, 4, 5)
    attributes = {"mode": "nearest", "nearest_mode": nearest, "coordinate_transformation_mode": transformation}
    target = np.array([1, 1, *sizes], dtype=np.int64)
    check_reference("Resize", shape, attributes, [None, None, target])


@settings(max_examples=80)
@given(
    transformation=st.sampled_from(MODES),
    mode=st.sampled_from(["linear", "cubic"]),
    exclude=st.integers(0, 1),
    antialias=st.integers(0, 1),
    scales=st.tuples(st.sampled_from([0.5, 0.6, 0.75, 1.0, 1.5, 2.0, 2.7]), st.sampled_from([0.5, 1.0, 3.0])),
)
def test_interpolating_resize(
    transformation: str, mode: str, exclude: int, antialias: int, scales: tuple[float, float]
) -> None:
    shape = (1, 1, 5, 4)
    attributes = {
        "mode": mode,
        "coordinate_transformation_mode": transformation,
        "exclude_outside": exclude if mode == "cubic" else 0,
        "antialias": antialias,
    }
    check_reference("Resize", shape, attributes, [None, np.array([1, 1, *scales], dtype=np.float32)])


@pytest.mark.parametrize("policy", ["stretch", "not_larger", "not_smaller"])
def test_resize_of_some_axes_keeps_the_aspect_ratio(policy: str) -> None:
    attributes = {"mode": "linear", "axes": [3, 2], "keep_aspect_ratio_policy": policy}
    check_reference("Resize", (1, 2, 4, 5), attributes, [None, None, np.array([7, 9], dtype=np.int64)])


def test_resize_crops_and_extrapolates() -> None:
    roi = np.array([0, 0, 0.4, -0.5, 1, 1, 0.6, 1.2], dtype=np.float32)
    attributes = {"mode": "linear", "coordinate_transformation_mode": "tf_crop_and_resize", "extrapolation_value": 10.0}
    check_reference("Resize", (1, 1, 4, 4), attributes, [roi, None, np.array([1, 1, 3, 6], dtype=np.int64)])


@pytest.mark.parametrize("mode", ["nearest", "linear"])
@pytest.mark.parametrize(("op", "opset"), [("Upsample", 9), ("Resize", 10)])
def test_the_first_resizes(op: str, opset: int, mode: str) -> None:
    shape = (1, 1, 2, 3)
    onnx = one_node(op, shape, {"mode": mode}, [np.array([1, 1, 2, 3], dtype=np.float32)], opset=opset)
    check_linear(onnx, shape)


def check_reference(op: str, shape: tuple[int, ...], attributes: dict[str, Any], constants: list[Any]) -> None:
    """Folded program and graph evaluation agree with the standard's reference implementation.

    onnxruntime differs from it: in fractional sizes of ``align_corners``, for one, it antialiases otherwise, and
    mixes the axes of three-dimensional columns.
    """
    from onnx.reference import ReferenceEvaluator

    from tests.quantization.spatial import folded

    onnx = one_node(op, shape, attributes, constants)
    rows, graph = images(shape), import_model(onnx)
    evaluator = ReferenceEvaluator(onnx)
    expected = np.stack([evaluator.run(None, {"x": row.reshape(shape)})[0] for row in rows])
    np.testing.assert_allclose(graph.run_rows(rows)["y"], expected, rtol=1e-4, atol=1e-4)
    made, values = folded(graph, rows)
    assert made == expected.shape[1:]
    np.testing.assert_allclose(values, expected.reshape(len(rows), -1), rtol=1e-4, atol=1e-4)


def test_a_pool_and_its_relu_are_one_step() -> None:
    """In either order; the ReLU between costs a window one decomposition, not every element."""
    from onnx import helper

    from tests.quantization.nets import model

    pool = {"kernel_shape": [2, 2], "strides": [2, 2]}
    reshape = helper.make_node("Reshape", ["X", "s"], ["i"], "image")
    for ops in (("Relu", "MaxPool"), ("MaxPool", "Relu")):
        nodes = [reshape]
        for index, op in enumerate(ops):
            names = (["i"] if index == 0 else ["h"]), (["h"] if index == 0 else ["y"])
            nodes.append(helper.make_node(op, *names, op, **(pool if op == "MaxPool" else {})))
        onnx = model(nodes, {"s": np.array([1, 1, 4, 4])}, 16, {"y": (1, [1, 1, 2, 2])})
        rows = images((16,))
        plan, values = program(import_model(onnx), rows)
        assert [step.kind for step in plan.steps][:-1] == ["maximum"]
        windows = rows.reshape(-1, 2, 2, 2, 2).max(axis=(2, 4)).reshape(len(rows), -1)
        np.testing.assert_array_equal(values, np.maximum(windows, 0))


@pytest.mark.parametrize(("kernels", "kinds"), [(128, ["wire"]), (2, [])])
def test_pooled_maps_become_wires_where_a_convolution_reads_them_often(kernels: int, kinds: list[str]) -> None:
    """A mean of four, read by every kernel: 3 terms saved each time against a row, a wire and 4 terms."""
    from onnx import helper

    from tests.quantization.nets import model

    weights = np.random.default_rng(1).normal(size=(kernels, 1, 1, 1)).astype(np.float32)
    nodes = [
        helper.make_node("Reshape", ["X", "s"], ["i"], "image"),
        helper.make_node("AveragePool", ["i"], ["a"], "mean", kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Conv", ["a", "w"], ["c"], "conv"),
        helper.make_node("ReduceSum", ["c", "axes"], ["y"], "sum"),
    ]
    constants = {"s": np.array([1, 1, 4, 4]), "w": weights, "axes": np.array([1])}
    onnx = model(nodes, constants, 16, {"y": (1, [1, 1, 2, 2])})
    rows, graph = images((16,)), import_model(onnx)
    plan, values = program(graph, rows)
    assert [step.kind for step in plan.steps][:-1] == kinds
    np.testing.assert_allclose(values, graph.run_rows(rows)["y"].reshape(3, -1), atol=1e-2)


def test_a_relu_that_others_read_stays_a_step() -> None:
    """Both its maxima and itself: the pool compares what is rectified, which is narrower."""
    from onnx import helper

    from tests.quantization.nets import model

    nodes = [
        helper.make_node("Reshape", ["X", "s"], ["i"], "image"),
        helper.make_node("Relu", ["i"], ["r"], "relu"),
        helper.make_node("MaxPool", ["r"], ["m"], "pool", kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("GlobalAveragePool", ["r"], ["a"], "mean"),
        helper.make_node("Sub", ["m", "a"], ["y"], "difference"),
    ]
    onnx = model(nodes, {"s": np.array([1, 1, 4, 4])}, 16, {"y": (1, [1, 1, 2, 2])})
    rows = images((16,))
    plan, values = program(import_model(onnx), rows)
    assert [step.kind for step in plan.steps][:2] == ["relu", "maximum"]
    assert "shift" not in plan.steps[1].params
    rectified = np.maximum(rows, 0)
    windows = rectified.reshape(-1, 2, 2, 2, 2).max(axis=(2, 4)).reshape(len(rows), -1)
    np.testing.assert_allclose(values, windows - rectified.mean(axis=1, keepdims=True), atol=1e-3)


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_indices_of_maxima_are_exact(data: st.DataObject) -> None:
    """Of equal elements the first; the padding has no index."""
    sizes, kernel, attributes = data.draw(geometries())
    shape = (1, 2, *sizes)
    order = data.draw(st.integers(0, 1)) if len(sizes) == 2 else 0
    attributes |= {"kernel_shape": kernel, "storage_order": order}
    onnx = one_node("MaxPool", shape, attributes, outputs=("y", "z"))
    assume_it_runs(onnx, shape)
    check_exact(onnx, shape, seed=data.draw(st.integers(0, 99)))
