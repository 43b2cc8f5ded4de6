"""What the importer makes of a model: batch, names, folding, removal, order, and typed refusals."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import helper

from prover.errors import InputError, ModelFileError, ModelShapeError, UnsupportedOpError
from prover.graph import Graph, import_model

from .onnx_models import make_model, mlp, run_onnxruntime, value_info

node = helper.make_node


def load(model: onnx.ModelProto, **options: object) -> Graph:
    return import_model(model.SerializeToString(), **options)


def relu(shape: list[object], **options: object) -> Graph:
    return load(make_model([node("Relu", ["x"], ["y"])], {"x": shape}, ["y"]), **options)


# --- shapes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch", ["N", None, 0, 1])
def test_unknown_batch_becomes_one(batch: object) -> None:
    assert relu([batch, 3]).inputs[0].shape == (1, 3)


def test_known_shapes_stay() -> None:
    assert relu([4, 3]).inputs[0].shape == (4, 3)
    assert relu(["N", "N"]).inputs[0].shape == (1, 1)
    assert relu([]).inputs[0].shape == ()


@pytest.mark.parametrize("shape", [["N", "width"], [1, None], ["N", 0], [-1, 3], ["N", -5]])
def test_other_unknown_dimensions_are_refused(shape: list[object]) -> None:
    with pytest.raises(ModelShapeError, match="input 'x'"):
        relu(shape)


def test_input_shapes_replace_the_declared_ones() -> None:
    assert relu(["N", "width"], input_shapes={"x": (1, 7)}).n_features == 7
    with pytest.raises(ModelShapeError, match="'z', which is not an input"):
        relu(["N", 2], input_shapes={"z": (1,)})
    with pytest.raises(ModelShapeError, match="at least 1"):
        relu(["N", 2], input_shapes={"x": (1, 0)})


def test_input_without_a_shape() -> None:
    model = make_model([node("Relu", ["x"], ["y"])], [value_info("x", None)], ["y"])
    with pytest.raises(ModelShapeError, match="input 'x' has no shape"):
        load(model)
    assert load(model, input_shapes={"x": (1, 2)}).inputs[0].shape == (1, 2)


def test_shape_arithmetic_of_exporters_folds() -> None:
    """x.view(x.size(0), -1) as PyTorch writes it."""
    nodes = [
        node("Shape", ["x"], ["s"]),
        node("Gather", ["s", "zero"], ["n"]),
        node("Unsqueeze", ["n", "axis"], ["n1"]),
        node("Concat", ["n1", "rest"], ["target"], axis=0),
        node("Reshape", ["x", "target"], ["y"]),
    ]
    constants = {"zero": np.array(0), "axis": np.array([0]), "rest": np.array([-1])}
    graph = load(make_model(nodes, {"x": ["N", 2, 3]}, ["y"], constants))
    assert [item.op for item in graph.nodes] == ["Reshape"]
    assert graph.outputs[0].shape == (1, 6)
    assert graph.constants["target"].tolist() == [1, -1]
    assert set(graph.constants) == {"target"}


# --- names, folding, removal ------------------------------------------------------------------------------------------


def test_identity_is_removed_and_outputs_keep_their_names() -> None:
    nodes = [
        node("Identity", ["x"], ["a"]),
        node("Relu", ["a"], ["b"]),
        node("Identity", ["b"], ["c"]),
        node("Identity", ["c"], ["y"]),
        node("Sigmoid", ["c"], ["z"]),
    ]
    graph = load(make_model(nodes, {"x": [1, 2]}, ["y", "z"]))
    assert [(item.op, item.inputs, item.outputs) for item in graph.nodes] == [
        ("Relu", ("x",), ("y",)),
        ("Sigmoid", ("y",), ("z",)),
    ]
    assert set(graph.tensors) == {"x", "y", "z"}


def test_an_identity_that_is_needed_stays() -> None:
    """An output that is an input, and one tensor returned twice."""
    nodes = [node("Identity", ["x"], ["y"]), node("Relu", ["x"], ["z"]), node("Identity", ["z"], ["w"])]
    graph = load(make_model(nodes, {"x": [1, 2]}, ["y", "z", "w"]))
    assert sorted((item.op, *item.outputs) for item in graph.nodes) == [
        ("Identity", "w"),
        ("Identity", "y"),
        ("Relu", "z"),
    ]
    values = graph.run({"x": np.array([[-1, 2]], dtype=np.float32)})
    assert {name: value.tolist() for name, value in values.items()} == {"y": [[-1, 2]], "z": [[0, 2]], "w": [[0, 2]]}


def test_two_aliases_of_one_tensor() -> None:
    nodes = [node("Relu", ["x"], ["h"]), node("Identity", ["h"], ["y"]), node("Identity", ["h"], ["z"])]
    graph = load(make_model(nodes, {"x": [1, 2]}, ["y", "z"]))
    values = graph.run({"x": np.array([[-1, 2]], dtype=np.float32)})
    assert values["y"].tolist() == values["z"].tolist() == [[0, 2]]


def test_zip_map_is_removed() -> None:
    nodes = [
        node("Sigmoid", ["x"], ["p"]),
        node("ZipMap", ["p"], ["output_probability"], domain="ai.onnx.ml", classlabels_int64s=[0, 1]),
    ]
    pairs = helper.make_sequence_type_proto(helper.make_map_type_proto(7, helper.make_tensor_type_proto(1, None)))
    output = helper.make_value_info("output_probability", pairs)
    graph = load(make_model(nodes, {"x": ["N", 2]}, [output]))
    assert [item.op for item in graph.nodes] == ["Sigmoid"]
    assert [(info.name, info.shape) for info in graph.outputs] == [("output_probability", (1, 2))]


def test_constants_fold_and_what_no_output_needs_goes() -> None:
    nodes = [
        node("Mul", ["a", "a"], ["aa"]),
        node("Add", ["x", "aa"], ["y"]),
        node("Relu", ["x"], ["unused"]),
    ]
    graph = load(make_model(nodes, {"x": [1, 2]}, ["y"], {"a": np.array([2, 3], dtype=np.float32)}))
    assert [item.op for item in graph.nodes] == ["Add"]
    assert {name: value.tolist() for name, value in graph.constants.items()} == {"aa": [4, 9]}
    with pytest.raises(ValueError, match="read-only"):
        graph.constants["aa"][0] = 1


def test_initializers_listed_as_inputs_are_constants() -> None:
    """ONNX IR 3 lists them so."""
    model = make_model([node("Add", ["x", "a"], ["y"])], {"x": [1, 2], "a": [2]}, ["y"], {"a": np.ones(2, np.float32)})
    assert [info.name for info in load(model).inputs] == ["x"]


def test_attributes_have_their_defaults() -> None:
    (gemm, *_) = load(mlp()).nodes
    assert gemm.attributes == {"alpha": 1.0, "beta": 1.0, "transA": 0, "transB": 0}
    assert (gemm.name, gemm.domain, gemm.opset) == ("first", "ai.onnx", 17)


def test_domain_ai_onnx_is_the_default_domain() -> None:
    model = make_model([node("Relu", ["x"], ["y"], domain="ai.onnx")], {"x": [1, 2]}, ["y"])
    assert load(model).nodes[0].domain == "ai.onnx"


def test_repeated_opset_imports() -> None:
    model = mlp()
    model.opset_import.add(domain="", version=17)
    model.opset_import.add(domain="ai.onnx", version=17)
    assert load(model).opsets["ai.onnx"] == 17
    model.opset_import.add(domain="", version=18)
    with pytest.raises(ModelFileError, match="as version 17 and as 18"):
        load(model)


def test_selected_outputs() -> None:
    nodes = [node("Relu", ["x"], ["y"]), node("Sigmoid", ["x"], ["z"])]
    model = make_model(nodes, {"x": [1, 2]}, ["y", "z"])
    graph = load(model, output_names=["z"])
    assert [item.op for item in graph.nodes] == ["Sigmoid"]
    assert [info.name for info in load(model, output_names=["z", "y"]).outputs] == ["z", "y"]
    with pytest.raises(ModelFileError, match="no output 'w'"):
        load(model, output_names=["w"])


# --- several inputs, rows ---------------------------------------------------------------------------------------------


def two_inputs() -> onnx.ModelProto:
    nodes = [node("Cast", ["k"], ["kf"], to=1), node("Concat", ["x", "kf"], ["y"], axis=1)]
    return make_model(nodes, [value_info("x", ["N", 2]), value_info("k", ["N", 1], np.int64)], ["y"])


def test_a_row_is_cut_into_the_inputs_in_order() -> None:
    graph = load(two_inputs())
    assert graph.n_features == 3
    feed = graph.feed(np.array([0.5, 1.5, 7.0], dtype=np.float32))
    assert feed["k"].dtype == np.int64
    assert graph.run(feed)["y"].tolist() == [[0.5, 1.5, 7.0]]
    swapped = load(two_inputs(), input_names=["k", "x"])
    assert swapped.feed(np.array([7.0, 0.5, 1.5], dtype=np.float32))["k"].tolist() == [[7]]
    with pytest.raises(ModelShapeError, match="not the model's inputs"):
        load(two_inputs(), input_names=["x"])


@pytest.mark.parametrize("row", [[0.5, 1.5, 7.5], [0, 0, np.nan], [0, 0, 1e30], [0, 0], [0, 0, 0, 0]])
def test_rows_that_do_not_fit(row: list[float]) -> None:
    with pytest.raises(InputError, match=r"row has shape|input 'k'"):
        load(two_inputs()).feed(np.array(row, dtype=np.float32))


def test_run_checks_its_inputs() -> None:
    graph = load(mlp())
    good = np.zeros((1, 3), dtype=np.float32)
    for inputs, message in [
        ({}, "no value for input 'x'"),
        ({"x": good, "z": good}, "no input 'z'"),
        ({"x": good[0]}, r"input 'x' is float32\[3\]"),
        ({"x": good.astype(np.float64)}, "input 'x' is float64"),
    ]:
        with pytest.raises(InputError, match=message):
            graph.run(inputs)
    with pytest.raises(InputError, match="no tensor 'q'"):
        graph.run({"x": good}, fetch=["q"])
    with pytest.raises(InputError, match="rows have shape"):
        graph.run_rows(np.zeros((0, 3), dtype=np.float32))


def test_fetch_and_neighbours() -> None:
    graph = load(mlp())
    rows = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    hidden = graph.run_rows(rows, ["h", "r"])
    assert hidden["h"].shape == (5, 1, 4)
    np.testing.assert_array_equal(np.maximum(hidden["h"], 0), hidden["r"])
    assert graph.producers["r"].name == "middle"
    assert [item.name for item in graph.consumers["r"]] == ["last"]
    assert graph.consumers["y"] == ()
    expected = run_onnxruntime(mlp(), {"x": rows})["y"]
    np.testing.assert_allclose(graph.run_rows(rows)["y"][:, 0], expected, rtol=1e-5)


def test_values_an_operator_is_not_defined_for() -> None:
    """Refused when they come from the input, and when they are constants."""
    one_hot = node("OneHotEncoder", ["k"], ["y"], "hot", domain="ai.onnx.ml", cats_int64s=[1, 2], zeros=0)
    gather = node("Gather", ["table", "k"], ["y"], "look up")
    table = {"table": np.zeros((3, 2), dtype=np.float32)}
    for item, constants, message in [(one_hot, {}, "'hot'.* none of the categories"), (gather, table, "'look up'")]:
        graph = load(make_model([item], [value_info("k", [1], np.int64)], ["y"], constants))
        graph.run({"k": np.array([2])})
        with pytest.raises(InputError, match=message):
            graph.run({"k": np.array([9])})
        nodes = [item, node("Add", ["y", "x"], ["z"])]
        with pytest.raises(ModelShapeError, match=message):
            load(make_model(nodes, {"x": [1]}, ["z"], {**constants, "k": np.array([9])}))


# --- refusals ---------------------------------------------------------------------------------------------------------


def refuse(item: onnx.NodeProto, shapes: list[tuple[int, ...]], **options: object) -> pytest.ExceptionInfo:
    names = [f"x{index}" for index in range(len(shapes))]
    item.input[:] = item.input[:] or names
    inputs = {name: list(shape) for name, shape in zip(names, shapes, strict=True)}
    with pytest.raises((UnsupportedOpError, ModelShapeError, ModelFileError)) as caught:
        load(make_model([item], inputs, ["y"], **options))
    return caught


def test_unsupported_operator_is_named() -> None:
    error = refuse(node("DeformConv", [], ["y"], "warp"), [(1, 2)]).value
    assert isinstance(error, UnsupportedOpError)
    assert (error.node, error.op, error.domain, error.opset) == ("warp", "DeformConv", "ai.onnx", 17)
    assert "Gemm" in error.hint
    error = refuse(node("Fused", [], ["y"], domain="com.acme"), [(1, 2)]).value
    assert isinstance(error, UnsupportedOpError)
    assert "does not import" in error.message


def test_custom_domain_that_is_imported() -> None:
    model = make_model([node("Fused", ["x"], ["y"], domain="com.acme")], {"x": [1, 2]}, ["y"])
    model.opset_import.add(domain="com.acme", version=1)
    with pytest.raises(UnsupportedOpError, match=r"operator Fused of the domain 'com.acme'"):
        load(model)


@pytest.mark.parametrize("opset", [29, 10**6])
def test_unsupported_opsets_are_named(opset: int) -> None:
    error = refuse(node("Relu", [], ["y"]), [(1, 2)], opset=opset).value
    assert isinstance(error, UnsupportedOpError)
    assert f"opsets 9 to 28 of ai.onnx, not {opset}" in error.message


@pytest.mark.parametrize(
    ("op", "attributes", "message"),
    [
        ("MaxPool", {"kernel_shape": [1], "storage_order": 2}, "storage_order = 2 is not supported"),
        ("Relu", {"alpha": 0.5}, "attribute 'alpha' is not supported"),
        ("Cast", {"to": 17}, "cast to element type 17"),
        ("Cast", {"to": 8}, "cast to element type 8"),
    ],
)
def test_unsupported_attributes_are_named(op: str, attributes: dict[str, object], message: str) -> None:
    error = refuse(node(op, [], ["y"], "odd", **attributes), [(1, 2)]).value
    assert isinstance(error, UnsupportedOpError)
    assert message in error.message
    assert "odd" in error.message


ML = {"domain": "ai.onnx.ml"}
LINEAR = "LinearClassifier"
WEIGHTS = {"coefficients": [1.0] * 6, "intercepts": [0.0] * 2, "classlabels_ints": [0, 1]}


@pytest.mark.parametrize(
    ("item", "shapes", "kind", "message"),
    [
        (node("Gemm", [], ["y"], "g"), [(2, 3), (4, 5)], ModelShapeError, "3 columns but B' has 4 rows"),
        (node("Gemm", [], ["y"], "g"), [(2, 3, 1), (3, 5)], ModelShapeError, "must be matrices"),
        (node("Gemm", [], ["y"], "g"), [(2, 3), (3, 5), (3, 2, 5)], ModelShapeError, "C of shape"),
        (node("Gemm", [], ["y"], "g"), [(2, 3)], ModelFileError, "1 inputs, expected 2 to 3"),
        (node("MatMul", [], ["y"], "g"), [(2, 3), (4, 5)], ModelShapeError, "do not multiply"),
        (node("MatMul", [], ["y"], "g"), [(), (4,)], ModelShapeError, "scalar"),
        (node("Add", [], ["y"], "g"), [(2, 3), (4,)], ModelShapeError, "broadcast"),
        (node("Concat", [], ["y"], "g", axis=0), [(2, 3), (2, 4)], ModelShapeError, "do not join along axis 0"),
        (node("Concat", [], ["y"], "g", axis=2), [(2, 3), (2, 3)], ModelShapeError, "axis 2 is outside"),
        (node("Concat", [], ["y"], "g"), [(2, 3)], ModelFileError, "lacks the attribute 'axis'"),
        (node("Concat", [], ["y"], "g", axis=1.0), [(2, 3)], ModelFileError, "'axis' is not of type int"),
        (node("Flatten", [], ["y"], "g", axis=3), [(2, 3)], ModelShapeError, "axis 3"),
        (node("Transpose", [], ["y"], "g", perm=[0, 0]), [(2, 3)], ModelShapeError, "not a permutation"),
        (node("Softmax", [], ["y"], "g", axis=2), [(2, 3)], ModelShapeError, "axis 2 is outside"),
        (node("Reshape", [], ["y"], "g"), [(2, 3), (2,)], UnsupportedOpError, "input 'shape' is computed"),
        (node("Squeeze", [], ["y"], "g"), [(2, 3), (1,)], UnsupportedOpError, "input 'axes' is computed"),
        (node("Scaler", [], ["y"], "g", offset=[0.0] * 2, scale=[1.0] * 3, **ML), [(1, 3)], ModelShapeError, "offset"),
        (node("Scaler", [], ["y"], "g", scale=[1.0], **ML), [(1, 3)], ModelFileError, "lacks the attribute 'offset'"),
        (node("Scaler", [], ["y"], "g", offset=[float("nan")], scale=[1.0], **ML), [(1, 3)], ModelFileError, "NaN"),
        (node("OneHotEncoder", [], ["y"], "g", **ML), [(1, 3)], ModelShapeError, "cats_int64s is empty"),
        (
            node("OneHotEncoder", [], ["y"], "g", cats_strings=["a"], **ML),
            [(1, 3)],
            ModelShapeError,
            "cats_int64s is empty",
        ),
        (node("Normalizer", [], ["y"], "g", norm="L7", **ML), [(1, 3)], UnsupportedOpError, "norm = 'L7'"),
        (
            node(LINEAR, [], ["l", "y"], "g", **WEIGHTS, **ML),
            [(1, 4)],
            ModelShapeError,
            "6 coefficients for 2",
        ),
        (
            node(LINEAR, [], ["l", "y"], "g", **{**WEIGHTS, "classlabels_ints": [0]}, **ML),
            [(1, 3)],
            ModelShapeError,
            "1 class labels, expected 2",
        ),
        (
            node(LINEAR, [], ["l", "y"], "g", **WEIGHTS, post_transform="CUBE", **ML),
            [(1, 3)],
            UnsupportedOpError,
            "post_transform = 'CUBE'",
        ),
        (
            node(
                "LinearClassifier",
                [],
                ["l", "y"],
                "g",
                **{**WEIGHTS, "intercepts": [0.0]},
                post_transform="SOFTMAX",
                **ML,
            ),
            [(1, 6)],
            UnsupportedOpError,
            "SOFTMAX of a single score",
        ),
        (
            node("LinearRegressor", [], ["y"], "g", coefficients=[1.0], targets=-1, **ML),
            [(1, 1)],
            ModelShapeError,
            "-1",
        ),
    ],
)
def test_refusals_name_the_node(
    item: onnx.NodeProto, shapes: list[tuple[int, ...]], kind: type[Exception], message: str
) -> None:
    caught = refuse(item, shapes)
    assert caught.type is kind
    assert message in caught.value.message
    assert "'g'" in caught.value.message


def test_dtypes_that_contradict_each_other() -> None:
    inputs = [value_info("x", [1, 2]), value_info("k", [1, 2], np.float64)]
    with pytest.raises(ModelShapeError, match="different dtypes: 'x' float32, 'k' float64"):
        load(make_model([node("Add", ["x", "k"], ["y"])], inputs, ["y"]))
    with pytest.raises(ModelShapeError, match="does not take"):
        load(make_model([node("Sigmoid", ["k"], ["y"])], [value_info("k", [1], np.int64)], ["y"]))
    with pytest.raises(ModelShapeError, match="output 'y' is declared int64 but is float32"):
        load(make_model([node("Relu", ["x"], ["y"])], {"x": [1]}, [value_info("y", [1], np.int64)]))
    with pytest.raises(ModelShapeError, match="input 'x' is not a tensor of numbers or texts"):
        load(make_model([node("Identity", ["x"], ["y"])], [helper.make_empty_tensor_value_info("x")], ["y"]))
