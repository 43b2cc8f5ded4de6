"""Operators that only move elements: they run on element numbers instead of values, in the graph's own semantics.

The elements of the operands that are moved are numbered from 1, and 0 is the constant zero: so an operator that pads
or masks with zeros moves elements too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from prover.graph import Node
from prover.graph.ops import find_spec
from prover.quantization.blocks.texts import constant_texts
from prover.quantization.rules import rule
from prover.quantization.trace import Affine, Label, Link, Trace, Value, unsupported

Numbers = NDArray[np.int64]


@rule("Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Split", "Slice", "Expand", "Tile", "Trilu", steps=())
@rule("DepthToSpace", "SpaceToDepth", "ReverseSequence", "Compress", "CenterCropPad", "Identity", steps=())
def move(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """Select and rearrange elements of the first operand; the others are constants."""
    source = operands[0]
    if isinstance(source, Label):
        (numbers,) = numbered(node, [source.shape], [None, *operands[1:]])[:1]
        if numbers.size == 1:
            return [replace(source, shape=numbers.shape)]
    return moved(trace, node, operands, (0,))


@rule("Concat", steps=())
def concat(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """Join along an axis."""
    return moved(trace, node, operands, range(len(operands)))


@rule("Pad", steps=())
def pad(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """Surround with a number, a reflection, the edge or the other end."""
    if node.attributes["mode"] == "constant":
        if "value" in node.attributes:
            operands = [operands[0], None, np.asarray(node.attributes["value"], dtype=np.float32)]
        return moved(trace, node, operands, (0, 2))
    return moved(trace, node, operands, (0,))


@rule("Dropout", steps=())
def dropout(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """In inference nothing is dropped, and the mask says so."""
    source = operands[0]
    assert source is not None
    return [source, np.ones(source.shape, dtype=np.bool_)]


def moved(trace: Trace, node: Node, operands: Sequence[Value | None], places: Sequence[int]) -> list[Value]:
    """Outputs whose elements are elements of the operands at ``places``, or zero.

    Sigmoids stay sigmoids, and a softmax of which all elements are kept stays one; beside others they are computed.

    Raises:
        UnsupportedOpError: another operand depends on the input.
    """
    sources = {place: operands[place] for place in places if place < len(operands) and operands[place] is not None}
    results = numbered(node, [value.shape for value in sources.values() if value is not None], operands, tuple(sources))
    links = [value for value in sources.values() if isinstance(value, Link)]
    if len(links) == len(sources) and all(_stays(links, numbers) for numbers in results):
        together = Affine.stack([link.logits for link in links])
        return [Link(links[0].kind, together.pick(numbers - 1)) for numbers in results]
    parts = [Affine.constant(np.zeros(1), trace.n_variables)]
    parts += [as_affine(trace, node, value) for value in sources.values() if value is not None]
    together = Affine.stack(parts)
    return [together.pick(numbers) for numbers in results]


def numbered(
    node: Node, shapes: Sequence[tuple[int, ...]], operands: Sequence[Value | None], places: Sequence[int] = (0,)
) -> list[Numbers]:
    """The operator on element numbers: operands at ``places``, of the given shapes, are counted through from 1."""
    arrays: list[NDArray[np.generic] | None] = []
    start = 1
    remaining = iter(shapes)
    for place, operand in enumerate(operands):
        if place in places:
            shape = next(remaining)
            size = int(np.prod(shape, dtype=np.int64))
            arrays.append(np.arange(start, start + size, dtype=np.int64).reshape(shape))
            start += size
        elif operand is None or isinstance(operand, np.ndarray):
            arrays.append(operand)
        else:
            raise unsupported(node, "its indices or its shape depend on the input")
    spec = find_spec(node.domain, node.op, node.opset, node.name)
    return [np.asarray(result, dtype=np.int64) for result in spec.evaluate(node, arrays)]


def as_affine(trace: Trace, node: Node, value: Value) -> Affine:
    """A value as an affine tensor, elements that may be missing included."""
    if isinstance(value, Link | Label):
        return trace.proved(node, value)
    if isinstance(value, Affine):
        return value
    if value.dtype.kind == "O":
        return constant_texts(trace, value)
    return Affine.constant(value, trace.n_variables)


def _stays(links: Sequence[Link], numbers: Numbers) -> bool:
    """Whether an output is a probability tensor of the same kind as its sources."""
    if {link.kind for link in links} == {"sigmoid"}:
        return bool(numbers.size) and int(numbers.min()) > 0
    return len(links) == 1 and np.array_equal(np.sort(numbers.ravel()), np.arange(1, links[0].logits.size + 1))
