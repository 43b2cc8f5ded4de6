"""How the operators of ONNX-ML write lists of numbers and the labels of classes."""

from __future__ import annotations

import numpy as np

from prover.graph.ir import Array, Node


def floats(node: Node, name: str) -> Array:
    """A list of floats, float32[n]; an absent one is empty."""
    value = node.attributes.get(name)
    return value if isinstance(value, np.ndarray) else np.zeros(0, dtype=np.float32)


def labels_of(node: Node, numbers: str) -> Array:
    """The labels of a classifier's classes, int64[n] or str objects[n].

    Args:
        numbers: the attribute of whole numbers; texts are ``classlabels_strings``.

    Raises:
        ValueError: neither, or both.
    """
    ints, strings = node.attributes[numbers], node.attributes["classlabels_strings"]
    if bool(ints) == bool(strings):
        raise ValueError(f"expected either {numbers} or classlabels_strings")
    return np.array(ints, dtype=np.int64) if ints else np.array(strings, dtype=object)
