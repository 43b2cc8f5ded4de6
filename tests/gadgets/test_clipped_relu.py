"""Saturating ReLU: exhaustive in a small field, lies once a rule is dropped, layers in BN254; bit lengths."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prover.constraint import ConstraintSystem, LinearVector
from prover.errors import MalformedCircuitError
from prover.gadgets import clipped_relu
from prover.gadgets.bits import signed_widths, unsigned_widths
from prover.testing import check_circuit, check_unique, find_lie

P = 257
EVERY = [[x] for x in range(P)]


@pytest.mark.parametrize("substitute", [True, False])
@pytest.mark.parametrize(("shift", "bits"), [(0, 1), (0, 2), (1, 2), (2, 1)])
def test_exactly_the_saturated_value(shift: int, bits: int, substitute: bool) -> None:
    def build(cs: ConstraintSystem) -> LinearVector:
        return clipped_relu(cs, cs.private("x", 1, (-16, 15)), shift, bits, substitute=substitute)

    def reference(x: int) -> list[int] | None:
        return [min(max(0, x >> shift), 2**bits - 1)] if -16 <= x < 16 else None

    circuit = check_unique(build, P, reference)
    assert circuit.r1cs.n_constraints - 1 == 5 + 2 + (not substitute)
    for origin in {name for name in circuit.r1cs.origins if name.startswith("relu")}:
        assert find_lie(circuit, origin, EVERY, reference), origin


def test_a_form_that_never_saturates_is_still_right() -> None:
    def reference(x: int) -> list[int] | None:
        return [max(0, x)] if -16 <= x < 8 else ([7] if 8 <= x < 16 else None)

    check_unique(lambda cs: clipped_relu(cs, cs.private("x", 1, (-3, 2)), 0, 3), P, reference)


def test_a_layer_in_bn254() -> None:
    x = np.array([-(1 << 40), -(1 << 22), -1, 0, 1, 255, 256, 12345678, (1 << 23) - 1, 1 << 23, (1 << 40) - 1])
    check_circuit(
        lambda cs: clipped_relu(cs, cs.private("x", x.size, (-(1 << 40), (1 << 40) - 1)), 8, 15),
        {"x": x},
        np.clip(x >> 8, 0, (1 << 15) - 1),
        free=("ratio",),  # unread, and free where nothing saturates
        n_constraints=x.size * (41 + 2),
    )


@pytest.mark.parametrize(("shift", "bits"), [(-1, 4), (0, 0), (30, 32)])
def test_numbers_that_make_no_range_are_refused(shift: int, bits: int) -> None:
    cs = ConstraintSystem()
    with pytest.raises(MalformedCircuitError, match="bits above"):
        clipped_relu(cs, cs.private("x", 1, (-5, 5)), shift, bits)


@given(st.lists(st.integers(0, (1 << 62) - 1), min_size=1))
def test_bit_lengths(values: list[int]) -> None:
    powers = [(1 << k) + step for k in range(62) for step in (-1, 0, 1) if (1 << k) + step < 1 << 62]
    numbers = np.array(values + powers, dtype=np.int64)
    assert unsigned_widths(numbers).tolist() == [int(value).bit_length() for value in numbers]
    assert signed_widths(-numbers, numbers).tolist() == [int(value).bit_length() + 1 for value in numbers]
    assert signed_widths(-numbers - 1, np.zeros_like(numbers)).tolist() == [int(v).bit_length() + 1 for v in numbers]
