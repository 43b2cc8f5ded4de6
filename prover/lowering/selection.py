"""Sums of decision trees as few products of linear forms.

A node is ``outside + test * (inside - outside)``: one product, and none where both sides are constants or the whole
subtree reads one group only: whether its atom is at least 1, 2, ... gives any function of it linearly. In a sum of
trees, all nodes with one test are one node: their inside values are added, and their outside values, and the two sums
are trees again.
Nodes of one group right below each other are one selection among the regions where they lead to different subtrees,
when constants among those make that cheaper. Equal products, up to factors and constants, are computed once.
Leaves that count for several outputs can be reached from above instead: an indicator for every inner node, one
product each, serves all outputs.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from prover.quantization.trees.forest import Forest, runs

Form = dict[int, int]
"""Coefficients by term: the inputs first, then products in order; :data:`ONE` is the constant."""

ONE = -1


@dataclass(frozen=True)
class Value:
    """A form and its range."""

    form: Form
    lo: int
    hi: int


class _TooManyError(Exception):
    """More products than the limit."""


@dataclass(eq=False)
class Products:
    """Products of two forms each, numbered behind ``n_inputs`` inputs.

    Attributes:
        factors: (test, other factor) of every product, in an order in which each reads earlier ones.
        depth: by product, how many products are multiplied one after another up to it.
        limit: most products there may be, or None.
    """

    n_inputs: int
    limit: int | None = None
    factors: list[tuple[Form, Value]] = field(default_factory=list)
    depth: list[int] = field(default_factory=list)
    _known: dict[frozenset[tuple[tuple[int, int], ...]], int] = field(default_factory=dict)

    def times(self, test: Form, other: Value) -> Value:
        """``test * other``, where ``test`` is 0 or 1; free when the other is a constant."""
        constant = other.form.get(ONE, 0)
        rest = {term: coefficient for term, coefficient in sorted(other.form.items()) if term != ONE}
        ends = min(0, other.lo), max(0, other.hi)
        if not rest:
            return Value(scaled(test, constant), *ends)
        factor = math.gcd(*rest.values()) * (1 if next(iter(rest.values())) > 0 else -1)
        sides = sorted((end - constant) // factor for end in (other.lo, other.hi))
        number = self._number(test, Value({term: each // factor for term, each in rest.items()}, *sides))
        return Value(added({number: factor}, scaled(test, constant)), *ends)

    def _number(self, test: Form, other: Value) -> int:
        """The term that is ``test * other``, perhaps an old one."""
        key = frozenset((tuple(sorted(test.items())), tuple(sorted(other.form.items()))))
        if key not in self._known:
            self._known[key] = self._fresh(test, other)
        return self._known[key]

    def _fresh(self, test: Form, other: Value) -> int:
        if self.limit is not None and len(self.factors) >= self.limit:
            raise _TooManyError
        below = [
            self.depth[term - self.n_inputs] for form in (test, other.form) for term in form if term >= self.n_inputs
        ]
        self.factors.append((test, other))
        self.depth.append(1 + max(below, default=0))
        return self.n_inputs + len(self.factors) - 1


def scaled(form: Form, factor: int) -> Form:
    return {term: coefficient * factor for term, coefficient in form.items()} if factor else {}


def accumulate(total: Form, form: Form, factor: int = 1) -> None:
    """Add a multiple of a form to another, in place: coefficients may become zero."""
    for term, coefficient in form.items():
        total[term] = total.get(term, 0) + coefficient * factor


def added(*forms: Form) -> Form:
    total: Form = {}
    for form in forms:
        accumulate(total, form)
    return {term: coefficient for term, coefficient in total.items() if coefficient}


class Selection:
    """The sums of a forest as forms over products."""

    def __init__(self, forest: Forest, *, limit: int | None = None) -> None:
        self._forest = forest
        self._starts = np.concatenate(([0], np.cumsum(np.array(forest.atoms, dtype=np.int64) - 1))).tolist()
        self.products = Products(int(self._starts[-1]), limit)
        self._groups: dict[int, frozenset[int]] = {}
        self._memo: dict[tuple[int, tuple[tuple[int, int], ...]], Value] = {}

    def sums(self, n_outputs: int) -> list[Form]:
        """The form of every output, constants of the forest's base left out."""
        forest = self._forest
        targets = {root: self._targets(root) for root in set(forest.roots)}
        single: list[Counter[int]] = [Counter() for _ in range(n_outputs)]
        several: Counter[int] = Counter()
        for root in forest.roots:
            if len(targets[root]) > 1:
                several[root] += 1
            else:
                for output in targets[root]:
                    single[output][root] += 1
        forms: list[list[Form]] = [[] for _ in range(n_outputs)]
        for output, trees in enumerate(single):
            forms[output].append(self._sum(output, trees).form)
        if several:
            for output, form in self._cheaper(several, n_outputs).items():
                forms[output].append(form)
        return [added(*parts) for parts in forms]

    def _cheaper(self, trees: Counter[int], n_outputs: int) -> dict[int, Form]:
        """Trees that count for several outputs: from below for each output, or from above for all."""
        trial = Selection(self._forest)
        above = trial._from_above(trees)
        other = Selection(self._forest, limit=len(trial.products.factors))
        try:
            below = other._from_below(trees, n_outputs)
        except _TooManyError:
            best = above
        else:
            trial, best = other, below
        if not self.products.factors:  # the trial's products are numbered as they would be here
            self.products = trial.products
            return best
        return self._from_below(trees, n_outputs) if trial is other else self._from_above(trees)

    def _from_below(self, trees: Counter[int], n_outputs: int) -> dict[int, Form]:
        return {output: self._sum(output, trees).form for output in range(n_outputs)}

    def _from_above(self, trees: Counter[int]) -> dict[int, Form]:
        result: dict[int, Form] = {}
        for root, count in sorted(trees.items()):
            front: list[tuple[int, Form]] = [(root, {ONE: 1})]
            while front:
                reference, path = front.pop()
                if reference < 0:
                    for output, value in self._forest.leaves[-1 - reference]:
                        accumulate(result.setdefault(output, {}), path, value * count)
                    continue
                number, inside, outside = self._forest.nodes[reference]
                test = self._test(number)
                taken = test if path == {ONE: 1} else self.products.times(test, Value(path, 0, 1)).form
                front += [(inside, taken), (outside, added(path, scaled(taken, -1)))]
        return {output: added(form) for output, form in result.items()}

    def _sum(self, output: int, trees: Mapping[int, int]) -> Value:
        """Σ count * value of trees, for one output."""
        key = output, tuple(sorted(trees.items()))
        if key not in self._memo:
            self._memo[key] = self._fresh_sum(output, trees)
        return self._memo[key]

    def _fresh_sum(self, output: int, trees: Mapping[int, int]) -> Value:
        parts: list[Value] = []
        tests: dict[int, tuple[Counter[int], Counter[int]]] = {}
        for reference, count in sorted(trees.items()):
            if reference < 0:
                value = count * dict(self._forest.leaves[-1 - reference]).get(output, 0)
                parts.append(Value({ONE: value} if value else {}, value, value))
            elif len(self._read(reference)) == 1:
                parts.append(self._function(output, reference, count))
            elif self._is_region(reference):
                parts.append(self._regions(output, reference, count))
            else:
                number, inside, outside = self._forest.nodes[reference]
                sides = tests.setdefault(number, (Counter(), Counter()))
                sides[0][inside] += count
                sides[1][outside] += count
        for number, (insides, outsides) in tests.items():
            first, second = self._sum(output, insides), self._sum(output, outsides)
            gain = Value(added(first.form, scaled(second.form, -1)), first.lo - second.hi, first.hi - second.lo)
            taken = self.products.times(self._test(number), gain)
            ends = min(first.lo, second.lo), max(first.hi, second.hi)
            parts.append(Value(added(second.form, taken.form), *ends))
        return Value(
            added(*(part.form for part in parts)), sum(part.lo for part in parts), sum(part.hi for part in parts)
        )

    def _is_region(self, reference: int) -> bool:
        """Whether selecting among regions takes fewer products than the nodes of the group one by one."""
        exits = self._exits(reference)
        open_ = sum(end >= 0 for end in exits)
        return len(exits) > 1 and any(end < 0 for end in exits) and open_ < self._nested(reference)

    def _exits(self, reference: int) -> dict[int, int]:
        """Where the root's group alone leads: by reference, the atoms that lead there."""
        group = self._forest.sets[self._forest.nodes[reference][0]][0]
        exits: dict[int, int] = {}
        front = [(reference, (1 << self._forest.atoms[group]) - 1)]
        while front:
            at, atoms = front.pop()
            number, inside, outside = self._forest.nodes[at] if at >= 0 else (-1, 0, 0)
            if at < 0 or self._forest.sets[number][0] != group:
                exits[at] = exits.get(at, 0) | atoms
            else:
                mask = self._forest.sets[number][1]
                front += [(inside, atoms & mask), (outside, atoms & ~mask)]
        return exits

    def _nested(self, reference: int) -> int:
        """Products of the root's group's nodes one by one."""
        group, count, front = self._forest.sets[self._forest.nodes[reference][0]][0], 0, [reference]
        while front:
            number, *sides = self._forest.nodes[front.pop()]
            del number
            below = [side for side in sides if side >= 0]
            same = [side for side in below if self._forest.sets[self._forest.nodes[side][0]][0] == group]
            count += bool([side for side in below if len(self._read(side) | {group}) > 1])
            front += same
        return count

    def _regions(self, output: int, reference: int, count: int) -> Value:
        group = self._forest.sets[self._forest.nodes[reference][0]][0]
        parts, ends = [], []
        for at, atoms in self._exits(reference).items():
            value = self._sum(output, {at: count})
            parts.append(self.products.times(self._atoms(group, atoms), value).form)
            ends.append((value.lo, value.hi))
        return Value(added(*parts), min(low for low, _ in ends), max(high for _, high in ends))

    def _function(self, output: int, reference: int, count: int) -> Value:
        """A subtree that reads one group: any function of one group is linear."""
        group = next(iter(self._read(reference)))
        turns: set[int] = set()
        front = [reference]
        while front:
            at = front.pop()
            if at >= 0:
                number, *sides = self._forest.nodes[at]
                turns.update(runs(self._forest.sets[number][1]))
                front += sides
        values, form, start = [], Form(), self._starts[group] - 1
        for atom in (0, *sorted(turns - {self._forest.atoms[group]})):
            values.append(self._at(output, reference, atom) * count)
            rise = values[-1] - (values[-2] if atom else 0)
            form[start + atom if atom else ONE] = rise
        return Value(added(form), min(values), max(values))

    def _at(self, output: int, reference: int, atom: int) -> int:
        """Value of a subtree that reads one group, when the group has an atom."""
        while reference >= 0:
            number, inside, outside = self._forest.nodes[reference]
            reference = inside if self._forest.sets[number][1] >> atom & 1 else outside
        return dict(self._forest.leaves[-1 - reference]).get(output, 0)

    def _test(self, number: int) -> Form:
        return self._atoms(*self._forest.sets[number])

    def _atoms(self, group: int, mask: int) -> Form:
        """Whether a group's atom is one of a set: one step up and one down for each run of its members."""
        start, count, form = self._starts[group] - 1, self._forest.atoms[group], Form()
        for place, end in enumerate(runs(mask)):
            if end < count:
                form[start + end if end else ONE] = -1 if place % 2 else 1
        return form

    def _read(self, reference: int) -> frozenset[int]:
        """Groups a subtree tests."""
        if reference < 0:
            return frozenset()
        if reference not in self._groups:
            number, inside, outside = self._forest.nodes[reference]
            mine = frozenset((self._forest.sets[number][0],))
            self._groups[reference] = mine | self._read(inside) | self._read(outside)
        return self._groups[reference]

    def _targets(self, root: int) -> set[int]:
        return {output for number in self._forest.reached(root) for output, _ in self._forest.leaves[number]}
