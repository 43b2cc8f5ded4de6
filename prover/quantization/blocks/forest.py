"""The sums of a tree ensemble's leaves as variables."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from prover.errors import InputError
from prover.graph import Node
from prover.graph.trees import GT, GTE, LEAF, LEQ, LT, MEMBER, NEQ, Ensemble
from prover.quantization.blocks.maximum import maximum
from prover.quantization.facts import FactSlots
from prover.quantization.sparse import Sparse
from prover.quantization.trace import Affine, FloatStep, Trace, Value, linear, unsupported
from prover.quantization.trees.float_sums import Terms, describe
from prover.quantization.trees.forest import Forest
from prover.quantization.trees.partition import Cuts, Group, Reading

I64 = NDArray[np.int64]


def sums(trace: Trace, node: Node, operand: Value | None) -> tuple[Affine, Ensemble]:
    """What the trees of ``node`` add up to, base values included: [k], and the ensemble.

    Raises:
        UnsupportedOpError: an ensemble whose outputs depend on which leaves vote at all, or not on the input.
    """
    cuts, booleans = _shared_cuts(trace, node)
    reading = cuts.readings[node.outputs]
    ensemble = reading.ensemble
    groups = _Groups(trace, node, cuts, reading, booleans, operand)
    terms = _terms(node, ensemble)
    per_tree = ensemble.aggregate in ("MIN", "MAX")
    if per_tree:
        terms = [
            Terms([values], 0.0, 1, each.dtype, False) for values_of in _by_tree(terms) for each, values in values_of
        ]
    fraction, infos = describe(terms)
    forest = Forest(groups.atoms)
    for index, root in enumerate(ensemble.roots.tolist()):
        start = index * ensemble.n_outputs if per_tree else 0
        leaves = _leaves(forest, ensemble, root, terms, fraction, start)
        forest.add(ensemble, root, groups.tests, leaves)
    base = [0 if per_tree else each.offset(fraction) for each in terms]
    step = FloatStep(
        "trees", node.name, groups.reached, len(terms),
        {"forest": forest, "base": base, "fraction": fraction, "sums": infos},
    )  # fmt: skip
    low, high = (end.astype(np.float64) * 2.0**-fraction for end in forest.ranges(len(terms), base))
    total = trace.append(step, (len(terms),), lo=low, hi=high)
    if not per_tree:
        return total, ensemble
    rows = total.pick(np.arange(total.size, dtype=np.int64).reshape(ensemble.n_trees, -1).T.copy())
    best = maximum(trace, node, rows) if ensemble.aggregate == "MAX" else maximum(trace, node, rows.negated).negated
    offset = ensemble.base.astype(np.float64) if ensemble.base.size == best.size else np.zeros(best.size)
    return Affine(best.shape, best.matrix, best.bias + offset, best.optional), ensemble


def _shared_cuts(trace: Trace, node: Node) -> tuple[Cuts, dict[int, Affine]]:
    """The cuts of all ensembles of the graph and, by feature, the booleans (code >= cut): one step for all."""
    cuts = trace.cuts
    if cuts is None:
        raise unsupported(node, "the trees' model is not at hand")
    if "cuts" not in trace.shared:
        booleans: dict[int, Affine] = {}
        wide = []
        for feature, codes in sorted(cuts.cuts.items()):
            fact = trace.facts.features[feature]
            if codes.size and fact.feature.span == 1 and trace.facts.unit[fact.start] == 1.0:
                booleans[feature] = _offset(trace, fact)
            elif codes.size:
                wide.append(feature)
        if wide:
            low = [trace.facts.features[feature].feature.lo for feature in wide]
            params = {
                "features": wide,
                "counts": [cuts.cuts[feature].size for feature in wide],
                "thresholds": [
                    int(code) - lo for feature, lo in zip(wide, low, strict=True) for code in cuts.cuts[feature]
                ],
            }
            params["strict"] = [False] * len(params["thresholds"])
            slots = np.array([trace.facts.features[feature].start for feature in wide], dtype=np.int64)
            nothing = np.zeros(slots.size)
            source = Affine(slots.shape, Sparse.selection(slots, trace.n_variables), nothing, nothing != 0)
            step = FloatStep("cuts", "cuts", source, sum(params["counts"]), params)
            passed = trace.append(step, (step.n_outputs,), whole=True, lo=0.0, hi=1.0)
            ends = np.concatenate(([0], np.cumsum(params["counts"])))
            for place, feature in enumerate(wide):
                booleans[feature] = passed.pick(np.arange(ends[place], ends[place + 1], dtype=np.int64))
        trace.shared["cuts"] = booleans
    found: dict[int, Affine] = trace.shared["cuts"]
    return cuts, found


def _offset(trace: Trace, fact: FactSlots) -> Affine:
    """``code - lowest code``, 0 where missing: a boolean of a feature of two codes."""
    low = float(fact.feature.lo)
    slots = [fact.start] if fact.missing < 0 or not low else [fact.start, fact.missing]
    weights = np.array([1.0, low][: len(slots)])
    matrix = Sparse.from_triplets(np.zeros(len(slots)), np.array(slots), weights, (1, trace.n_variables))
    return Affine((1,), matrix, np.array([-low]), np.zeros(1, dtype=np.bool_))


@dataclass(eq=False)
class _Groups:
    """The groups that one ensemble tests, numbered, and whether each has reached its atom 1, 2, ..."""

    atoms: list[int]
    tests: dict[int, tuple[int, int] | bool]
    reached: Affine

    def __init__(
        self,
        trace: Trace,
        node: Node,
        cuts: Cuts,
        reading: Reading,
        booleans: dict[int, Affine],
        operand: Value | None,
    ) -> None:
        try:
            masks = cuts.masks(reading, trace.facts)
        except InputError as error:
            raise unsupported(node, f"what it reads is not defined for every input: {error}") from error
        numbers: dict[Group, int] = {}
        parts: list[Affine] = []
        self.atoms, self.tests = [], {}
        mixed = _mixed(trace, node, reading, operand)
        for place in reading.inner.tolist():
            group = reading.group(place)
            if group is None:
                self.tests[place] = cuts.constant(reading, place)
                continue
            if group not in numbers:
                numbers[group] = len(self.atoms)
                if group[0] >= 0:
                    part = _reached(trace, trace.facts.features[group[0]], booleans.get(group[0]))
                else:
                    part = mixed[group[1]][1]
                parts.append(part)
                self.atoms.append(part.size + 1)
            mask = masks[place] if group[0] >= 0 else mixed[group[1]][0][place]
            self.tests[place] = numbers[group], mask
        if not sum(part.size for part in parts):
            raise unsupported(
                node,
                "every test of its trees has one outcome for all inputs of the schema",
                "widen the ranges of the schema's features",
            )
        self.reached = Affine.stack(parts)


def _reached(trace: Trace, fact: FactSlots, passed: Affine | None) -> Affine:
    """Whether a feature's atom is at least 1, 2, ...; the last atom may be that it is missing."""
    missing = [] if fact.missing < 0 else [fact.missing]
    if fact.is_category:
        slots = np.array([*range(fact.start, fact.start + fact.count), *missing], dtype=np.int64)
        rows, cols = np.nonzero(np.arange(slots.size) >= np.arange(1, slots.size)[:, None])
        shape = (slots.size - 1, trace.n_variables)
        matrix = Sparse.from_triplets(rows, slots[cols], np.ones(rows.size), shape)
        return Affine(shape[:1], matrix, np.zeros(shape[0]), np.zeros(shape[0], dtype=np.bool_))
    parts = [] if passed is None else [passed]
    if missing:
        nothing = np.zeros(1)
        gone = Affine((1,), Sparse.selection(np.array(missing), trace.n_variables), nothing, nothing != 0)
        if passed is not None:
            both = passed.matrix.add(gone.matrix.take(np.zeros(passed.size, dtype=np.int64)))
            parts = [Affine(passed.shape, both, passed.bias, passed.optional)]
        parts.append(gone)
    return Affine.stack(parts) if parts else Affine.constant(np.zeros(0), trace.n_variables)


