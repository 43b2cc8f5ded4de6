"""Movement and indexing: moves cost nothing, private indices select by one-hot vectors, writes are exact."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper

from prover.errors import UnsupportedOpError
from prover.graph import import_model
from prover.quantization import calibrate
from prover.schema import Category, Int, Schema
from tests.quantization.exact import BOOL, FLOAT, INT64, MIXED, column, exact, kinds, one
from tests.quantization.nets import model


def reshaped(shape: list[int], *nodes: Any) -> list[Any]:
    target = helper.make_tensor("target", INT64, [len(shape)], shape)
    return [one("Constant", [], "target", value=target), one("Reshape", ["X", "target"], "x"), *nodes]


@pytest.mark.parametrize(
    ("nodes", "weights", "shape"),
    [
        ([one("Slice", ["X", "s", "e", "a", "t"], "y")], {"s": [-1], "e": [-9], "a": [1], "t": [-2]}, [1, 3]),
        (
            [helper.make_node("Split", ["X", "n"], ["a", "b", "c"], axis=1), one("Concat", ["c", "a"], "y", axis=0)],
            {"n": [2, 2, 2]},
            [2, 2],
        ),
        ([one("Pad", ["X", "p", "v"], "y")], {"p": [0, 1, 1, -2], "v": np.float32(2.5)}, [2, 5]),
        ([one("Pad", ["X", "p"], "y", mode="reflect")], {"p": [0, 2, 0, 3]}, [1, 11]),
        ([one("Pad", ["X", "p"], "y", mode="edge")], {"p": [1, 0, 0, 1]}, [2, 7]),
        ([one("Expand", ["X", "n"], "y")], {"n": [3, 1]}, [3, 6]),
        ([one("Tile", ["X", "n"], "y")], {"n": [2, 2]}, [2, 12]),
        (reshaped([2, 3], one("Trilu", ["x"], "y", upper=0)), {}, [2, 3]),
        (reshaped([2, 3], one("Trilu", ["x", "k"], "y")), {"k": np.array(1)}, [2, 3]),
        (reshaped([1, 6, 1, 1], one("DepthToSpace", ["x"], "d", blocksize=1), one("Squeeze", ["d"], "y")), {}, [6]),
        (reshaped([1, 1, 2, 3], one("SpaceToDepth", ["x"], "y", blocksize=1)), {}, [1, 1, 2, 3]),
        (
            reshaped([2, 3], one("ReverseSequence", ["x", "n"], "y", batch_axis=0, time_axis=1)),
            {"n": [2, 3]},
            [2, 3],
        ),
        ([one("Compress", ["X", "k"], "y", axis=1)], {"k": np.array([True, False, False, True])}, [1, 2]),
        ([one("CumSum", ["X", "a"], "y", exclusive=1, reverse=1)], {"a": np.array(1)}, [1, 6]),
        ([one("GatherElements", ["X", "i"], "y", axis=1)], {"i": [[3, -1, 0]]}, [1, 3]),
        (reshaped([2, 3], one("GatherND", ["x", "i"], "y")), {"i": [[1, 0], [0, 2]]}, [2]),
        ([one("ScatterElements", ["X", "i", "u"], "y", axis=1)], {"i": [[3, -1]], "u": np.float32([[5, 6]])}, [1, 6]),
        (
            reshaped([2, 3], one("ScatterND", ["x", "i", "u"], "y")),
            {"i": [[1, 0], [0, 2]], "u": np.float32([1, 2])},
            [2, 3],
        ),
        (
            [one("ScatterElements", ["X", "i", "X"], "y", axis=1, reduction="add")],
            {"i": [[0, 0, 0, 5, 5, 1]]},
            [1, 6],
        ),
    ],
    ids=lambda value: value[-1].op_type if isinstance(value, list) and hasattr(value[-1], "op_type") else "",
)
def test_moves_and_sums_cost_nothing(nodes: list[Any], weights: dict[str, Any], shape: list[int]) -> None:
    assert kinds(exact(nodes, weights, shape, FLOAT, opset=18)) == []


def test_the_first_name_of_scatter_elements() -> None:
    nodes = [one("Scatter", ["X", "i", "u"], "y", axis=1)]
    assert kinds(exact(nodes, {"i": [[3, 0]], "u": np.float32([[5, 6]])}, [1, 6], FLOAT, opset=10)) == []


WHOLE = Schema("whole", tuple(Int(f"n{index}", -5 + index, 6 + 2 * index) for index in range(6)))


@pytest.mark.parametrize(("reduction", "kind"), [("mul", "contract"), ("max", "maximum"), ("min", "maximum")])
def test_writes_that_reduce(reduction: str, kind: str) -> None:
    """Three writes to element 2 take three turns."""
    nodes = [
        one("Slice", ["X", "zero", "four", "axis"], "u"),
        one("ScatterElements", ["X", "i", "u"], "s", axis=1, reduction=reduction),
        one("Cast", ["s"], "y", to=INT64),
    ]
    weights = {"zero": [0], "four": [4], "axis": [1], "i": [[2, 2, 0, 2]]}
    plan = exact(nodes, weights, [1, 6], schema=WHOLE, opset=18)
    assert kinds(plan) == [kind] * 3


TABLE = np.array([[1, -2], [30, 4], [-5, 6], [7, 80]])


@pytest.mark.parametrize("offset", [0, -4, -2])
def test_a_row_of_a_table_by_a_private_index(offset: int) -> None:
    """An embedding; negative indices count from the end."""
    nodes = [*column(5, "c", INT64), one("Add", ["c", "offset"], "i"), one("Gather", ["table", "i"], "y", axis=0)]
    assert kinds(exact(nodes, {"table": TABLE, "offset": np.array([offset])}, [1, 2])) == ["one_hot"]


def test_a_row_of_a_table_by_a_category_is_free() -> None:
    nodes = [*column(1, "c", INT64), one("Gather", ["table", "c"], "y", axis=1)]
    assert kinds(exact(nodes, {"table": TABLE.T.copy()}, [2, 1])) == []


def test_private_data_at_a_private_index() -> None:
    nodes = [
        *column(5, "c", INT64),
        one("Cast", ["X"], "w", to=INT64),
        one("Gather", ["w", "c"], "y", axis=1),
    ]
    assert kinds(exact(nodes, {}, [1, 1], schema=Schema("n", (*WHOLE.features[:5], Int("c", 0, 5))))) == [
        "one_hot",
        "contract",
    ]


def test_gather_elements_at_private_indices() -> None:
    nodes = [
        one("Slice", ["X", "a", "b", "one"], "s"),
        one("Cast", ["s"], "i", to=INT64),
        one("GatherElements", ["table", "i"], "y", axis=1),
    ]
    schema = Schema("places", (*WHOLE.features[:3], Int("i", 0, 3), Int("j", -4, -1), Int("k", -1, 2)))
    weights = {"a": [3], "b": [6], "one": [1], "table": TABLE.T[:1].copy()}
    assert kinds(exact(nodes, weights, [1, 3], schema=schema)) == ["one_hot"]


@pytest.mark.parametrize("batch_dims", [0, 1])
def test_gather_nd_at_private_indices(batch_dims: int) -> None:
    nodes = [
        one("Cast", ["X"], "i", to=INT64),
        one("Reshape", ["i", "shape"], "p"),
        one("GatherND", ["table", "p"], "y", batch_dims=batch_dims),
    ]
    features = (Int("a", 0, 1), Int("b", -3, 2), Int("c", 0, 1), Int("d", 0, 2))
    table = np.arange(12).reshape(2, 3, 2) ** 2 if batch_dims == 0 else np.arange(24).reshape(2, 2, 3, 2) ** 2
    weights = {"shape": [2, 2], "table": table}
    exact(nodes, weights, [2, 2], schema=Schema("places", features))


def test_indices_that_may_leave_the_table_are_refused() -> None:
    nodes = [*column(0, "c", INT64), one("Gather", ["table", "c"], "y", axis=0)]
    graph = import_model(model(nodes, {"table": TABLE}, 6, {"y": (INT64, [1, 2])}))
    with pytest.raises(UnsupportedOpError, match=r"an index may lie in \[-3, 12\], outside -4 to 3"):
        calibrate(graph, MIXED)


def test_a_shape_that_depends_on_the_input_is_refused() -> None:
    nodes = [*column(5, "c", INT64), one("Reshape", ["X", "c"], "y")]
    with pytest.raises(UnsupportedOpError, match="'shape' is computed from the model's input"):
        import_model(model(nodes, {}, 6, {"y": (FLOAT, None)}))


@pytest.mark.parametrize(
    ("index", "depth", "axis", "steps"),
    [(5, 4, -1, ["one_hot"]), (0, 5, 0, ["one_hot"]), (1, 2, -1, []), (5, 2, 1, ["one_hot"])],
)
def test_one_hot_vectors(index: int, depth: int, axis: int, steps: list[str]) -> None:
    """Of an index inside the depth, around it, of a category with one label too many, and of one beyond it."""
    nodes = [*column(index, "c", INT64), one("OneHot", ["c", "depth", "values"], "y", axis=axis)]
    weights = {"depth": np.array(depth), "values": np.array([-3, 10])}
    shape = [1, 1]
    shape.insert(axis % 3, depth)
    assert kinds(exact(nodes, weights, shape)) == steps


def test_one_hot_vectors_of_wide_ranges_compare() -> None:
    schema = Schema("wide", (Int("n", -(10**6), 10**6), Int("m", 0, 1)))
    nodes = [*column(0, "c", INT64), one("OneHot", ["c", "depth", "values"], "y")]
    codes = [[value, 0] for value in (-4, -3, -1, 0, 2, 3, 10**6)]
    batch = schema.encode_batch(np.array(codes))
    plan = exact(nodes, {"depth": np.array(3), "values": np.array([0, 1])}, [1, 1, 3], schema=schema, batch=batch)
    assert set(kinds(plan)) == {"equal"}


def test_labels_and_probabilities_move() -> None:
    """A class read from a table is still a label; a sliced sigmoid still a probability."""
    proto = onnx.load_from_string(
        model(
            [
                one("MatMul", ["X", "w"], "m"),
                one("Sigmoid", ["m"], "p"),
                one("Slice", ["p", "a", "b", "b"], "first"),
                one("ArgMax", ["m"], "top", axis=1),
                one("Gather", ["names", "top"], "label", axis=0),
            ],
            {"w": np.eye(6, 2, dtype=np.float32), "a": [0], "b": [1], "names": np.array([7, 3])},
            6,
            {"first": (FLOAT, [1, 1]), "label": (INT64, [1, 1])},
        )
    )
    from prover.quantization import Request

    graph = import_model(proto.SerializeToString())
    tier = calibrate(graph, MIXED, request=Request("tier", "first"))
    assert tier.link == "sigmoid"
    label = calibrate(graph, MIXED, request=Request("label", "label"))
    assert label.classes == (7, 3)


def test_dropout_keeps_everything_and_says_so() -> None:
    nodes = [
        helper.make_node("Dropout", ["X", "ratio"], ["d", "mask"]),
        one("Cast", ["mask"], "m", to=FLOAT),
        one("Add", ["d", "m"], "y"),
    ]
    assert kinds(exact(nodes, {"ratio": np.float32(0.3)}, [1, 6], FLOAT)) == []


def test_dropout_in_training_is_refused() -> None:
    nodes = [one("Dropout", ["X", "ratio", "training"], "y")]
    data = model(nodes, {"ratio": np.float32(0.3), "training": np.array(True)}, 6, {"y": (FLOAT, [1, 6])})
    with pytest.raises(UnsupportedOpError, match="drops elements at random"):
        import_model(data)


@pytest.mark.parametrize(
    ("nodes", "weights", "shape"),
    [
        ([one("NonZero", ["c"], "i"), one("Cast", ["i"], "k", to=FLOAT)], {"c": np.float32([0, 3, 0, 4])}, [1, 2]),
        ([one("Range", ["a", "b", "d"], "k")], {"a": np.float32(1), "b": np.float32(9), "d": np.float32(3)}, [3]),
        ([one("Unique", ["c"], "k")], {"c": np.float32([4, 1, 4])}, [2]),
        ([one("Shape", ["X"], "s"), one("Cast", ["s"], "k", to=FLOAT)], {}, [2]),
        ([one("Size", ["X"], "s"), one("Cast", ["s"], "k", to=FLOAT)], {}, []),
        ([one("EyeLike", ["X"], "e", k=2), one("ReduceSum", ["e"], "k", keepdims=0)], {}, []),
        ([one("ConstantOfShape", ["c"], "k")], {"c": [2]}, [2]),
    ],
    ids=lambda value: value[0].op_type if isinstance(value, list) and value and hasattr(value[0], "op_type") else "",
)
def test_what_does_not_depend_on_the_input_is_folded(
    nodes: list[Any], weights: dict[str, Any], shape: list[int]
) -> None:
    nodes = [*nodes, *column(0, "x"), one("ReduceSum", ["k"], "sum", keepdims=0), one("Add", ["x", "sum"], "y")]
    assert kinds(exact(nodes, weights, [1, 1], FLOAT)) == []


def test_a_category_selects_among_conditions() -> None:
    """Booleans and categories meet in a table of truth: no constraint at all."""
    schema = Schema("truth", (Category("kind", ("a", "b", "c")), Int("n", 0, 1)))
    nodes = [*column(0, "c", INT64), one("Gather", ["table", "c"], "y", axis=0)]
    table = np.array([True, False, True])
    assert kinds(exact(nodes, {"table": table}, [1], BOOL, schema=schema)) == []
