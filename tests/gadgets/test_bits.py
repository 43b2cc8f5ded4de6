"""Digits, booleans, exact ranges and thermometers: every field value as input, every witness there is."""

from __future__ import annotations

import numpy as np
import pytest

from prover.constraint import ConstraintSystem, LinearVector
from prover.errors import MalformedCircuitError
from prover.gadgets import boolean, decompose, one_hot, one_hot_of, range_bits, range_exact
from prover.testing import check_circuit, check_unique, find_lie

P = 97


def digits(n: int, substitute: bool | None):
    def build(cs: ConstraintSystem) -> LinearVector:
        return decompose(cs, cs.private("x", 1, (0, 2**n - 1)), n, "bits", substitute=substitute).digits

    return build


def digits_of(n: int):
    return lambda x: [x >> i & 1 for i in range(n)] if 0 <= x < 2**n else None


@pytest.mark.parametrize("n", [1, 2, 4])
@pytest.mark.parametrize("substitute", [True, False])
def test_digits_are_unique_for_every_field_value(n: int, substitute: bool) -> None:
    circuit = check_unique(digits(n, substitute), P, digits_of(n))
    assert circuit.r1cs.n_constraints - n == n + (not substitute)


@pytest.mark.parametrize("rule", ["recompose", "boolean"])
def test_digits_lie_without_each_rule(rule: str) -> None:
    circuit = check_unique(digits(3, False), P, digits_of(3))
    assert find_lie(circuit, f"bits.{rule}", [[x] for x in range(P)], digits_of(3))


def test_substituted_digits_lie_without_the_boolean_rows() -> None:
    circuit = check_unique(digits(3, True), P, digits_of(3))
    assert find_lie(circuit, "bits.boolean", [[5]], digits_of(3))


def test_digits_of_many_widths_at_once() -> None:
    widths = np.array([1, 7, 0, 12, 3])
    values = np.array([1, 100, 0, 4095, 5])

    def build(cs: ConstraintSystem) -> LinearVector:
        return decompose(cs, cs.private("x", 5, (0, (1 << widths) - 1)), widths, "bits").digits

    expected = [x >> i & 1 for x, n in zip(values.tolist(), widths.tolist(), strict=True) for i in range(n)]
    check_circuit(build, {"x": values}, expected, n_constraints=24)  # digits, and one row for x = 0


def test_a_field_value_of_252_bits() -> None:
    value = 2**251 + 12345

    def build(cs: ConstraintSystem) -> LinearVector:
        return decompose(cs, cs.private("x", 1, None), 252, "bits").digits

    check_circuit(build, {"x": [value]}, [value >> i & 1 for i in range(252)], n_constraints=253)


@pytest.mark.parametrize("n", [253, 300])
def test_wider_than_252_bits_is_refused(n: int) -> None:
    cs = ConstraintSystem()
    with pytest.raises(MalformedCircuitError, match="not unique"):
        decompose(cs, cs.private("x", 1, None), n, "bits")


def test_a_width_the_field_does_not_hold_is_refused() -> None:
    cs = ConstraintSystem(P)
    with pytest.raises(MalformedCircuitError, match="not unique"):
        decompose(cs, cs.private("x", 1, None), 7, "bits")


def test_bounds_that_leave_the_width_are_refused() -> None:
    cs = ConstraintSystem()
    with pytest.raises(MalformedCircuitError, match=r"\[-1, 7\], which 3 bits do not hold"):
        decompose(cs, cs.private("x", 1, (-1, 7)), 3, "bits")


def test_dense_forms_keep_a_recomposition_row_and_sparse_ones_do_not() -> None:
    def build(cs: ConstraintSystem) -> LinearVector:
        x = range_bits(cs, cs.private("x", 100, (0, 1)), 1, "inputs")
        sparse, dense = x[:3].sum(), x.sum()
        return decompose(cs, LinearVector.concat([sparse, dense]), np.array([2, 7]), "bits").digits

    circuit = check_circuit(build, {"x": [1] * 100}, [1, 1, 0, 0, 1, 0, 0, 1, 1], n_constraints=100 + 2 + 8)
    assert circuit.r1cs.rows_by_origin()["bits.recompose"] == 1


