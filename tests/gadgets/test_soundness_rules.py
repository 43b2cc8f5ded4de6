"""DESIGN §5, rules 1 to 4: each circuit rule, and the lie that passes when it is broken.

Every test first shows by exhaustion that the gadget admits only honest outputs, then removes the rows the rule asks
for and exhibits inputs with a dishonest output. The rules about proofs, bytes and calls are tested where they live:
tests/groth16, tests/contracts, tests/schema.
"""

from __future__ import annotations

import numpy as np
import pytest

from prover.constraint import ConstraintSystem, LinearVector
from prover.errors import MalformedCircuitError
from prover.gadgets import argmax, decompose, divide, interval, maximum, one_hot, range_exact, relu_truncate, truncate
from prover.testing import check_circuit, check_unique, find_lie

P = 257
HONEST = [[x % P] for x in range(-8, 8)]


def x_of(cs: ConstraintSystem, name: str = "x", lo: int = -8, hi: int = 7) -> LinearVector:
    return cs.private(name, 1, (lo, hi))


def test_rule_1_no_wire_of_a_layer_changes_unnoticed_in_the_real_field() -> None:
    def layer(cs: ConstraintSystem) -> LinearVector:
        x = range_exact(cs, cs.private("x", 3, (-50, 61)), -50, 61, "range")
        hidden = relu_truncate(cs, LinearVector.concat([x[0] + x[1] - 20, x[2].scale(3) - x[0]]), 1)
        return argmax(cs, [hidden[0], hidden[1], x[2]])

    # The booleans of an exact range are free where two sums of weights meet: 13 has one representation only.
    check_circuit(layer, {"x": [-50, 61, 13]}, [1], free=["range"])


def test_rule_1_a_challenge_phase_may_read_earlier_wires_only() -> None:
    cs = ConstraintSystem()
    x, challenge = cs.private("x", 1, (0, 3)), cs.private("challenge", 1, None, phase=1)
    early = cs.solve("product", (x, challenge), 1, origin="early")
    cs.enforce(x, challenge, early, "early")
    with pytest.raises(MalformedCircuitError, match="reads a later phase"):
        cs.compile()


def test_rule_2_an_input_without_its_range_check_takes_any_value() -> None:
    def reference(x: int) -> list[int] | None:
        return [x] if -5 <= x <= 6 else None

    circuit = check_unique(lambda cs: range_exact(cs, x_of(cs, lo=-5, hi=6), -5, 6, "range"), P, reference)
    assert find_lie(circuit, "range", [[100]], reference) == ((100,), (100,))


def test_rule_2_the_range_is_exact_not_the_power_of_two_around_it() -> None:
    def exact(cs: ConstraintSystem) -> LinearVector:
        return range_exact(cs, x_of(cs, lo=0, hi=4), 0, 4, "range")

    def widened(cs: ConstraintSystem) -> LinearVector:
        return decompose(cs, x_of(cs, lo=0, hi=4), 3, "bits").recombine(0, 3)

    check_unique(exact, P, lambda x: [x] if x in range(5) else None)
    check_unique(widened, P, lambda x: [x] if x in range(8) else None)  # 5, 6 and 7 pass


def test_rule_2_a_category_outside_its_labels_has_no_one_hot() -> None:
    def reference(x: int) -> list[int] | None:
        return [int(i == x) for i in range(5)] if 0 <= x < 5 else None

    circuit = check_unique(lambda cs: one_hot(cs, x_of(cs, lo=0, hi=4), 5, "hot"), P, reference)
    for rows in ("hot.boolean", "hot.descending"):
        assert find_lie(circuit, rows, [[x] for x in range(-3 % P, P)] + [[5], [9]], reference), rows


def test_rule_2_decompositions_end_at_252_bits() -> None:
    with pytest.raises(MalformedCircuitError, match="not unique"):
        decompose(ConstraintSystem(), ConstraintSystem().private("x", 1, None), 253, "bits")


def test_rule_3_truncation_bounds_the_quotient_and_the_remainder() -> None:
    def reference(x: int) -> list[int] | None:
        return [x >> 2] if -8 <= x < 8 else None

    circuit = check_unique(lambda cs: truncate(cs, x_of(cs), 2, substitute=False), P, reference)
    assert find_lie(circuit, "truncate.boolean", HONEST, reference)
    assert find_lie(circuit, "truncate.recompose", HONEST, reference)


def test_rule_3_division_has_two_sides_and_a_positive_divisor() -> None:
    def reference(x: int, d: int) -> list[int] | None:
        return [x // d] if d in (1, 2) and -4 <= x // d <= 3 else None

    cases = [[x % 521, d % 521] for x in range(-4, 4) for d in (1, 2, 0, -1)]
    circuit = check_unique(lambda cs: divide(cs, x_of(cs, lo=-4, hi=3), x_of(cs, "d", 1, 2)), 521, reference, cases)
    for side in ("remainder", "below"):
        assert find_lie(circuit, side, [[1, 1], [-3 % 521, 1]], reference), side
        assert find_lie(circuit, side, [[1, 0], [1, 520]], reference), side


def test_rule_4_a_maximum_is_an_input_and_no_input_is_larger() -> None:
    def reference(x: int, y: int) -> list[int] | None:
        return [max(x, y)]

    pairs = [[x % P, y % P] for x in range(-4, 4) for y in range(-4, 4)]
    circuit = check_unique(lambda cs: maximum(cs, [x_of(cs, "x", -4, 3), x_of(cs, "y", -4, 3)]), P, reference, pairs)
    lie = find_lie(circuit, "select", [[1, 2]], reference)  # no longer one of the inputs
    assert lie is not None
    assert lie[1][0] not in (1, 2)
    assert find_lie(circuit, "boolean", [[1, 2]], reference)  # no longer the larger one


def test_rule_4_argmax_breaks_ties_towards_the_first() -> None:
    def reference(*x: int) -> list[int] | None:
        return [x.index(max(x))]

    ties = [[1, 1, 1], [0, 1, 1], [1, 0, 1], [1, 1, 0], [P - 1, P - 1, P - 2]]
    circuit = check_unique(lambda cs: argmax(cs, [x_of(cs, n, -2, 2) for n in "abc"]), P, reference, ties)
    assert find_lie(circuit, "boolean", ties, reference)
    assert find_lie(circuit, "index", ties, reference)
    assert find_lie(circuit, "value", ties, reference)


def test_thresholds_of_a_tree_need_both_range_checks() -> None:
    def reference(x: int) -> list[int] | None:
        return [int(x >= t) for t in (-4, 0, 3)] if -8 <= x < 8 else None

    circuit = check_unique(lambda cs: interval(cs, x_of(cs), np.array([-4, 0, 3])).at_least, P, reference)
    for rows in ("low", "high", "descending", "interval.boolean"):
        assert find_lie(circuit, rows, [[x] for x in range(P)], reference), rows
