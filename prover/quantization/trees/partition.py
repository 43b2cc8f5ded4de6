"""Tests of tree ensembles as sets of *atoms*: the parts of a feature's values that no test tells apart.

A number's atoms are the intervals between the cuts its tests make; a category's are its labels; a feature that may be
missing has one atom more, the last. A test then is a set of atoms, and equal sets are equal tests, whatever the
thresholds were: 2.5 and 2.7 cut whole numbers alike.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from prover.errors import InputError
from prover.graph import Graph, Node
from prover.graph.ops.spec import unsupported
from prover.graph.trees import GT, GTE, LEAF, LEQ, LT, MEMBER, Ensemble, read_ensemble
from prover.quantization.facts import FactSlots, FactSpace
from prover.quantization.trees.sources import CONSTANT, MIXED, TABULATED, Source

I64 = NDArray[np.int64]

_SIDES = {LEQ: (True,), GT: (True,), LT: (False,), GTE: (False,)}
"""Whether a mode turns behind its value (strict), at it, or (the other modes) at both."""

OPERATORS = ("TreeEnsembleClassifier", "TreeEnsembleRegressor", "TreeEnsemble")

Group = tuple[int, int]
"""A feature as (feature, -1), or one element that mixes features as (-2, element)."""


@dataclass(eq=False)
class Reading:
    """One ensemble and where its inputs come from.

    Attributes:
        node: the graph's node.
        ensemble: its trees.
        source: its input tensor.
        inner: int64[n], the tests that are reached from a root.
        opaque: elements that are compared as fixed-point numbers, being no function of one feature that can be cut.
    """

    node: Node
    ensemble: Ensemble
    source: Source
    inner: I64
    opaque: frozenset[int]

    def group(self, node: int) -> Group | None:
        """What a test depends on; None when it has one outcome."""
        element = int(self.ensemble.feature[node])
        if element in self.opaque:
            return (MIXED, element)
        feature = int(self.source.origins.feature[element])
        return None if feature == CONSTANT else (feature, -1)


@dataclass
class Cuts:
    """The cuts of every feature, by all ensembles of a graph together.

    Attributes:
        readings: by the node's outputs.
        cuts: by feature, int64[m]: first codes of its atoms but the first, ascending.
    """

    readings: dict[tuple[str, ...], Reading] = field(default_factory=dict)
    cuts: dict[int, I64] = field(default_factory=dict)

    @classmethod
    def of(cls, graph: Graph, facts: FactSpace) -> Cuts | None:
        """Read every ensemble of ``graph`` and find where its tests change along each feature; None without any.

        Raises:
            UnsupportedOpError: the model has no value for some of the facts that the schema admits.
        """
        found = cls()
        every: dict[int, list[I64]] = {}
        nodes = [node for node in graph.nodes if node.domain == "ai.onnx.ml" and node.op in OPERATORS]
        if not nodes or graph.n_features != len(facts.features):
            return None
        for node in nodes:
            try:
                reading = _read(graph, facts, node)
                changes = _changes(reading, facts)
            except (ValueError, InputError) as error:
                raise unsupported(node, f"what it reads is not defined for every input: {error}") from error
            found.readings[node.outputs] = reading
            for feature, codes in changes.items():
                every.setdefault(feature, []).append(codes)
        found.cuts = {feature: np.unique(np.concatenate(codes)) for feature, codes in every.items()}
        return found

    def unread(self, graph: Graph) -> frozenset[str]:
        """Tensors that nothing but trees needs: their cuts are found on the floats, so nobody follows them further."""
        needed = {info.name for info in graph.outputs}
        for node in reversed(graph.nodes):
            reading = self.readings.get(node.outputs)
            if needed.isdisjoint(node.outputs) or (reading is not None and not reading.opaque):
                continue
            needed.update(node.inputs)
        return frozenset(name for node in graph.nodes for name in node.outputs if name not in needed)

    def atoms(self, fact: FactSlots, feature: int) -> I64:
        """int64[a]: a code of each atom of a feature, without the atom of missing values."""
        if fact.is_category:
            return np.arange(fact.count, dtype=np.int64)
        return np.concatenate(([fact.feature.lo], self.cuts.get(feature, np.zeros(0, dtype=np.int64))))

    def masks(self, reading: Reading, facts: FactSpace) -> dict[int, int]:
        """By test that depends on one feature: the atoms for which it holds, one bit each; missing is the last."""
        result: dict[int, int] = {}
        groups = [reading.group(int(node)) for node in reading.inner]
        for feature in sorted({group[0] for group in groups if group is not None and group[0] >= 0}):
            fact = facts.features[feature]
            nodes = reading.inner[[index for index, group in enumerate(groups) if group == (feature, -1)]]
            elements, which = np.unique(reading.ensemble.feature[nodes], return_inverse=True)
            codes = self.atoms(fact, feature)
            values = reading.source.values(np.repeat(elements, codes.size), np.tile(codes, elements.size))
            table = values.reshape(elements.size, codes.size)
            absent = _absent(reading, feature)
            if absent is not None:
                table = np.concatenate((table, absent[elements][:, None].astype(table.dtype)), axis=1)
            for node, row in zip(nodes.tolist(), which.tolist(), strict=True):
                held = _decide(reading.ensemble, node, table[row])
                result[node] = int.from_bytes(np.packbits(held, bitorder="little").tobytes(), "little")
        return result

    def constant(self, reading: Reading, node: int) -> bool:
        """The outcome of a test whose element depends on no feature."""
        element = np.array([reading.ensemble.feature[node]], dtype=np.int64)
        value = reading.source.values(element, np.zeros(1, dtype=np.int64))
        return bool(_decide(reading.ensemble, node, value)[0])


def _read(graph: Graph, facts: FactSpace, node: Node) -> Reading:
    source = Source(graph, facts, node.inputs[0])
    ensemble = read_ensemble(node, source.dtype)
    inner = _reachable(ensemble)
    opaque = set()
    for element in np.unique(ensemble.feature[inner]).tolist():
        feature = int(source.origins.feature[element])
        if feature == MIXED:
            opaque.add(element)
        elif feature >= 0 and not source.origins.monotone[element]:
            low, high = source.span(feature)
            if high - low >= TABULATED:
                opaque.add(element)
    return Reading(node, ensemble, source, inner, frozenset(opaque))


def _reachable(ensemble: Ensemble) -> I64:
    found: list[I64] = []
    front = ensemble.roots
    while front.size:
        front = front[ensemble.mode[front] != LEAF]
        found.append(front)
        front = np.concatenate((ensemble.true[front], ensemble.false[front]))
    return np.sort(np.concatenate(found)) if found else np.zeros(0, dtype=np.int64)


def _changes(reading: Reading, facts: FactSpace) -> dict[int, I64]:
    """By numeric feature: codes at which some test changes its outcome from the code before."""
    ensemble, source = reading.ensemble, reading.source
    result: dict[int, list[I64]] = {}
    monotone: list[tuple[int, float, bool]] = []
    tables: dict[int, NDArray[np.generic]] = {}
    for node in reading.inner.tolist():
        group, element = reading.group(node), int(ensemble.feature[node])
        if group is None or group[0] < 0 or facts.features[group[0]].is_category:
            continue
        result.setdefault(group[0], [])
        values = ensemble.members[node] if int(ensemble.mode[node]) == MEMBER else ensemble.value[node : node + 1]
        if source.origins.monotone[element]:
            sides = _SIDES.get(int(ensemble.mode[node]), (False, True))
            monotone += [(element, float(value), strict) for value in values for strict in sides]
        else:
            low, high = source.span(group[0])
            codes = np.arange(low, high + 1, dtype=np.int64)
            if element not in tables:
                tables[element] = source.values(np.full(codes.size, element), codes)
            held = _decide(ensemble, node, tables[element])
            result[group[0]].append(codes[1:][held[1:] != held[:-1]])
    items = sorted(set(monotone))
    if items:
        elements = np.array([element for element, _, _ in items], dtype=np.int64)
        values = np.array([value for _, value, _ in items], dtype=ensemble.value.dtype)
        codes = _bisect(reading, elements, values, np.array([strict for _, _, strict in items]))
        for element, code in zip(elements.tolist(), codes.tolist(), strict=True):
            feature = int(source.origins.feature[element])
            low, high = source.span(feature)
            if low < code <= high:
                result[feature].append(np.array([code], dtype=np.int64))
    empty = np.zeros(0, dtype=np.int64)
    return {feature: np.concatenate([empty, *codes]) for feature, codes in result.items()}


def _bisect(reading: Reading, elements: I64, values: NDArray[np.generic], strict: NDArray[np.bool_]) -> I64:
    """First code of each element's feature at which ``x >= value`` (``x > value``) differs from the first code's."""
    source, dtype = reading.source, reading.ensemble.value.dtype
    ends = np.array([source.span(int(source.origins.feature[element])) for element in elements], dtype=np.int64)

    def above(codes: I64) -> NDArray[np.bool_]:
        x = source.values(elements, codes).astype(dtype)
        return np.where(strict, x > values, x >= values)

    low, high = ends[:, 0] + 1, ends[:, 1] + 1
    first = above(ends[:, 0])
    while True:
        open_ = low < high
        if not open_.any():
            return low
        middle = np.where(open_, (low + high) // 2, ends[:, 0])
        changed = above(middle) != first
        high = np.where(open_ & changed, middle, high)
        low = np.where(open_ & ~changed, middle + 1, low)


def _absent(reading: Reading, feature: int) -> NDArray[np.generic] | None:
    """[elements]: the tensor while the feature is missing: NaN where it arrives as it is."""
    source = reading.source
    if not source.optional(feature):
        return None
    mine = source.origins.feature == feature
    if source.origins.same[mine].all() and source.dtype.kind == "f":
        return np.full(mine.size, np.nan, dtype=source.dtype)
    return source.absent(feature)


def _decide(ensemble: Ensemble, node: int, values: NDArray[np.generic]) -> NDArray[np.bool_]:
    return ensemble.decide(np.full(values.size, node, dtype=np.int64), values.astype(ensemble.value.dtype))
