"""ONNX to typed graph: parse, order, infer every shape, fold constants, drop what only renames or is never read."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from prover.errors import ModelFileError, ModelShapeError
from prover.graph.build import build_graph
from prover.graph.checking import check_protobuf
from prover.graph.convert import modernised
from prover.graph.ir import Graph, TensorInfo
from prover.graph.limits import Limits
from prover.graph.loading import read_model
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
    model = modernised(model, folder, limits)
    parsed = parse_model(model, folder, limits, input_shapes or {})
    order = topological_order(parsed.nodes, _available(parsed))
    check_protobuf(model, order)
    outputs = list(parsed.output_types) if output_names is None else list(output_names)
    for name in outputs:
        if name not in parsed.output_types:
            raise ModelFileError(f"the model has no output {name!r}", "it has " + ", ".join(parsed.output_types))
    return build_graph(parsed, order, _ordered_inputs(parsed, input_names), outputs, limits)


def _available(parsed: ParsedModel) -> set[str]:
    """Tensors that need no producer."""
    names = [info.name for info in parsed.inputs]
    if len(set(names)) < len(names):
        repeated = next(name for name in names if names.count(name) > 1)
        raise ModelFileError(f"two inputs are called {repeated!r}")
    return {*parsed.constants, *names}


def _ordered_inputs(parsed: ParsedModel, names: Sequence[str] | None) -> tuple[TensorInfo, ...]:
    by_name = {info.name: info for info in parsed.inputs}
    if names is None:
        return parsed.inputs
    if sorted(names) != sorted(by_name):
        raise ModelShapeError(f"input_names {list(names)} are not the model's inputs {list(by_name)}")
    return tuple(by_name[name] for name in names)
