"""ReLU, truncation, comparison, maxima, selection, saturation, equality: exhaustive in small fields."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prover.constraint import ConstraintSystem, LinearVector
from prover.errors import MalformedCircuitError
from prover.field import signed
from prover.gadgets import (
    argmax,
    boolean,
    equal,
    greater_equal,
    interval,
    is_zero,
    maximum,
    relu_truncate,
    saturate,
    select,
    truncate,
)
from prover.gadgets.bits import signed_widths
from prover.gadgets.interval import offset_weights
from prover.testing import check_circuit, check_unique, find_lie

P = 97
EVERY = [[x] for x in range(P)]


def private(cs: ConstraintSystem, lo: int = -8, hi: int = 7, name: str = "x") -> LinearVector:
    return cs.private(name, 1, (lo, hi))


@pytest.mark.parametrize("substitute", [True, False])
@pytest.mark.parametrize(("shift", "bias"), [(0, 0), (1, 0), (2, 2)])
def test_relu_truncate_is_unique(shift: int, bias: int, substitute: bool) -> None:
    def build(cs: ConstraintSystem) -> LinearVector:
        return relu_truncate(cs, private(cs, hi=7 - bias), shift, bias, substitute=substitute)

    def reference(x: int) -> list[int] | None:
        return [max(0, (x + bias) >> shift)] if -8 <= x + bias < 8 else None

    circuit = check_unique(build, P, reference)
    assert circuit.r1cs.n_constraints - 1 == 4 + 1 + (not substitute)
    for origin in {name for name in circuit.r1cs.origins if name.startswith("relu")}:
        assert find_lie(circuit, origin, EVERY, reference), origin


def test_relu_of_a_layer_in_bn254() -> None:
    x = np.array([-(1 << 40), -1, 0, 1, 12345678, (1 << 40) - 1])
    check_circuit(
        lambda cs: relu_truncate(cs, cs.private("x", 6, (-(1 << 40), (1 << 40) - 1)), 8, 128),
        {"x": x},
        np.maximum(0, (x + 128) >> 8),
        n_constraints=6 * 43,  # the bias needs one bit more than the 41 of x
    )


def test_relu_needs_bounds() -> None:
    cs = ConstraintSystem()
    with pytest.raises(MalformedCircuitError, match="without proven integer bounds"):
        relu_truncate(cs, cs.private("x", 1, None))


def test_relu_refuses_a_width_below_the_bounds() -> None:
    cs = ConstraintSystem()
    with pytest.raises(MalformedCircuitError, match="do not hold"):
        relu_truncate(cs, private(cs), widths=3)


def test_truncation_bounds_the_high_part_and_the_remainder() -> None:
    def reference(x: int) -> list[int] | None:
        return [(x + 2) >> 2] if -8 <= x + 2 < 24 else None

    circuit = check_unique(lambda cs: truncate(cs, private(cs, -9, 12), 2, 2, substitute=False), 257, reference)
    for origin in ("truncate.boolean", "truncate.recompose"):
        assert find_lie(circuit, origin, EVERY, reference), origin


def test_truncation_of_constants_and_of_small_values() -> None:
    check_unique(lambda cs: truncate(cs, private(cs, 1, 2), 3), P, lambda x: [0] if 0 <= x < 8 else None)
    check_circuit(lambda cs: truncate(cs, cs.constant([-5, 13]), 2), {}, [-2, 3])


@pytest.mark.parametrize("threshold", [-8, 0, 3, 7, 12])
def test_comparison(threshold: int) -> None:
    def build(cs: ConstraintSystem) -> LinearVector:
        return greater_equal(cs, private(cs), threshold)

    n = int(signed_widths(np.array([-8 - threshold]), np.array([7 - threshold]))[0])

    def reference(x: int) -> list[int] | None:
        difference = signed((x - threshold) % P, P)
        return [int(difference >= 0)] if -(2 ** (n - 1)) <= difference < 2 ** (n - 1) else None

    circuit = check_unique(build, P, reference)
    assert find_lie(circuit, "compare.boolean", EVERY, reference)
    for value in range(-8, 8):
        check_circuit(build, {"x": [value]}, [int(value >= threshold)], modulus=P)


def test_interval_locates_and_range_checks() -> None:
    thresholds = np.array([-5, 0, 3])

    def reference(x: int) -> list[int] | None:
        return [int(x < -5), int(-5 <= x < 0), int(0 <= x < 3), int(x >= 3)] if -8 <= x < 8 else None

    circuit = check_unique(lambda cs: interval(cs, private(cs), thresholds).one_hot, P, reference)
    assert circuit.r1cs.n_constraints - 4 == 3 + 3 + 1  # spans 2 and 4 need a second weight of 1
    for origin in ("low", "high", "descending", "interval.boolean"):
        assert find_lie(circuit, origin, EVERY, reference), origin


@pytest.mark.parametrize("edges", [(0, 1, 2, 3), (0, 1, 9), (-3, 4, 5, 6), (0, 7, 15), (-1, 0)])
def test_intervals_of_any_lengths_are_unique(edges: tuple[int, ...]) -> None:
    lo, *thresholds = edges[:-1] if len(edges) > 2 else (edges[0] - 1, edges[0])
    hi = edges[-1]

    def reference(x: int) -> list[int] | None:
        return [int(x >= t) for t in thresholds] if lo <= x <= hi else None

    check_unique(lambda cs: interval(cs, private(cs, lo, hi), np.array(thresholds)).at_least, P, reference)


def test_interval_of_a_batch_with_many_thresholds() -> None:
    thresholds = np.arange(-500, 500, 10)
    x = np.array([-1024, -501, -500, -1, 0, 489, 490, 1023])
    expected = (x[:, None] >= thresholds[None, :]).astype(np.int64).reshape(-1)
    check_circuit(
        lambda cs: interval(cs, cs.private("x", 8, (-1024, 1023)), thresholds).at_least,
        {"x": x},
        expected,
        n_constraints=8 * (100 + 10 + 1),
    )


@given(st.lists(st.integers(0, 200), min_size=1, max_size=6))
def test_offset_weights_reach_exactly_every_offset(spans: list[int]) -> None:
    weights, common = offset_weights(np.array(spans))
    for span, row in zip(spans, weights.tolist(), strict=True):
        sums = {0}
        for weight in row:
            sums |= {total + weight for total in sums}
        assert sums == set(range(span + 1))
        assert row[:common] == [1 << i for i in range(common)]
    assert weights.shape[1] == max(spans).bit_length()
    assert min(spans) < 7 or 1 not in weights[:, common:]


@pytest.mark.parametrize("m", [1, 2, 5])
def test_intervals_of_random_lengths(m: int) -> None:
    rng = np.random.default_rng(m)
    thresholds = np.sort(rng.choice(np.arange(1, 10_000), m, replace=False)) - 5_000
    x = np.concatenate((thresholds, thresholds - 1, [-5_000, 5_000]))
    longest = int(np.diff(np.concatenate(([-5_000], thresholds, [5_001]))).max()) - 1
    check_circuit(
        lambda cs: interval(cs, cs.private("x", x.size, (-5_000, 5_000)), thresholds).at_least,
        {"x": x},
        (x[:, None] >= thresholds[None, :]).astype(np.int64).reshape(-1),
        n_constraints=x.size * (m + longest.bit_length()),
    )


@pytest.mark.parametrize("thresholds", [[], [3, 3], [5, 2], [-8], [8]])
def test_interval_refuses_bad_thresholds(thresholds: list[int]) -> None:
    cs = ConstraintSystem()
    with pytest.raises(MalformedCircuitError, match="must ascend strictly inside"):
        interval(cs, private(cs), np.array(thresholds, dtype=np.int64))


def pair_maximum(x: int, y: int) -> list[int] | None:
    difference = signed((x - y) % P, P)
    return [y + max(0, difference)] if -8 <= difference < 8 else None


PAIRS = [[x, y] for x in range(0, P, 3) for y in range(P)]


def test_maximum_is_one_of_its_inputs_and_not_below_any() -> None:
    def build(cs: ConstraintSystem) -> LinearVector:
        return maximum(cs, [private(cs, -2, 2, "x"), private(cs, -2, 2, "y")])

    circuit = check_unique(build, P, pair_maximum, PAIRS)
    # Without the product row a maximum may be no input at all; without the digits, the smaller one.
    lie = find_lie(circuit, "select", [[1, 2]], pair_maximum)
    assert lie is not None
    lie = find_lie(circuit, "boolean", [[1, 2]], pair_maximum)
    assert lie is not None


@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_maximum_of_many(k: int) -> None:
    rng = np.random.default_rng(k)
    x = rng.integers(-100, 101, (k, 4))
    check_circuit(
        lambda cs: maximum(cs, [cs.private(f"x{i}", 4, (-100, 100)) for i in range(k)]),
        {f"x{i}": row for i, row in enumerate(x)},
        x.max(axis=0),
        n_constraints=4 * (k - 1) * (9 + 1),
    )


def test_argmax_is_unique_and_ties_go_to_the_first() -> None:
    def build(cs: ConstraintSystem) -> LinearVector:
        return argmax(cs, [private(cs, -2, 2, name) for name in "xyz"])

    def reference(x: int, y: int, z: int) -> list[int] | None:
        first = signed((x - y) % P, P)
        best = signed(y + max(0, first), P) if -8 <= first < 8 else None
        if best is None or not -8 <= signed((best - z) % P, P) < 8:
            return None
        return [(0 if first >= 0 else 1) if signed((best - z) % P, P) >= 0 else 2]

    cases = [[a % P, b % P, c % P] for a in range(-2, 3) for b in range(-2, 3) for c in range(-2, 3)]
    circuit = check_unique(build, P, reference, [*cases, [40, 44, 60], [0, 20, 0], [50, 46, 47]])
    for case in cases:
        x = [signed(value, P) for value in case]
        assert reference(*x) == [int(np.argmax(x))]
    for origin in ("boolean", "index", "value"):
        assert find_lie(circuit, origin, cases[:3], reference), origin


@pytest.mark.parametrize("k", [2, 4, 7, 10])
def test_argmax_of_a_batch(k: int) -> None:
    x = np.random.default_rng(k).integers(-3, 4, (k, 12))
    check_circuit(
        lambda cs: argmax(cs, [cs.private(f"x{i}", 12, (-3, 3)) for i in range(k)]),
        {f"x{i}": row for i, row in enumerate(x)},
        x.argmax(axis=0),
    )


def test_select() -> None:
    def build(cs: ConstraintSystem) -> LinearVector:
        return select(cs, boolean(cs, cs.private("s", 1, (0, 1)), "s"), private(cs, name="a"), private(cs, name="b"))

    def reference(s: int, a: int, b: int) -> list[int] | None:
        return [a if s else b] if s in (0, 1) else None

    circuit = check_unique(build, P, reference, [[s, a, b] for s in range(P) for a, b in ((3, 9), (90, 0))])
    assert find_lie(circuit, "select", [[1, 3, 9]], reference)
    assert find_lie(circuit, "s", [[2, 3, 9]], reference)


@pytest.mark.parametrize(("lo", "hi"), [(-3, 4), (0, 0), (-8, 7), (2, 6)])
def test_saturation(lo: int, hi: int) -> None:
    for value in range(-8, 8):
        check_circuit(
            lambda cs: saturate(cs, private(cs), lo, hi), {"x": [value]}, [min(max(value, lo), hi)], modulus=257
        )
    cases = [[x % P] for x in range(-8, 8)]
    circuit = check_unique(lambda cs: saturate(cs, private(cs), lo, hi), P, lambda x: [min(max(x, lo), hi)], cases)
    for origin in ("low.select", "high.select"):
        assert find_lie(circuit, origin, cases, lambda x: [min(max(x, lo), hi)]), origin


def test_saturation_to_nothing_is_refused() -> None:
    cs = ConstraintSystem()
    with pytest.raises(MalformedCircuitError, match="empty interval"):
        saturate(cs, private(cs), 3, 2)


def test_zero_test_of_any_field_value() -> None:
    def reference(x: int) -> list[int]:
        return [int(x == 0)]

    circuit = check_unique(lambda cs: is_zero(cs, private(cs)), P, reference)
    assert find_lie(circuit, "is_zero.inverse", EVERY, reference)
    assert find_lie(circuit, "is_zero.annihilate", EVERY, reference)
    check_circuit(
        lambda cs: equal(cs, cs.private("a", 3, None), cs.private("b", 3, None)),
        {"a": [5, 2**250, 0], "b": [5, 2**250 + 1, 0]},
        [1, 0, 1],
        n_constraints=6,
        free=["equal.inverse"],
    )
