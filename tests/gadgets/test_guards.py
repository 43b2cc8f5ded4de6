"""Intervals with gaps and maxima with a lead: what is refused has no witness at all, in small fields."""

from __future__ import annotations

import numpy as np
import pytest

from prover.constraint import ConstraintSystem, LinearVector
from prover.errors import MalformedCircuitError, UndecidedError
from prover.gadgets.clear_argmax import clear_argmax
from prover.gadgets.interval import interval
from prover.testing import build_circuit, check_circuit, check_unique, find_lie

P = 61
EVERY = [[x] for x in range(P)]


@pytest.mark.parametrize(
    ("thresholds", "gaps"), [([5], [2]), ([3, 9, 10], [0, 4, 0]), ([4, 8, 12], [3, 3, 3]), ([1, 12], [0, 10])]
)
def test_values_in_a_gap_have_no_witness(thresholds: list[int], gaps: list[int]) -> None:
    cuts, below = np.array(thresholds), np.array(gaps)

    def build(cs: ConstraintSystem) -> LinearVector:
        return interval(cs, cs.private("x", 1, (0, 15)), cuts, gaps=below).at_least

    def reference(x: int) -> list[int] | None:
        refused = any(cut - gap <= x < cut for cut, gap in zip(thresholds, gaps, strict=True))
        return None if refused or not 0 <= x <= 15 else [int(x >= cut) for cut in thresholds]

    circuit = check_unique(build, P, reference)
    for origin in {name for name in circuit.r1cs.origins if name.startswith("interval")}:
        assert find_lie(circuit, origin, EVERY, reference), origin


def test_a_gap_costs_nothing() -> None:
    def rows(gaps: list[int] | None) -> int:
        below = None if gaps is None else np.array(gaps)

        def build(cs: ConstraintSystem) -> LinearVector:
            x = cs.private("x", 1, (0, (1 << 28) - 1))
            return interval(cs, x, np.array([1 << 20, 1 << 27]), gaps=below).at_least

        return build_circuit(build).r1cs.n_constraints

    assert rows([700, 700]) == rows(None)


def test_a_gap_that_is_the_whole_interval_is_refused() -> None:
    with pytest.raises(MalformedCircuitError, match="leaves nothing"):
        build_circuit(
            lambda cs: interval(cs, cs.private("x", 1, (0, 9)), np.array([3, 5]), gaps=np.array([0, 2])).at_least
        )


@pytest.mark.parametrize("margin", [1, 3])
def test_the_largest_must_lead(margin: int) -> None:
    def build(cs: ConstraintSystem) -> LinearVector:
        return clear_argmax(cs, cs.private("x", 2, (0, 7)), margin, "guard")

    def reference(first: int, second: int) -> list[int] | None:
        leads = [(first - second) % P, (second - first) % P]
        winners = [place for place in range(2) if margin <= leads[place] <= margin + 7]
        return None if not winners else [int(place == winners[0]) for place in range(2)]

    circuit = check_unique(build, P, reference)
    pairs = [[x, y] for x in range(0, P, 3) for y in range(0, P, 5)]
    for origin in ("guard.place", "guard.best", "guard.lead"):
        assert find_lie(circuit, origin, pairs, reference), origin


def test_the_largest_of_many_in_bn254() -> None:
    def build(cs: ConstraintSystem) -> LinearVector:
        return clear_argmax(cs, cs.private("x", 5, (-(1 << 30), 1 << 30)), 100, "guard")

    circuit = check_circuit(build, {"x": np.array([7, -(1 << 30), 1 << 30, (1 << 30) - 100, 0])}, [0, 0, 1, 0, 0])
    with pytest.raises(UndecidedError, match="too close to a threshold"):
        circuit.witness({"x": [7, 0, 50, 149, 60]})
