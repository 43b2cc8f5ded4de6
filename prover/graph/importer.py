"""ONNX to typed graph: parse, order, infer every shape, fold constants, drop what only renames or is never read."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from prover.errors import ModelFileError, ModelShapeError
from prover.graph.build import build_graph
from prover.graph.ir import Graph, TensorInfo
from prover.graph.limits import Limits
from prover.graph.loading import read_model
from prover.graph.ops.spec import DEFAULT_DOMAIN
from prover.graph.parse import ParsedModel, parse_model
from prover.graph.topology import topological_order


def import_model(
    source: str | os.PathLike[str] | bytes,
    *,
    input_names: Sequence[str] | None = None,
    output_names: Sequence[str] | None = None,
    input_shapes: Mapping[str, Sequence[int]] | None = None,
    limits: Limits | None = None,
) -> Graph:
    """Read an ONNX or ONNX-ML model.

    A symbolic or unknown first dimension of an input becomes 1: one sample is proved at a time.

    Args:
        source: path, or the bytes of a model without external data.
        input_names: all inputs, in the order in which a row of features is cut into them; by default the model's.
        output_names: the outputs to keep; by default all, in the model's order.
        input_shapes: shapes that replace those the model declares, by input name.
        limits: sizes beyond which the model is refused.

    Raises:
        ModelFileError: missing, truncated, malformed or hostile.
        ModelShapeError: shapes or dtypes that contradict each other or are not static.
        UnsupportedOpError: an operator or attribute that is not supported, naming the node.
    """
    limits = limits or Limits()
    model, folder = read_model(source, limits)
    parsed = parse_model(model, folder, limits, input_shapes or {})
    order = topological_order(parsed)
    _check_protobuf(model, order)
    outputs = list(parsed.output_types) if output_names is None else list(output_names)
    for name in outputs:
        if name not in parsed.output_types:
            raise ModelFileError(f"the model has no output {name!r}", "it has " + ", ".join(parsed.output_types))
    return build_graph(parsed, order, _ordered_inputs(parsed, input_names), outputs, limits)


def _ordered_inputs(parsed: ParsedModel, names: Sequence[str] | None) -> tuple[TensorInfo, ...]:
    by_name = {info.name: info for info in parsed.inputs}
    if names is None:
        return parsed.inputs
    if sorted(names) != sorted(by_name):
        raise ModelShapeError(f"input_names {list(names)} are not the model's inputs {list(by_name)}")
    return tuple(by_name[name] for name in names)


def _check_protobuf(model: Any, order: Sequence[int]) -> None:
    """The ONNX project's own checker, for every rule of the format that is not checked elsewhere.

    It insists on three things that do no harm, so they are put right first; parts that are not read are left out.
    """
    import onnx

    for unread in ("functions", "training_info"):
        model.ClearField(unread)
    model.graph.ClearField("value_info")
    if list(order) != sorted(order):
        nodes = [model.graph.node[index] for index in order]
        del model.graph.node[:]
        model.graph.node.extend(nodes)
    for item in (*model.opset_import, *model.graph.node):
        if item.domain == DEFAULT_DOMAIN:
            item.domain = ""
    for value in (*model.graph.input, *model.graph.output):
        if value.type.WhichOneof("value") == "tensor_type":
            value.type.tensor_type.shape.SetInParent()
    try:
        onnx.checker.check_model(model)
    except (onnx.checker.ValidationError, ValueError, RuntimeError) as error:
        first = next(iter(str(error).strip().splitlines()), "")
        raise ModelFileError(f"not valid ONNX: {first}", "export the model again") from error
