"""Division: both sides of the remainder and the quotient's width are needed, and show the divisor positive."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prover.constraint import ConstraintSystem, LinearVector
from prover.errors import MalformedCircuitError, UnsatisfiedError
from prover.gadgets import divide
from prover.testing import Tier, check_circuit, check_unique, find_lie

P = 521


@pytest.mark.parametrize(("divisor", "cost"), [(1, 4 + 1), (2, 3 + 1), (3, 3 + 3), (6, 2 + 3)])
def test_division_by_a_constant_is_unique(divisor: int, cost: int) -> None:
    lo, hi = -8 // divisor, 7 // divisor
    last = lo + (1 << (hi - lo).bit_length()) - 1

    def reference(x: int) -> list[int] | None:
        return [x // divisor] if lo <= x // divisor <= last else None

    circuit = check_unique(lambda cs: divide(cs, cs.private("x", 1, (-8, 7)), divisor), P, reference)
    assert circuit.r1cs.n_constraints - 1 == cost
    for origin in ("quotient", "remainder"):
        assert find_lie(circuit, origin, [[x] for x in range(P)], reference), origin


def by_a_wire(cs: ConstraintSystem) -> LinearVector:
    return divide(cs, cs.private("x", 1, (-4, 6)), cs.private("d", 1, (1, 3)))


def division(x: int, d: int) -> list[int] | None:
    if d <= 0 or not -4 <= x // d <= 11:
        return None
    return [x // d] if x % d < 4 and d - 1 - x % d < 4 else None


def test_division_by_a_wire_is_unique() -> None:
    cases = [[x % P, d % P] for d in range(-2, 9) for x in (*range(-9, 16), 100, 128)]
    circuit = check_unique(by_a_wire, P, division, cases)
    assert circuit.r1cs.n_constraints - 1 == 4 + 2 * 2 + 1
    for origin in ("quotient", "remainder", "below", "product"):
        assert find_lie(circuit, origin, cases, division), origin


@pytest.mark.parametrize("side", ["remainder", "below"])
def test_a_divisor_is_positive_only_by_both_sides_of_the_remainder(side: str) -> None:
    circuit = check_unique(by_a_wire, P, division, [[5, 0], [5, P - 2], [0, 0]])
    assert find_lie(circuit, side, [[x, d % P] for x in range(5) for d in (0, -1, -2)], lambda x, d: None)


@given(st.integers(-(2**40), 2**40), st.integers(1, 2**15))
@settings(max_examples=30)
def test_division_of_large_numbers(x: int, d: int) -> None:
    def build(cs: ConstraintSystem) -> LinearVector:
        numerator = cs.private("x", 1, (-(2**40), 2**40))
        return LinearVector.concat([divide(cs, numerator, cs.private("d", 1, (1, 2**15))), divide(cs, numerator, d)])

    check_circuit(build, {"x": [x], "d": [d]}, [x // d, x // d], tiers=Tier.FAST)


def test_division_of_a_batch() -> None:
    x, d = np.array([-7, 0, 7, 100]), np.array([2, 3, 4, 7])
    check_circuit(
        lambda cs: divide(cs, cs.private("x", 4, (-100, 100)), cs.private("d", 4, (1, 7))), {"x": x, "d": d}, x // d
    )


def test_a_divisor_that_is_not_positive_has_no_witness() -> None:
    cs = ConstraintSystem()
    divide(cs, cs.private("x", 1, (0, 9)), cs.private("d", 1, (-3, 3)))
    circuit = cs.compile()
    circuit.witness({"x": [9], "d": [2]})
    for d in (0, -2):
        with pytest.raises(UnsatisfiedError, match=f"divisor {d} of form 0 is not positive"):
            circuit.witness({"x": [9], "d": [d]})


def test_impossible_divisions_are_refused() -> None:
    cs = ConstraintSystem(257)
    x = cs.private("x", 1, (-60, 60))
    with pytest.raises(MalformedCircuitError, match="never positive"):
        divide(cs, x, 0)
    with pytest.raises(MalformedCircuitError, match="may reach p/4"):
        divide(cs, x, cs.private("d", 1, (1, 9)))
