"""Rounding to whole numbers, and intervals that round their argument: exhaustive in small fields."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prover.constraint import ConstraintSystem, LinearVector
from prover.errors import MalformedCircuitError
from prover.gadgets.interval import interval
from prover.gadgets.piecewise import piecewise_polynomial, piecewise_reference
from prover.gadgets.rounding import divide_towards_zero, floor_divide, round_half_even
from prover.testing import Tier, check_circuit, check_unique, find_lie

P = 257
LOW, HIGH = -6, 6

Gadget = Callable[[ConstraintSystem, LinearVector, int], LinearVector]


def field(q: int) -> int:
    """Small, so that a search finds lies; a division by anything but a power of two needs room below p/4."""
    return 101 if q & (q - 1) == 0 else 1021


def cases(q: int) -> list[list[int]]:
    return [[x % field(q)] for x in range(LOW, HIGH + 1)]


def nearest(x: int, q: int) -> int:
    return round(x / q)  # Python rounds halves to even


def towards_zero(x: int, q: int) -> int:
    return abs(x) // q * (1 if x >= 0 else -1)


MEANINGS: list[tuple[Gadget, Callable[[int, int], int]]] = [
    (floor_divide, lambda x, q: x // q),
    (round_half_even, nearest),
    (divide_towards_zero, towards_zero),
]
IDS = ["floor", "round", "truncate"]


def builder(gadget: Gadget, q: int, low: int = LOW, high: int = HIGH) -> Callable[[ConstraintSystem], LinearVector]:
    return lambda cs: gadget(cs, cs.private("x", 1, (low, high)), q)


@pytest.mark.parametrize("q", [1, 2, 3, 4, 6, 8])
@pytest.mark.parametrize(("gadget", "meaning"), MEANINGS, ids=IDS)
def test_every_argument_has_one_result(gadget: Gadget, meaning: Callable[[int, int], int], q: int) -> None:
    check_unique(builder(gadget, q), field(q), lambda x: [meaning(x, q)], cases(q))


@pytest.mark.parametrize("q", [2, 4, 6])
@pytest.mark.parametrize(("gadget", "meaning"), MEANINGS[1:], ids=IDS[1:])
def test_no_row_is_spare(gadget: Gadget, meaning: Callable[[int, int], int], q: int) -> None:
    def reference(x: int) -> list[int] | None:
        return [meaning(x, q)]

    circuit = check_unique(builder(gadget, q), field(q), reference, cases(q))
    for origin in {name for name in circuit.r1cs.origins if name != "check.outputs"}:
        assert find_lie(circuit, origin, cases(q), reference), origin


@pytest.mark.parametrize("q", [2, 8, 10, 100])
@pytest.mark.parametrize(("gadget", "meaning"), MEANINGS, ids=IDS)
def test_batches_in_bn254(gadget: Gadget, meaning: Callable[[int, int], int], q: int) -> None:
    x = np.array([-1000, -q - 1, -q, -q // 2, -1, 0, 1, q // 2, 3 * q // 2, q - 1, q, 5 * q // 2, 12345, 1 << 30])
    check_circuit(
        lambda cs: gadget(cs, cs.private("x", x.size, (-1000, 1 << 30)), q),
        {"x": x},
        [meaning(value, q) for value in x.tolist()],
        # Booleans of an exact range may have two representations; the inverse of 0 is free: neither is read.
        free=["remainder", "zero.inverse"],
    )


@given(st.integers(-(10**6), 10**6), st.integers(0, 10**6), st.sampled_from([1, 2, 16, 10, 1000, 7]), st.data())
def test_any_range(low: int, length: int, q: int, data: st.DataObject) -> None:
    x = data.draw(st.integers(low, low + length))
    for gadget, meaning in MEANINGS:
        check_circuit(builder(gadget, q, low, low + length), {"x": [x]}, [meaning(x, q)], tiers=Tier.REFERENCE)


@pytest.mark.parametrize("granule", [1, 2, 3])
@pytest.mark.parametrize("edges", [(-2, 0, 3), (-2, -1, 1, 2), (0, 4, 5)])
def test_intervals_round_their_argument(edges: tuple[int, ...], granule: int) -> None:
    low, high = edges[0] << granule, (edges[-1] << granule) - 1
    thresholds = np.array(edges[1:-1]) << granule

    def build(cs: ConstraintSystem) -> LinearVector:
        x = cs.private("x", 1, (low, high))
        found = interval(cs, x, thresholds, low, high, granule=granule)
        return LinearVector.concat([found.at_least, found.offset])

    def reference(x: int) -> list[int] | None:
        if not low <= x <= high:
            return None
        passed = [int(x >= t) for t in thresholds]
        return [*passed, (x >> granule) - edges[sum(passed)]]

    circuit = check_unique(build, 97, reference)
    for origin in {name for name in circuit.r1cs.origins if name.startswith("interval")}:
        assert find_lie(circuit, origin, [[x % 97] for x in range(97)], reference), origin


def test_an_interval_of_broken_granules_is_refused() -> None:
    cs = ConstraintSystem()
    with pytest.raises(MalformedCircuitError, match="no whole number"):
        interval(cs, cs.private("x", 1, (0, 15)), np.array([6]), 0, 15, granule=2)


STARTS = np.array([-3, -1, 2])
COEFFICIENTS = np.array([[1, -2, 3], [0, 2, -1], [-1, 0, 9]])


@pytest.mark.parametrize("granule", [1, 2])
def test_polynomials_of_a_rounded_argument(granule: int) -> None:
    low, high = -3 << granule, (4 << granule) - 1

    def build(cs: ConstraintSystem) -> LinearVector:
        x = cs.private("x", 1, (low, high))
        return piecewise_polynomial(cs, x, STARTS, COEFFICIENTS, (0, 1), 4, granule=granule)

    def reference(x: int) -> list[int] | None:
        if not low <= x <= high:
            return None
        return piecewise_reference(np.array([x]), STARTS, COEFFICIENTS, (0, 1), granule).tolist()

    circuit = check_unique(build, P, reference)
    for origin in {name for name in circuit.r1cs.origins if name.startswith("piecewise")}:
        assert find_lie(circuit, origin, [[x % P] for x in range(low, high + 1)], reference), origin


def test_many_elements_share_one_table() -> None:
    x = np.random.default_rng(0).integers(-3 << 8, 4 << 8, 300)
    circuit = check_circuit(
        lambda cs: piecewise_polynomial(
            cs, cs.private("x", x.size, (-3 << 8, (4 << 8) - 1)), STARTS, COEFFICIENTS, (0, 1), 4, granule=8
        ),
        {"x": x},
        piecewise_reference(x, STARTS, COEFFICIENTS, (0, 1), 8),
        tiers=Tier.FAST,
        n_constraints=300 * (2 + 10 + 2 + 4),  # thresholds, digits of the offset, products, digits of the result
    )
    assert circuit.r1cs.a.wires.size < 300 * 80