def _mixed(
    trace: Trace, node: Node, reading: Reading, operand: Value | None
) -> dict[int, tuple[dict[int, int], Affine]]:
    """By element that is compared as a fixed-point number: the atoms of each test, and its cuts' booleans."""
    if not reading.opaque:
        return {}
    source = linear(node, operand, trace)
    ensemble = reading.ensemble
    elements = sorted(reading.opaque)
    places = {element: _turns(ensemble, reading, element) for element in elements}
    turns = [turn for element in elements for turn in places[element]]
    params = {
        "features": [-1] * len(elements),
        "counts": [len(places[element]) for element in elements],
        "thresholds": [value for value, _ in turns],
        "strict": [strict for _, strict in turns],
    }
    flat = source.flat.pick(np.array(elements, dtype=np.int64))
    step = FloatStep("cuts", node.name, flat, len(turns), params)
    passed = trace.append(step, (len(turns),), whole=True, lo=0.0, hi=1.0)
    result = {}
    start = 0
    for element in elements:
        count = len(places[element])
        tests = [place for place in reading.inner.tolist() if int(ensemble.feature[place]) == element]
        masks = {place: _mask(ensemble, place, places[element]) for place in tests}
        result[element] = masks, passed.pick(np.arange(start, start + count, dtype=np.int64))
        start += count
    return result


def _turns(ensemble: Ensemble, reading: Reading, element: int) -> list[tuple[float, bool]]:
    """Where the tests of one element turn: (value, whether behind it), ascending."""
    found = set()
    for place in reading.inner.tolist():
        if int(ensemble.feature[place]) == element:
            for value in _values(ensemble, place):
                mode = int(ensemble.mode[place])
                found |= {
                    (value, strict) for strict in (False, True) if mode not in ((GTE, LT) if strict else (LEQ, GT))
                }
    return sorted(found)


def _values(ensemble: Ensemble, place: int) -> list[float]:
    values = ensemble.members[place] if int(ensemble.mode[place]) == MEMBER else ensemble.value[place : place + 1]
    return [float(value) for value in values]


