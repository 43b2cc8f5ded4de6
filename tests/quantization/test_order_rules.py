"""ArgMax, ArgMin, TopK, ReduceMax and ReduceMin against onnxruntime, on whole numbers with many ties: exact."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prover.graph import import_model
from prover.quantization import Request, calibrate
from tests.quantization.spatial import FINE, check_exact, images, one_node, program, runtime, schema_of

SHAPE = (2, 3, 4)


@settings(max_examples=40, deadline=None)
@given(
    op=st.sampled_from(["ArgMax", "ArgMin"]),
    axis=st.integers(-3, 2),
    keepdims=st.integers(0, 1),
    last=st.integers(0, 1),
    seed=st.integers(0, 99),
)
def test_indices_of_extremes_and_their_ties(op: str, axis: int, keepdims: int, last: int, seed: int) -> None:
    attributes = {"axis": axis, "keepdims": keepdims, "select_last_index": last}
    check_exact(one_node(op, SHAPE, attributes), SHAPE, seed)


@pytest.mark.parametrize("last", [0, 1])
@pytest.mark.parametrize("op", ["ArgMax", "ArgMin"])
def test_argmax_over_everything_is_a_label(op: str, last: int) -> None:
    """The head reveals it; ties are decided as the attribute says, for two elements as for more."""
    for size in (2, 5):
        onnx = one_node(op, (1, size), {"axis": 1, "select_last_index": last})
        rows = np.array([[3] * size, [1] * (size - 1) + [3], [3, 3] + [1] * (size - 2)], dtype=np.float32)
        plan, values = program_of_label(onnx, rows)
        assert plan.labels_only
        np.testing.assert_array_equal(values.ravel(), runtime(onnx, rows, (1, size))[0].ravel())


def program_of_label(onnx: bytes, rows: np.ndarray) -> tuple[Any, np.ndarray]:
    from prover.quantization import IntegerModel

    schema = schema_of(rows.shape[1])
    plan = calibrate(import_model(onnx), schema, rows, request=Request("label"), settings=FINE)
    return plan, IntegerModel(plan, schema).run(schema.encode_batch(rows).codes).outputs


@settings(max_examples=30, deadline=None)
@given(k=st.integers(1, 4), axis=st.integers(-3, 2), largest=st.integers(0, 1), seed=st.integers(0, 99), data=st.data())
def test_top_k_values_and_indices(k: int, axis: int, largest: int, seed: int, data: st.DataObject) -> None:
    k = min(k, SHAPE[axis])
    attributes = {"axis": axis, "largest": largest, "sorted": data.draw(st.just(1))}
    onnx = one_node("TopK", SHAPE, attributes, [np.array([k], dtype=np.int64)], outputs=("y", "z"))
    check_exact(onnx, SHAPE, seed)


def test_top_k_sorts_no_indices_that_nothing_reads() -> None:
    onnx = one_node("TopK", SHAPE, {}, [np.array([2], dtype=np.int64)], outputs=("y", "z"))
    rows = images(SHAPE)
    plan, values = program(import_model(onnx, output_names=["y"]), rows)
    assert plan.steps[0].params == {"n": 4, "k": 2, "indices": 0}
    np.testing.assert_array_equal(values, runtime(onnx, rows, SHAPE)[0].reshape(len(rows), -1))


def test_the_first_top_k_had_its_count_as_an_attribute() -> None:
    onnx = one_node("TopK", SHAPE, {"axis": 2, "k": 2}, opset=9, outputs=("y", "z"))
    check_exact(onnx, SHAPE)


@settings(max_examples=30, deadline=None)
@given(
    op=st.sampled_from(["ReduceMax", "ReduceMin"]),
    axes=st.one_of(st.none(), st.sets(st.integers(0, 2), max_size=3)),
    keepdims=st.integers(0, 1),
    noop=st.integers(0, 1),
)
def test_extremes_over_axes(op: str, axes: set[int] | None, keepdims: int, noop: int) -> None:
    constants = [] if axes is None else [np.array(sorted(axes), dtype=np.int64)]
    attributes = {"keepdims": keepdims, "noop_with_empty_axes": noop}
    onnx = one_node(op, SHAPE, attributes, constants)
    if noop and not axes:
        rows = images(SHAPE)
        np.testing.assert_array_equal(program(import_model(onnx), rows)[1], rows)
    else:
        check_exact(onnx, SHAPE)


def test_extremes_by_attribute() -> None:
    check_exact(one_node("ReduceMax", SHAPE, {"axes": [0, -1], "keepdims": 0}, opset=13), SHAPE)
