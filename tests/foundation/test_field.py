"""Array form of field elements, against Python's integers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from py_ecc.optimized_bn128 import curve_order, field_modulus

from prover.field import Q, R, from_limbs, limbs_from_int64, signed, to_bytes32, to_limbs

INT64 = st.integers(-(2**63), 2**63 - 1)
EDGES = [0, 1, -1, 2**63 - 1, -(2**63), int(R % 2**64), -int(R % 2**64 % 2**63)]


def test_the_moduli_are_py_eccs() -> None:
    assert (curve_order, field_modulus) == (R, Q)


@given(st.lists(INT64))
def test_signed_integers_become_residues(values: list[int]) -> None:
    values = values + EDGES[:5]
    assert from_limbs(limbs_from_int64(np.array(values, dtype=np.int64))) == [value % R for value in values]


@given(st.lists(st.integers(-(2**300), 2**300)))
def test_any_integer_is_reduced_once(values: list[int]) -> None:
    limbs = to_limbs(values)
    assert limbs.shape == (len(values), 4)
    assert from_limbs(limbs) == [value % R for value in values]


@pytest.mark.parametrize("value", [-1, R, 2**256])
def test_bytes_are_canonical_or_refused(value: int) -> None:
    with pytest.raises(ValueError, match="canonical"):
        to_bytes32(value)


@given(st.integers(-((R - 1) // 2), (R - 1) // 2))
def test_signed_undoes_reduction(value: int) -> None:
    assert signed(value % R) == value
