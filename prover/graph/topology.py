"""The order of a graph's nodes."""

from __future__ import annotations

from collections import deque

from prover.errors import ModelFileError
from prover.graph.parse import ParsedModel


def topological_order(parsed: ParsedModel) -> list[int]:
    """Indices of the nodes, producers first, otherwise as in the file (Kahn's algorithm).

    Raises:
        ModelFileError: a tensor produced twice or never, or a cycle.
    """
    available = set(parsed.constants)
    for info in parsed.inputs:
        if info.name in available:
            raise ModelFileError(f"two inputs are called {info.name!r}")
        available.add(info.name)
    producer = _producers(parsed, available)
    readers: list[list[int]] = [[] for _ in parsed.nodes]
    waiting = [0] * len(parsed.nodes)
    for index, node in enumerate(parsed.nodes):
        for name in sorted({name for name in node.inputs if name and name not in available}):
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
    if len(order) < len(parsed.nodes):
        stuck = next(node for node, count in zip(parsed.nodes, waiting, strict=True) if count)
        raise ModelFileError(f"the graph has a cycle: {stuck} waits for its own result")
    return order


def _producers(parsed: ParsedModel, available: set[str]) -> dict[str, int]:
    """Index of the node that produces each tensor."""
    producer: dict[str, int] = {}
    for index, node in enumerate(parsed.nodes):
        for name in filter(None, node.outputs):
            if name in producer or name in available:
                raise ModelFileError(f"tensor {name!r} is produced twice, the second time by {node}")
            producer[name] = index
    return producer
