"""Lookups of ai.onnx.ml: OneHotEncoder, LabelEncoder, CategoryMapper.

Of a category or a boolean, and so of every text, they are linear; of other whole numbers, one equality a key.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prover.graph import Node
from prover.graph.ops.ml_encoders import Lookup, lookup_of, one_hot_categories
from prover.quantization.blocks.compare import equal_zero
from prover.quantization.blocks.finite import mapped
from prover.quantization.blocks.texts import places, text_at
from prover.quantization.rules import rule
from prover.quantization.rules.classifier import checked_classes
from prover.quantization.rules.linear import integer
from prover.quantization.sparse import Sparse
from prover.quantization.trace import Affine, Label, Trace, Value, linear, unsupported

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
_ML = "ai.onnx.ml"
_TEXT = np.dtype(object)
_MOST_MATCHES = 1 << 15
"""Equalities one node may need."""

_ROUNDED = 2.0**-20
_COST = "0 of a text, category or boolean, else 2 a key"


@rule("OneHotEncoder", domain=_ML, steps=("equal",), cost=_COST)
def one_hot_encoder(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """One column per category, appended as the last axis. ``zeros = 0`` means an unknown value is an error."""
    dtype = trace.tensors[node.inputs[0]].dtype
    source = linear(node, operands[0], trace)
    categories = one_hot_categories(node, _TEXT if dtype == _TEXT else np.dtype(np.int64))
    wanted = _numbers(trace, dtype, categories)
    strict = integer(node, "zeros") == 0

    def shown(value: float) -> str:
        return text_at(trace, value) if dtype == _TEXT else f"{value:g}"

    def encode(values: F64) -> F64:
        if np.any(values != np.rint(values)):
            raise unsupported(node, "its input is not a whole number", "feed the category itself to the encoder")
        hits = values[:, None] == wanted[None, :]
        if strict and not hits.any(axis=1).all():
            raise _unknown(node, shown(values[~hits.any(axis=1)][0]))
        return np.asarray(hits, dtype=np.float64)

    def compare(rest: Affine) -> Affine:
        low, high = trace.interval(rest)
        if not trace.is_whole(rest).all():
            raise unsupported(node, "its input is not known to be whole", "declare its feature a category or an int")
        known, value = set(wanted.tolist()), float(low.min())
        while strict and value in known:
            value += 1.0
        if strict and value <= high.max():
            raise _unknown(node, shown(value))
        hits, rows, keys = _matches(trace, node, rest, wanted)
        place = np.zeros((rest.size, wanted.size), dtype=np.int64)
        place[rows, keys] = 1 + np.arange(hits.size)
        return Affine.stack([Affine.constant(np.zeros(1), trace.n_variables), hits]).pick(place.ravel())

    return [mapped(trace, source, wanted.size, encode, compare).reshaped((*source.shape, wanted.size))]


@rule("LabelEncoder", "CategoryMapper", domain=_ML, steps=("equal",), cost=_COST)
def lookup(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """``table[x]``, or the default. The label of a classifier stays a label, under other names."""
    value = operands[0]
    table = lookup_of(node, trace.tensors[node.inputs[0]].dtype)
    if isinstance(value, Label):
        return [_renamed(node, value, table)]
    return [_looked_up(trace, node, value, _numeric(trace, table))]


def _numeric(trace: Trace, table: Lookup) -> Lookup:
    """The same table, with the places of texts in place of the texts."""
    keys = _numbers(trace, table.keys, table.table).tolist()
    values = _numbers(trace, table.values, table.table.values()).tolist()
    default = float(_numbers(trace, table.values, [table.default])[0])
    real = np.dtype(np.float64)
    kinds = real if table.keys == _TEXT else table.keys, real
    nan = None if table.nan is None else float(_numbers(trace, table.values, [table.nan])[0])
    return Lookup(dict(zip(keys, values, strict=True)), default, *kinds, nan)


def _numbers(trace: Trace, dtype: np.dtype[Any], entries: Iterable[Any]) -> F64:
    return places(trace, entries) if dtype == _TEXT else np.array(list(entries), dtype=np.float64)


def _looked_up(trace: Trace, node: Node, value: Value | None, table: Lookup) -> Affine:
    """Numbers to numbers. A missing number is the key NaN, where the table has it."""
    source = linear(node, value, trace)
    default = float(table.default)
    entries = [(key, float(entry) - default) for key, entry in table.table.items() if entry != table.default]
    keys, changes = np.array(entries, dtype=np.float64).reshape(-1, 2).T

    def compare(rest: Affine) -> Affine:
        hits, rows, which = _matches(trace, node, rest, keys)
        weights = Sparse.from_triplets(rows, np.arange(hits.size), changes[which], (rest.size, hits.size))
        return hits.mapped(weights, np.full(rest.size, default), (rest.size,))

    def find(values: F64) -> F64:
        wanted = values.astype(table.keys).tolist()
        return np.array([table(key) for key in wanted], dtype=np.float64)[:, None]

    return mapped(trace, source, 1, find, compare).reshaped(source.shape)


def _matches(trace: Trace, node: Node, source: Affine, keys: F64) -> tuple[Affine, I64, I64]:
    """``x == key`` of every element and every key in its range: booleans, and each one's element and key.

    Raises:
        UnsupportedOpError: more than :data:`_MOST_MATCHES`.
    """
    order = np.argsort(keys, kind="stable")
    low, high = (_moved(end, away) for end, away in zip(trace.interval(source), (-1.0, 1.0), strict=True))
    starts, stops = np.searchsorted(keys[order], low, "left"), np.searchsorted(keys[order], high, "right")
    counts = np.maximum(stops - starts, 0)
    if int(counts.sum()) > _MOST_MATCHES:
        raise unsupported(
            node,
            f"{int(counts.sum())} keys to compare with",
            f"at most {_MOST_MATCHES} fit: declare its feature a category, or narrow its range",
        )
    rows = np.repeat(np.arange(source.size, dtype=np.int64), counts)
    within = np.arange(rows.size, dtype=np.int64) - np.repeat(np.cumsum(counts) - counts, counts)
    which = order[starts[rows] + within]
    possible = ~trace.is_whole(source)[rows] | (keys[which] == np.rint(keys[which]))
    rows, which = rows[possible], which[possible]
    spread = source.pick(rows)
    differences = Affine(spread.shape, spread.matrix, spread.bias - keys[which], spread.optional)
    return equal_zero(trace, node, differences), rows, which


def _moved(end: F64, away: float) -> F64:
    """An end of a range, further by what float64 may have lost."""
    return end + away * _ROUNDED * np.maximum(np.abs(end), 1.0)


def _renamed(node: Node, label: Label, table: Lookup) -> Label:
    """The label with its classes looked up; texts are counted from 0."""
    known = [label.names[index] for index in label.classes] if label.names else label.classes.tolist()
    found = [table(float(key) if table.keys.kind == "f" else key) for key in known]
    if table.values == _TEXT:
        names = tuple(str(text) for text in found)
        return Label(
            label.logits, checked_classes(node, np.arange(len(names), dtype=np.int64), names), label.shape, names
        )
    if any(number != int(number) for number in found):
        raise unsupported(node, "a class that is not a whole number", "number the classes from 0")
    classes = np.array([int(number) for number in found], dtype=np.int64)
    return Label(label.logits, checked_classes(node, classes), label.shape)


def _unknown(node: Node, value: str) -> Exception:
    return unsupported(
        node,
        f"the schema admits the value {value}, which the encoder does not know",
        "give the category exactly the labels the model was trained with",
    )