def test_recombining_a_slice_of_digits() -> None:
    def build(cs: ConstraintSystem) -> LinearVector:
        bits = decompose(cs, cs.private("x", 2, (0, 255)), 8, "bits")
        return LinearVector.concat([bits.recombine(2, np.array([6, 8])), bits.top, bits.recombine(5, 5)])

    check_circuit(build, {"x": [0b10110111, 0b01111010]}, [0b1101, 0b011110, 1, 0, 0, 0])


def test_boolean() -> None:
    def build(cs: ConstraintSystem) -> LinearVector:
        return boolean(cs, cs.private("x", 1, (0, 1)), "boolean")

    circuit = check_unique(build, P, lambda x: [x] if x in (0, 1) else None)
    assert find_lie(circuit, "boolean", [[7]], lambda x: None)


@pytest.mark.parametrize(
    ("lo", "hi", "cost"), [(0, 0, 1), (3, 4, 1), (0, 7, 3), (-5, 5, 4), (0, 4, 4), (-11, 11, 5), (2, 18, 6)]
)
def test_exact_range_admits_its_values_and_no_other(lo: int, hi: int, cost: int) -> None:
    def build(cs: ConstraintSystem) -> LinearVector:
        return range_exact(cs, cs.private("x", 1, (lo, hi)), lo, hi, "range")

    def inside(x: int) -> list[int] | None:
        return [x] if lo <= x <= hi else None

    circuit = check_unique(build, P, inside)
    assert circuit.r1cs.n_constraints - 1 == cost
    assert find_lie(circuit, "range.", [[x] for x in range(P)], inside)
    for value in range(lo, hi + 1):
        circuit.witness({"x": [value]})


def test_exact_ranges_of_many_spans_at_once() -> None:
    lo = np.array([0, -7, 5, 19, 0, 0])
    hi = np.array([0, 100, 6, 75, 1 << 40, 1024])
    for values in (lo, hi, (lo + hi) // 2):
        check_circuit(
            lambda cs: range_exact(cs, cs.private("x", 6, (lo, hi)), lo, hi, "range"),
            {"x": values},
            values,
            n_constraints=1 + 7 + 1 + 6 + 42 + 12,  # 2^40 and 2^10 have a last weight of 1: one row more
        )


def test_dense_exact_range() -> None:
    def build(cs: ConstraintSystem) -> LinearVector:
        x = range_bits(cs, cs.private("x", 100, (0, 1)), 1, "inputs")
        return range_exact(cs, x.sum(), 0, 100, "range")

    circuit = check_circuit(build, {"x": [1] * 64 + [0] * 36}, [64], n_constraints=100 + 7 + 1, free=["range"])
    assert circuit.r1cs.rows_by_origin()["range.recompose"] == 1


def test_a_range_longer_than_the_field_is_refused() -> None:
    cs = ConstraintSystem(P)
    with pytest.raises(MalformedCircuitError, match="cannot be checked"):
        range_exact(cs, cs.private("x", 1, None), 0, 60, "range")


@pytest.mark.parametrize("k", [1, 2, 3, 6])
def test_one_hot(k: int) -> None:
    def build(cs: ConstraintSystem) -> LinearVector:
        return one_hot(cs, cs.private("x", 1, (0, k - 1)), k, "hot")

    def reference(x: int) -> list[int] | None:
        return [int(i == x) for i in range(k)] if 0 <= x < k else None

    circuit = check_unique(build, P, reference)
    assert circuit.r1cs.n_constraints - k == max(1, k - 1)
    for origin in {name for name in circuit.r1cs.origins if name.startswith("hot")}:
        assert find_lie(circuit, origin, [[x] for x in range(P)], reference), origin


def test_one_hots_of_a_batch() -> None:
    expected = [1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0]
    check_circuit(lambda cs: one_hot(cs, cs.private("x", 3, (0, 3)), 4, "hot"), {"x": [0, 3, 2]}, expected)


def test_one_hot_of_given_booleans() -> None:
    def build(cs: ConstraintSystem) -> LinearVector:
        return one_hot_of(cs, cs.private("x", 2, (0, 1)), "hot")

    circuit = check_unique(build, P, lambda *x: list(x) if sorted(x) == [0, 1] else None)
    assert find_lie(circuit, "hot.sum", [[0, 0]], lambda *x: None)
    assert find_lie(circuit, "hot.boolean", [[2, P - 1]], lambda *x: None)
