"""How large a model may be before the importer refuses it, so that a hostile file costs little."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Sizes beyond which importing stops.

    Attributes:
        file_bytes: the ONNX file, and the file together with its external data (protobuf itself ends at 2 GiB).
        nodes: nodes of the graph.
        tensor_elements: elements of one tensor.
        total_elements: elements of all tensors together.
        folding_work: multiplications spent on folding constants.
    """

    file_bytes: int = (1 << 31) - 1
    nodes: int = 1 << 17
    tensor_elements: int = 1 << 26
    total_elements: int = 1 << 28
    folding_work: int = 1 << 33
