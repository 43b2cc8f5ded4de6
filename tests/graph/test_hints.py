"""Refusals say what to do about them."""

from __future__ import annotations

import onnx
import pytest
from onnx import TensorProto, helper

from prover.errors import ModelShapeError, UnsupportedOpError
from prover.graph import import_model


def foreign(op: str) -> bytes:
    infos = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 2]) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node(op, ["x"], ["y"], domain="com.microsoft")], "g", infos[:1], infos[1:])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()


@pytest.mark.parametrize(
    ("op", "hint"),
    [("QGemm", "QuantFormat.QDQ"), ("QLinearSigmoid", "QuantFormat.QDQ"), ("FusedGemm", "before it was optimised")],
)
def test_operators_of_onnxruntime(op: str, hint: str) -> None:
    with pytest.raises(UnsupportedOpError, match=op) as caught:
        import_model(foreign(op))
    assert hint in caught.value.hint


def test_a_dynamic_time_axis_names_both_ways_to_fix_it() -> None:
    model = onnx.parser.parse_model(
        """<ir_version: 8, opset_import: ["" : 17]> g (float[N,T,3] x) => (float[N,T,3] y) { y = Neg (x) }"""
    ).SerializeToString()
    with pytest.raises(ModelShapeError, match="dimension 1 of input 'x' is T") as caught:
        import_model(model)
    assert "input_shapes={'x': (1, N, O)}, --input-shape x=1,N,O" in caught.value.hint
    assert import_model(model, input_shapes={"x": (1, 4, 3)}).n_features == 12


def test_sequences_of_tensors_are_no_output() -> None:
    infos = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 2])]
    outs = [helper.make_tensor_sequence_value_info("y", TensorProto.FLOAT, None)]
    graph = helper.make_graph([helper.make_node("SequenceConstruct", ["x", "x"], ["y"])], "g", infos, outs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    with pytest.raises(ModelShapeError, match="is a sequence") as caught:
        import_model(model.SerializeToString())
    assert "one estimator a target" in caught.value.hint
