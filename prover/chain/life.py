"""A decision's whole life, for auditors; and its subject taking it back."""

from __future__ import annotations

from dataclasses import dataclass

from prover.chain.contracts import BoundContract, checked_address
from prover.chain.decision import Decision, DecisionStatus, decoded
from prover.chain.issuers import IssuerStatus
from prover.chain.models import ModelStatus
from prover.chain.transactions import Receipt, Sender


@dataclass(frozen=True)
class Life:
    """All that a registry knows about a stored decision.

    Attributes:
        decision: what is stored, and whether it counts now.
        consent_nonce: of the consent it rests on.
        submitted_at: when it was stored, Unix seconds.
        withdrawn_at: when its subject withdrew the consent; None if it did not.
        schema_hash: 32 bytes, of the model.
        model_status: of the model.
        model_successor: id of the model that replaces it, if any.
        issuer_status: of the issuer.
        issuer_successor: the key that took over from the issuer's, if any.
        minimum_sequence: the issuer's, for this subject and schema; lower ones are withdrawn.
        revoked: whether this very attestation was.
        superseded: whether a later attestation was accepted for this subject and schema.
        last_sequence: of the last one accepted.
    """

    decision: Decision
    consent_nonce: int
    submitted_at: int
    withdrawn_at: int | None
    schema_hash: bytes
    model_status: ModelStatus
    model_successor: int | None
    issuer_status: IssuerStatus
    issuer_successor: str | None
    minimum_sequence: int
    revoked: bool
    superseded: bool
    last_sequence: int

    @property
    def status(self) -> DecisionStatus:
        """Whether the decision counts now, and why not."""
        return self.decision.status


def life_of(registry: BoundContract, model_id: int, issuer: str, subject: str, consumer: str) -> Life:
    """Everything about a decision, whether it counts or not; never a revert.

    Raises:
        ChainError: no such registry, or something that is no address.
    """
    addresses = (checked_address(issuer), checked_address(subject), checked_address(consumer))
    (
        status,
        stored,
        consent_nonce,
        submitted_at,
        withdrawn_at,
        schema,
        model_status,
        model_successor,
        issuer_status,
        issuer_successor,
        minimum_sequence,
        revoked,
        superseded,
        last_sequence,
    ) = registry.read("lifeOf", model_id, *addresses)
    return Life(
        decision=decoded(DecisionStatus(status), stored),
        consent_nonce=consent_nonce,
        submitted_at=submitted_at,
        withdrawn_at=withdrawn_at or None,
        schema_hash=bytes(schema),
        model_status=ModelStatus(model_status),
        model_successor=model_successor or None,
        issuer_status=IssuerStatus(issuer_status),
        issuer_successor=issuer_successor if int(issuer_successor, 16) else None,
        minimum_sequence=minimum_sequence,
        revoked=revoked,
        superseded=superseded,
        last_sequence=last_sequence,
    )


def withdraw_consent(sender: Sender, registry: BoundContract, model_id: int, issuer: str, consumer: str) -> Receipt:
    """As its subject, take a stored decision back: it stops counting, and only a new attestation brings one again.

    Args:
        sender: the subject.
        registry: the DecisionRegistry.
        model_id: the model that judged.
        issuer: whose attestation it rests on.
        consumer: the contract it was consented to.

    Raises:
        TransactionReverted: DecisionMissing, or DecisionConsentWithdrawn when it is taken back already.
        ChainError: no address, or see :meth:`Sender.send`.
    """
    return sender.transact(registry, "withdrawConsent", model_id, checked_address(issuer), checked_address(consumer))


def invalidate_nonce(sender: Sender, registry: BoundContract, nonce: int) -> Receipt:
    """As a subject, make a consent that was signed but not yet submitted unusable.

    Raises:
        TransactionReverted: ConsentNonceUsed.
        ChainError: see :meth:`Sender.send`.
    """
    return sender.transact(registry, "invalidateConsentNonce", nonce)
