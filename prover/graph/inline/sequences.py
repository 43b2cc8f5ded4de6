"""Sequences of tensors: they live only while the graph is built, as lists of tensor names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prover.errors import ModelFileError, ModelShapeError
from prover.graph.inline.target import Target, added, stacked
from prover.graph.ir import Node
from prover.graph.ops.spec import normal_axis, unsupported


def follow(target: Target, node: Node) -> None:
    """Do what an operator on sequences does, now.

    Raises:
        UnsupportedOpError: a place or a length that depends on the model's input.
        ModelFileError, ModelShapeError: operands that are none.
    """
    if len(node.outputs) != 1 or not all(node.inputs[:2]):
        raise ModelFileError(f"{node} has absent inputs, or {len(node.outputs)} outputs")
    target.scope.budget.spend(1, str(node))
    _MEANINGS[node.op](target, node)


def _construct(target: Target, node: Node) -> None:
    for name in node.inputs:
        target.info(name)
    target.sequences[node.outputs[0]] = node.inputs


def _empty(target: Target, node: Node) -> None:
    target.sequences[node.outputs[0]] = ()


def _insert(target: Target, node: Node) -> None:
    items = _items(target, node)
    _arity(node, 2, 3)
    target.info(node.inputs[1])
    place = _place(target, node, 2, len(items) + 1, len(items))
    target.scope.budget.spend(len(items), str(node))
    target.sequences[node.outputs[0]] = (*items[:place], node.inputs[1], *items[place:])


def _erase(target: Target, node: Node) -> None:
    items = _items(target, node)
    _arity(node, 1, 2)
    place = _place(target, node, 1, len(items), len(items) - 1)
    target.scope.budget.spend(len(items), str(node))
    target.sequences[node.outputs[0]] = (*items[:place], *items[place + 1 :])


def _at(target: Target, node: Node) -> None:
    items = _items(target, node)
    _arity(node, 2, 2)
    target.rename(node.outputs[0], items[_place(target, node, 1, len(items), 0)])


def _length(target: Target, node: Node) -> None:
    target.define(node.outputs[0], np.array(len(_items(target, node)), dtype=np.int64))


def _split(target: Target, node: Node) -> None:
    _arity(node, 1, 2)
    shape = target.info(node.inputs[0]).shape
    axis = _axis(node, len(shape))
    length = shape[axis]
    split = _constant(target, node, 1)
    if split is None:
        pieces = [[place] for place in range(length)]
    else:
        sizes = split.reshape(-1).tolist()
        if split.ndim == 0 and sizes[0] > 0:
            sizes = [min(sizes[0], length - start) for start in range(0, length, sizes[0])]
        if min(sizes, default=0) < 0 or sum(sizes) != length:
            raise ModelShapeError(f"{node}: pieces of {sizes[:16]} do not make up an axis of length {length}")
        ends = np.cumsum(sizes).tolist()
        pieces = [list(range(end - size, end)) for end, size in zip(ends, sizes, strict=True)]
    names = []
    for index, places in enumerate(pieces):
        keep = split is not None or bool(node.attributes["keepdims"])
        chosen = target.fresh(f"{node.outputs[0]}/{index}/places")
        target.define(chosen, np.array(places if keep else places[0], dtype=np.int64))
        names.append(added(target, node, "Gather", [node.inputs[0], chosen], {"axis": axis}))
    target.sequences[node.outputs[0]] = tuple(names)


def _concat(target: Target, node: Node) -> None:
    items = _items(target, node)
    if not items:
        raise ModelShapeError(f"{node} joins no tensors")
    rank = len(target.info(items[0]).shape)
    if node.attributes["new_axis"]:
        joined = stacked(target, node, items, _axis(node, rank + 1))
    else:
        joined = added(target, node, "Concat", items, {"axis": _axis(node, rank)})
    target.rename(node.outputs[0], joined)


_MEANINGS: Mapping[str, Callable[[Target, Node], None]] = {
    "SequenceConstruct": _construct,
    "SequenceEmpty": _empty,
    "SequenceInsert": _insert,
    "SequenceErase": _erase,
    "SequenceAt": _at,
    "SequenceLength": _length,
    "SplitToSequence": _split,
    "ConcatFromSequence": _concat,
}


def _items(target: Target, node: Node) -> Sequence[str]:
    found = target.sequences.get(node.inputs[0]) if node.inputs else None
    if found is None:
        raise ModelShapeError(f"{node}: its first input is no sequence")
    return found


def _arity(node: Node, least: int, most: int) -> None:
    if not least <= len(node.inputs) <= most:
        raise ModelFileError(f"{node} has {len(node.inputs)} inputs, expected {least} to {most}")


def _place(target: Target, node: Node, index: int, length: int, default: int) -> int:
    """A constant place among ``length``, negative ones from the end."""
    value = _constant(target, node, index)
    place = default if value is None else int(value.reshape(-1)[0]) if value.size == 1 else length
    if not -length <= place < length:
        raise ModelShapeError(f"{node}: place {place} of a sequence with {length} places")
    return place % length


def _constant(target: Target, node: Node, index: int) -> NDArray[Any] | None:
    if index >= len(node.inputs) or not node.inputs[index]:
        return None
    value = target.value(node.inputs[index])
    if value is None:
        raise unsupported(node, "a place or a length depends on the model's input", "export with static shapes")
    if value.dtype.kind not in "iu" or value.ndim > 1:
        raise ModelShapeError(f"{node}: a place or a length is not a whole number")
    return value


def _axis(node: Node, rank: int) -> int:
    axis = node.attributes["axis"]
    assert isinstance(axis, int)
    try:
        return normal_axis(axis, rank)
    except ValueError as error:
        raise ModelShapeError(f"{node}: {error}") from error
