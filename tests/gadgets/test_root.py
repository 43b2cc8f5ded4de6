"""Roots: both sides of the remainder are needed, and no field element has two of them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prover.constraint import ConstraintSystem, LinearVector
from prover.errors import MalformedCircuitError, UnsatisfiedError
from prover.gadgets.root import inverse_root, square_root
from prover.roots import integer_root
from prover.testing import Tier, check_circuit, check_unique, find_lie

P = 521
WIDE = 16411
"""A prime above 4 * 2^(2 * 3 + 5 + 1), what an inverse root of three digits and a remainder of five need."""

SCALE, DIGITS, WIDTH = 32, 3, 5


def test_the_square_root_is_unique_in_the_whole_field() -> None:
    circuit = check_unique(
        lambda cs: square_root(cs, cs.private("x", 1, (0, 15))), P, lambda x: [math.isqrt(x)] if 0 <= x < 16 else None
    )
    assert circuit.r1cs.n_constraints - 1 == 3 * 2 + 3
    for origin in ("root.root", "root.square", "root.rest", "root.below"):
        reference = lambda x: [math.isqrt(x)] if 0 <= x < 16 else None  # noqa: E731
        assert find_lie(circuit, origin, [[x] for x in range(P)], reference), origin


def inverse(cs: ConstraintSystem) -> LinearVector:
    return inverse_root(cs, cs.private("x", 1, (1, 2)), SCALE)


def accepted(x: int) -> list[int]:
    """Every y whose two remainders have digits, straight from the statement."""
    found = []
    for y in range(1 << DIGITS):
        low, high = (SCALE - y * y * x) % WIDE, ((y + 1) ** 2 * x - 1 - SCALE) % WIDE
        if low < 1 << WIDTH and high < 1 << WIDTH:
            found.append(y)
    return found


def test_only_positive_integers_have_an_inverse_root_and_they_have_one() -> None:
    """Fractions such as 3/2, which is some large field element, have none."""
    found = {x: accepted(x) for x in range(WIDE) if accepted(x)}
    assert {1, 2} <= set(found) <= set(range(1, 2 << WIDTH))  # beyond the proven 2, some remainders still fit
    assert all(roots == [math.isqrt(SCALE // x)] for x, roots in found.items())


def test_the_inverse_root_is_unique() -> None:
    fractions = [a * pow(b, -1, WIDE) % WIDE for a, b in ((1, 3), (3, 5), (4, 9))]
    cases = [[x % WIDE] for x in (*range(-1, 6), *fractions)]

    def reference(x: int) -> list[int] | None:
        return accepted(x % WIDE) or None

    circuit = check_unique(inverse, WIDE, reference, cases)
    assert circuit.r1cs.n_constraints - 1 == DIGITS + 2 * WIDTH + 3
    for origin in ("root.root", "root.square", "root.scaled", "root.slope", "root.low", "root.high"):
        assert find_lie(circuit, f"inverse_{origin}", [[1], [2], [0], [9]], reference), origin


@given(st.integers(0, 2**60))
@settings(max_examples=30)
def test_square_roots_of_large_numbers(x: int) -> None:
    check_circuit(
        lambda cs: square_root(cs, cs.private("x", 1, (0, 2**60))), {"x": [x]}, [math.isqrt(x)], tiers=Tier.FAST
    )


@given(st.integers(2**10, 2**30))
@settings(max_examples=30)
def test_inverse_roots_of_large_numbers(x: int) -> None:
    check_circuit(
        lambda cs: inverse_root(cs, cs.private("x", 1, (2**10, 2**30)), 1 << 58),
        {"x": [x]},
        [math.isqrt((1 << 58) // x)],
        tiers=Tier.FAST,
    )


def test_no_wire_of_a_batch_of_roots_can_change() -> None:
    x = np.array([1, 7, 63, 100])
    build = lambda cs: LinearVector.concat(  # noqa: E731
        [square_root(cs, cs.private("x", 4, (1, 100))), inverse_root(cs, cs.private("z", 4, (1, 100)), 1 << 20)]
    )
    check_circuit(build, {"x": x, "z": x}, [*integer_root(x), *integer_root((1 << 20) // x)])


@given(st.integers(0, 2**62))
def test_integer_roots_are_exact(x: int) -> None:
    assert integer_root(np.array([x]))[0] == math.isqrt(x)


def test_integer_roots_are_exact_beside_squares() -> None:
    roots = np.array([0, 1, 2, 2**16, 2**26 + 1, 2**31 - 1])
    squares = roots * roots
    assert integer_root(squares).tolist() == roots.tolist()
    assert integer_root(squares[1:] - 1).tolist() == (roots[1:] - 1).tolist()
    for wrong in (-1, 2**62 + 1):
        with pytest.raises(ValueError, match="outside"):
            integer_root(np.array([wrong]))


def test_numbers_that_have_no_root_have_no_witness() -> None:
    cs = ConstraintSystem()
    square_root(cs, (cs.private("x", 1, (0, 9)) - 3).with_bounds(0, 6))
    inverse_root(cs, (cs.private("z", 1, (0, 9)) - 3).with_bounds(1, 6), 1 << 20)
    circuit = cs.compile()
    circuit.witness({"x": [9], "z": [9]})
    for wrong in ({"x": [2], "z": [9]}, {"x": [9], "z": [3]}):
        with pytest.raises(UnsatisfiedError, match=r"is negative|is not positive"):
            circuit.witness(wrong)


def test_impossible_roots_are_refused() -> None:
    cs = ConstraintSystem(P)
    with pytest.raises(MalformedCircuitError, match="may be negative"):
        square_root(cs, cs.private("a", 1, (-1, 9)))
    with pytest.raises(MalformedCircuitError, match="may reach p/4"):
        square_root(cs, cs.private("b", 1, (0, 100)))
    with pytest.raises(MalformedCircuitError, match="may not be positive"):
        inverse_root(cs, cs.private("c", 1, (0, 9)), 64)
    with pytest.raises(MalformedCircuitError, match="cannot tell 0"):
        inverse_root(cs, cs.private("d", 1, (1, 9)), 16)
    with pytest.raises(MalformedCircuitError, match="may reach p/4"):
        inverse_root(cs, cs.private("e", 1, (1, 2)), 64)
