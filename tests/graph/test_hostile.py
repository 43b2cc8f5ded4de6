"""Files that are broken or malicious: a typed error each, quickly, and never another exception."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, external_data_helper, helper, numpy_helper

from prover.errors import ModelError, ModelFileError, ModelShapeError, UnsupportedOpError
from prover.graph import Limits, import_model

from .onnx_models import make_model, mlp

node = helper.make_node
SMALL = Limits(tensor_elements=1 << 20, total_elements=1 << 24, folding_work=1 << 29)


def load(model: onnx.ModelProto, **options: object) -> object:
    return import_model(model.SerializeToString(), **options)


def with_weight(change: Callable[[onnx.TensorProto], object]) -> onnx.ModelProto:
    model = mlp()
    change(model.graph.initializer[0])
    return model


# --- files ------------------------------------------------------------------------------------------------------------


def test_missing_file_directory_and_pipe(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"there is no model .*none\.onnx"):
        import_model(tmp_path / "none.onnx")
    with pytest.raises(ModelFileError, match=r"not a regular file|cannot read"):
        import_model(tmp_path)
    os.mkfifo(tmp_path / "pipe.onnx")
    with pytest.raises(ModelFileError, match="not a regular file"):
        import_model(tmp_path / "pipe.onnx")
    with pytest.raises(ModelFileError, match="cannot read"):
        import_model("null\0byte.onnx")


def test_sparse_file_of_3_gib_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "large.onnx"
    with open(path, "wb") as file:
        file.truncate(3 << 30)
    with pytest.raises(ModelFileError, match=r"the model .*large\.onnx has 3221225472 bytes, more than 2147483647"):
        import_model(path)


@pytest.mark.parametrize("data", [b"", b"\0", b"{}", b"PK\3\4" + bytes(100), b"\x08", b"\xff" * 50, b"\x0a\x00" * 50])
def test_bytes_that_are_no_model(data: bytes) -> None:
    with pytest.raises(ModelFileError, match="not an ONNX model"):
        import_model(data)


def test_other_protobufs() -> None:
    others = [
        helper.make_tensor("t", 1, [2], [1.0, 2.0]),
        mlp().graph,
        helper.make_opsetid("", 17),
        onnx.ModelProto(ir_version=10),
        onnx.FunctionProto(name="f"),
    ]
    for message in others:
        with pytest.raises(ModelFileError, match="not an ONNX model"):
            import_model(message.SerializeToString())


def test_every_truncation_is_refused(models: Path) -> None:
    data = (models / "credit_logistic.onnx").read_bytes()
    for end in range(0, len(data), 7):
        with pytest.raises(ModelError):
            import_model(data[:end])


def rename_operator(model: onnx.ModelProto, name: str) -> None:
    model.graph.node[0].op_type = name


def rename_tensor(model: onnx.ModelProto, name: str) -> None:
    model.graph.node[0].output[0] = model.graph.node[1].input[0] = name


def rename_input(model: onnx.ModelProto, name: str) -> None:
    model.graph.input[0].name = model.graph.node[0].input[0] = name


def rename_attribute(model: onnx.ModelProto, name: str) -> None:
    model.graph.node[0].attribute.add(name=name, type=2)


@pytest.mark.parametrize("rename", [rename_operator, rename_tensor, rename_input, rename_attribute])
def test_names_that_are_not_utf8(rename: Callable[[onnx.ModelProto, str], None]) -> None:
    model = mlp()
    rename(model, "Zq8Zq8")
    with pytest.raises(ModelFileError, match="not UTF-8"):
        import_model(model.SerializeToString().replace(b"Zq8Zq8", b"\xff\xfe\xfd\xff\xfe\xfd"))


# --- structure --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ([], "empty"),
        ([node("Add", ["x", "b"], ["a"]), node("Relu", ["a"], ["b"]), node("Relu", ["b"], ["y"])], "cycle"),
        ([node("Add", ["x", "y"], ["y"], "self")], "cycle: node 'self'"),
        ([node("Add", ["x", "ghost"], ["y"], "n")], "node 'n' .* reads the tensor 'ghost', which nothing produces"),
        ([node("Relu", ["x"], ["z"])], "nothing produces the output 'y'|not valid ONNX"),
        ([node("Relu", ["x"], ["y"]), node("Sigmoid", ["x"], ["y"], "n")], "'y' is produced twice, .*'n'"),
        ([node("Relu", ["x"], ["x"]), node("Relu", ["x"], ["y"])], "'x' is produced twice"),
        ([node("Relu", ["x"], ["w"]), node("Relu", ["w"], ["y"])], "'w' is produced twice"),
        ([node("Relu", ["x"], [""]), node("Relu", ["x"], ["y"])], "has 0 outputs"),
        ([node("Relu", ["x"], ["y", "z"])], "has 2 outputs"),
        ([node("Relu", ["x", "x"], ["y"])], "has 2 inputs"),
        ([node("Identity", ["w"], ["y"])], "do not depend on its inputs"),
    ],
)
def test_broken_graphs(nodes: list[onnx.NodeProto], message: str) -> None:
    model = make_model(nodes, {"x": [1, 2]}, ["y"], {"w": np.ones(2, dtype=np.float32)})
    with pytest.raises(ModelFileError, match=message):
        load(model)


def test_absent_input_that_is_needed() -> None:
    with pytest.raises((ModelFileError, ModelShapeError)):
        load(make_model([node("Add", ["", "x"], ["y"], "n")], {"x": [1, 2]}, ["y"]))


def test_names_used_twice() -> None:
    model = mlp()
    model.graph.output.add().CopyFrom(model.graph.output[0])
    with pytest.raises(ModelFileError, match="two outputs"):
        load(model)
    model = mlp()
    model.graph.input.add().CopyFrom(model.graph.input[0])
    with pytest.raises(ModelFileError, match="two inputs are called 'x'"):
        load(model)
    model = mlp()
    model.graph.initializer.add().CopyFrom(model.graph.initializer[0])
    with pytest.raises(ModelFileError, match="initializer 'w0'"):
        load(model)


def test_nodes_in_any_order_are_sorted() -> None:
    """ONNX wants topological order, but runtimes take any, and so do we."""
    model = mlp()
    nodes = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend(nodes[::-1])
    assert [item.name for item in load(model).nodes] == ["first", "middle", "last"]


def test_subgraphs_are_unsupported_however_deep() -> None:
    graph = mlp().graph
    for _ in range(20):
        outer = onnx.GraphProto(name="g")
        outer.node.add(op_type="If", input=["c"], output=["y"]).attribute.add(name="then_branch", type=5).g.CopyFrom(
            graph
        )
        graph = outer
    model = mlp()
    model.graph.node.extend(graph.node)
    with pytest.raises((UnsupportedOpError, ModelFileError)):
        import_model(model.SerializeToString())


def test_recursion_bomb() -> None:
    """Thousands of nested subgraphs, written by hand since no protobuf library would."""
    field = b""
    for _ in range(5000):
        for tag in (b"\x32", b"\x2a", b"\x0a"):  # AttributeProto.g, NodeProto.attribute, GraphProto.node
            length, size = b"", len(field)
            while size > 127:
                length += bytes([size & 127 | 128])
                size >>= 7
            field = tag + length + bytes([size]) + field
    with pytest.raises(ModelFileError):
        import_model(b"\x08\x0a\x42\x02\x10\x11\x3a" + _varint(len(field)) + field)


def _varint(number: int) -> bytes:
    result = b""
    while number > 127:
        result += bytes([number & 127 | 128])
        number >>= 7
    return result + bytes([number])


def test_long_chain_does_not_recurse() -> None:
    nodes = [node("Relu", [f"t{index}"], [f"t{index + 1}"]) for index in range(20_000)]
    graph = load(make_model(nodes, {"t0": [1, 2]}, ["t20000"]))
    assert len(graph.nodes) == 20_000
    with pytest.raises(ModelFileError, match="20000 nodes, more than 100"):
        load(make_model(nodes, {"t0": [1, 2]}, ["t20000"]), limits=Limits(nodes=100))


def test_parts_that_are_not_read_do_not_matter() -> None:
    """External data and nonsense in functions nobody calls, in training graphs and in value infos."""
    model = mlp()
    stray = helper.make_tensor("s", 1, [1], [0.0])
    stray.ClearField("float_data")
    stray.data_location = TensorProto.EXTERNAL
    stray.external_data.add(key="location", value="../../secret")
    body = [node("Constant", [], ["b"], value=stray)]
    model.functions.append(helper.make_function("local", "F", [], ["b"], body, [helper.make_opsetid("", 17)]))
    model.training_info.add().algorithm.initializer.append(stray)
    model.graph.value_info.add(name="h").type.tensor_type.elem_type = 999
    assert len(load(model).nodes) == 3


def test_attribute_given_twice() -> None:
    item = node("Flatten", ["x"], ["y"], "n", axis=0)
    item.attribute.add().CopyFrom(item.attribute[0])
    with pytest.raises(ModelFileError, match=r"node 'n' .* has the attribute 'axis' twice"):
        load(make_model([item], {"x": [1, 2]}, ["y"]))


def test_attributes_of_too_many_entries() -> None:
    item = node("Transpose", ["x"], ["y"], "n", perm=[0] * 1000)
    with pytest.raises(ModelFileError, match=r"node 'n' .* 'perm' has more than 999 entries"):
        load(make_model([item], {"x": [1, 2]}, ["y"]), limits=Limits(tensor_elements=999))


# --- tensors ----------------------------------------------------------------------------------------------------------


def dims(*sizes: int) -> Callable[[onnx.TensorProto], object]:
    def change(tensor: onnx.TensorProto) -> None:
        tensor.dims[:] = sizes

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dims(3, 5), "'w0' has 48 bytes of data, its shape needs 60"),
        (dims(3), "'w0' has 48 bytes of data, its shape needs 12"),
        (dims(-3, -4), "'w0' has the shape .* negative or too large"),
        (dims(2**31, 2**31), "'w0' has the shape .* negative or too large"),
        (dims(2**62, 2**62, 2**62), "'w0' has the shape .* negative or too large"),
        (dims(*[2**62] * 200_000), "'w0' has the shape .* negative or too large"),
        (dims(2**40, 0), "'w0' has 48 bytes of data, its shape needs 0"),
        (lambda tensor: tensor.float_data.append(1.0), "not valid ONNX"),
        (lambda tensor: tensor.ClearField("raw_data"), "'w0' has 0 values, its shape needs 12"),
        (lambda tensor: setattr(tensor, "data_type", 16), "'w0' has 48 bytes of data, its shape needs 24"),
        (lambda tensor: setattr(tensor, "data_type", 17), "element type 17"),
        (lambda tensor: setattr(tensor, "data_type", 0), "element type 0"),
        (lambda tensor: setattr(tensor, "data_type", 999), "element type 999"),
        (lambda tensor: setattr(tensor, "data_type", 8), "strings as raw bytes"),
        (lambda tensor: setattr(tensor.segment, "begin", 1), "segments"),
        (lambda tensor: setattr(tensor, "name", ""), "no name"),
    ],
)
def test_broken_initializers(change: Callable[[onnx.TensorProto], object], message: str) -> None:
    with pytest.raises(ModelFileError, match=message):
        load(with_weight(change))


def test_a_tensor_without_elements_and_with_endless_dimensions() -> None:
    def change(tensor: onnx.TensorProto) -> None:
        tensor.dims[:] = [2**62, 2**62, 0]
        tensor.raw_data = b""

    with pytest.raises(ModelFileError, match=r"'w0' has the shape .* too large"):
        load(with_weight(change))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_no_numbers(value: float) -> None:
    def change(tensor: onnx.TensorProto) -> None:
        weights = numpy_helper.to_array(tensor).copy()
        weights[1, 1] = value
        tensor.CopyFrom(numpy_helper.from_array(weights, tensor.name))

    with pytest.raises(ModelFileError, match=r"'w0', read by node 'first' .*, holds NaN or infinity"):
        load(with_weight(change))


@pytest.mark.parametrize(
    ("code", "values"),
    [
        (TensorProto.FLOAT, [1.5, -2.0]),
        (TensorProto.DOUBLE, [1.5, -2.0]),
        (TensorProto.FLOAT16, [1.5, -2.0]),
        (TensorProto.INT8, [-5, 7]),
        (TensorProto.UINT16, [5, 65535]),
        (TensorProto.INT64, [-(2**60), 7]),
        (TensorProto.UINT64, [2**63, 7]),
        (TensorProto.BOOL, [True, False]),
    ],
)
@pytest.mark.parametrize("raw", [False, True])
def test_stored_forms_of_a_tensor(code: int, values: list[float], raw: bool) -> None:
    dtype = helper.tensor_dtype_to_np_dtype(code)
    stored = np.array(values, dtype=dtype)
    tensor = helper.make_tensor("c", code, [2], stored.tobytes() if raw else values, raw=raw)
    nodes = [node("Relu", ["x"], ["y"]), node("Identity", ["c"], ["z"])]
    model = make_model(nodes, {"x": [1]}, ["y", helper.make_tensor_value_info("z", code, [2])])
    model.graph.initializer.append(tensor)
    constant = load(model).constants["z"]
    assert constant.dtype == dtype
    np.testing.assert_array_equal(constant, stored)


@pytest.mark.parametrize(
    ("nodes", "constants"),
    [
        ([node("ConstantOfShape", ["s"], ["c"])], {"s": np.array([2**40])}),
        ([node("ConstantOfShape", ["s"], ["c"])], {"s": np.array([-1])}),
        ([node("ConstantOfShape", ["s"], ["c"])], {"s": np.array([1] * 60)}),
        (
            [
                node("ConstantOfShape", ["s"], ["a"]),
                node("Transpose", ["a"], ["b"]),
                node("MatMul", ["b", "a"], ["c"]),
            ],
            {"s": np.array([1, 2**20])},
        ),
        (
            [node("ConstantOfShape", ["s"], ["a0"])]
            + [node("Concat", [f"a{i}", f"a{i}"], [f"a{i + 1}"], axis=0) for i in range(60)]
            + [node("Identity", ["a60"], ["c"])],
            {"s": np.array([2])},
        ),
        (
            [node("ConstantOfShape", ["s"], ["a"]), node("MatMul", ["a", "a"], ["c"])],
            {"s": np.array([2**10, 2**10])},
        ),
        (
            [node("ConstantOfShape", ["s"], ["a0"])]
            + [node("Add", [f"a{i}", f"a{i}"], [f"a{i + 1}"]) for i in range(500)]
            + [node("Identity", ["a500"], ["c"])],
            {"s": np.array([2**18])},
        ),
    ],
)
def test_constants_that_explode(nodes: list[onnx.NodeProto], constants: dict[str, np.ndarray]) -> None:
    start = time.monotonic()
    model = make_model([*nodes, node("Add", ["x", "c"], ["y"])], {"x": [1]}, ["y"], constants)
    with pytest.raises(ModelShapeError):
        load(model, limits=SMALL)
    assert time.monotonic() - start < 20


def test_reshape_to_very_many_dimensions() -> None:
    constants = {"s": np.full(200_000, 2**62)}
    with pytest.raises(ModelShapeError, match="is not a shape"):
        load(make_model([node("Reshape", ["x", "s"], ["y"])], {"x": [4]}, ["y"], constants))


@pytest.mark.parametrize("shape", [[1, 2**40], [2**32, 2**32], [1] * 40, [1, 2**62], [2**62] * 200_000])
def test_huge_inputs(shape: list[int]) -> None:
    with pytest.raises(ModelShapeError, match=r"input 'x'.* negative or too large"):
        load(make_model([node("Relu", ["x"], ["y"])], {"x": shape}, ["y"]))


# --- external data ----------------------------------------------------------------------------------------------------


def external(location: str, **entries: object) -> bytes:
    """The MLP with its first weight in another file."""

    def change(tensor: onnx.TensorProto) -> None:
        external_data_helper.set_external_data(tensor, location, **entries)
        tensor.ClearField("raw_data")

    return with_weight(change).SerializeToString()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model's folder with 12 weights in ``weights.bin``, and a secret of the same length outside."""
    inside = tmp_path / "model"
    inside.mkdir()
    raw = mlp().graph.initializer[0].raw_data
    (inside / "weights.bin").write_bytes(b"header.." + raw)
    (tmp_path / "secret.bin").write_bytes(raw)
    return inside


