"""A node test as a statement about private facts: some inputs become constants of the model, the others features.

What a real export has as a constant stays one: shapes, axes and other static operands, and the parameters of layers.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from prover.errors import UnsupportedOpError
from prover.graph.ops import find_spec
from prover.graph.ops.spec import DEFAULT_DOMAIN, ML_DOMAIN
from prover.schema import Bool, Category, Feature, Fixed, Int, Schema
from prover.schema.layout import MAX_OUTPUTS
from tests.backend.cases import NodeCase

FINEST = 20
"""Fraction bits of a fact whose values no smaller number of bits holds exactly; less one a factor of two above 1."""

PARAMETERS: Mapping[str, tuple[int, ...]] = {
    "Conv": (1, 2),
    "ConvTranspose": (1, 2),
    "BatchNormalization": (1, 2, 3, 4),
    "InstanceNormalization": (1, 2),
    "GroupNormalization": (1, 2),
    "LayerNormalization": (1, 2),
    "RMSNormalization": (1,),
    "PRelu": (1,),
    "RNN": (1, 2, 3),
    "GRU": (1, 2, 3),
    "LSTM": (1, 2, 3, 7),
    "QuantizeLinear": (1, 2),
    "DequantizeLinear": (1, 2),
    "QLinearConv": (1, 2, 3, 4, 5, 6, 7, 8),
    "QLinearMatMul": (1, 2, 4, 5, 6, 7),
    "ConvInteger": (1, 2, 3),
    "MatMulInteger": (2, 3),
    "If": (0,),
    "Loop": (0, 1),
}
"""Inputs that a trained model holds as constants, by operator."""

_BLIND = "blind_fact"
_STATIC_FREE = ("Shape", "Size", "EyeLike")


@dataclass(frozen=True)
class Statement:
    """One output of a case as something to compile.

    Attributes:
        model: bytes of the model, its other outputs dropped.
        output: the graph output to reveal.
        schema: one feature for every private element.
        row: float64[d], the case's data as the schema takes it.
        expected: what the case wants, flat.
        constants: names of the inputs that became constants.
    """

    model: bytes
    output: str
    schema: Schema
    row: NDArray[Any]
    expected: NDArray[Any]
    constants: tuple[str, ...]


def statement_of(
    case: NodeCase, output: str, *, single: bool = False, constant: bool = False, most: int = MAX_OUTPUTS
) -> Statement:
    """The statement about one output of a case.

    Args:
        case: the test.
        output: name of the graph output.
        single: only the first input that may be private is.
        constant: the output is known not to depend on the inputs' values.
        most: elements to reveal, evenly spread, of a larger output.
    """
    constants = static_inputs(case)
    private = [name for name in case.inputs if name not in constants]
    private = private[:1] if single else private
    anchored = constant or not _reads(case.model.graph, output, set(private))
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    graph = model.graph
    features: list[Feature] = []
    columns: list[NDArray[Any]] = []
    for info in list(graph.input):
        if info.name in private and not anchored:
            made, column = _features(info.name, case.inputs[info.name])
            features += made
            columns.append(column)
        else:
            graph.input.remove(info)
            graph.initializer.append(numpy_helper.from_array(_plain(case.inputs[info.name]), info.name))
    kept = [info for info in graph.output if info.name == output]
    del graph.output[:]
    graph.output.extend(kept)
    expected = case.outputs[output]
    result, wanted = output, expected.ravel()
    if anchored:
        result = _anchor(graph, output, expected.dtype)
        features.append(Int("blind", 0, 1))
        columns.append(np.zeros(1))
    if wanted.size > most:
        chosen = np.unique(np.linspace(0, wanted.size - 1, most).astype(np.int64))
        result, wanted = _pick(graph, result, chosen), wanted[chosen]
    moved = tuple(name for name in case.inputs if name not in private or anchored)
    schema = Schema("case", tuple(features))
    return Statement(model.SerializeToString(), result, schema, np.concatenate(columns), wanted, moved)


def static_inputs(case: NodeCase) -> set[str]:
    """Inputs that must be constants: those a static operand is computed from, and the parameters of layers."""
    versions = {item.domain or DEFAULT_DOMAIN: item.version for item in case.model.opset_import}
    return _static(case.model.graph, set(), versions) & set(case.inputs)


def _static(graph: onnx.GraphProto, wanted: set[str], versions: Mapping[str, int]) -> set[str]:
    """Names that must be constants so that ``wanted`` and the static operands of all nodes are."""
    for node in reversed(graph.node):
        operands = list(node.input)
        places = set(PARAMETERS.get(node.op_type, ()))
        with contextlib.suppress(UnsupportedOpError):
            domain = node.domain or DEFAULT_DOMAIN
            places |= set(find_spec(domain, node.op_type, versions.get(domain, versions.get(ML_DOMAIN, 1))).static)
        if wanted & set(node.output) and node.op_type not in _STATIC_FREE:
            places = set(range(len(operands)))
        wanted = wanted | {operands[place] for place in places if place < len(operands)}
        for attribute in node.attribute:
            inner = {info.name for info in attribute.g.output} if wanted & set(node.output) else set()
            wanted = _static(attribute.g, wanted | inner, versions)
    return wanted


def _features(name: str, value: NDArray[Any]) -> tuple[list[Feature], NDArray[Any]]:
    """One feature an element, all of one type and range, and the values they take."""
    flat = value.ravel()
    names = [f"{name}[{index}]" for index in range(flat.size)]
    if flat.dtype.kind in "OUS":
        texts = [item.decode() if isinstance(item, bytes) else str(item) for item in flat.tolist()]
        labels = tuple(sorted({*texts, "another label"}))
        codes = np.array([labels.index(text) for text in texts], dtype=np.float64)
        return [Category(label, labels) for label in names], codes
    if flat.dtype.kind == "b":
        return [Bool(label) for label in names], flat.astype(np.float64)
    if flat.dtype.kind in "iu":
        low, high = int(flat.min()), int(flat.max())
        return [Int(label, low, max(high, low + 1)) for label in names], flat.astype(np.float64)
    scale = _scale(flat.astype(np.float64))
    counts = np.rint(flat.astype(np.float64) * scale)
    low, high = int(counts.min()), int(counts.max())
    return [Fixed(label, scale, low, max(high, low + 1)) for label in names], counts / scale


def _scale(values: NDArray[np.float64]) -> int:
    """The least power of two at which the values are whole, or the finest one allowed."""
    finest = FINEST - max(0, math.ceil(math.log2(max(float(np.abs(values).max()), 1.0))))
    for bits in range(max(finest, 0)):
        if np.all(np.ldexp(values, bits) == np.rint(np.ldexp(values, bits))):
            return 1 << bits
    return 1 << max(finest, 0)


def _reads(graph: onnx.GraphProto, output: str, private: set[str]) -> bool:
    """Whether an output depends on a private input's values, and not only on its shape."""
    known = set(private)
    for node in graph.node:
        if node.op_type not in _STATIC_FREE and known & _operands(node):
            known |= set(node.output)
    return output in known


