"""Operators that only move elements: they run on element numbers instead of values, in the graph's own semantics."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from prover.graph import Node
from prover.graph.ops import find_spec
from prover.quantization.rules import rule
from prover.quantization.rules.classifier import checked_classes
from prover.quantization.trace import Affine, Label, Link, Trace, Value, unsupported


@rule("Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Gather")
@rule("ArrayFeatureExtractor", domain="ai.onnx.ml")
def move(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """Select and rearrange elements of the first operand; the others are constants."""
    source = operands[0]
    if isinstance(source, Label):
        return [replace(source, shape=_moved(node, source.shape, operands).shape)]
    if isinstance(source, np.ndarray):
        return [_choose_class(node, source, operands)]
    if source is None or not all(isinstance(extra, np.ndarray) or extra is None for extra in operands[1:]):
        raise unsupported(node, "its indices or its shape depend on the input")
    elements = _moved(node, source.shape, operands)
    if isinstance(source, Affine):
        return [source.pick(elements)]
    if source.kind != "sigmoid" and sorted(elements.ravel()) != list(range(source.logits.size)):
        raise unsupported(node, f"it takes {source.kind} probabilities apart", "reveal='label' on the whole output")
    return [Link(source.kind, source.logits.pick(elements))]


@rule("Concat")
def concat(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """Join along an axis; sigmoids join with sigmoids, everything else must be linear."""
    if all(isinstance(value, Link) and value.kind == "sigmoid" for value in operands):
        return [Link("sigmoid", _join(node, [value.logits for value in operands if isinstance(value, Link)]))]
    parts = []
    for value in operands:
        if isinstance(value, np.ndarray):
            value = Affine.constant(value, trace.n_variables)
        if not isinstance(value, Affine):
            raise unsupported(node, "it joins probabilities or labels with other values")
        parts.append(value)
    return [_join(node, parts)]


def _join(node: Node, parts: list[Affine]) -> Affine:
    starts = np.cumsum([0] + [part.size for part in parts])
    numbers = [
        np.arange(start, start + part.size, dtype=np.int64).reshape(part.shape)
        for start, part in zip(starts, parts, strict=False)
    ]
    return Affine.stack(parts).pick(_evaluate(node, list(numbers)))


def _moved(node: Node, shape: tuple[int, ...], operands: list[Value | None]) -> NDArray[np.int64]:
    numbers = np.arange(int(np.prod(shape, dtype=np.int64)), dtype=np.int64).reshape(shape)
    extras = [extra if isinstance(extra, np.ndarray) else None for extra in operands[1:]]
    return _evaluate(node, [numbers, *extras])


def _evaluate(node: Node, arrays: list[NDArray[np.int64] | None]) -> NDArray[np.int64]:
    spec = find_spec(node.domain, node.op, node.opset, node.name)
    return np.asarray(spec.evaluate(node, arrays)[0], dtype=np.int64)


def _choose_class(node: Node, table: NDArray[np.generic], operands: list[Value | None]) -> Label:
    """``table[label]``: how exported classifiers turn an index into a class. Classes of text count from 0."""
    label = operands[1] if len(operands) > 1 else None
    if not isinstance(label, Label) or node.op not in ("Gather", "ArrayFeatureExtractor"):
        raise unsupported(node, "it reads a constant at a place that depends on the input")
    entries = table.ravel()
    if not np.array_equal(label.classes, np.arange(entries.size)):
        raise unsupported(node, f"{entries.size} classes for {label.classes.size} scores")
    whole = entries.dtype.kind in "iu" or (entries.dtype.kind == "f" and bool(np.all(entries == np.rint(entries))))
    classes = np.arange(entries.size, dtype=np.int64)
    if whole:  # clipped, a label beyond int64 is refused like any other that is too large
        classes = np.clip(entries.astype(np.float64), -(2.0**62), 2.0**62).astype(np.int64)
    indices = np.zeros(label.shape, dtype=np.int64)
    shape = _evaluate(node, [np.arange(entries.size, dtype=np.int64).reshape(table.shape), indices]).shape
    names = () if whole else tuple(str(entry) for entry in entries)
    return Label(label.logits, checked_classes(node, classes, names), shape, names)
