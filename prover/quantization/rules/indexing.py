"""Reading at indices: constant ones move elements, those that depend on the input select by a one-hot vector."""

from __future__ import annotations

from math import prod

import numpy as np
from numpy.typing import NDArray

from prover.graph import Node
from prover.graph.ops import find_spec
from prover.quantization.blocks.compare import equal_zero
from prover.quantization.blocks.one_hot import INDEX, one_hot
from prover.quantization.blocks.product import contract
from prover.quantization.blocks.sums import combined, shifted
from prover.quantization.rules import rule
from prover.quantization.rules.classifier import checked_classes
from prover.quantization.rules.linear import integer
from prover.quantization.rules.shape import as_affine, move
from prover.quantization.sparse import Sparse
from prover.quantization.trace import Affine, Label, Trace, Value, linear, unsupported

Numbers = NDArray[np.int64]

_LONGEST = 1 << 16
"""Longest one-hot vector of an index."""

_TERMS = 1 << 26
"""Most terms of the sums that read a table: half a gigabyte of numbers."""


_ROUNDED = 2.0**-8
"""What rounding may add to an element of a table, relative to it or to 1."""


@rule("Gather", "GatherElements", "GatherND", steps=("one_hot", "contract"), exactness="exact")
@rule("ArrayFeatureExtractor", domain="ai.onnx.ml", steps=("one_hot", "contract"), exactness="exact")
def gather(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """Elements at indices: ``sum_j [index == j] * data[j]`` where the index depends on the input.

    A negative index counts from the end. A label read from a table of classes renames the classes.
    """
    data, indices = operands[0], operands[1]
    if isinstance(indices, np.ndarray) and not isinstance(data, np.ndarray):
        return move(trace, node, operands)
    if isinstance(data, np.ndarray) and isinstance(indices, Label):
        classes = _classes(node, data, indices)
        if classes is not None:
            return [classes]
    if isinstance(data, np.ndarray) and data.dtype.kind == "O":
        raise unsupported(node, "it reads a text at a place that depends on the input")
    index = linear(node, indices, trace)
    table = as_affine(trace, node, data) if isinstance(data, np.ndarray) else linear(node, data, trace)
    if node.op == "Gather":
        return [_gather(trace, node, table, index, integer(node, "axis"))]
    if node.op == "ArrayFeatureExtractor":  # along the last axis; a vector is one row, and indices are one list
        rows = table.reshaped((-1, table.shape[-1]))
        found = _gather(trace, node, rows, index.flat, 1)
        return [found.reshaped((*(table.shape[:-1] or (1,)), index.size))]
    return [(_gather_elements if node.op == "GatherElements" else _gather_nd)(trace, node, table, index)]


def _gather(trace: Trace, node: Node, table: Affine, index: Affine, axis: int) -> Affine:
    axis %= len(table.shape)
    k, inner = table.shape[axis], prod(table.shape[axis + 1 :])
    outer = table.size // max(k * inner, 1)
    hot, places = _window(trace, node, index, k)
    n = index.size
    o, i, c = (part.ravel() for part in np.indices((outer, n, inner)))
    base = o * k * inner + c
    shape = (*table.shape[:axis], *index.shape, *table.shape[axis + 1 :])
    return _read(trace, node, table, hot, i, base[:, None] + places * inner, shape)


def _gather_elements(trace: Trace, node: Node, table: Affine, index: Affine) -> Affine:
    axis = integer(node, "axis") % len(table.shape)
    hot, places = _window(trace, node, index, table.shape[axis])
    stride = prod(table.shape[axis + 1 :])
    grid = np.indices(index.shape)
    grid[axis] = 0
    base = np.ravel_multi_index(tuple(grid), table.shape).ravel()
    return _read(trace, node, table, hot, np.arange(index.size), base[:, None] + places * stride, index.shape)


def _gather_nd(trace: Trace, node: Node, table: Affine, index: Affine) -> Affine:
    """An index of q numbers is one number: its place in the box of the q ranges."""
    batch = integer(node, "batch_dims") if "batch_dims" in node.attributes else 0
    q = index.shape[-1]
    lengths = table.shape[batch : batch + q]
    k, inner, n = prod(lengths), prod(table.shape[batch + q :]), index.size // q
    numbers = np.arange(index.size, dtype=np.int64).reshape(n, q)
    parts = [index.pick(column) for column in numbers.T]
    ranges = [_range(trace, node, part, -length, length - 1) for part, length in zip(parts, lengths, strict=True)]
    widths = [high - low + 1 for low, high in ranges]
    flat = Affine.constant(np.zeros(n), trace.n_variables)
    for column, (part, (low, _)) in enumerate(zip(parts, ranges, strict=True)):
        flat = combined(flat, shifted(part, float(-low)), float(prod(widths[column + 1 :])))
    cells = np.indices(widths).reshape(q, -1) + np.array([[low] for low, _ in ranges])
    places = np.ravel_multi_index(tuple(cells % np.array(lengths)[:, None]), lengths)
    hot = _hot(trace, node, flat, prod(widths))
    i, c = (part.ravel() for part in np.indices((n, inner)))
    base = i // max(n // prod(table.shape[:batch]), 1) * k * inner + c
    shape = (*index.shape[:-1], *table.shape[batch + q :])
    return _read(trace, node, table, hot, i, base[:, None] + places * inner, shape)


def _read(
    trace: Trace, node: Node, table: Affine, hot: Affine, index: Numbers, places: Numbers, shape: tuple[int, ...]
) -> Affine:
    """``out[r] = sum_j hot[index[r], j] * table[places[r, j]]``, which is one of the table's elements."""
    rows, width = places.shape
    if places.size > _TERMS:
        raise unsupported(node, f"it reads {rows} elements out of {width}", "use a smaller table or fewer indices")
    left = index[:, None] * width + np.arange(width)
    read = table.pick(np.unique(places))
    limit = float(np.abs(np.stack(trace.interval(read))).max(initial=0.0))
    if not trace.is_whole(read).all():
        limit += (limit + 1.0) * _ROUNDED
    of = np.repeat(np.arange(rows), width)
    return contract(trace, node, hot, table, left.ravel(), places.ravel(), of, shape, limit=limit)


def _range(trace: Trace, node: Node, index: Affine, least: int, most: int) -> tuple[int, int]:
    """Proven (smallest, largest) index, which must lie in [least, most]."""
    if not trace.is_whole(index).all():
        raise unsupported(node, "an index is not known to be a whole number", "cast it to int64")
    low, high = trace.interval(index)
    ends = float(low.min(initial=0.0 if not index.size else np.inf)), float(high.max(initial=-np.inf))
    if index.size and not (least <= ends[0] and ends[1] <= most):
        raise unsupported(node, f"an index may lie in [{ends[0]:g}, {ends[1]:g}], outside {least} to {most}", INDEX)
    return (int(ends[0]), int(ends[1])) if index.size else (0, 0)


def _window(trace: Trace, node: Node, index: Affine, k: int) -> tuple[Affine, Numbers]:
    """One-hot vectors [n, w] over the range of the indices, and the place of 0 .. k-1 each column stands for: [w]."""
    low, high = _range(trace, node, index, -k, k - 1)
    flat = index.flat
    hot = _hot(trace, node, shifted(flat, float(-low)), high - low + 1)
    return hot, np.arange(low, high + 1, dtype=np.int64) % k


def _hot(trace: Trace, node: Node, index: Affine, width: int) -> Affine:
    if width > _LONGEST:
        raise unsupported(node, f"an index has {width} places", f"at most {_LONGEST} are proved")
    return one_hot(trace, node, index, width)


def _classes(node: Node, table: NDArray[np.generic], label: Label) -> Label | None:
    """``table[label]``: how exported classifiers turn an index into a class. Classes of text count from 0."""
    entries = table.ravel()
    if node.op not in ("Gather", "ArrayFeatureExtractor") or not np.array_equal(label.classes, np.arange(entries.size)):
        return None
    indices = np.zeros(label.shape, dtype=np.int64)
    spec = find_spec(node.domain, node.op, node.opset, node.name)
    shape = np.shape(spec.evaluate(node, [np.arange(entries.size).reshape(table.shape), indices])[0])
    if prod(shape) != 1:
        return None
    whole = entries.dtype.kind in "iu" or (entries.dtype.kind == "f" and bool(np.all(entries == np.rint(entries))))
    if not whole and entries.dtype.kind != "O":
        return None  # numbers that depend on the class, not its name
    classes = np.arange(entries.size, dtype=np.int64)
    if whole:  # clipped, a label beyond int64 is refused like any other that is too large
        classes = np.clip(entries.astype(np.float64), -(2.0**62), 2.0**62).astype(np.int64)
    names = () if whole else tuple(str(entry) for entry in entries)
    return Label(label.logits, checked_classes(node, classes, names), tuple(shape), names)


@rule("OneHot", steps=("one_hot", "equal", "contract"), exactness="exact")
def one_hot_rule(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """``values[1]`` where the index is the place along the new axis, or lies k below it; ``values[0]`` elsewhere."""
    index = linear(node, operands[0], trace)
    depth = operands[1]
    assert isinstance(depth, np.ndarray)
    k, values = int(depth.ravel()[0]), linear(node, operands[2], trace)
    flat = index.flat
    low, high = trace.interval(flat)
    first, last = float(low.min(initial=0.0)), float(high.max(initial=0.0))
    if last - first <= min(4 * k, _LONGEST):  # as many constraints as comparing; infinities are no range
        width = int(last - first) + 1
        window = one_hot(trace, node, shifted(flat, -first), width)
        value = np.arange(width, dtype=np.int64) + int(first)
        chosen = np.flatnonzero((value >= -k) & (value < k))
        rows = np.arange(index.size)[:, None] * k + value[chosen] % k
        cols = np.arange(index.size)[:, None] * width + chosen
        matrix = Sparse.from_triplets(
            rows.ravel(), cols.ravel(), np.ones(rows.size), (index.size * k, index.size * width)
        )
        hot = window.mapped(matrix, np.zeros(index.size * k), (index.size, k))
    else:
        hot = _compared(trace, node, flat, k)
    off, on = values.pick(np.array([0])), values.pick(np.array([1]))
    step = combined(on, off, -1.0)
    count = hot.size
    scaled = contract(
        trace, node, hot, step, np.arange(count), np.zeros(count, dtype=np.int64), np.arange(count), hot.shape
    )
    result = combined(scaled, off)
    axis = integer(node, "axis")
    rank = len(index.shape) + 1
    last_axis = np.arange(count, dtype=np.int64).reshape(*index.shape, k)
    return [result.pick(np.moveaxis(last_axis, -1, axis % rank))]


def _compared(trace: Trace, node: Node, index: Affine, k: int) -> Affine:
    """The same where the index may be any number: two equalities a place."""
    flat = index.pick(np.repeat(np.arange(index.size, dtype=np.int64), k))
    places = np.tile(np.arange(k, dtype=np.float64), index.size)
    hits = [equal_zero(trace, node, combined(flat, _constant(trace, places - offset), -1.0)) for offset in (0, k)]
    both = combined(hits[0], hits[1])
    return both.reshaped((index.size, k))


def _constant(trace: Trace, values: NDArray[np.float64]) -> Affine:
    return Affine.constant(values, trace.n_variables)


@rule("CumSum", steps=())
def cumulative_sum(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """Sums of the elements up to each place along an axis; without its own when exclusive; from the end in reverse."""
    source, axis = linear(node, operands[0], trace), operands[1]
    assert isinstance(axis, np.ndarray)
    numbers = np.arange(source.size, dtype=np.int64).reshape(source.shape)
    lines = np.moveaxis(numbers, int(axis.ravel()[0]), -1)
    length = lines.shape[-1]
    place = np.arange(length)
    reads = place[:, None] >= place if not integer(node, "reverse") else place[:, None] <= place
    if integer(node, "exclusive"):
        reads &= place[:, None] != place
    to, start = np.nonzero(reads)
    flat = lines.reshape(-1, max(length, 1))
    rows, cols = flat[:, to].ravel(), flat[:, start].ravel()
    matrix = Sparse.from_triplets(rows, cols, np.ones(rows.size), (source.size, source.size))
    return [source.mapped(matrix, np.zeros(source.size), source.shape)]