def _operands(node: onnx.NodeProto) -> set[str]:
    """Names a node reads, in its subgraphs too."""
    names = set(node.input)
    for attribute in node.attribute:
        for inner in attribute.g.node:
            names |= _operands(inner)
        names |= {info.name for info in attribute.g.output}
    return names


def _anchor(graph: onnx.GraphProto, output: str, dtype: np.dtype[Any]) -> str:
    """A constant cannot be revealed: add a private fact, which is 0, to it."""
    kind = np.dtype(np.int64) if dtype.kind in "biu" else dtype
    code = helper.np_dtype_to_tensor_dtype(kind)
    graph.input.append(helper.make_tensor_value_info(_BLIND, code, [1]))
    graph.node.append(helper.make_node("Cast", [output], ["number_of_output"], "blind_cast", to=code))
    graph.node.append(helper.make_node("Reshape", ["number_of_output", "blind_shape"], ["flat_of_output"], "flat"))
    graph.initializer.append(numpy_helper.from_array(np.array([-1], dtype=np.int64), "blind_shape"))
    graph.node.append(helper.make_node("Add", ["flat_of_output", _BLIND], ["anchored"], "blind"))
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info("anchored", code, None))
    return "anchored"


def _pick(graph: onnx.GraphProto, output: str, chosen: NDArray[np.int64]) -> str:
    """Reveal only some elements of a large output."""
    code = graph.output[0].type.tensor_type.elem_type or TensorProto.FLOAT
    graph.initializer.append(numpy_helper.from_array(np.array([-1], dtype=np.int64), "pick_shape"))
    graph.initializer.append(numpy_helper.from_array(chosen, "pick_places"))
    graph.node.append(helper.make_node("Reshape", [output, "pick_shape"], ["flat_for_pick"], "pick_flat"))
    graph.node.append(helper.make_node("Gather", ["flat_for_pick", "pick_places"], ["picked"], "pick", axis=0))
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info("picked", code, None))
    return "picked"


def _plain(value: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(value, dtype=object) if value.dtype.kind in "OUS" else np.array(value, order="C")
