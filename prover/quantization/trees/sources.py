"""Which feature each element of a tensor is a function of, and that function's values.

Trees compare elements with constants. An element that depends on one feature alone, through whatever float32
arithmetic, takes one value for each of the feature's codes; where the arithmetic is monotone (every operator on the
way rounds a monotone function correctly), a comparison is a cut of the codes, which bisection finds on the *actual*
values the model computes. ``-0`` and ``+0`` are two codes that compare alike, as they do in the model.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from prover.graph import Graph, Node
from prover.graph.ops import find_spec
from prover.quantization.facts import FactSpace
from prover.schema import EncodedBatch

I64 = NDArray[np.int64]

CONSTANT, MIXED = -1, -2
"""Instead of a feature: no feature, or several."""

TABULATED = 4096
"""A feature of at most this many codes may reach a tree through any function of itself: all its values are tried."""

_MOVES = frozenset(
    (
        "ArrayFeatureExtractor", "Concat", "Expand", "FeatureVectorizer", "Flatten", "Gather", "Identity", "Reshape",
        "Slice", "Split", "Squeeze", "Tile", "Transpose", "Unsqueeze",
    )
)  # fmt: skip
"""Operators that move elements: they run on element numbers."""

_MONOTONE = frozenset(
    (
        "Add", "Cast", "Ceil", "Clip", "Div", "Floor", "Imputer", "Max", "Min", "Mul", "Neg", "Relu", "Round",
        "Scaler", "Sqrt", "Sub",
    )
)  # fmt: skip
"""Elementwise operators whose float32 result is monotone in one operand while the others are constants. A quotient of
a constant by the operand is not, and excluded below."""

_ELEMENTWISE = _MONOTONE | frozenset(
    (
        "Abs", "And", "Binarizer", "Equal", "Erf", "Exp", "Greater", "GreaterOrEqual", "IsInf", "IsNaN", "LabelEncoder",
        "Less", "LessOrEqual", "Log", "Mod", "Not", "Or", "Pow", "Reciprocal", "Sigmoid", "Sign", "Tanh", "Where",
    )
)  # fmt: skip
"""Operators of which each element of the result is a function of the elements in its place."""


@dataclass(frozen=True)
class Origins:
    """Per element of a tensor (arrays of its shape).

    Attributes:
        feature: the feature it depends on, :data:`CONSTANT` or :data:`MIXED`.
        monotone: whether it is monotone in that feature's value.
        same: whether it is that value itself.
    """

    feature: I64
    monotone: NDArray[np.bool_]
    same: NDArray[np.bool_]

    @classmethod
    def of(cls, feature: I64, exact: bool) -> Origins:
        """Elements that all are (``exact``), or all are unknown functions of, their feature."""
        flags = np.full(feature.shape, exact)
        return cls(feature, flags, flags)

    def pick(self, elements: I64) -> Origins:
        return Origins(self.feature.ravel()[elements], self.monotone.ravel()[elements], self.same.ravel()[elements])

    @staticmethod
    def stack(parts: list[Origins]) -> Origins:
        columns = [
            np.concatenate([getattr(part, name).ravel() for part in parts]) for name in ("feature", "monotone", "same")
        ]
        return Origins(*columns)


def origins(graph: Graph, tensor: str) -> Origins:
    """Where the elements of one tensor come from."""
    known: dict[str, Origins] = {}
    start = 0
    for info in graph.inputs:
        columns = np.arange(start, start + info.size, dtype=np.int64).reshape(info.shape)
        exact = info.dtype in (np.dtype(np.float32), np.dtype(np.float64))
        known[info.name] = Origins(columns, np.full(info.shape, info.dtype.kind != "O"), np.full(info.shape, exact))
        start += info.size
    for name, value in graph.constants.items():
        known[name] = Origins.of(np.full(value.shape, CONSTANT, dtype=np.int64), True)
    for node in graph.nodes:
        if tensor in known:
            break
        for name in filter(None, node.outputs):
            known[name] = _follow(graph, node, name, known)
    return known[tensor]


def _follow(graph: Graph, node: Node, name: str, known: dict[str, Origins]) -> Origins:
    operands = [known[source] for source in node.inputs if source]
    shape = graph.tensors[name].shape
    if node.op in _MOVES:
        moved = _move(graph, node, name, known)
        if moved is not None:
            return moved
    if node.op in _ELEMENTWISE and node.domain in ("ai.onnx", "ai.onnx.ml"):
        return _elementwise(node, operands, shape)
    if node.op == "OneHotEncoder":
        return Origins.of(np.broadcast_to(operands[0].feature[..., None], shape), False)
    every = np.unique(np.concatenate([operand.feature.ravel() for operand in operands] or [np.zeros(0, np.int64)]))
    every = every[every != CONSTANT]
    only = CONSTANT if not every.size else int(every[0]) if every.size == 1 else MIXED
    return Origins.of(np.full(shape, only, dtype=np.int64), only == CONSTANT)


def _move(graph: Graph, node: Node, name: str, known: dict[str, Origins]) -> Origins | None:
    """Run the operator on element numbers; None where an index depends on the input."""
    joins = node.op in ("Concat", "FeatureVectorizer")
    sources = [source for source in node.inputs if source] if joins else [node.inputs[0]]
    stacked = Origins.stack([known[source] for source in sources])
    arrays: list[NDArray[np.generic] | None] = []
    start = 0
    for source in node.inputs:
        if source in sources:
            size = known[source].feature.size
            arrays.append(np.arange(start, start + size, dtype=np.int64).reshape(known[source].feature.shape))
            start += size
        elif source and source not in graph.constants:
            return None
        else:
            arrays.append(graph.constants[source] if source else None)
    results = find_spec(node.domain, node.op, node.opset, node.name).evaluate(node, arrays)
    return stacked.pick(np.asarray(results[list(node.outputs).index(name)]).astype(np.int64))


def _elementwise(node: Node, operands: list[Origins], shape: tuple[int, ...]) -> Origins:
    feature = np.full(shape, CONSTANT, dtype=np.int64)
    readers = np.zeros(shape, dtype=np.int64)
    monotone = np.full(shape, node.op in _MONOTONE)
    same = np.full(shape, node.op == "Cast" and node.attributes["to"] in (1, 11))
    for place, operand in enumerate(operands):
        theirs = np.broadcast_to(operand.feature, shape)
        varies = theirs != CONSTANT
        feature = np.where(~varies, feature, np.where((feature == CONSTANT) | (feature == theirs), theirs, MIXED))
        readers += varies
        monotone &= ~varies | np.broadcast_to(operand.monotone, shape)
        monotone &= not _replaces(node)
        same &= ~varies | np.broadcast_to(operand.same, shape)
        if node.op == "Div" and place == 1:
            monotone &= ~varies
    constant = feature == CONSTANT
    return Origins(feature, constant | (monotone & (readers == 1)), constant | (same & (readers == 1)))


def _replaces(node: Node) -> bool:
    """Whether an Imputer replaces numbers, not only NaN."""
    if node.op != "Imputer":
        return False
    mark = node.attributes["replaced_value_float"]
    return node.attributes["imputed_value_floats"] is None or not (isinstance(mark, float) and np.isnan(mark))


class Source:
    """Values of a tensor's elements as the model computes them from feature codes.

    Attributes:
        origins: per element, flat.
    """

    def __init__(self, graph: Graph, facts: FactSpace, tensor: str) -> None:
        found = origins(graph, tensor)
        self.origins = Origins(found.feature.ravel(), found.monotone.ravel(), found.same.ravel())
        self.dtype = graph.tensors[tensor].dtype
        self._features = tuple(fact.feature for fact in facts.features)
        self._tensor = tensor
        self._graph = _ancestors(graph, tensor)

    def inputs(self, feature: int, codes: I64) -> NDArray[np.float32]:
        """float32[n]: the model's input for codes of one feature."""
        return EncodedBatch(
            (self._features[feature],), codes[:, None], np.zeros((codes.size, 1), bool)
        ).to_model_rows()[:, 0]

    def evaluate(self, codes: I64, missing: NDArray[np.bool_]) -> NDArray[np.generic]:
        """[n, elements]: the tensor for n rows of codes int64[n, d], flags bool[n, d].

        Raises:
            InputError: a row the model has no result for.
        """
        rows = EncodedBatch(self._features, codes, missing).to_model_rows()
        results = [self._graph.run(self._graph.feed(row), [self._tensor])[self._tensor].ravel() for row in rows]
        return np.stack(results)

    def values(self, elements: I64, codes: I64) -> NDArray[np.generic]:
        """[n]: each of n elements while its own feature has a code; the model's arithmetic runs once for many of them.

        Elements that depend on several features have no value here.
        """
        features = self.origins.feature[elements]
        out = np.zeros(elements.size, dtype=self.dtype)
        same = self.origins.same[elements] & (features >= 0)
        for feature in np.unique(features[same]).tolist():
            chosen = np.flatnonzero(same & (features == feature))
            out[chosen] = self.inputs(feature, codes[chosen]).astype(self.dtype)
        rest = np.flatnonzero(~same)
        if rest.size:
            order = rest[np.argsort(features[rest], kind="stable")]
            place = np.arange(order.size) - np.searchsorted(features[order], features[order])
            rows = self.base(int(place.max()) + 1)
            real = features[order] >= 0
            rows[place[real], features[order][real]] = codes[order][real]
            table = self.evaluate(rows, np.zeros(rows.shape, dtype=np.bool_))
            out[order] = table[place, elements[order]]
        return out

    def optional(self, feature: int) -> bool:
        """Whether the feature may be missing."""
        return self._features[feature].optional

    def absent(self, feature: int) -> NDArray[np.generic]:
        """[elements]: the tensor while the feature is missing."""
        codes = self.base(1)
        codes[0, feature] = 0
        flags = np.zeros(codes.shape, dtype=np.bool_)
        flags[0, feature] = True
        return np.asarray(self.evaluate(codes, flags)[0])

    def base(self, count: int) -> I64:
        """int64[count, d]: rows in which every feature has a code near zero."""
        near = [min(max(0, kind.lo), kind.hi) for kind in self._features]
        return np.tile(np.array(near, dtype=np.int64), (count, 1))

    def span(self, feature: int) -> tuple[int, int]:
        """(smallest, largest) code."""
        return self._features[feature].lo, self._features[feature].hi


def _ancestors(graph: Graph, tensor: str) -> Graph:
    """The part of the graph that computes one tensor."""
    needed, kept = {tensor}, []
    for node in reversed(graph.nodes):
        if needed & set(node.outputs):
            needed |= set(node.inputs)
            kept.append(node)
    return replace(graph, nodes=tuple(reversed(kept)), outputs=(graph.tensors[tensor],))
