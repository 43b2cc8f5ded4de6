"""Functions, If, Loop and Scan become the nodes they stand for; old operator sets become current ones."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, parser

from prover.errors import ModelError, ModelFileError, UnsupportedOpError
from prover.graph import Graph, Limits, import_model

from .onnx_models import make_model, run_onnxruntime

node = helper.make_node
FEW = Limits(nodes=2000)
X = np.array([[1.0, -2.0, 3.0, 0.5]], dtype=np.float32)
HEADER = '<ir_version: 8, opset_import: ["" : 17, "local": 1]>'


def same_as_onnxruntime(model: onnx.ModelProto, inputs: dict[str, np.ndarray] | None = None) -> Graph:
    """Import, compare all outputs, and check that nothing but plain operators is left."""
    given = {"x": X} if inputs is None else inputs
    graph = import_model(model.SerializeToString())
    assert not {"If", "Loop", "Scan"} & {item.op for item in graph.nodes}
    expected = run_onnxruntime(model, given)
    for name, value in graph.run(given).items():
        assert value.shape == expected[name].shape
        np.testing.assert_allclose(value, expected[name], rtol=1e-5, atol=1e-6)
    return graph


def parsed(text: str) -> onnx.ModelProto:
    model: onnx.ModelProto = parser.parse_model(HEADER + text)
    return model


def refused(text: str, error: type[ModelError], message: str) -> None:
    with pytest.raises(error, match=message):
        import_model(parsed(text).SerializeToString())


# --- local functions --------------------------------------------------------------------------------------------------

FUNCTIONS = """
<domain: "local", opset_import: ["" : 17]>
Scale <alpha, beta: float = 3.0> (a) => (b) {
    k = Constant <value_float: float = @alpha> ()
    h = Constant <value_float: float = @beta> ()
    m = Mul (a, k)
    b = Add (m, h)
}
<domain: "local", opset_import: ["" : 17, "local": 1]>
Twice (a, c) => (b, rest, a_again) {
    one = local.Scale <alpha = 2.0> (a)
    b = local.Scale <alpha = 0.5, beta = 1.0> (one)
    rest = Clip (b, c)
    a_again = Identity (a)
}
"""


def test_local_functions() -> None:
    text = """
    g (float[1,4] x) => (float[1,4] y, float[1,4] z, float[1,4] w) {
        p, q, o = local.Twice (x)
        y = Relu (p)
        r, z, w = local.Twice (q)
    }
    """
    graph = same_as_onnxruntime(parsed(text + FUNCTIONS))
    assert "p/Twice/" in " ".join(item.name for item in graph.nodes)


def test_a_function_that_hands_its_input_through() -> None:
    text = """
    g (float[1,4] x) => (float[1,4] y) { a, b = local.Both (x)  y = Add (a, b) }
    <domain: "local", opset_import: ["" : 17]> Both (a) => (a, r) { r = Relu (a) }
    """
    graph = import_model(parsed(text).SerializeToString())
    np.testing.assert_allclose(graph.run({"x": X})["y"], X + np.maximum(X, 0))


def test_a_function_means_its_own_operator_set() -> None:
    """Softmax of opset 11 flattens from axis 1 on; the model imports 17, where it does not."""
    text = """
    g (float[1,2,2] x) => (float[1,2,2] y) { y = local.Old (x) }
    <domain: "local", opset_import: ["" : 11]> Old (a) => (b) { b = Softmax (a) }
    """
    x = X.reshape(1, 2, 2)
    values = import_model(parsed(text).SerializeToString()).run({"x": x})["y"]
    np.testing.assert_allclose(values, (np.exp(x) / np.exp(x).sum()), rtol=1e-6)


def test_functions_inside_bodies_and_bodies_inside_functions() -> None:
    text = """
    g (float[1,4] x) => (float[1,4] y) <int64 n = {3}, bool go = {1}> {
        y = Loop (n, go, x) <body = b (int64 i, bool c, float[1,4] s) => (bool d, float[1,4] t) {
            d = Identity (c)
            t = local.Step <gain = 0.5> (s, x)
        }>
    }
    <domain: "local", opset_import: ["" : 17]>
    Step <gain> (s, x) => (t) {
        yes = Constant <value = bool {1}> ()
        k = Constant <value_float: float = @gain> ()
        t = If (yes) <then_branch = p () => (float[1,4] u) { v = Mul (s, k)  u = Add (v, x) },
                      else_branch = q () => (float[1,4] u) { u = Identity (s) }>
    }
    """
    graph = import_model(parsed(text).SerializeToString())
    expected = X
    for _ in range(3):
        expected = expected * np.float32(0.5) + X
    np.testing.assert_allclose(graph.run({"x": X})["y"], expected)


@pytest.mark.parametrize(
    ("functions", "message"),
    [
        ("F (a) => (b) { b = local.F (a) }", "'F' calls 'F'"),
        (
            'F (a) => (b) { b = local.G (a) } <domain: "local", opset_import: ["" : 17, "local": 1]>'
            "G (a) => (b) { b = local.F (a) }",
            "'F' calls 'G' calls 'F'",
        ),
        ("F (a) => (b) { b = Relu (ghost) }", "reads the tensor .*ghost"),
        ("F (a) => (b) { c = Relu (a) }", "the function it calls produces no 'y'"),
        ("F (a) => (b) { b = Relu <alpha = 1.0> (a) }", "attribute 'alpha' is not supported"),
        ("F () => (b) { b = Constant <value_float = 1.0> () }", "more inputs or outputs than the function"),
        ("F (a) => (b) { b = Relu (a)  b = Relu (a) }", "'y' is produced twice"),
        ('F <alpha> (a) => (b) { b = Softmax <axis: int = @alpha> (a) }', None),
        ("F <axis> (a) => (b) { b = Concat <axis: int = @axis> (a) }", "lacks the attribute 'axis'"),
    ],
)  # fmt: skip
def test_functions_that_make_no_sense(functions: str, message: str | None) -> None:
    text = 'g (float[1,4] x) => (float[1,4] y) { y = local.F (x) } <domain: "local", '
    model = parsed(text + 'opset_import: ["" : 17, "local": 1]> ' + functions)
    if message is None:  # an attribute that refers to one the call leaves out takes its default
        assert import_model(model.SerializeToString()).nodes[0].attributes["axis"] == -1
        return
    with pytest.raises(ModelError, match=message):
        import_model(model.SerializeToString())


def doubling(depth: int) -> onnx.ModelProto:
    """A function that calls the next one twice, and so on: 2^depth nodes."""
    model = make_model([node("F0", ["x"], ["y"], domain="local")], {"x": [1, 4]}, ["y"])
    model.opset_import.add(domain="local", version=1)
    imports = [helper.make_opsetid("", 17), helper.make_opsetid("local", 1)]
    for level in range(depth):
        op, domain = (f"F{level + 1}", "local") if level + 1 < depth else ("Relu", "")
        body = [node(op, ["a"], ["m"], domain=domain), node(op, ["m"], ["b"], domain=domain)]
        model.functions.append(helper.make_function("local", f"F{level}", ["a"], ["b"], body, imports))
    return model


def test_functions_that_explode_or_nest_too_deeply() -> None:
    assert len(import_model(doubling(6).SerializeToString()).nodes) == 64
    with pytest.raises(ModelFileError, match="too many nodes"):
        import_model(doubling(40).SerializeToString(), limits=FEW)
    with pytest.raises(ModelFileError, match="too deeply"):
        import_model(doubling(200).SerializeToString())


def test_two_functions_of_one_name() -> None:
    model = doubling(1)
    model.functions.append(model.functions[0])
    with pytest.raises(ModelFileError, match="two local functions are called 'F0'"):
        import_model(model.SerializeToString())


def test_operators_that_the_standard_defines_by_others() -> None:
    """There is no entry for them; the constant labels are folded."""
    labels = np.array([2], dtype=np.int64)
    nodes = [node("NegativeLogLikelihoodLoss", ["x", "t"], ["y"], reduction="sum")]
    same_as_onnxruntime(make_model(nodes, {"x": [1, 4]}, ["y"], {"t": labels}, opset=13))
    nodes = [node("SoftmaxCrossEntropyLoss", ["x", "t"], ["y"])]
    same_as_onnxruntime(make_model(nodes, {"x": [1, 4]}, ["y"], {"t": labels}, opset=13))
    nodes = [node("SoftmaxCrossEntropyLoss", ["x", "t"], ["y"], bogus=1)]
    with pytest.raises(UnsupportedOpError, match="SoftmaxCrossEntropyLoss"):
        import_model(make_model(nodes, {"x": [1, 4]}, ["y"], {"t": labels}, opset=13).SerializeToString())


# --- If ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("flag", [0, 1])
def test_if_with_a_constant_condition(flag: int) -> None:
    text = f"""
    g (float[1,4] x) => (float[1,4] y, float[1,4] z) <bool c = {{{flag}}}> {{
        h = Relu (x)
        y, z = If (c) <
            then_branch = p () => (float[1,4] u, float[1,4] v) {{ u = Add (h, x)  v = Identity (h) }},
            else_branch = q () => (float[1,4] u, float[1,4] v) <float[1,4] w = {{1.0, 2.0, 3.0, 4.0}}> {{
                u = Mul (h, w)
                v = If (c) <then_branch = r () => (float[1,4] t) {{ t = Neg (u) }},
                            else_branch = s () => (float[1,4] t) {{ t = Sub (u, h) }}>
            }}>
    }}
    """
    same_as_onnxruntime(parsed(text))


def test_a_condition_computed_from_shapes() -> None:
    """As torch exports ``x if x.size(1) == 4 else ...``."""
    text = """
    g (float[1,4] x) => (float[1,4] y) <int64 one = {1}, int64 four = {4}> {
        shape = Shape (x)
        size = Gather (shape, one)
        same = Equal (size, four)
        y = If (same) <then_branch = p () => (float[1,4] u) { u = Relu (x) },
                       else_branch = q () => (float[1,4] u) { u = Sigmoid (x) }>
    }
    """
    graph = same_as_onnxruntime(parsed(text))
    assert [item.op for item in graph.nodes] == ["Relu"]


def test_a_branch_that_is_a_constant() -> None:
    text = """
    g (float[1,4] x) => (float[1,4] y) <bool c = {1}> {
        k = If (c) <then_branch = p () => (float[4] u) <float[4] w = {1.0, 2.0, 3.0, 4.0}> { u = Identity (w) },
                    else_branch = q () => (float[4] u) { u = Identity (x) }>
        y = Add (x, k)
    }
    """
    assert [item.op for item in same_as_onnxruntime(parsed(text)).nodes] == ["Add"]


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        (
            "g (float[1,4] x, bool c) => (float[1,4] y) { y = If (c) <then_branch = p () => (float[1,4] u) "
            "{ u = Relu (x) }, else_branch = q () => (float[1,4] u) { u = Neg (x) }> }",
            UnsupportedOpError,
            "node 'y' .* its condition depends on the model's input",
        ),
        (
            "g (float[1,4] x) => (float[1,4] y) <bool c = {1}> { y = If (c) <then_branch = p () => (float[1,4] u) "
            "{ u = Relu (ghost) }, else_branch = q () => (float[1,4] u) { u = Neg (x) }> }",
            ModelFileError,
            "reads the tensor 'ghost', which nothing produces",
        ),
        (
            "g (float[1,4] x) => (float[1,4] y) <bool c = {1}> { y = If (c) <then_branch = p () => (float[1,4] u) "
            "{ u = Relu (v) v = Relu (u) }, else_branch = q () => (float[1,4] u) { u = Neg (x) }> }",
            ModelFileError,
            "cycle",
        ),
        (
            "g (float[1,4] x) => (float[1,4] y, float[1,4] z) <bool c = {1}> { y, z = If (c) <then_branch = p () => "
            "(float[1,4] u) { u = Relu (x) }, else_branch = q () => (float[1,4] u) { u = Neg (x) }> }",
            ModelError,
            "2 outputs, its body returns 1|not valid ONNX",
        ),
        (
            "g (float[1,4] x) => (float[1,4] y) <bool c = {1}> { y = If (c) <then_branch = p () => (float[1,4] u) "
            "{ u = Relu (x) }> }",
            ModelFileError,
            "lacks the attribute 'else_branch'",
        ),
        (
            "g (float[1,4] x) => (float[1,4] y) <bool[2] c = {1, 0}> { y = If (c) <then_branch = p () => (float[1,4] u)"
            "{ u = Relu (x) }, else_branch = q () => (float[1,4] u) { u = Neg (x) }> }",
            ModelFileError,
            "its condition has 2 elements",
        ),
    ],
)
def test_ifs_that_are_refused(text: str, error: type[ModelError], message: str) -> None:
    refused(text, error, message)


def test_a_body_that_returns_what_is_nowhere() -> None:
    model = parsed(
        "g (float[1,4] x) => (float[1,4] y) <bool c = {1}> { y = If (c) <then_branch = p () => (float[1,4] u) "
        "{ u = Relu (x) }, else_branch = q () => (float[1,4] u) { u = Neg (x) }> }"
    )
    model.graph.node[0].attribute[0].g.output[0].name = "ghost"
    with pytest.raises(ModelFileError, match="ghost"):
        import_model(model.SerializeToString())


# --- Loop -------------------------------------------------------------------------------------------------------------

LOOP = """
g (float[1,4] x) => (float[1,4] y, float[n,1,4] z) <int64 m = {%s}, bool go = {1}, int64 stop = {%d}> {
    y, z = Loop (m, go, x) <body = b (int64 i, bool c, float[1,4] s) => (bool d, float[1,4] t, float[1,4] r)
        <float k = {0.5}> {
        d = Less (i, stop)
        f = Cast <to = 1> (i)
        a = Mul (s, k)
        t = Add (a, f)
        r = Sub (t, x)
    }>
}
"""


@pytest.mark.parametrize(("trips", "stop"), [(3, 9), (1, 9), (5, 2), (9, 0)])
def test_loops(trips: int, stop: int) -> None:
    graph = same_as_onnxruntime(parsed(LOOP % (trips, stop)))
    assert len([item for item in graph.nodes if item.op == "Mul"]) == min(trips, stop + 1)


def test_a_loop_without_a_trip_count_ends_by_its_condition() -> None:
    model = parsed(LOOP % (3, 4))
    model.graph.node[0].input[0] = ""
    graph = same_as_onnxruntime(model)
    assert len([item for item in graph.nodes if item.op == "Mul"]) == 5


def test_loops_inside_loops() -> None:
    text = """
    g (float[1,4] x) => (float[1,4] y) <int64 m = {3}, bool go = {1}> {
        y = Loop (m, go, x) <body = outer (int64 i, bool c, float[1,4] s) => (bool d, float[1,4] t) {
            d = Identity (c)
            t = Loop (i, go, s) <body = inner (int64 j, bool e, float[1,4] u) => (bool h, float[1,4] v) {
                h = Identity (e)
                ij = Add (i, j)
                f = Cast <to = 1> (ij)
                w = Add (u, f)
                v = Sub (w, s)
            }>
        }>
    }
    """
    same_as_onnxruntime(parsed(text))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ("endless", ModelFileError, "too many nodes"),
        ("huge", ModelFileError, "too many nodes"),
        ("never", UnsupportedOpError, "never runs"),
        ("private count", UnsupportedOpError, "how often it runs depends on the model's input"),
        ("private condition", UnsupportedOpError, "how often it runs depends on the model's input"),
        ("too few", ModelFileError, "its body does not take and return 0 values"),
        ("float count", ModelFileError, "must be one number"),
    ],
)
def test_loops_that_are_refused(change: str, error: type[ModelError], message: str) -> None:
    model = parsed(LOOP % (3, 4))
    loop, constants = model.graph.node[0], model.graph.initializer
    if change == "endless":
        loop.input[0] = ""
        constants[2].int64_data[0] = 2**62
    elif change == "huge":
        constants[0].int64_data[0] = constants[2].int64_data[0] = 2**62
    elif change == "never":
        constants[0].int64_data[0] = 0
    elif change == "private count":
        model.graph.input.append(helper.make_tensor_value_info("n", TensorProto.INT64, []))
        loop.input[0] = "n"
    elif change == "private condition":
        body = loop.attribute[0].g
        body.node[0].CopyFrom(node("Greater", ["zero", "level"], ["d"]))
        body.node.insert(0, node("ReduceMax", ["s"], ["level"], keepdims=0))
        body.node.insert(0, node("Constant", [], ["zero"], value_float=0.0))
    elif change == "too few":
        del loop.input[2]
    else:
        constants[0].CopyFrom(helper.make_tensor("m", TensorProto.FLOAT, [], [3.0]))
    with pytest.raises(error, match=message):
        import_model(model.SerializeToString(), limits=FEW)


def test_nested_loops_that_explode() -> None:
    body = "d0 = Identity (c0) t0 = Relu (s0)"
    for n in range(6):
        body = (
            f"d{n + 1} = Identity (c{n + 1}) t{n + 1} = Loop (m, go, s{n + 1}) <body = b "
            f"(int64 i{n}, bool c{n}, float[1,4] s{n}) => (bool d{n}, float[1,4] t{n}) {{ {body} }}>"
        )
    text = (
        f"""g (float[1,4] s6) => (float[1,4] t6) <int64 m = {{100}}, bool go = {{1}}, bool c6 = {{1}}> {{ {body} }}"""
    )
    with pytest.raises(ModelFileError, match=rf"t1' .*too many nodes, .*inlined; {FEW.nodes:,} are allowed"):
        import_model(parsed(text).SerializeToString(), limits=FEW)


def test_names_of_unrolled_tensors_do_not_meet_others() -> None:
    model = parsed(LOOP % (2, 9))
    model.graph.node.insert(0, node("Relu", ["x"], ["y/0/t"]))
    model.graph.node.append(node("Add", ["y/0/t", "y"], ["w"]))
    model.graph.output.append(helper.make_tensor_value_info("w", TensorProto.FLOAT, [1, 4]))
    same_as_onnxruntime(model)


# --- Scan -------------------------------------------------------------------------------------------------------------


def scan(**attributes: object) -> onnx.ModelProto:
    body = helper.make_graph(
        [node("Add", ["s", "e"], ["t"]), node("Mul", ["t", "k"], ["r"])],
        "body",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [3]) for name in ("s", "e")],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [3]) for name in ("t", "r")],
        [helper.make_tensor("k", TensorProto.FLOAT, [3], [1.0, -2.0, 0.5])],
    )
    item = node("Scan", ["start", "x"], ["y", "z"], body=body, num_scan_inputs=1, **attributes)
    start = np.array([0.5, 0.0, -1.0], dtype=np.float32)
    shape = [3, 5] if attributes.get("scan_input_axes") else [5, 3]
    return make_model([item], {"x": shape}, ["y", "z"], {"start": start})


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"scan_input_directions": [1]},
        {"scan_output_directions": [1]},
        {"scan_output_axes": [1]},
        {"scan_input_axes": [1], "scan_output_axes": [-1], "scan_output_directions": [1]},
    ],
)
def test_scans(attributes: dict[str, object]) -> None:
    model = scan(**attributes)
    shape = [dimension.dim_value for dimension in model.graph.input[0].type.tensor_type.shape.dim]
    x = np.arange(15, dtype=np.float32).reshape(shape)
    graph = same_as_onnxruntime(model, {"x": x})
    assert len([item for item in graph.nodes if item.op == "Add"]) == 5


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"scan_input_axes": [2]}, "axis 2 is outside"),
        ({"scan_input_axes": [0, 0]}, "scan_input_axes has 2 entries"),
        ({"scan_output_axes": [7]}, "axis 7 is outside"),
    ],
)
def test_scans_that_are_refused(attributes: dict[str, object], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        import_model(scan(**attributes).SerializeToString())


def test_a_scan_of_the_wrong_number_of_inputs() -> None:
    model = scan()
    next(item for item in model.graph.node[0].attribute if item.name == "num_scan_inputs").i = 3
    with pytest.raises(ModelFileError, match="does not take its 2 inputs"):
        import_model(model.SerializeToString())


# --- old operator sets ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("opset", [7, 8])
def test_old_operator_sets_are_converted(opset: int) -> None:
    weights = {
        "w": np.arange(12, dtype=np.float32).reshape(4, 3) / 7,
        "b": np.array([0.5, -1, 0], dtype=np.float32),
    }
    nodes = [
        node("Dropout", ["x"], ["d"], ratio=0.5),
        node("Gemm", ["d", "w", "b"], ["g"]),
        node("Relu", ["g"], ["r"]),
        node("Softmax", ["r"], ["y"], axis=1),
    ]
    graph = same_as_onnxruntime(make_model(nodes, {"x": [1, 4]}, ["y"], weights, opset=opset, ml_opset=1))
    assert all(item.opset >= 9 for item in graph.nodes)


def test_opset_6_broadcasts_by_attribute() -> None:
    nodes = [node("Add", ["x", "b"], ["a"], broadcast=1), node("Relu", ["a"], ["y"])]
    bias = np.array([0.5, 3, -1, 0], dtype=np.float32)
    model = make_model(nodes, {"x": [1, 4]}, ["y"], {"b": bias}, opset=6, ml_opset=1)
    np.testing.assert_allclose(import_model(model.SerializeToString()).run({"x": X})["y"], np.maximum(X + bias, 0))


def test_old_models_that_cannot_be_converted() -> None:
    item = node("Pad", ["x"], ["y"], paddings=[0, 0, 1, 1])
    model = make_model([item], {"x": [1, 4]}, ["y"], opset=1, ml_opset=1)
    with pytest.raises(UnsupportedOpError, match=r"opset 1, which onnx cannot convert to 9: No Adapter .* Pad"):
        import_model(model.SerializeToString())
    model = make_model([node("Relu", ["x"], ["y"], bogus=1)], {"x": [1, 4]}, ["y"], opset=8)
    with pytest.raises(ModelFileError, match="not valid ONNX"):
        import_model(model.SerializeToString())


# --- stored forms -----------------------------------------------------------------------------------------------------


def with_sparse(values: list[float], indices: np.ndarray, dims: list[int]) -> onnx.ModelProto:
    model = make_model([node("Add", ["x", "w"], ["y"])], {"x": [1, 4]}, ["y"])
    stored = helper.make_tensor("w", TensorProto.FLOAT, [len(values)], values)
    places = helper.make_tensor("i", TensorProto.INT64, list(indices.shape), indices.ravel().tolist())
    model.graph.sparse_initializer.append(helper.make_sparse_tensor(stored, places, dims))
    return model


@pytest.mark.parametrize("indices", [np.array([1, 3]), np.array([[0, 1], [0, 3]])])
def test_sparse_initializers_become_dense(indices: np.ndarray) -> None:
    graph = import_model(with_sparse([2.0, -5.0], indices, [1, 4]).SerializeToString())
    assert graph.constants["w"].tolist() == [[0.0, 2.0, 0.0, -5.0]]


@pytest.mark.parametrize(
    ("indices", "dims"),
    [
        (np.array([1, 4]), [1, 4]),
        (np.array([-1, 3]), [1, 4]),
        (np.array([1, 1]), [1, 4]),
        (np.array([1, 2, 3]), [1, 4]),
        (np.array([[0, 1], [0, 9]]), [1, 4]),
        (np.array([1, 3]), [2**40, 2**20]),
        (np.array([1, 3]), [-1, 4]),
    ],
)
def test_sparse_initializers_that_make_no_sense(indices: np.ndarray, dims: list[int]) -> None:
    with pytest.raises(ModelFileError, match="'w'"):
        import_model(with_sparse([2.0, -5.0], indices, dims).SerializeToString())


def test_a_sparse_constant() -> None:
    stored = helper.make_tensor("v", TensorProto.FLOAT, [1], [3.0])
    sparse = helper.make_sparse_tensor(stored, helper.make_tensor("i", TensorProto.INT64, [1], [2]), [4])
    nodes = [node("Constant", [], ["w"], sparse_value=sparse), node("Add", ["x", "w"], ["y"])]
    graph = import_model(make_model(nodes, {"x": [1, 4]}, ["y"]).SerializeToString())
    assert graph.constants["w"].tolist() == [0.0, 0.0, 3.0, 0.0]


@pytest.mark.parametrize("raw", [False, True])
def test_bfloat16_is_read_as_float32(raw: bool) -> None:
    bits = np.array([0x3FC0, 0xC100, 0x0000, 0x4049], dtype=np.uint16)  # 1.5, -8, 0, 3.140625
    tensor = onnx.TensorProto(name="w", data_type=TensorProto.BFLOAT16, dims=[4])
    if raw:
        tensor.raw_data = bits.astype("<u2").tobytes()
    else:
        tensor.int32_data.extend(bits.tolist())
    nodes = [node("Cast", ["w"], ["f"], to=1), node("Add", ["x", "f"], ["y"])]
    model = make_model(nodes, {"x": [1, 4]}, ["y"])
    model.graph.initializer.append(tensor)
    graph = import_model(model.SerializeToString())
    np.testing.assert_array_equal(graph.run({"x": X})["y"], X + np.array([1.5, -8, 0, 3.140625], dtype=np.float32))


# --- sequences --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("split", "keepdims", "place", "shape"),
    [("", 1, 1, [1, 1]), ("", 0, -1, [1]), ("three", 1, 1, [1, 1]), ("lengths", 0, 0, [1, 3])],
)
def test_tensors_split_into_sequences(split: str, keepdims: int, place: int, shape: list[int]) -> None:
    """Without lengths in single places, with one length in pieces of it and a rest."""
    nodes = [
        node("SplitToSequence", ["x", split] if split else ["x"], ["s"], axis=1, keepdims=keepdims),
        node("SequenceAt", ["s", "place"], ["t"]),
        node("Relu", ["t"], ["y"]),
        node("SequenceLength", ["s"], ["n"]),
        node("ConcatFromSequence", ["s"], ["z"], axis=-1, new_axis=int(not split and not keepdims)),
    ]
    constants = {"place": np.array(place), "three": np.array(3), "lengths": np.array([3, 1])}
    outputs = [
        helper.make_tensor_value_info("y", TensorProto.FLOAT, shape),
        helper.make_tensor_value_info("n", TensorProto.INT64, []),
        helper.make_tensor_value_info("z", TensorProto.FLOAT, [1, 4]),
    ]
    same_as_onnxruntime(make_model(nodes, {"x": [1, 4]}, outputs, constants))


def test_sequences_grow_in_loops() -> None:
    """As torch exports a list that a loop appends to, and its stack."""
    text = """
    g (float[1,4] x) => (float[4,1,4] y, float[1,16] z) <int64 n = {3}, bool go = {1}, int64 first = {0}> {
        none = SequenceEmpty <dtype = 1> ()
        one = SequenceInsert (none, x)
        list = Loop (n, go, one) <body = b (int64 i, bool c, seq(float[1,4]) s) => (bool d, seq(float[1,4]) t) {
            d = Identity (c)
            last = SequenceAt (s, i)
            next = Add (last, x)
            t = SequenceInsert (s, next)
        }>
        y = ConcatFromSequence <axis = 0, new_axis = 1> (list)
        less = SequenceErase (list, first)
        pair = SequenceConstruct (x)
        both = SequenceInsert (less, x, first)
        z = ConcatFromSequence <axis = 1> (both)
    }
    """
    same_as_onnxruntime(parsed(text))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("t = SequenceAt (s, far)", "place 9 of a sequence with 4 places"),
        ("t = SequenceAt (x, far)", "its first input is no sequence"),
        ("t = Relu (s)", "or it is a sequence|not valid ONNX"),
        ("i = ArgMax <axis = 1, keepdims = 0> (x) t = SequenceAt (s, i)", "depends on the model's input"),
        ("t = ConcatFromSequence <axis = 5> (s)", "axis 5 is outside"),
        ("e = SequenceEmpty () t = ConcatFromSequence <axis = 0> (e)", "joins no tensors"),
        ("u = SplitToSequence (x, far) t = SequenceAt (u, far)", "place 9"),
        ("u = SplitToSequence <axis = 1> (x, halves) t = SequenceAt (u, far)", "do not make up an axis of length 4"),
    ],
)
def test_sequences_that_make_no_sense(change: str, message: str) -> None:
    text = "g (float[1,4] x) => (float[1,4] y) <int64 far = {9}, int64[2] halves = {1, 2}> { s = SplitToSequence"
    text += f" <axis = 1> (x) {change} y = Neg (t) }}"
    with pytest.raises(ModelError, match=message):
        import_model(parsed(text).SerializeToString())


def test_a_sequence_as_the_output() -> None:
    model = parsed("g (float[1,4] x) => (float[1,4] y) { y = SequenceConstruct (x) }")
    kind = helper.make_sequence_type_proto(helper.make_tensor_type_proto(TensorProto.FLOAT, [1, 4]))
    model.graph.output[0].CopyFrom(helper.make_value_info("y", kind))
    with pytest.raises(ModelError, match="output 'y' is a sequence"):
        import_model(model.SerializeToString())
