"""Sums of decision trees as few products of linear forms.

A node is ``outside + test * (inside - outside)``: one product, and none where both sides are constants or the whole
subtree reads one group only, whose atoms' indicators give any function of it linearly. In a sum of trees, all nodes
with one test are one node: their inside values are added, and their outside values, and the two sums are trees again.
Leaves that count for several outputs can be reached from above instead: an indicator for every inner node, one
product each, serves all outputs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from prover.quantization.forest import Forest

Form = dict[int, int]
"""Coefficients by term: indicators first, then products in order; :data:`ONE` is the constant."""

ONE = -1


@dataclass(frozen=True)
class Value:
    """A form and its range."""

    form: Form
    lo: int
    hi: int


@dataclass(eq=False)
class Products:
    """Products of two forms each, numbered behind ``n_inputs`` indicators.

    Attributes:
        factors: (test, other factor) of every product, in an order in which each reads earlier ones.
        depth: by product, how many products are multiplied one after another up to it.
    """

    n_inputs: int
    factors: list[tuple[Form, Value]] = field(default_factory=list)
    depth: list[int] = field(default_factory=list)

    def times(self, test: Form, other: Value) -> Value:
        """``test * other``; free when the other is a constant."""
        if not other.form.keys() - {ONE}:
            constant = other.form.get(ONE, 0)
            return Value(scaled(test, constant), min(0, constant), max(0, constant))
        below = [
            self.depth[term - self.n_inputs] for form in (test, other.form) for term in form if term >= self.n_inputs
        ]
        self.factors.append((test, other))
        self.depth.append(1 + max(below, default=0))
        return Value({self.n_inputs + len(self.factors) - 1: 1}, min(0, other.lo), max(0, other.hi))


def scaled(form: Form, factor: int) -> Form:
    return {term: coefficient * factor for term, coefficient in form.items()} if factor else {}


def added(*forms: Form) -> Form:
    total: Form = {}
    for form in forms:
        for term, coefficient in form.items():
            total[term] = total.get(term, 0) + coefficient
    return {term: coefficient for term, coefficient in total.items() if coefficient}


class Selection:
    """The sums of a forest as forms over products."""

    def __init__(self, forest: Forest) -> None:
        self._forest = forest
        self._starts = np.concatenate(([0], np.cumsum(np.array(forest.atoms, dtype=np.int64) - 1))).tolist()
        self.products = Products(int(self._starts[-1]))
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
        before = len(self.products.factors)
        below = {output: self._sum(output, trees).form for output in range(n_outputs)}
        cost = len(self.products.factors) - before
        other = Selection(self._forest)
        other._from_above(trees)
        if cost <= len(other.products.factors):
            return below
        del self.products.factors[before:], self.products.depth[before:]
        self._memo = {key: value for key, value in self._memo.items() if key[0] not in below}
        return self._from_above(trees)

    def _from_above(self, trees: Counter[int]) -> dict[int, Form]:
        result: dict[int, Form] = {}
        for root, count in sorted(trees.items()):
            front: list[tuple[int, Form]] = [(root, {ONE: 1})]
            while front:
                reference, path = front.pop()
                if reference < 0:
                    for output, value in self._forest.leaves[-1 - reference]:
                        result[output] = added(result.get(output, {}), scaled(path, value * count))
                    continue
                number, inside, outside = self._forest.nodes[reference]
                test = self._test(number)
                taken = test if path == {ONE: 1} else self.products.times(test, Value(path, 0, 1)).form
                front += [(inside, taken), (outside, added(path, scaled(taken, -1)))]
        return result

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

    def _function(self, output: int, reference: int, count: int) -> Value:
        """A subtree that reads one group: any function of one group is linear."""
        group = next(iter(self._read(reference)))
        values = []
        for atom in range(self._forest.atoms[group]):
            at = reference
            while at >= 0:
                number, inside, outside = self._forest.nodes[at]
                at = inside if self._forest.sets[number][1] >> atom & 1 else outside
            values.append(count * dict(self._forest.leaves[-1 - at]).get(output, 0))
        start = self._starts[group] - 1
        steps = {start + atom: value - values[0] for atom, value in enumerate(values) if atom and value != values[0]}
        return Value(added(steps, {ONE: values[0]}), min(values), max(values))

    def _test(self, number: int) -> Form:
        group, mask = self._forest.sets[number]
        start = self._starts[group] - 1
        return {start + atom: 1 for atom in range(1, self._forest.atoms[group]) if mask >> atom & 1}

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
