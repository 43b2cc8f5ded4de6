"""How far a key can be trusted. Derived from the key and its transcript, never read from a flag.

initial      delta is the generator: everybody can forge proofs. Only ceremonies and audits touch such a key.
development  somebody chose delta alone, and must be believed to have forgotten it.
production   a verified transcript shows at least two independent contributions and a public beacon.
"""

from __future__ import annotations

from enum import Enum
from typing import Protocol

from prover.errors import UnsafeKeyError
from prover.groth16.formats.vkey import VerifyingKey
from prover.groth16.points import G2_GENERATOR

MIN_CONTRIBUTIONS = 2


class KeyState(Enum):
    """See the module."""

    INITIAL = "initial"
    DEVELOPMENT = "development"
    PRODUCTION = "production"


class VerifiedTranscript(Protocol):
    """What a ceremony's verifier hands out after it has checked every contribution of a transcript.

    There is no such verifier yet, hence no object of this kind and no production key: the protocol fixes what
    :func:`key_state` will ask of it. Nothing but a verifier may build one.
    """

    @property
    def vk_hash(self) -> bytes:
        """Hash of the verifying key the transcript ends in; 32 bytes."""
        ...

    @property
    def transcript_hash(self) -> bytes:
        """Hash of the whole transcript; 32 bytes."""
        ...

    @property
    def independent_contributions(self) -> int:
        """Contributions by distinct, authenticated parties, the beacon not counted."""
        ...

    @property
    def has_beacon(self) -> bool:
        """Whether the last contribution is a public random beacon."""
        ...


def key_state(key: VerifyingKey, transcript: VerifiedTranscript | None = None) -> KeyState:
    """The state of a key.

    Args:
        transcript: the outcome of verifying a ceremony; without one no key is better than ``development``.
    """
    if key.delta2 == G2_GENERATOR:
        return KeyState.INITIAL
    if (
        transcript is not None
        and transcript.vk_hash == key.hash
        and transcript.independent_contributions >= MIN_CONTRIBUTIONS
        and transcript.has_beacon
    ):
        return KeyState.PRODUCTION
    return KeyState.DEVELOPMENT


def refuse_initial(key: VerifyingKey, action: str) -> None:
    """Stop an action that must never run on an initial key.

    Args:
        action: what was about to happen, for example ``"prove"``.

    Raises:
        UnsafeKeyError: the key's state is ``initial``.
    """
    if key_state(key) is KeyState.INITIAL:
        raise UnsafeKeyError(
            f"refusing to {action} with an initial key: its delta is the generator, so anybody can forge its proofs",
            "run a ceremony on it, or make a development key with setup",
        )
