"""Gadgets over field elements: Poseidon, packing, piecewise polynomials."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prover.constraint import ConstraintSystem, LinearVector
from prover.errors import MalformedCircuitError
from prover.field import R, from_limbs
from prover.gadgets import (
    PoseidonParameters,
    pack,
    pack_outputs,
    piecewise_polynomial,
    piecewise_reference,
    poseidon,
    range_bits,
)
from prover.schema.poseidon import poseidon as plain_poseidon
from prover.testing import Tier, build_circuit, check_circuit, check_unique, find_lie

P = 257
TOY = PoseidonParameters(((3, 5), (7, 11), (13, 17)), ((2, 1), (1, 3)), 2, 1)
"""x^5 is a permutation of this field: gcd(5, 256) = 1."""


def toy_hash(state: int, x: int) -> list[int]:
    now = [state, x]
    for round_, boxes in enumerate((2, 1, 2)):
        now = [(s + c) % P for s, c in zip(now, TOY.constants[round_], strict=True)]
        now = [pow(s, 5, P) if i < boxes else s for i, s in enumerate(now)]
        now = [sum(m * s for m, s in zip(row, now, strict=True)) % P for row in TOY.matrix]
    return now[:1]


def test_poseidon_is_unique_for_every_input_of_a_small_field() -> None:
    circuit = check_unique(
        lambda cs: poseidon(cs, cs.private("x", 1, None), 9, parameters=TOY), P, lambda x: toy_hash(9, x % P)
    )
    for origin in ("square", "fourth", "fifth"):
        assert find_lie(circuit, origin, [[4]], lambda x: toy_hash(9, x)), origin


def test_poseidon_with_a_state_that_is_a_wire() -> None:
    check_circuit(
        lambda cs: poseidon(cs, cs.private("x", 1, None), cs.private("state", 1, None), parameters=TOY),
        {"x": [5], "state": [200]},
        toy_hash(200, 5),
        modulus=P,
        n_constraints=15,
    )


@pytest.mark.parametrize(("n", "constraints"), [(1, 213), (2, 240), (16, 609)])
def test_poseidon_agrees_with_the_schema_and_costs_only_its_sboxes(n: int, constraints: int) -> None:
    inputs = [pow(7, i + 3, R) for i in range(n)]
    state = pow(11, 77, R)
    check_circuit(
        lambda cs: poseidon(cs, cs.private("x", n, None), state),
        {"x": inputs},
        [plain_poseidon(inputs, state)],
        tiers=Tier.DISHONEST if n < 3 else Tier.FAST,
        n_constraints=constraints,
    )


def test_poseidon_over_packed_forms() -> None:
    def build(cs: ConstraintSystem) -> LinearVector:
        x = range_bits(cs, cs.private("x", 40, (0, 255)), 8, "range")
        elements = pack(cs, x, np.arange(40) // 31, np.arange(40) % 31 * 8, [8] * 40)
        return poseidon(cs, elements, 5)

    values = np.arange(40) * 6
    elements = [sum(int(v) << 8 * i for i, v in enumerate(values[s : s + 31])) for s in (0, 31)]
    check_circuit(build, {"x": values}, [plain_poseidon(elements, 5)], tiers=Tier.FAST, n_constraints=560)


def test_parameters_of_another_width_are_refused() -> None:
    cs = ConstraintSystem(P)
    with pytest.raises(MalformedCircuitError, match="width 2 for 2 inputs"):
        poseidon(cs, cs.private("x", 2, None), parameters=TOY)


@given(st.lists(st.tuples(st.integers(1, 61), st.integers(0, 2**61 - 1)), min_size=1, max_size=9))
@settings(max_examples=40)
def test_packing_is_a_mixed_radix_number(fields: list[tuple[int, int]]) -> None:
    widths = [width for width, _ in fields]
    values = [value % (1 << width) for width, value in fields]
    shifts = [sum(widths[:i]) for i in range(len(widths))]
    if shifts[-1] + widths[-1] > 252:
        fields, widths, values, shifts = fields[:4], widths[:4], values[:4], shifts[:4]

    def build(cs: ConstraintSystem) -> LinearVector:
        x = cs.private("x", len(widths), (0, (1 << np.array(widths)) - 1))
        return pack(cs, range_bits(cs, x, np.array(widths), "range"), [0] * len(widths), shifts, widths)

    expected = sum(value << shift for value, shift in zip(values, shifts, strict=True))
    check_circuit(build, {"x": values}, [expected], tiers=Tier.FAST)


def test_packing_is_injective_only_with_range_checks() -> None:
    def build(cs: ConstraintSystem) -> LinearVector:
        x = cs.private("x", 2, (0, 3))
        range_bits(cs, x, 2, "range")
        return pack(cs, x.with_bounds(0, 3), [0, 0], [0, 2], [2, 2])

    def reference(x: int, y: int) -> list[int] | None:
        return [x + 4 * y] if 0 <= x < 4 and 0 <= y < 4 else None

    circuit = check_unique(build, 97, reference, [[x, y] for x in range(97) for y in (0, 1, 3, 4, 96)])
    assert find_lie(circuit, "range", [[4, 0]], reference) == ((4, 0), (4,))  # the packing of (0, 1)


@pytest.mark.parametrize(
    ("shifts", "widths", "message"),
    [([0, 3], [4, 4], "overlap"), ([0, 249], [4, 4], "overlap or pass bit 252"), ([0, 8], [3, 4], "has 3 bits")],
)
def test_packing_refuses_places_that_do_not_fit(shifts: list[int], widths: list[int], message: str) -> None:
    cs = ConstraintSystem()
    with pytest.raises(MalformedCircuitError, match=message):
        pack(cs, cs.private("x", 2, (0, 15)), [0, 0], shifts, widths)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 7])
def test_outputs_are_offset_lanes_lowest_first(n: int) -> None:
    values = [(-1) ** i * (i * 10**17) for i in range(n)]

    def build(cs: ConstraintSystem) -> LinearVector:
        x = cs.private("x", n, (-(10**18), 10**18))
        return pack_outputs(cs, range_bits(cs, x + 10**18, 61, "range") - 10**18)

    lanes = [value + 2**63 for value in values]
    expected = [sum(lane << 64 * i for i, lane in enumerate(lanes[s : s + 3])) for s in range(0, n, 3)]
    circuit = check_circuit(build, {"x": values}, expected, tiers=Tier.FAST)
    packed = from_limbs(circuit.program.run({"x": values}))[1 : 1 + len(expected)]
    decoded = [(word >> 64 * i) % 2**64 - 2**63 for word in packed for i in range(3)][:n]
    assert decoded == values


def test_outputs_need_bounds() -> None:
    cs = ConstraintSystem()
    with pytest.raises(MalformedCircuitError, match="without proven integer bounds"):
        pack_outputs(cs, cs.private("x", 1, None))


STARTS = np.array([-6, -2, 1])
COEFFICIENTS = np.array([[1, -2, 3], [0, 2, -1], [-1, 0, 9]])


@pytest.mark.parametrize("shifts", [(0, 0), (0, 1), (1, 1)])
def test_piecewise_polynomials_are_unique(shifts: tuple[int, int]) -> None:
    def build(cs: ConstraintSystem) -> LinearVector:
        return piecewise_polynomial(cs, cs.private("x", 1, (-6, 4)), STARTS, COEFFICIENTS, shifts, 5)

    def reference(x: int) -> list[int] | None:
        return piecewise_reference(np.array([x]), STARTS, COEFFICIENTS, shifts).tolist() if -6 <= x < 5 else None

    circuit = check_unique(build, P, reference)
    for origin in {name for name in circuit.r1cs.origins if name.startswith("piecewise")}:
        assert find_lie(circuit, origin, [[x % P] for x in range(-8, 7)], reference), origin


def test_piecewise_reference_is_the_polynomial_of_the_segment() -> None:
    x = np.arange(-6, 5)
    for value, y in zip(x, piecewise_reference(x, STARTS, COEFFICIENTS, (0, 1)), strict=True):
        i = max(j for j in range(3) if STARTS[j] <= value)
        t = int(value - STARTS[i])
        a, b, c = COEFFICIENTS[i].tolist()
        assert y == (a * t * t + b * t + c) // 2


def test_a_polynomial_of_one_segment_in_a_batch() -> None:
    x = np.array([0, 1, 500, 1000])
    coefficients = np.array([[3, -7, 11]])
    check_circuit(
        lambda cs: piecewise_polynomial(cs, cs.private("x", 4, (0, 1000)), np.array([0]), coefficients, (0, 4), 1001),
        {"x": x},
        (3 * x * x - 7 * x + 11) >> 4,
    )


def test_a_polynomial_that_leaves_machine_integers_is_refused() -> None:
    with pytest.raises(MalformedCircuitError, match=r"2\^62"):
        build_circuit(
            lambda cs: piecewise_polynomial(
                cs, cs.private("x", 1, (0, 2**30)), np.array([0]), np.array([[1 << 40, 0]]), (0,), 2**30 + 1
            )
        )
