"""Operators on categories: OneHotEncoder; and Cast.

A tensor element that depends on one category (or one boolean) takes finitely many values, so *any* function of it is
again linear in that category's one-hot slots: ``f(x) = sum_i f(x_i) * slot_i``. Such functions cost nothing.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from prover.graph import Node
from prover.quantization.dtypes import is_whole
from prover.quantization.rules import rule
from prover.quantization.rules.linear import integer
from prover.quantization.sparse import Sparse
from prover.quantization.trace import Affine, Label, Link, Trace, Value, linear, unsupported

Table = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""A function of a finite value: float64[c] -> float64[c, outputs]."""

_FLOATS = {1, 11}
_INTEGERS = {2, 3, 4, 5, 6, 7, 12, 13}
"""TensorProto element types that Cast is proved for. Narrower floats overflow and round where the circuit does not."""


@rule("OneHotEncoder", domain="ai.onnx.ml")
def one_hot_encoder(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """One column per category, appended as the last axis. ``zeros = 0`` means an unknown value is an error."""
    source = linear(node, operands[0], trace)
    categories = node.attributes["cats_int64s"]
    if categories is None:
        raise unsupported(node, "text categories are encoded by the schema, not by the model")
    wanted = np.asarray(categories, dtype=np.float64)
    strict = integer(node, "zeros") == 0

    def encode(values: NDArray[np.float64]) -> NDArray[np.float64]:
        if np.any(values != np.rint(values)):
            raise unsupported(node, "its input is not a whole number", "feed the category itself to the encoder")
        hits = values[:, None] == wanted[None, :]
        if strict and not hits.any(axis=1).all():
            unknown = values[~hits.any(axis=1)][0]
            raise unsupported(
                node,
                f"the schema admits the value {unknown:g}, which the encoder does not know",
                "give the category exactly the labels the model was trained with",
            )
        return np.asarray(hits, dtype=np.float64)

    encoded = tabulate(trace, node, source, encode, wanted.size)
    return [encoded.pick(np.arange(encoded.size, dtype=np.int64).reshape(*source.shape, wanted.size))]


@rule("Cast")
def cast(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """To float32 or float64, nothing happens; nor to an integer type, of a value that is whole and fits it.

    Truncation is not proved: onnxruntime truncates a float32 rounding of the value, which may lie on the other side
    of an integer. That a value fits is checked for every integer tensor (:mod:`prover.quantization.dtypes`).
    """
    value = operands[0]
    target = integer(node, "to")
    if target in _FLOATS and isinstance(value, Affine | Link):
        return [value]
    if target in _INTEGERS and isinstance(value, Label):
        return [value]
    if target not in _INTEGERS or isinstance(value, Link | Label):
        raise unsupported(node, f"a cast to element type {target} is not proved here")
    source = linear(node, value, trace)
    if not is_whole(trace, source):
        raise unsupported(
            node,
            f"a cast to element type {target} of a value that is not known to be whole",
            "integer casts are proved of int, bool and category features and their whole multiples",
        )
    return [source]


def tabulate(trace: Trace, node: Node, source: Affine, function: Table, outputs: int) -> Affine:
    """``function`` of every element of ``source``, each of which depends on one category or boolean at most.

    Returns:
        A flat tensor: the ``outputs`` results of element 0, then those of element 1, ...

    Raises:
        UnsupportedOpError: an element depends on anything else.
    """
    facts = trace.facts
    rows, cols, data = [], [], []
    bias = np.zeros(source.size * outputs)
    for element in range(source.size):
        span = slice(source.matrix.indptr[element], source.matrix.indptr[element + 1])
        slots, weights = source.matrix.cols[span], source.matrix.data[span]
        base = float(source.bias[element])
        slots, values, base = _finite_values(trace, node, slots, weights, base)
        table = function(np.append(values, base))
        at = element * outputs + np.arange(outputs)
        bias[at] = table[-1]
        is_group = slots.size > 0 and facts.groups[slots[0]] >= 0
        if is_group:  # exactly one slot is set: the base value never stands alone
            bias[at] = 0.0
        change = table[:-1] - (0.0 if is_group else table[-1])
        rows.append(np.repeat(at[None, :], slots.size, axis=0).ravel())
        cols.append(np.repeat(slots, outputs))
        data.append(np.asarray(change, dtype=np.float64).ravel())
    shape = (source.size * outputs, trace.n_variables)
    matrix = Sparse.from_triplets(np.concatenate(rows), np.concatenate(cols), np.concatenate(data), shape)
    return Affine((shape[0],), matrix, bias, np.zeros(shape[0], dtype=np.bool_))


def _finite_values(
    trace: Trace, node: Node, slots: NDArray[np.int64], weights: NDArray[np.float64], base: float
) -> tuple[NDArray[np.int64], NDArray[np.float64], float]:
    """(slots, the element's value when that slot is set, its value when none is)."""
    facts = trace.facts
    if slots.size == 0:
        return slots, weights, base
    if np.all(slots < facts.n_slots):
        groups = np.unique(facts.groups[slots])
        if groups.size == 1 and groups[0] >= 0:
            members = np.flatnonzero(facts.groups == groups[0])
            values = np.full(members.size, base)
            values[np.searchsorted(members, slots)] += weights
            return members, values, base
        if slots.size == 1 and (facts.lo[slots[0]], facts.hi[slots[0]]) == (0, 1):
            return slots, base + weights, base
        name = facts.feature_at(int(slots[0])).name
        raise unsupported(
            node,
            f"its input depends on feature {name!r}, which is not one category or boolean",
            "declare the feature as a category in the schema",
        )
    raise unsupported(node, "its input is a computed value; only a category or a boolean of the schema can be encoded")
