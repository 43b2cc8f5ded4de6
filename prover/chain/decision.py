"""Decisions on chain: submit a proof with its attestation and consent, and read what a consumer would read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from prover.chain.attest import SignedAttestation, SignedConsent
from prover.chain.contracts import BoundContract, checked_address
from prover.chain.eip712 import Domain
from prover.chain.transactions import Receipt, Sender
from prover.errors import ChainError, WrongChainError
from prover.schema.hashing import abi_encode

PROOF_BYTES = 256


class DecisionStatus(IntEnum):
    """Whether a stored decision counts now, and why not."""

    MISSING = 0
    VALID = 1
    MODEL_DEPRECATED = 2
    ISSUER_INACTIVE = 3
    REVOKED = 4
    EXPIRED = 5
    CONSENT_WITHDRAWN = 6
    MODEL_FROZEN = 7


@dataclass(frozen=True)
class Decision:
    """A decision as the registry tells it.

    Attributes:
        status: at the block it was read at.
        values: the model's outputs; value i stands for values[i] / 10^decimals[i].
        decimals: one for each value.
        issuer: whose attestation it rests on.
        person_id: 32 bytes.
        attestation_hash: 32 bytes.
        observed_at: when the facts held, Unix seconds.
        valid_until: first second at which it no longer counts.
        sequence: the attestation's.
    """

    status: DecisionStatus
    values: tuple[int, ...]
    decimals: tuple[int, ...]
    issuer: str
    person_id: bytes
    attestation_hash: bytes
    observed_at: int
    valid_until: int
    sequence: int

    @property
    def valid(self) -> bool:
        """Whether a consumer may act on it now."""
        return self.status is DecisionStatus.VALID


def domain_of(registry: BoundContract) -> Domain:
    """Where signatures for this DecisionRegistry count."""
    return Domain(registry.network.chain_id, registry.address)


def encode_output(values: Sequence[int]) -> bytes:
    """The canonical ``output`` bytes: ``abi.encode(int256[])``."""
    return abi_encode([int(value) for value in values])


def submission(
    attestation: SignedAttestation, consent: SignedConsent, output: Sequence[int] | bytes, proof: bytes
) -> tuple[Any, ...]:
    """Arguments of ``DecisionRegistry.submit``, unchecked: the contract is the judge."""
    encoded = bytes(output) if isinstance(output, (bytes, bytearray)) else encode_output(output)
    return (
        attestation.attestation.as_tuple(),
        attestation.signature,
        consent.consent.as_tuple(),
        consent.signature,
        encoded,
        bytes(proof),
    )


def check_domains(registry: BoundContract, attestation: SignedAttestation, consent: SignedConsent) -> None:
    """That two statements were signed for this registry on this chain.

    Raises:
        WrongChainError: for another chain.
        ChainError: for another registry.
    """
    here = domain_of(registry)
    for name, signed in (("attestation", attestation.domain), ("consent", consent.domain)):
        if signed.chain_id != here.chain_id:
            raise WrongChainError(
                f"the {name} was signed for chain {signed.chain_id}, {registry.network.name} is chain {here.chain_id}"
            )
        if signed.verifying_contract != here.verifying_contract:
            raise ChainError(
                f"the {name} was signed for the registry {signed.verifying_contract}, not for {registry.address}",
                "have it signed again for this deployment",
            )


def submit(
    sender: Sender,
    registry: BoundContract,
    attestation: SignedAttestation,
    consent: SignedConsent,
    output: Sequence[int] | bytes,
    proof: bytes,
) -> Receipt:
    """Verify and store a decision; anybody may send it.

    Args:
        sender: who pays the gas.
        registry: the DecisionRegistry.
        attestation: signed by the issuer.
        consent: signed by the subject.
        output: the revealed values, or their encoding.
        proof: 256 bytes, bound to ``context_for(...)``.

    Raises:
        WrongChainError: the statements were signed for another chain.
        ChainError: they were signed for another registry, or the transaction was refused by the node.
        TransactionReverted: the registry refuses, with its error's name.
    """
    check_domains(registry, attestation, consent)
    return sender.transact(registry, "submit", *submission(attestation, consent, output, proof))


def try_decision_of(registry: BoundContract, model_id: int, issuer: str, subject: str, consumer: str) -> Decision:
    """The decision and whether it counts now; never a revert. With status MISSING everything else is empty.

    Raises:
        ChainError: no such registry, or something that is no address.
    """
    addresses = (checked_address(issuer), checked_address(subject), checked_address(consumer))
    status, stored = registry.read("tryDecisionOf", model_id, *addresses)
    return decoded(DecisionStatus(status), stored)


def decision_of(registry: BoundContract, model_id: int, issuer: str, subject: str, consumer: str) -> Decision:
    """The decision if it counts now.

    Raises:
        TransactionReverted: DecisionMissing, DecisionExpired, DecisionRevoked, DecisionConsentWithdrawn,
            DecisionIssuerInactive, DecisionModelDeprecated or DecisionModelFrozen.
        ChainError: as :func:`try_decision_of`.
    """
    addresses = (checked_address(issuer), checked_address(subject), checked_address(consumer))
    return decoded(DecisionStatus.VALID, registry.read("decisionOf", model_id, *addresses))


def decoded(status: DecisionStatus, stored: Any) -> Decision:
    """The Solidity struct with its status."""
    values, decimals, issuer, person_id, attestation_hash, observed_at, valid_until, sequence = stored
    return Decision(
        status=status,
        values=tuple(values),
        decimals=tuple(decimals),
        issuer=issuer,
        person_id=bytes(person_id),
        attestation_hash=bytes(attestation_hash),
        observed_at=observed_at,
        valid_until=valid_until,
        sequence=sequence,
    )
