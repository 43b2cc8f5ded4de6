"""How large a model may be before the importer refuses it, so that a hostile file costs little."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod

from prover.errors import ModelFileError

MAX_RANK = 32
"""Most dimensions of a tensor: numpy's own limit in older releases."""


@dataclass(frozen=True)
class Limits:
    """Sizes beyond which importing stops.

    Attributes:
        file_bytes: the ONNX file, and the file together with its external data (protobuf itself ends at 2 GiB).
        nodes: nodes of the graph, after functions, loops and their bodies are inlined.
        tensor_elements: elements of one tensor.
        total_elements: elements of all tensors together.
        folding_work: multiplications spent on folding constants.
    """

    file_bytes: int = (1 << 31) - 1
    nodes: int = 1 << 17
    tensor_elements: int = 1 << 26
    total_elements: int = 1 << 28
    folding_work: int = 1 << 33

    def size(self, shape: Sequence[int]) -> int | None:
        """Elements of a tensor of a shape; None for one that is negative, too deep or too large."""
        if len(shape) > MAX_RANK or any(length < 0 for length in shape):
            return None
        elements = prod(shape)
        return elements if elements <= self.tensor_elements else None


@dataclass
class Budget:
    """Nodes a model may still have; every one that is read or unrolled is spent, so that inlining ends."""

    left: int
    total: int = field(init=False)

    def __post_init__(self) -> None:
        self.total = self.left

    def spend(self, count: int, what: str) -> None:
        """
        Args:
            what: the node they are for, as an error names it.

        Raises:
            ModelFileError: there are not so many left.
        """
        self.left -= count
        if self.left < 0:
            raise ModelFileError(
                f"{what}: too many nodes, {self.total - self.left:,} or more once the model's functions and loops are "
                f"inlined; {self.total:,} are allowed",
                "export fewer turns of its loops, or operators that work on whole tensors",
            )
