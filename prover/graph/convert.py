"""Models of operator sets older than the table, by ONNX's own version converter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prover.errors import ModelFileError, UnsupportedOpError
from prover.graph.checking import check_protobuf
from prover.graph.limits import Limits
from prover.graph.ops.spec import DEFAULT_DOMAIN, OLDEST
from prover.graph.tensors import decode_tensor, utf8


def modernised(model: Any, folder: Path | None, limits: Limits) -> Any:
    """The model itself, or one of the oldest operator set that the table describes, which computes the same.

    Raises:
        ModelFileError: an old model that is not valid.
        UnsupportedOpError: the converter does not know an operator's way up.
    """
    from onnx import version_converter

    versions = [entry.version for entry in model.opset_import if entry.domain in ("", DEFAULT_DOMAIN)]
    oldest = OLDEST[DEFAULT_DOMAIN]
    if not versions or min(versions) >= oldest or min(versions) < 1:
        return model
    if len(model.graph.node) > limits.nodes:
        raise ModelFileError(f"the model has {len(model.graph.node)} nodes, more than {limits.nodes}")
    for proto in model.graph.initializer:
        decode_tensor(proto, utf8(proto.name), folder, limits)  # moves external data into the model
    check_protobuf(model)
    try:
        return version_converter.convert_version(model, oldest)
    except (version_converter.ConvertError, RuntimeError, ValueError, IndexError, KeyError) as error:
        raise UnsupportedOpError(
            f"the model has opset {min(versions)}, which onnx cannot convert to {oldest}: {_reason(error)}",
            f"export the model with opset {oldest} or newer",
            opset=min(versions),
        ) from error


def _reason(error: Exception) -> str:
    """What an error says, without where in onnx it was raised."""
    line = next(iter(str(error).strip().splitlines()), type(error).__name__)
    return line[max(line.find("No Adapter"), 0) :][:300]
