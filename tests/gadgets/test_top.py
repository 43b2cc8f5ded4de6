"""Sorting networks: they sort, they are small, and no witness doubles or loses an element."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from prover.constraint import ConstraintSystem, LinearVector
from prover.field import signed
from prover.gadgets.top import network, top
from prover.testing import check_circuit, check_unique, find_lie

P = 31


def run(n: int, k: int, values: tuple[int, ...]) -> list[int]:
    places = list(values)
    for level in network(n, k):
        for i, j in level:
            places[i], places[j] = max(places[i], places[j]), min(places[i], places[j])
    return places[:k]


@pytest.mark.parametrize("n", range(1, 11))
def test_networks_sort_every_row_of_zeros_and_ones(n: int) -> None:
    """Which by the zero-one principle is every row (Knuth, TAOCP 3, §5.3.4, theorem Z)."""
    for k in range(1, n + 1):
        for values in itertools.product((0, 1), repeat=n):
            assert run(n, k, values) == sorted(values, reverse=True)[:k]


def test_networks_are_the_smaller_of_two() -> None:
    def size(n: int, k: int) -> int:
        return sum(map(len, network(n, k)))

    assert [size(n, n) for n in (2, 4, 8, 16)] == [1, 5, 19, 63]
    assert size(100, 1) == 99
    assert size(1000, 3) == 999 + 998 + 997


def test_levels_touch_every_place_once() -> None:
    for level in network(13, 6):
        places = [place for pair in level for place in pair]
        assert len(set(places)) == len(places)
        assert all(i < j for i, j in level)


def build(cs: ConstraintSystem) -> LinearVector:
    return LinearVector.concat(top(cs, [cs.private(name, 1, (-1, 1)) for name in "abc"], 2))


def honest(*values: int) -> list[int] | None:
    """The two largest of three, where every difference the network takes fits its digits."""
    a, b, c = values
    places = [a, b, c]
    for level in network(3, 2):
        for i, j in level:
            difference = signed((places[i] - places[j]) % P, P)
            if not -4 <= difference < 4:
                return None
            won = max(difference, 0)
            places[i], places[j] = places[j] + won, places[i] - won
    return places[:2]


CASES = [list(case) for case in itertools.product((0, 1, 2, P - 1, P - 2), repeat=3)]


def test_outputs_are_the_largest_inputs_and_nothing_else() -> None:
    """Among all witnesses over a small field: none repeats a large element, none invents one."""
    circuit = check_unique(build, P, honest, CASES)
    for origin in ("select", "boolean"):
        assert find_lie(circuit, origin, CASES, honest), origin


def test_no_element_is_doubled_when_it_is_there_once() -> None:
    """The multiset of all outputs is that of the inputs, even for a prover who would like the winner twice."""

    def every(cs: ConstraintSystem) -> LinearVector:
        return LinearVector.concat(top(cs, [cs.private(name, 1, (-1, 1)) for name in "abc"], 3))

    def reference(*values: int) -> list[int]:
        return sorted(values, reverse=True)

    cases = [[a % P, b % P, c % P] for a, b, c in itertools.product((-1, 0, 1), repeat=3)]
    circuit = check_unique(every, P, reference, cases)
    lie = find_lie(circuit, "select", cases, reference)
    assert lie is not None
    inputs, outputs = lie
    assert sorted(inputs) != sorted(outputs), "without the product rows a multiset may change"


@pytest.mark.parametrize(("n", "k"), [(5, 2), (6, 6), (9, 4)])
def test_batches_in_bn254(n: int, k: int) -> None:
    rows = np.random.default_rng(n).integers(-9, 10, (n, 4))
    check_circuit(
        lambda cs: LinearVector.concat(top(cs, [cs.private(f"x{i}", 4, (-9, 9)) for i in range(n)], k)),
        {f"x{i}": rows[i] for i in range(n)},
        (-np.sort(-rows, axis=0))[:k].ravel(),
    )
