"""Signing: an issuer attests, a subject consents. The signed statements travel as JSON between their parties."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_keys.exceptions import BadSignature
from eth_utils.exceptions import ValidationError

from prover.chain.eip712 import Attestation, Consent, Domain, digest
from prover.chain.signer import Signer
from prover.errors import ChainError, FormatError
from prover.files import write_atomic
from prover.jsontext import parse_json

_FORMAT = 1


@dataclass(frozen=True)
class SignedAttestation:
    """An attestation, its issuer's 65-byte signature, and where that signature counts."""

    attestation: Attestation
    signature: bytes
    domain: Domain

    def to_json(self) -> str:
        """The file an issuer hands to its subject. Holds the commitment, none of the facts."""
        a = self.attestation
        members = {
            "issuer": a.issuer,
            "subject": a.subject,
            "personId": _hex(a.person_id),
            "schema": _hex(a.schema_hash),
            "inputCommitment": str(a.commitment),
            "observedAt": a.observed_at,
            "expiresAt": a.expires_at,
            "sequence": a.sequence,
        }
        return _document("attestation", members, self.signature, self.domain)

    @classmethod
    def from_json(cls, text: str | bytes) -> SignedAttestation:
        """Inverse of :meth:`to_json`. The signature is checked by the contract, not here.

        Raises:
            FormatError: not such a file.
        """
        members, signature, domain = _parse("attestation", text)
        try:
            attestation = Attestation(
                issuer=members["issuer"],
                subject=members["subject"],
                person_id=_unhex(members["personId"]),
                schema_hash=_unhex(members["schema"]),
                commitment=_decimal(members["inputCommitment"]),
                observed_at=members["observedAt"],
                expires_at=members["expiresAt"],
                sequence=members["sequence"],
            )
        except (ChainError, KeyError, TypeError, ValueError, AttributeError) as error:
            raise _malformed("attestation", error) from error
        return cls(attestation, signature, domain)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write :meth:`to_json`. Raises StorageError."""
        return write_atomic(path, self.to_json())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> SignedAttestation:
        """Read a file of :meth:`save`. Raises FormatError."""
        return cls.from_json(_read(path))


@dataclass(frozen=True)
class SignedConsent:
    """A consent, its subject's 65-byte signature, and where that signature counts."""

    consent: Consent
    signature: bytes
    domain: Domain

    @property
    def signer(self) -> str | None:
        """Address of the key that signed; None when none did: a contract's signature, or a malformed one."""
        try:
            return str(Account._recover_hash(digest(self.consent, self.domain), signature=self.signature))
        except (BadSignature, ValidationError, ValueError, IndexError):
            return None

    def to_json(self) -> str:
        """The file a subject hands to whoever relays the proof."""
        c = self.consent
        members = {
            "attestationHash": _hex(c.attestation_hash),
            "modelId": str(c.model_id),
            "consumer": c.consumer,
            "nonce": str(c.nonce),
            "deadline": c.deadline,
        }
        return _document("consent", members, self.signature, self.domain)

    @classmethod
    def from_json(cls, text: str | bytes) -> SignedConsent:
        """Inverse of :meth:`to_json`. Raises FormatError."""
        members, signature, domain = _parse("consent", text)
        try:
            consent = Consent(
                attestation_hash=_unhex(members["attestationHash"]),
                model_id=_decimal(members["modelId"]),
                consumer=members["consumer"],
                nonce=_decimal(members["nonce"]),
                deadline=members["deadline"],
            )
        except (ChainError, KeyError, TypeError, ValueError, AttributeError) as error:
            raise _malformed("consent", error) from error
        return cls(consent, signature, domain)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write :meth:`to_json`. Raises StorageError."""
        return write_atomic(path, self.to_json())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> SignedConsent:
        """Read a file of :meth:`save`. Raises FormatError."""
        return cls.from_json(_read(path))


def attest(
    issuer_signer: Signer,
    schema_hash: bytes,
    commitment: int,
    subject: str,
    person_id: bytes,
    observed_at: int,
    expires_at: int,
    sequence: int,
    domain: Domain,
) -> SignedAttestation:
    """Sign an attestation as its issuer. See :class:`Attestation` for the arguments.

    Raises:
        ChainError: a member out of range.
        SignerError: the signer does not sign.
    """
    attestation = Attestation(
        issuer_signer.address, subject, person_id, schema_hash, commitment, observed_at, expires_at, sequence
    )
    return SignedAttestation(attestation, issuer_signer.sign_typed_data(attestation.typed_data(domain)), domain)


def consent(
    subject_signer: Signer,
    attestation_hash: bytes,
    model_id: int,
    consumer: str,
    deadline: int,
    domain: Domain,
    nonce: int | None = None,
) -> SignedConsent:
    """Sign a consent as the attestation's subject. ``nonce`` is drawn at random unless given.

    Raises:
        ChainError: a member out of range.
        SignerError: the signer does not sign.
    """
    statement = Consent(attestation_hash, model_id, consumer, new_nonce() if nonce is None else nonce, deadline)
    return SignedConsent(statement, subject_signer.sign_typed_data(statement.typed_data(domain)), domain)


def new_nonce() -> int:
    """A consent nonce that nobody used: 128 random bits."""
    return secrets.randbits(128)


def person_pseudonym(secret: bytes, identifier: str) -> bytes:
    """An issuer's ``personId``: HMAC-SHA256 of its own name for a person (a customer number, a tax id).

    The same person always gets the same pseudonym, and without the issuer's ``secret`` (at least 16 bytes, kept
    forever) nobody can try names against it.
    """
    if len(secret) < 16:
        raise ChainError("the pseudonym secret must have at least 16 bytes")
    return hmac.new(secret, identifier.encode(), hashlib.sha256).digest()


def _document(kind: str, members: dict[str, Any], signature: bytes, domain: Domain) -> str:
    document = {
        "format": _FORMAT,
        "kind": kind,
        "domain": {"chainId": domain.chain_id, "verifyingContract": domain.verifying_contract},
        kind: members,
        "signature": _hex(signature),
    }
    return json.dumps(document, indent=1) + "\n"


def _parse(kind: str, text: str | bytes) -> tuple[dict[str, Any], bytes, Domain]:
    try:
        document = parse_json(text)
        if document["format"] != _FORMAT or document["kind"] != kind:
            raise ValueError(f"it is a {document['kind']!r} of format {document['format']!r}")
        place = document["domain"]
        domain = Domain(place["chainId"], place["verifyingContract"])
        return dict(document[kind]), _unhex(document["signature"]), domain
    except (ChainError, KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise _malformed(kind, error) from error


def _read(path: str | os.PathLike[str]) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise FormatError(f"cannot read {path}: {error.strerror}") from error


def _malformed(kind: str, error: Exception) -> FormatError:
    reason = f"{error} is missing" if isinstance(error, KeyError) else str(error).splitlines()[0]
    return FormatError(f"not a signed {kind}: {reason}")


def _hex(data: bytes) -> str:
    return "0x" + data.hex()


def _decimal(text: str) -> int:
    """A number too large for JSON's readers, hence a string of digits."""
    if not isinstance(text, str) or not (text.isascii() and text.isdigit() and len(text) < 80):
        raise ValueError(f"{text!r:.100} is not a decimal number")
    return int(text)


def _unhex(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))
