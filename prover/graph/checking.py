"""The ONNX project's own checker, for every rule of the format that is not checked elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from prover.errors import ModelFileError
from prover.graph.ops.spec import DEFAULT_DOMAIN


def check_protobuf(model: Any, order: Sequence[int] | None = None) -> None:
    """Check a model whose external data was read already.

    The checker insists on three things that do no harm, so they are put right first; parts that are not read are left
    out, and so are local functions, which were inlined.

    Args:
        order: indices of the nodes, producers first; None to leave them as they are.

    Raises:
        ModelFileError: not valid ONNX.
    """
    import onnx

    for unread in ("functions", "training_info"):
        model.ClearField(unread)
    model.graph.ClearField("value_info")
    if order is not None and list(order) != sorted(order) and len(order) == len(model.graph.node):
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
