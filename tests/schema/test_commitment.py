"""The input commitment."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prover.errors import InputError
from prover.field import R
from prover.schema import Bool, Float32, Int, Schema, commit, commit_elements, initial_state, new_salt, poseidon
from prover.schema.commitment import blocks

SCHEMA = Schema("s", (Int("a", 0, 1000), Bool("b", optional=True)))


def test_one_block_is_one_poseidon() -> None:
    encoded = SCHEMA.encode([5, None])
    state = int.from_bytes(SCHEMA.hash, "big") % R
    assert initial_state(SCHEMA.hash) == state
    assert commit(SCHEMA, encoded, 99) == poseidon([99, 5 | 1 << 11], state)


def test_blocks_chain() -> None:
    elements = list(range(1, 32))
    state = initial_state(SCHEMA.hash)
    first = poseidon([7, *elements[:15]], state)
    second = poseidon([first, *elements[15:30]], state)
    assert commit_elements(SCHEMA.hash, elements, 7) == poseidon([second, elements[30]], state)
    assert blocks(31) == [(0, 15), (15, 30), (30, 31)]
    assert blocks(15) == [(0, 15)]


def test_many_features_take_several_blocks() -> None:
    schema = Schema("s", tuple(Float32(f"x{index}") for index in range(200)))
    rows = np.random.default_rng(0).normal(size=200).astype(np.float32)
    encoded = schema.encode(rows)
    assert len(blocks(schema.packing.n_elements)) == 2
    assert commit(schema, encoded, 1) == commit_elements(schema.hash, schema.packing.pack(encoded), 1)


@given(st.integers(0, 1000), st.integers(0, 1000), st.integers(0, R - 1), st.integers(0, R - 1))
def test_commitment_binds_value_salt_and_schema(left: int, right: int, salt: int, other: int) -> None:
    digest = commit(SCHEMA, SCHEMA.encode([left, True]), salt)
    assert 0 <= digest < R
    same = left == right and salt == other
    assert (commit(SCHEMA, SCHEMA.encode([right, True]), other) == digest) == same
    renamed = Schema("t", SCHEMA.features)
    assert commit(renamed, renamed.encode([left, True]), salt) != digest


@pytest.mark.parametrize("salt", [-1, R, R + 5, True, 1.0, "1", None])
def test_salts_are_canonical(salt: object) -> None:
    with pytest.raises(InputError, match="salt"):
        commit(SCHEMA, SCHEMA.encode([5, True]), salt)


def test_nothing_cannot_be_committed() -> None:
    with pytest.raises(InputError, match="nothing"):
        commit_elements(SCHEMA.hash, [], 1)


def test_salts_are_random_and_248_bits() -> None:
    salts = [new_salt() for _ in range(64)]
    assert len(set(salts)) == 64
    assert all(salt < 2**248 for salt in salts)
    assert max(salts) >= 2**244
