"""Einsum: sums of products over named axes."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from prover.graph import Node
from prover.quantization.blocks.product import contract
from prover.quantization.rules import rule
from prover.quantization.sparse import Sparse
from prover.quantization.trace import Affine, Trace, Value, linear, unsupported

I64 = NDArray[np.int64]

_LARGEST = 1 << 24
"""Most products one contraction may have."""


@rule("Einsum", steps=("contract",))
def einsum(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """Any equation, with repeated letters and an ellipsis; operands are contracted from left to right."""
    values = [linear(node, value, trace) for value in operands]
    terms, result = _parsed(node, str(node.attributes["equation"]), [value.shape for value in values])
    sizes = {name: 1 for term in terms for name in term}
    for term, value in zip(terms, values, strict=True):
        for name, size in zip(term, value.shape, strict=True):
            sizes[name] = max(sizes[name], size)  # an axis of an ellipsis may broadcast
    left, axes = values[0], terms[0]
    for index, (right, more) in enumerate(zip(values[1:], terms[1:], strict=True)):
        later = {*result, *itertools.chain.from_iterable(terms[index + 2 :])}
        kept = tuple(name for name in dict.fromkeys((*axes, *more)) if name in later)
        left = _contracted(trace, node, (left, axes), (right, more), kept, sizes)
        axes = kept
    return [_summed(left, axes, result, sizes)]


def _contracted(
    trace: Trace,
    node: Node,
    first: tuple[Affine, Sequence[str]],
    second: tuple[Affine, Sequence[str]],
    kept: Sequence[str],
    sizes: dict[str, int],
) -> Affine:
    names = list(dict.fromkeys((*first[1], *second[1])))
    count = int(np.prod([sizes[name] for name in names], dtype=np.int64))
    if count > _LARGEST:
        raise unsupported(node, f"{count} products in one contraction")
    places = _places(names, sizes, count)
    left, right = (_elements(value.shape, axes, places, count) for value, axes in (first, second))
    shape = tuple(sizes[name] for name in kept)
    rows = _elements(shape, kept, places, count)
    return contract(trace, node, first[0], second[0], left, right, rows, shape)


def _summed(value: Affine, axes: Sequence[str], result: Sequence[str], sizes: dict[str, int]) -> Affine:
    """One operand's diagonals, sums and transposition, all linear."""
    names = list(dict.fromkeys(axes))
    count = int(np.prod([sizes[name] for name in names], dtype=np.int64))
    places = _places(names, sizes, count)
    shape = tuple(sizes[name] for name in result)
    size = int(np.prod(shape, dtype=np.int64))
    rows, columns = _elements(shape, result, places, count), _elements(value.shape, axes, places, count)
    return value.mapped(Sparse.from_triplets(rows, columns, np.ones(count), (size, value.size)), np.zeros(size), shape)


def _places(names: Sequence[str], sizes: dict[str, int], count: int) -> dict[str, I64]:
    """Every point of the index space, by axis: int64[count] each."""
    points = np.indices([sizes[name] for name in names]).reshape(len(names), count)
    return dict(zip(names, points, strict=True))


def _elements(shape: tuple[int, ...], axes: Sequence[str], places: dict[str, I64], count: int) -> I64:
    """Flat element of a tensor for every point of the index space; axes of length 1 broadcast."""
    flat = np.zeros(count, dtype=np.int64)
    for size, name in zip(shape, axes, strict=True):
        flat = flat * size + (places[name] if size > 1 else 0)
    return flat


def _parsed(
    node: Node, equation: str, shapes: Sequence[tuple[int, ...]]
) -> tuple[list[tuple[str, ...]], tuple[str, ...]]:
    """Axis names of every operand and of the result; an ellipsis has the names "0", "1", .. from the right."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    texts = left.split(",")
    if len(texts) != len(shapes):
        raise unsupported(node, f"its equation {equation!r} has {len(texts)} operands, the node {len(shapes)}")
    terms = [_names(node, text, len(shape)) for text, shape in zip(texts, shapes, strict=True)]
    dots = max((term for term in terms), key=lambda term: sum(name.isdigit() for name in term))
    ellipsis = tuple(name for name in dots if name.isdigit())
    if arrow:
        return terms, tuple(
            itertools.chain.from_iterable(ellipsis if part == "." else (part,) for part in right.replace("...", "."))
        )
    once = sorted(name for name in set(left) if name.isalpha() and left.count(name) == 1)
    return terms, (*ellipsis, *once)


def _names(node: Node, text: str, rank: int) -> tuple[str, ...]:
    letters = text.replace("...", ".")
    dots = rank - (len(letters) - 1) if "." in letters else 0
    names = tuple(
        itertools.chain.from_iterable(
            [str(dots - 1 - i) for i in range(dots)] if letter == "." else [letter] for letter in letters
        )
    )
    if len(names) != rank:
        raise unsupported(node, f"{text!r} names {len(names)} axes of a tensor of {rank}")
    return names
