"""Tree ensembles of ai.onnx.ml in one form, whichever operator and version they were written in.

A tree starts at its first node in the list. A node compares one element of the input with its value and goes to its
true or false node; NaN goes to the true node where ``missing_true`` says so, and else where the comparison leads.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prover.graph.ir import Array, Node

I64 = NDArray[np.int64]

LEAF, LEQ, LT, GTE, GT, EQ, NEQ, MEMBER = range(8)
"""Modes of a node."""

_MODES = {"LEAF": LEAF, "BRANCH_LEQ": LEQ, "BRANCH_LT": LT, "BRANCH_GTE": GTE, "BRANCH_GT": GT, "BRANCH_EQ": EQ}
_MODES |= {"BRANCH_NEQ": NEQ}
_NUMBERED = (LEQ, LT, GTE, GT, EQ, NEQ, MEMBER)
"""Modes as TreeEnsemble of version 5 numbers them."""

_AGGREGATES = ("AVERAGE", "SUM", "MIN", "MAX")
TRANSFORMS = ("NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT")

MAX_NODES = 1 << 22
"""Largest ensemble read."""

MAX_DEPTH = 200
"""Deepest tree read: runtimes descend recursively, and run out of stack."""


@dataclass(frozen=True, eq=False)
class Ensemble:
    """t trees of n nodes in all, with leaves that add weights to k outputs.

    Attributes:
        roots: int64[t].
        mode: int64[n], one of the constants of this module.
        feature: int64[n], the element of the input a node reads.
        value: float32[n] or float64[n]; thresholds keep their type.
        members: by node, the values of a MEMBER test.
        true, false: int64[n], the nodes a test leads to.
        missing_true: bool[n].
        leaf_starts: int64[n + 1]; a leaf's votes are ``leaf_starts[i] .. leaf_starts[i + 1]`` of the next two.
        targets: int64[v], the output of each vote.
        weights: dtype of ``value``[v].
        n_outputs: k.
        aggregate: ``"SUM"``, ``"AVERAGE"``, ``"MIN"`` or ``"MAX"`` over trees.
        base: added to the outputs; dtype of ``value``.
        transform: one of :data:`TRANSFORMS`.
    """

    roots: I64
    mode: I64
    feature: I64
    value: Array
    members: dict[int, Array]
    true: I64
    false: I64
    missing_true: NDArray[np.bool_]
    leaf_starts: I64
    targets: I64
    weights: Array
    n_outputs: int
    aggregate: str
    base: Array
    transform: str

    @property
    def n_trees(self) -> int:
        return int(self.roots.size)

    def decide(self, nodes: I64, x: Array) -> NDArray[np.bool_]:
        """Whether each test (a node's number) holds for its value x (same length), NaN included."""
        mode, value = self.mode[nodes], self.value[nodes]
        with np.errstate(invalid="ignore"):
            held = np.select(
                [mode == LEQ, mode == LT, mode == GTE, mode == GT, mode == EQ, mode == NEQ],
                [x <= value, x < value, x >= value, x > value, x == value, x != value],
                default=False,
            )
        for place in np.flatnonzero(mode == MEMBER).tolist():
            held[place] = bool((self.members[int(nodes[place])] == x[place]).any())
        missing = np.isnan(x) if x.dtype.kind == "f" else np.zeros(x.size, dtype=np.bool_)
        return np.asarray(held | (missing & self.missing_true[nodes]))

    def leaves(self, row: Array) -> I64:
        """int64[t]: the leaf each tree reaches for one row of the input."""
        at = self.roots.copy()
        while True:
            moving = np.flatnonzero(self.mode[at] != LEAF)
            if not moving.size:
                return at
            nodes = at[moving]
            at[moving] = np.where(self.decide(nodes, row[self.feature[nodes]]), self.true[nodes], self.false[nodes])

    def votes(self, leaf: int) -> tuple[I64, Array]:
        """(targets, weights) of one leaf."""
        span = slice(int(self.leaf_starts[leaf]), int(self.leaf_starts[leaf + 1]))
        return self.targets[span], self.weights[span]


@lru_cache(maxsize=16)
def read_ensemble(node: Node, dtype: np.dtype[Any]) -> Ensemble:
    """The ensemble of a TreeEnsembleClassifier, TreeEnsembleRegressor or TreeEnsemble node.

    Args:
        node: with all attributes of its operator.
        dtype: element type of its input; doubles are compared and summed as doubles, all else as float32.

    Raises:
        ValueError: attributes that contradict each other, without the node's name.
    """
    number = np.dtype(np.float64) if dtype == np.float64 else np.dtype(np.float32)
    ensemble = _read_numbered(node, number) if node.op == "TreeEnsemble" else _read_named(node, number)
    _check_shape(ensemble)
    return ensemble


def _read_named(node: Node, dtype: np.dtype[Any]) -> Ensemble:
    """Versions 1 and 3: nodes are named by tree and number, leaves are listed apart."""
    prefix = "class" if node.op == "TreeEnsembleClassifier" else "target"
    trees, numbers = _integers(node, "nodes_treeids"), _integers(node, "nodes_nodeids")
    n = trees.size
    texts = node.attributes["nodes_modes"]
    modes = np.array([_mode(str(mode)) for mode in texts] if isinstance(texts, tuple) else [], dtype=np.int64)
    columns = {
        name: _integers(node, f"nodes_{name}") for name in ("nodeids", "featureids", "truenodeids", "falsenodeids")
    }
    value = _reals(node, "nodes_values", dtype)
    if not n or n > MAX_NODES or any(column.size != n for column in (modes, value, *columns.values())):
        raise ValueError(f"{n} nodes, but lists of other lengths describe them")
    place = {key: index for index, key in enumerate(zip(trees.tolist(), numbers.tolist(), strict=True))}
    if len(place) != n:
        raise ValueError("two nodes of one tree have the same number")
    inner = modes != LEAF
    true, false = (
        np.array([place.get(key, -1) for key in zip(trees.tolist(), columns[name].tolist(), strict=True)])
        for name in ("truenodeids", "falsenodeids")
    )
    if np.any((true < 0) & inner) or np.any((false < 0) & inner):
        raise ValueError("a test leads to a node that is not there")
    starts = np.flatnonzero(np.concatenate(([True], trees[1:] != trees[:-1])))
    votes = [_integers(node, f"{prefix}_{name}") for name in ("treeids", "nodeids", "ids")]
    weights = _reals(node, f"{prefix}_weights", dtype)
    if any(vote.size != weights.size for vote in votes):
        raise ValueError(f"{weights.size} weights, but lists of other lengths say whose they are")
    owner = np.array([place.get(key, -1) for key in zip(votes[0].tolist(), votes[1].tolist(), strict=True)], np.int64)
    if np.any(owner < 0):
        raise ValueError("a weight belongs to a node that is not there")
    kept = np.flatnonzero(~inner[owner])  # onnxruntime ignores weights of inner nodes
    order = kept[np.argsort(owner[kept], kind="stable")]
    tracks = _integers(node, "nodes_missing_value_tracks_true")
    missing = np.zeros(n, dtype=np.bool_)
    missing[: min(n, tracks.size)] = tracks[:n] == 1
    return Ensemble(
        starts.astype(np.int64),
        modes,
        columns["featureids"],
        value,
        {},
        true,
        false,
        missing,
        np.searchsorted(owner[order], np.arange(n + 1)).astype(np.int64),
        votes[2][order],
        weights[order],
        _n_outputs(node),
        "SUM" if prefix == "class" else _text(node, "aggregate_function"),
        _reals(node, "base_values", dtype),
        _text(node, "post_transform"),
    )


def _read_numbered(node: Node, dtype: np.dtype[Any]) -> Ensemble:
    """Version 5: inner nodes and leaves are two lists; inner nodes come first here, the leaves behind them."""
    columns = {
        name: _integers(node, f"nodes_{name}")
        for name in ("featureids", "truenodeids", "falsenodeids", "trueleafs", "falseleafs")
    }
    splits, weights = _tensor(node, "nodes_splits"), _tensor(node, "leaf_weights").astype(dtype)
    modes, targets = _tensor(node, "nodes_modes").astype(np.int64), _integers(node, "leaf_targetids")
    n, leaves = splits.size, weights.size
    if not 0 < n + leaves <= MAX_NODES or any(column.size != n for column in (modes, *columns.values())):
        raise ValueError(f"{n} nodes, but lists of other lengths describe them")
    if targets.size != leaves or np.any((modes < 0) | (modes >= len(_NUMBERED))):
        raise ValueError("leaf_targetids or nodes_modes do not describe the nodes")
    true, false = (
        np.where(columns[f"{side}leafs"] != 0, n, 0) + columns[f"{side}nodeids"] for side in ("true", "false")
    )
    if np.any((true < 0) | (true >= n + leaves) | (false < 0) | (false >= n + leaves)):
        raise ValueError("a test leads to a node that is not there")
    kinds = np.array(_NUMBERED, dtype=np.int64)[modes]
    roots = _integers(node, "tree_roots")
    if not roots.size or np.any((roots < 0) | (roots >= n)):
        raise ValueError("tree_roots names a node that is not there")
    # A tree that is one leaf is written as a node whose two branches are that leaf.
    tracks = _integers(node, "nodes_missing_value_tracks_true")
    missing = np.zeros(n + leaves, dtype=np.bool_)
    missing[: min(n, tracks.size)] = tracks[:n] == 1
    filler = np.zeros(leaves, dtype=np.int64)
    numbers = {1: "SUM", 0: "AVERAGE", 2: "MIN", 3: "MAX"}
    aggregate, transform = node.attributes["aggregate_function"], node.attributes["post_transform"]
    if aggregate not in numbers or not isinstance(transform, int) or not 0 <= transform < len(TRANSFORMS):
        raise ValueError(f"aggregate_function {aggregate} or post_transform {transform} is not defined")
    return Ensemble(
        roots,
        np.concatenate((kinds, np.full(leaves, LEAF))),
        np.concatenate((columns["featureids"], filler)),
        np.concatenate((splits.astype(dtype), np.zeros(leaves, dtype=dtype))),
        _member_sets(node, kinds, dtype),
        np.concatenate((true, filler)),
        np.concatenate((false, filler)),
        missing,
        np.concatenate((np.zeros(n, dtype=np.int64), np.arange(leaves + 1))),
        targets,
        weights,
        _n_outputs(node),
        numbers[aggregate] if isinstance(aggregate, int) else "",
        np.zeros(0, dtype=dtype),
        TRANSFORMS[transform],
    )


def _member_sets(node: Node, kinds: I64, dtype: np.dtype[Any]) -> dict[int, Array]:
    """The sets of the MEMBER nodes, in their order; NaN ends each."""
    where = np.flatnonzero(kinds == MEMBER).tolist()
    if not where:
        return {}
    values = _tensor(node, "membership_values").astype(dtype)
    ends = np.flatnonzero(np.isnan(values))
    if ends.size < len(where) and not (values.size and ends.size == len(where) - 1):
        raise ValueError(f"{ends.size} sets in membership_values for {len(where)} BRANCH_MEMBER nodes")
    starts = np.concatenate(([0], ends + 1))
    stops = np.append(ends, values.size)
    return {index: values[starts[k] : stops[k]] for k, index in enumerate(where)}


def _check_shape(ensemble: Ensemble) -> None:
    """Refuse loops, trees too deep, leaves that vote for nothing, and votes for outputs that are not there."""
    if ensemble.targets.size and not 0 <= ensemble.targets.min() <= ensemble.targets.max() < ensemble.n_outputs:
        raise ValueError(f"a leaf votes for an output beyond the {ensemble.n_outputs} there are")
    inner = ensemble.mode != LEAF
    if np.any(ensemble.feature[inner] < 0):
        raise ValueError("a test reads an element of the input that is not there")
    seen = np.zeros(ensemble.mode.size, dtype=np.bool_)
    front, depth = ensemble.roots, 0
    while front.size:
        if depth > MAX_DEPTH:
            raise ValueError(f"a tree is deeper than {MAX_DEPTH}")
        depth += 1
        if np.any(seen[front]) or np.unique(front).size != front.size:
            raise ValueError("two branches lead to the same node")
        seen[front] = True
        inside = front[inner[front]]
        pairs = np.stack([ensemble.true[inside], ensemble.false[inside]], axis=1)
        lone = (pairs[:, 0] == pairs[:, 1]) & ~inner[pairs[:, 0]]
        front = np.concatenate((pairs[:, 0], pairs[~lone, 1]))
    if not ensemble.weights.size or np.any(np.diff(ensemble.leaf_starts)[seen & ~inner] == 0):
        raise ValueError("a leaf has no weight")


def _n_outputs(node: Node) -> int:
    if node.op == "TreeEnsembleClassifier":
        return max(len(_list(node, "classlabels_int64s")), len(_list(node, "classlabels_strings")))
    count = node.attributes["n_targets"]
    if not isinstance(count, int) or count < 1:
        raise ValueError(f"n_targets is {count}")
    return count


def _mode(name: str) -> int:
    if name not in _MODES:
        raise ValueError(f"nodes_modes holds {name!r}")
    return _MODES[name]


def _list(node: Node, name: str) -> tuple[Any, ...]:
    value = node.attributes[name]
    return value if isinstance(value, tuple) else ()


def _integers(node: Node, name: str) -> I64:
    return np.array(_list(node, name), dtype=np.int64)


def _text(node: Node, name: str) -> str:
    value = node.attributes[name]
    if name == "aggregate_function" and value not in _AGGREGATES:
        raise ValueError(f"aggregate_function is {value!r}")
    if name == "post_transform" and value not in TRANSFORMS:
        raise ValueError(f"post_transform is {value!r}")
    return str(value)


def _reals(node: Node, name: str, dtype: np.dtype[Any]) -> Array:
    """A list of floats, or its ``_as_tensor`` twin; both at once are refused."""
    plain, exact = node.attributes[name], node.attributes.get(f"{name}_as_tensor")
    if isinstance(plain, np.ndarray) and plain.size and isinstance(exact, np.ndarray) and exact.size:
        raise ValueError(f"{name} and {name}_as_tensor are both given")
    if isinstance(exact, np.ndarray) and exact.size:
        if exact.dtype != dtype:
            raise ValueError(f"{name}_as_tensor is {exact.dtype}, the input asks for {dtype}")
        return exact.reshape(-1)
    return plain.astype(dtype) if isinstance(plain, np.ndarray) else np.zeros(0, dtype=dtype)


def _tensor(node: Node, name: str) -> Array:
    value = node.attributes[name]
    return value.reshape(-1) if isinstance(value, np.ndarray) else np.zeros(0)
