"""Pitfalls of proof systems for machine learning that audits have found, each with the lie it would let through.

The list follows the public audit of EZKL by Trail of Bits (2025) and its kin. Every gadget here is exhausted over a
small field: for every input, every witness there is gives the honest output and no other. Then the rows that rule the
pitfall out are dropped, and a lie is found, so that the test cannot pass for want of trying.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from prover.constraint import ConstraintSystem, LinearVector
from prover.errors import MalformedCircuitError
from prover.gadgets.argmax import argmax
from prover.gadgets.compare import greater_equal
from prover.gadgets.divide import divide
from prover.gadgets.maximum import maximum
from prover.gadgets.range import range_exact
from prover.gadgets.root import inverse_root, square_root
from prover.gadgets.top import top
from prover.roots import integer_root
from prover.testing import check_unique, find_lie

P = 257


def private(cs: ConstraintSystem, name: str, low: int, high: int) -> LinearVector:
    return cs.private(name, 1, (low, high))


def several(cs: ConstraintSystem, names: str, low: int, high: int) -> list[LinearVector]:
    return [private(cs, name, low, high) for name in names]


def test_sign_of_zero() -> None:
    """Zero has one sign: neither "at least 0" nor "above 0" leaves the prover a choice at 0, -0 or p."""

    def sign(cs: ConstraintSystem) -> LinearVector:
        x = private(cs, "x", -8, 7)
        return greater_equal(cs, x, 0, "low") + greater_equal(cs, x, 1, "high") - 1

    def reference(x: int) -> list[int] | None:
        return [int(np.sign(x))] if -15 <= x <= 15 else None

    zero = [[0], [P]]
    circuit = check_unique(sign, P, lambda x: reference(x), [[x % P] for x in range(-7, 8)] + zero)
    for rows in ("low", "high"):
        assert find_lie(circuit, f"{rows}.boolean", zero, reference), rows


@pytest.mark.parametrize("count", [2, 3])
def test_permutation_multiplicities_in_a_sort(count: int) -> None:
    """A sorted vector is a permutation: equal values are neither merged nor doubled, and none is invented."""

    def build(cs: ConstraintSystem) -> LinearVector:
        return LinearVector.concat(top(cs, several(cs, "abc"[:count], -2, 1), count))

    def reference(*x: int) -> list[int]:
        return sorted(x, reverse=True)

    cases = [[value % P for value in case] for case in itertools.product(range(-2, 2), repeat=count)]
    circuit = check_unique(build, P, reference, cases)
    ties = [[1] * (count - 1) + [0], [0] + [1] * (count - 1)]
    assert find_lie(circuit, "top.0.select", ties, reference)
    assert find_lie(circuit, "top.0.boolean", ties, reference)


@pytest.mark.parametrize("k", [1, 2])
def test_permutation_multiplicities_in_the_largest(k: int) -> None:
    """The k largest of (1, 1, 0) are (1, 1), not (1, 0): the second 1 is another element."""

    def build(cs: ConstraintSystem) -> LinearVector:
        return LinearVector.concat(top(cs, several(cs, "abc", 0, 1), k))

    def reference(*x: int) -> list[int]:
        return sorted(x, reverse=True)[:k]

    check_unique(build, P, reference, [list(case) for case in itertools.product((0, 1), repeat=3)])


def test_permutation_multiplicities_in_a_maximum() -> None:
    """Of equal values the maximum is that value, however often it occurs; nothing smaller, larger or foreign."""

    def build(cs: ConstraintSystem) -> LinearVector:
        return maximum(cs, several(cs, "abcd", -1, 1))

    def reference(*x: int) -> list[int]:
        return [max(x)]

    cases = [[value % P for value in case] for case in itertools.product((-1, 0, 1), repeat=4)]
    circuit = check_unique(build, P, reference, cases)
    assert find_lie(circuit, "max.0.select", [[1, 1, 1, 1]], reference)
    assert find_lie(circuit, "max.1.boolean", [[1, 1, 0, 0]], reference)


@pytest.mark.parametrize("divisor", [3, 4, 5])
def test_division_quotient_wrap_around(divisor: int) -> None:
    """q = (x - r) / d exists in the field for every r: without digits of q, any remainder proves a false quotient."""

    def reference(x: int) -> list[int] | None:
        low = -8 // divisor
        width = (7 // divisor - low).bit_length()
        return [x // divisor] if low <= x // divisor < low + (1 << width) else None

    circuit = check_unique(lambda cs: divide(cs, private(cs, "x", -8, 7), divisor), P, reference)
    honest = [[x % P] for x in range(-8, 8)]
    assert find_lie(circuit, "divide.quotient", honest, reference)
    assert find_lie(circuit, "divide.remainder", honest, reference)


def test_division_by_zero_has_no_witness() -> None:
    def reference(x: int, d: int) -> list[int] | None:
        return [x // d] if d in (1, 2) and 0 <= x // d <= 3 else None

    cases = [[x, d % 521] for x in range(4) for d in (0, 1, 2, -1, -2)]
    circuit = check_unique(lambda cs: divide(cs, private(cs, "x", 0, 3), private(cs, "d", 1, 2)), 521, reference, cases)
    assert find_lie(circuit, "below", [[1, 0], [2, 520]], reference)


def test_division_whose_product_could_wrap_is_refused() -> None:
    cs = ConstraintSystem(P)
    x, d = private(cs, "x", 0, 100), private(cs, "d", 1, 100)
    with pytest.raises(MalformedCircuitError, match="p/4"):
        divide(cs, x, d)


def test_reciprocal_uniqueness() -> None:
    """1 / x at a scale is one integer: not the field's inverse, and not its neighbour."""
    field, scale = 4099, 24

    def build(cs: ConstraintSystem) -> LinearVector:
        return divide(cs, cs.constant([scale]), private(cs, "x", 1, 7))

    def reference(x: int) -> list[int] | None:
        return [scale // x] if 1 <= x <= 8 and 3 <= scale // x <= 34 else None

    circuit = check_unique(
        build, field, reference, [[x] for x in range(1, 9)] + [[0], [field - 1], [pow(24, -1, field)]]
    )
    for rows in ("divide.quotient", "divide.remainder", "divide.below"):
        assert find_lie(circuit, rows, [[x] for x in range(1, 8)], reference), rows


def test_square_root_uniqueness() -> None:
    """-y squares to the same number, and so does the field's own root of a number that is no square."""

    def reference(x: int) -> list[int] | None:
        return [int(integer_root(np.array([x]))[0])] if 0 <= x < 16 else None

    circuit = check_unique(lambda cs: square_root(cs, private(cs, "x", 0, 15)), P, reference)
    for rows in ("root.rest", "root.below"):
        assert find_lie(circuit, rows, [[x] for x in range(16)], reference), rows


def test_inverse_root_uniqueness() -> None:
    """1 / sqrt(x) at a scale, two-sided: the neighbour below would pass y²x ≤ C alone, the one above the other side."""
    field, scale = 65_537, 16

    def build(cs: ConstraintSystem) -> LinearVector:
        return inverse_root(cs, private(cs, "x", 1, 2), scale)

    def reference(x: int) -> list[int] | None:
        return [int(integer_root(np.array([scale // x]))[0])] if x in (1, 2) else None

    circuit = check_unique(build, field, reference, [[1], [2], [0], [field - 1], [field // 2]])
    for rows in ("inverse_root.low", "inverse_root.high"):
        assert find_lie(circuit, rows, [[1], [2]], reference), rows


@pytest.mark.parametrize("count", [2, 3, 4])
def test_argmax_ties(count: int) -> None:
    """Every tie goes to the first index, as ONNX says; no order of the matches lets a later one win."""

    def build(cs: ConstraintSystem) -> LinearVector:
        return argmax(cs, several(cs, "abcd"[:count], 0, 1))

    def reference(*x: int) -> list[int]:
        return [x.index(max(x))]

    cases = [list(case) for case in itertools.product((0, 1), repeat=count)]
    circuit = check_unique(build, P, reference, cases)
    assert find_lie(circuit, "argmax.0.boolean", [[1] * count, [0] * count], reference)


@pytest.mark.parametrize("span", range(1, 33))
def test_limb_widths_that_do_not_divide_the_range(span: int) -> None:
    """A range is checked to its last value, not to the next power of two or multiple of a limb."""
    low = -5

    def reference(x: int) -> list[int] | None:
        return [x] if low <= x <= low + span else None

    circuit = check_unique(
        lambda cs: range_exact(cs, private(cs, "x", low, low + span), low, low + span, "range"), P, reference
    )
    assert find_lie(circuit, "range", [[(low + span + 1) % P], [(low - 1) % P]], reference)
