"""Trees over atoms, reduced: equal subtrees once, tests that a path has decided left out, indifferent tests gone."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from prover.graph.trees import LEAF, Ensemble

I64 = NDArray[np.int64]

Leaf = tuple[tuple[int, int], ...]
"""(output, integer) pairs, outputs ascending and distinct."""


@dataclass(eq=False)
class Forest:
    """Trees whose inner nodes test one group each.

    Attributes:
        atoms: by group, how many atoms it has.
        sets: (group, mask) of the distinct tests; no mask holds atom 0.
        nodes: (set, inside, outside): where a node leads when its group's atom is in the set, and when it is not.
            A reference below 0 is leaf ``-1 - reference``.
        leaves: distinct leaves.
        roots: one reference a tree.
    """

    atoms: list[int]
    sets: list[tuple[int, int]] = field(default_factory=list)
    nodes: list[tuple[int, int, int]] = field(default_factory=list)
    leaves: list[Leaf] = field(default_factory=list)
    roots: list[int] = field(default_factory=list)
    _sets: dict[tuple[int, int], int] = field(default_factory=dict)
    _nodes: dict[tuple[int, int, int], int] = field(default_factory=dict)
    _leaves: dict[Leaf, int] = field(default_factory=dict)

    def leaf(self, values: Mapping[int, int]) -> int:
        """Reference of the leaf that adds ``values`` to outputs."""
        key = tuple(sorted((output, value) for output, value in values.items() if value))
        if key not in self._leaves:
            self._leaves[key] = len(self.leaves)
            self.leaves.append(key)
        return -1 - self._leaves[key]

    def node(self, group: int, mask: int, inside: int, outside: int) -> int:
        """Reference of a test."""
        if inside == outside:
            return inside
        if mask & 1:
            mask, inside, outside = ((1 << self.atoms[group]) - 1) & ~mask, outside, inside
        if (group, mask) not in self._sets:
            self._sets[group, mask] = len(self.sets)
            self.sets.append((group, mask))
        key = self._sets[group, mask], inside, outside
        if key not in self._nodes:
            self._nodes[key] = len(self.nodes)
            self.nodes.append(key)
        return self._nodes[key]

    def add(
        self, ensemble: Ensemble, root: int, tests: Mapping[int, tuple[int, int] | bool], leaves: Mapping[int, int]
    ) -> None:
        """Append a tree.

        Args:
            ensemble: whose node ``root`` is the tree's first; no tree of it is deep.
            tests: by inner node its (group, mask), or its outcome where there is only one.
            leaves: by leaf node its reference.
        """
        self.roots.append(self._reduced(ensemble, root, tests, leaves, {}))

    def _reduced(
        self,
        ensemble: Ensemble,
        node: int,
        tests: Mapping[int, tuple[int, int] | bool],
        leaves: Mapping[int, int],
        allowed: dict[int, int],
    ) -> int:
        if ensemble.mode[node] == LEAF:
            return leaves[node]
        true, false, test = int(ensemble.true[node]), int(ensemble.false[node]), tests[node]
        if isinstance(test, bool):
            return self._reduced(ensemble, true if test else false, tests, leaves, allowed)
        group, mask = test
        here = allowed.get(group, (1 << self.atoms[group]) - 1)
        if here & mask == 0 or here & ~mask == 0:
            return self._reduced(ensemble, true if here & mask else false, tests, leaves, allowed)
        inside = self._reduced(ensemble, true, tests, leaves, {**allowed, group: here & mask})
        outside = self._reduced(ensemble, false, tests, leaves, {**allowed, group: here & ~mask})
        return self.node(group, mask, inside, outside)

    def params(self, n_outputs: int, base: Sequence[int]) -> dict[str, tuple[int, ...]]:
        """The forest as lists of integers; :meth:`read` takes them back."""
        ends = [runs(mask) for _, mask in self.sets]
        return {
            "atoms": tuple(self.atoms),
            "set_groups": tuple(group for group, _ in self.sets),
            "set_starts": _starts([len(run) for run in ends]),
            "set_runs": tuple(end for run in ends for end in run),
            "nodes": tuple(entry for node in self.nodes for entry in node),
            "roots": tuple(self.roots),
            "leaf_starts": _starts([len(leaf) for leaf in self.leaves]),
            "leaf_outputs": tuple(output for leaf in self.leaves for output, _ in leaf),
            "leaf_values": tuple(value for leaf in self.leaves for _, value in leaf),
            "base": tuple(int(value) for value in base[:n_outputs]),
        }

    @classmethod
    def read(cls, params: Mapping[str, I64]) -> Forest:
        """From :meth:`params`.

        Raises:
            ValueError: a node that leads to a later one, or anything that is not there.
        """
        atoms = params["atoms"].tolist()
        turns = params["set_runs"].tolist()
        ends = params["set_starts"].tolist()
        forest = cls(atoms)
        for group, start, stop in zip(params["set_groups"].tolist(), ends[:-1], ends[1:], strict=True):
            pairs = zip(turns[start:stop:2], turns[start + 1 : stop : 2], strict=True)
            mask = sum((1 << last) - (1 << first) for first, last in pairs)
            if not 0 <= group < len(atoms) or mask & 1 or mask >> atoms[group] or not mask:
                raise ValueError("a test of a forest is not a set of its group's atoms")
            forest.sets.append((group, mask))
        leaf_ends = params["leaf_starts"].tolist()
        outputs, values = params["leaf_outputs"].tolist(), params["leaf_values"].tolist()
        for start, stop in itertools.pairwise(leaf_ends):
            forest.leaves.append(tuple(zip(outputs[start:stop], values[start:stop], strict=True)))
        for number, (test, inside, outside) in enumerate(params["nodes"].reshape(-1, 3).tolist()):
            if not 0 <= test < len(forest.sets) or not all(
                -len(forest.leaves) <= reference < number for reference in (inside, outside)
            ):
                raise ValueError("a node of a forest leads to one that is not before it")
            forest.nodes.append((test, inside, outside))
        forest.roots = params["roots"].tolist()
        if not all(-len(forest.leaves) <= root < len(forest.nodes) for root in forest.roots):
            raise ValueError("a tree of a forest is not there")
        return forest

    def evaluate(self, reached: I64, base: I64) -> I64:
        """Sums of the leaves reached.

        Args:
            reached: int64[s, Σ (atoms - 1)], whether each group's atom is at least 1, 2, ...
            base: int64[k], added.

        Returns:
            int64[s, k].
        """
        starts = np.concatenate(([0], np.cumsum(np.array(self.atoms, dtype=np.int64) - 1)))
        filled = [place for place, count in enumerate(self.atoms) if count > 1]
        atom = np.zeros((len(reached), len(self.atoms)), dtype=np.int64)
        if filled:
            atom[:, filled] = np.add.reduceat(reached, starts[filled], axis=1)
        inside = np.zeros((len(reached), len(self.sets)), dtype=np.bool_)
        for number, (group, mask) in enumerate(self.sets):
            # An odd number of a set's ends are at or below each of its members.
            inside[:, number] = np.searchsorted(runs(mask), atom[:, group], side="right") % 2
        table = np.zeros((len(self.leaves), base.size), dtype=np.int64)
        for number, leaf in enumerate(self.leaves):
            for output, value in leaf:
                table[number, output] = value
        nodes = np.array(self.nodes, dtype=np.int64).reshape(-1, 3)
        at = np.tile(np.array(self.roots, dtype=np.int64), (len(reached), 1))
        rows = np.arange(len(reached))[:, None]
        while (at >= 0).any():
            here = nodes[np.maximum(at, 0)] if len(nodes) else nodes
            step = np.where(inside[rows, here[..., 0]], here[..., 1], here[..., 2])
            at = np.where(at >= 0, step, at)
        return np.asarray(table[-1 - at].sum(axis=1) + base, dtype=np.int64)

    def ranges(self, n_outputs: int, base: Sequence[int]) -> tuple[I64, I64]:
        """Smallest and largest sum of every output, each tree by itself: int64[k] each."""
        low, high = np.array(base, dtype=np.int64), np.array(base, dtype=np.int64)
        for root in self.roots:
            ends = self.tree_ranges(root, n_outputs)
            low, high = low + ends[0], high + ends[1]
        return low, high

    def tree_ranges(self, root: int, n_outputs: int) -> tuple[I64, I64]:
        """The same of one tree."""
        rows = np.zeros((0, n_outputs), dtype=np.int64)
        table = []
        for number in self.reached(root):
            row = np.zeros(n_outputs, dtype=np.int64)
            for output, value in self.leaves[number]:
                row[output] = value
            table.append(row)
        rows = np.array(table, dtype=np.int64).reshape(-1, n_outputs)
        return rows.min(axis=0), rows.max(axis=0)

    def reached(self, root: int) -> list[int]:
        """Numbers of the leaves below a reference."""
        found, front, seen = set(), [root], set()
        while front:
            reference = front.pop()
            if reference < 0:
                found.add(-1 - reference)
            elif reference not in seen:
                seen.add(reference)
                front += self.nodes[reference][1:]
        return sorted(found)


@lru_cache(maxsize=1 << 16)
def runs(mask: int) -> tuple[int, ...]:
    """Starts and ends of the runs of ones, ascending."""
    flips, places = mask ^ (mask << 1), []
    while flips:
        lowest = flips & -flips
        places.append(lowest.bit_length() - 1)
        flips ^= lowest
    return tuple(places)


def _starts(sizes: list[int]) -> tuple[int, ...]:
    return tuple(np.concatenate(([0], np.cumsum(np.array(sizes, dtype=np.int64)))).astype(int).tolist())