def test_external_data_inside_the_folder(folder: Path) -> None:
    (folder / "m.onnx").write_bytes(external("weights.bin", offset=8, length=48))
    graph = import_model(folder / "m.onnx")
    assert graph.constants["w0"].tobytes() == mlp().graph.initializer[0].raw_data
    with pytest.raises(ModelFileError, match="given as bytes"):
        import_model(external("weights.bin", offset=8, length=48))


def test_external_data_of_onnx_itself(folder: Path) -> None:
    onnx.save(mlp(), folder / "saved.onnx", save_as_external_data=True, location="all.bin", size_threshold=0)
    reference = import_model(mlp().SerializeToString())
    graph = import_model(folder / "saved.onnx")
    for name, value in reference.constants.items():
        np.testing.assert_array_equal(graph.constants[name], value)


@pytest.mark.parametrize(
    ("location", "entries", "message"),
    [
        ("../secret.bin", {}, "outside the model's folder"),
        ("sub/../../secret.bin", {}, "outside the model's folder"),
        ("sub/../weights.bin", {"offset": 8}, "outside the model's folder"),
        ("/etc/passwd", {}, "outside the model's folder"),
        ("C:\\secret.bin", {}, "outside the model's folder"),
        ("\\\\host\\share", {}, "outside the model's folder"),
        ("file:///etc/passwd", {}, "outside the model's folder"),
        ("link.bin", {}, "outside the model's folder"),
        ("up/secret.bin", {}, "outside the model's folder"),
        ("", {}, "outside the model's folder"),
        (".", {}, "not a regular file|cannot read"),
        ("loop", {}, "malformed|cannot read"),
        ("pipe", {}, "not a regular file"),
        ("none.bin", {}, "there is no data of tensor 'w0'"),
        ("null\0.bin", {}, "malformed|cannot read"),
        ("weights.bin", {"offset": 9}, "truncated"),
        ("weights.bin", {"offset": -1}, "its shape needs 48"),
        ("weights.bin", {"offset": 2**70}, "truncated|cannot read"),
        ("weights.bin", {"length": 47}, "its shape needs 48"),
        ("weights.bin", {"length": 2**70}, "its shape needs 48"),
        ("x" * 5000, {}, "malformed|cannot read|there is no"),
    ],
)
def test_external_data_elsewhere(folder: Path, location: str, entries: dict[str, int], message: str) -> None:
    (folder / "link.bin").symlink_to(folder.parent / "secret.bin")
    (folder / "up").symlink_to(folder.parent)
    (folder / "loop").symlink_to(folder / "loop")
    os.mkfifo(folder / "pipe")
    (folder / "m.onnx").write_bytes(external(location, **entries))
    with pytest.raises(ModelFileError, match=message):
        import_model(folder / "m.onnx")


