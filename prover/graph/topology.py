"""The order of a graph's nodes."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Sequence

from prover.errors import ModelFileError
from prover.graph.ir import Node


def topological_order(nodes: Sequence[Node], available: Collection[str]) -> list[int]:
    """Indices of the nodes, producers first, otherwise as in the file (Kahn's algorithm).

    Args:
        available: tensors that need no producer.

    Raises:
        ModelFileError: a tensor produced twice or never, or a cycle.
    """
    producer = _producers(nodes, available)
    readers: list[list[int]] = [[] for _ in nodes]
    waiting = [0] * len(nodes)
    for index, node in enumerate(nodes):
        for name in sorted({name for name in node.reads if name and name not in available}):
            if name not in producer:
                raise ModelFileError(f"{node} reads the tensor {name!r}, which nothing produces")
            readers[producer[name]].append(index)
            waiting[index] += 1
    ready = deque(index for index, count in enumerate(waiting) if count == 0)
    order: list[int] = []
    while ready:
        index = ready.popleft()
        order.append(index)
        for reader in readers[index]:
            waiting[reader] -= 1
            if waiting[reader] == 0:
                ready.append(reader)
    if len(order) < len(nodes):
        stuck = next(node for node, count in zip(nodes, waiting, strict=True) if count)
        raise ModelFileError(f"the graph has a cycle: {stuck} waits for its own result")
    return order


def _producers(nodes: Sequence[Node], available: Collection[str]) -> dict[str, int]:
    """Index of the node that produces each tensor."""
    producer: dict[str, int] = {}
    for index, node in enumerate(nodes):
        for name in filter(None, node.outputs):
            if name in producer or name in available:
                raise ModelFileError(f"tensor {name!r} is produced twice, the second time by {node}")
            producer[name] = index
    return producer