def _mask(ensemble: Ensemble, place: int, turns: list[tuple[float, bool]]) -> int:
    """The atoms between turns on which a test holds."""
    mode, full = int(ensemble.mode[place]), (1 << (len(turns) + 1)) - 1

    def below(value: float, strict: bool) -> int:
        return (1 << (turns.index((value, strict)) + 1)) - 1

    if mode in (LEQ, GT):
        mask = below(_values(ensemble, place)[0], True)
        return mask if mode == LEQ else full & ~mask
    if mode in (LT, GTE):
        mask = below(_values(ensemble, place)[0], False)
        return mask if mode == LT else full & ~mask
    mask = 0
    for value in _values(ensemble, place):
        mask |= below(value, True) & ~below(value, False)
    return full & ~mask if mode == NEQ else mask


def _terms(node: Node, ensemble: Ensemble) -> list[Terms]:
    """What each output adds up.

    Raises:
        UnsupportedOpError: see :func:`sums`.
    """
    k = ensemble.n_outputs
    values: list[list[list[float]]] = [[] for _ in range(k)]
    certain = np.zeros(k, dtype=np.bool_)
    for root in ensemble.roots.tolist():
        leaves = _tree_leaves(ensemble, root)
        votes = [dict(_votes(node, ensemble, leaf)) for leaf in leaves]
        for output in range(k):
            given = [vote[output] for vote in votes if output in vote]
            values[output].append(sorted({*given, *([0.0] if len(given) < len(votes) else [])}))
            certain[output] |= len(given) == len(votes)
            if 0 < len(given) < len(votes) and ensemble.aggregate in ("MIN", "MAX"):
                raise unsupported(node, f"some leaves of a tree vote for output {output} and some do not")
    wanted = np.isin(np.arange(k), ensemble.targets)
    if node.op == "TreeEnsembleClassifier" and not bool((ensemble.weights > 0).all()):
        doubtful = wanted & ~certain
        if doubtful.any() and (k == 2 or ensemble.base.size < k):
            raise unsupported(
                node, f"class {int(np.argmax(doubtful))} gets votes on some inputs only, some not positive"
            )
    if node.op == "TreeEnsembleClassifier" and k == 2 and bool((wanted & ~certain).any()):
        raise unsupported(node, "one of two classes gets votes on some inputs only")
    if node.op == "TreeEnsembleClassifier" and k == 2 and ensemble.base.size == 2 and wanted[1]:
        raise unsupported(
            node, "two base values for two classes with votes for the second", "runtimes disagree on them"
        )
    base = _base(node, ensemble)
    narrow = node.op != "TreeEnsemble"
    divisor = ensemble.n_trees if ensemble.aggregate == "AVERAGE" else 1
    dtype = np.dtype(ensemble.value.dtype)
    return [
        Terms([np.array(tree) for tree in values[output]], base[output], divisor, dtype, narrow) for output in range(k)
    ]


def _base(node: Node, ensemble: Ensemble) -> list[float]:
    """The base value of every output."""
    k, base = ensemble.n_outputs, [float(value) for value in ensemble.base]
    if node.op == "TreeEnsembleClassifier" and k == 2 and len(base) == 1:
        return [base[0], 0.0]
    if node.op == "TreeEnsembleClassifier" and k > 2:
        return (base + [0.0] * k)[:k]
    return base if len(base) == k else [0.0] * k


def _votes(node: Node, ensemble: Ensemble, leaf: int) -> list[tuple[int, float]]:
    targets, weights = ensemble.votes(leaf)
    if ensemble.n_outputs == 1:
        targets, weights = targets[:1], weights[:1]
    if np.unique(targets).size < targets.size:
        raise unsupported(node, "a leaf votes twice for one output")
    return [(int(target), float(weight)) for target, weight in zip(targets, weights, strict=True)]


def _tree_leaves(ensemble: Ensemble, root: int) -> list[int]:
    found, front = set(), [root]
    while front:
        place = front.pop()
        if ensemble.mode[place] == LEAF:
            found.add(place)
        else:
            front += [int(ensemble.true[place]), int(ensemble.false[place])]
    return sorted(found)


def _by_tree(terms: list[Terms]) -> list[list[tuple[Terms, NDArray[np.float64]]]]:
    """Tree by tree, each output's values."""
    return [[(each, each.trees[tree]) for each in terms] for tree in range(len(terms[0].trees))]


def _leaves(
    forest: Forest, ensemble: Ensemble, root: int, terms: list[Terms], fraction: int, start: int
) -> dict[int, int]:
    """Reference of every leaf of a tree."""
    result = {}
    for leaf in _tree_leaves(ensemble, root):
        targets, weights = ensemble.votes(leaf)
        values: dict[int, int] = {}
        for target, weight in zip(targets.tolist(), weights.astype(np.float64), strict=True):
            if ensemble.n_outputs == 1 and values:
                break
            output = start + target
            values[output] = int(terms[output].integers(np.array([weight]), fraction)[0])
        result[leaf] = forest.leaf(values)
    return result