def test_external_offset_that_is_no_number(folder: Path) -> None:
    def change(tensor: onnx.TensorProto) -> None:
        external_data_helper.set_external_data(tensor, "weights.bin")
        tensor.ClearField("raw_data")
        tensor.external_data.add(key="offset", value="eight")

    (folder / "m.onnx").write_bytes(with_weight(change).SerializeToString())
    with pytest.raises(ModelFileError, match="malformed external data"):
        import_model(folder / "m.onnx")


def test_external_data_in_an_attribute(folder: Path) -> None:
    tensor = helper.make_tensor("v", 1, [12], [0.0] * 12)
    tensor.ClearField("float_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../secret.bin")
    nodes = [node("Constant", [], ["c"], value=tensor), node("Add", ["x", "c"], ["y"])]
    (folder / "m.onnx").write_bytes(make_model(nodes, {"x": [1]}, ["y"]).SerializeToString())
    with pytest.raises(ModelFileError, match="outside the model's folder"):
        import_model(folder / "m.onnx")


# --- attributes that make the standard's own tools stumble ------------------------------------------------------------


@pytest.mark.parametrize(
    ("item", "error", "message"),
    [
        (node("Einsum", ["x"], ["y"], "n", equation="...ii`->...i"), ModelShapeError, "is no equation"),
        (node("Einsum", ["x"], ["y"], "n", equation="..ij->ij"), ModelShapeError, "is no equation"),
        (node("ReduceMax", ["x"], ["y"], "n", axes=[1], keepdims=-1), UnsupportedOpError, "keepdims = -1"),
        (node("CumSum", ["x", "one"], ["y"], "n", reverse=2), UnsupportedOpError, "reverse = 2"),
        (node("OneHot", ["i", "half", "v"], ["y"], "n"), ModelShapeError, r"a depth of \[2.5\]"),
        (node("OneHot", ["i", "none", "v"], ["y"], "n"), ModelShapeError, r"a depth of \[-1.0\]"),
        (node("Conv", ["x4", "w"], ["y"], "n", kernel_shape=[3, 1]), ModelShapeError, "kernel_shape is"),
        (
            node("AveragePool", ["x4"], ["y"], "n", kernel_shape=[1, 1], ceil_mode=9),
            UnsupportedOpError,
            "ceil_mode = 9",
        ),
        (node("Resize", ["x", "", "s"], ["y"], "n", nearest_mode="flOor"), UnsupportedOpError, "nearest_mode"),
    ],
)
def test_attributes_that_mean_nothing(item: onnx.NodeProto, error: type[ModelError], message: str) -> None:
    """An equation with a letter that is none sends ONNX's shape inference round and round."""
    constants = {
        "one": np.array(1),
        "i": np.array([[1, 0]]),
        "half": np.float32(2.5),
        "none": np.float32(-1),
        "v": np.array([0, 1], dtype=np.float32),
        "s": np.array([1, 2], dtype=np.float32),
        "w": np.ones((1, 1, 1, 1), dtype=np.float32),
    }
    with pytest.raises(error, match=message):
        load(make_model([item, node("Relu", ["x"], ["z"])], {"x": [2, 2], "x4": [1, 1, 3, 3]}, ["y", "z"], constants))
