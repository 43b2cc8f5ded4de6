"""Small ONNX models, built by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper, parser

Shape = Sequence[int | str | None]


def value_info(name: str, shape: Shape | None, dtype: object = np.float32) -> onnx.ValueInfoProto:
    code = TensorProto.STRING if np.dtype(dtype) == object else helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    return helper.make_tensor_value_info(name, code, shape)


def make_model(
    nodes: Sequence[onnx.NodeProto],
    inputs: Mapping[str, Shape] | Sequence[onnx.ValueInfoProto],
    outputs: Sequence[str | onnx.ValueInfoProto],
    constants: Mapping[str, np.ndarray] | None = None,
    *,
    opset: int = 17,
    ml_opset: int = 3,
) -> onnx.ModelProto:
    """A model with float32 inputs and outputs, unless given as value infos."""
    ins = [value_info(name, shape) for name, shape in inputs.items()] if isinstance(inputs, Mapping) else list(inputs)
    outs = [value_info(item, None) if isinstance(item, str) else item for item in outputs]
    initializers = [numpy_helper.from_array(np.asarray(array), name) for name, array in (constants or {}).items()]
    graph = helper.make_graph(list(nodes), "test", ins, outs, initializers)
    imports = [helper.make_opsetid("", opset), helper.make_opsetid("ai.onnx.ml", ml_opset)]
    model = helper.make_model(graph, opset_imports=imports)
    model.ir_version = 10
    return model


def run_onnxruntime(model: onnx.ModelProto, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, dict(inputs)), strict=True))


def mlp() -> onnx.ModelProto:
    """Two layers: x float32[N, 3] -> Gemm -> Relu -> Gemm -> y float32[N, 2]."""
    generator = np.random.default_rng(7)
    weights = {
        "w0": generator.normal(size=(3, 4)).astype(np.float32),
        "b0": generator.normal(size=4).astype(np.float32),
        "w1": generator.normal(size=(4, 2)).astype(np.float32),
    }
    nodes = [
        helper.make_node("Gemm", ["x", "w0", "b0"], ["h"], "first"),
        helper.make_node("Relu", ["h"], ["r"], "middle"),
        helper.make_node("Gemm", ["r", "w1"], ["y"], "last"),
    ]
    return make_model(nodes, {"x": ["N", 3]}, ["y"], weights)


def looped() -> onnx.ModelProto:
    """A local function, a Loop that calls it, an If and a Scan."""
    return parser.parse_model(
        """
        <ir_version: 8, opset_import: ["" : 17, "local": 1]>
        g (float[1,4] x) => (float[1,4] y, float[n,1,4] z, float[4] w)
        <int64 m = {3}, bool go = {1}, float[4] zero = {0.0, 0.0, 0.0, 0.0}> {
            l, z = Loop (m, go, x) <body = b (int64 i, bool c, float[1,4] s) => (bool d, float[1,4] t, float[1,4] r) {
                d = Identity (c)
                t = local.Scale <gain = 0.5> (s)
                f = Cast <to = 1> (i)
                r = Add (t, f)
            }>
            y = If (go) <then_branch = p () => (float[1,4] u) { u = Relu (l) },
                         else_branch = q () => (float[1,4] u) { u = Neg (l) }>
            w = Scan <num_scan_inputs = 1, body = e (float[4] s, float[4] v) => (float[4] t) {
                t = Add (s, v)
            }> (zero, x)
        }
        <domain: "local", opset_import: ["" : 17]>
        Scale <gain> (a) => (b) { k = Constant <value_float: float = @gain> ()  b = Mul (a, k) }
        """
    )


def old() -> onnx.ModelProto:
    """A model of opset 7."""
    weights = {"w": np.ones((4, 3), dtype=np.float32), "b": np.ones(3, dtype=np.float32)}
    nodes = [
        helper.make_node("Gemm", ["x", "w", "b"], ["g"]),
        helper.make_node("Dropout", ["g"], ["d"], ratio=0.5),
        helper.make_node("Softmax", ["d"], ["y"], axis=1),
    ]
    return make_model(nodes, {"x": [1, 4]}, ["y"], weights, opset=7, ml_opset=1)
