"""A key's state follows from the key and a verified transcript, from nothing else."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from prover.errors import UnsafeKeyError
from prover.groth16 import KeyState, VerifyingKey, key_state
from prover.groth16.keystate import refuse_initial
from prover.groth16.points import G2_GENERATOR
from tests.groth16.conftest import Case


@dataclass(frozen=True)
class Ceremony:
    """The outcome of a verified ceremony, as the protocol in keystate.py describes it."""

    vk_hash: bytes
    independent_contributions: int = 2
    has_beacon: bool = True
    transcript_hash: bytes = bytes(32)


def _initial(key: VerifyingKey) -> VerifyingKey:
    return VerifyingKey(key.alpha1, key.beta2, key.gamma2, G2_GENERATOR, key.ic)


def test_states(toy: Case) -> None:
    key = toy.verifying_key
    good = Ceremony(key.hash)
    assert key_state(key) is KeyState.DEVELOPMENT
    assert key_state(key, good) is KeyState.PRODUCTION
    assert key_state(key, replace(good, independent_contributions=1)) is KeyState.DEVELOPMENT
    assert key_state(key, replace(good, has_beacon=False)) is KeyState.DEVELOPMENT
    assert key_state(key, replace(good, vk_hash=bytes(32))) is KeyState.DEVELOPMENT


def test_no_transcript_saves_an_initial_key(toy: Case) -> None:
    initial = _initial(toy.verifying_key)
    assert key_state(initial) is KeyState.INITIAL
    assert key_state(initial, Ceremony(initial.hash, 100)) is KeyState.INITIAL
    with pytest.raises(UnsafeKeyError, match="deploy"):
        refuse_initial(initial, "deploy")
    refuse_initial(toy.verifying_key, "deploy")
