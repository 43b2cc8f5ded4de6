"""The two statements people sign (EIP-712) and the context that ties a proof to them, hashed as DecisionRegistry does.

``attestationHash`` and the consent's hash are EIP-712 *struct* hashes; what is signed is
keccak256(0x19 0x01 ‖ domain separator ‖ struct hash).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from prover.chain.contracts import checked_address
from prover.errors import ChainError
from prover.field import R
from prover.schema.hashing import abi_encode, keccak256

DOMAIN_NAME = "Verdict"
DOMAIN_VERSION = "1"
DECISION_TAG = keccak256(b"verdict/decision/v1")

Fields = tuple[tuple[str, str], ...]
"""(name, ABI type) of a struct's members in order."""

_DOMAIN_FIELDS: Fields = (
    ("name", "string"),
    ("version", "string"),
    ("chainId", "uint256"),
    ("verifyingContract", "address"),
)
_ATTESTATION_FIELDS: Fields = (
    ("issuer", "address"),
    ("subject", "address"),
    ("personId", "bytes32"),
    ("schema", "bytes32"),
    ("inputCommitment", "bytes32"),
    ("observedAt", "uint64"),
    ("expiresAt", "uint64"),
    ("sequence", "uint64"),
)
_CONSENT_FIELDS: Fields = (
    ("attestationHash", "bytes32"),
    ("modelId", "uint256"),
    ("consumer", "address"),
    ("nonce", "uint256"),
    ("deadline", "uint64"),
)


@dataclass(frozen=True)
class Domain:
    """Where a signature counts: one DecisionRegistry on one chain. Raises ChainError when it cannot be."""

    chain_id: int
    verifying_contract: str

    def __post_init__(self) -> None:
        _check_range("chain_id", self.chain_id, 1 << 256)
        object.__setattr__(self, "verifying_contract", checked_address(self.verifying_contract))

    @property
    def separator(self) -> bytes:
        """The contract's ``domainSeparator()``."""
        return keccak256(
            abi_encode(
                _type_hash("EIP712Domain", _DOMAIN_FIELDS),
                keccak256(DOMAIN_NAME.encode()),
                keccak256(DOMAIN_VERSION.encode()),
                self.chain_id,
                int(self.verifying_contract, 16),
            )
        )

    def as_dict(self) -> dict[str, Any]:
        """The ``domain`` member of EIP-712 typed data."""
        return {
            "name": DOMAIN_NAME,
            "version": DOMAIN_VERSION,
            "chainId": self.chain_id,
            "verifyingContract": self.verifying_contract,
        }


class Statement(Protocol):
    """A struct that can be signed."""

    @property
    def hash(self) -> bytes: ...

    def typed_data(self, domain: Domain) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Attestation:
    """An issuer's statement: the facts behind ``commitment`` held for this person at ``observed_at``.

    Attributes:
        issuer: who signs it.
        subject: the wallet that may use it.
        person_id: 32 bytes, the issuer's pseudonym of the human being behind the wallet.
        schema_hash: 32 bytes, the schema the facts follow.
        commitment: salted Poseidon commitment to the facts, in [0, r).
        observed_at: Unix seconds.
        expires_at: first second at which it no longer holds, after ``observed_at``.
        sequence: per (issuer, subject, schema), never falling.

    Raises:
        ChainError: a member that the contract could not even decode, or that it would always refuse.
    """

    issuer: str
    subject: str
    person_id: bytes
    schema_hash: bytes
    commitment: int
    observed_at: int
    expires_at: int
    sequence: int

    def __post_init__(self) -> None:
        for name in ("issuer", "subject"):
            object.__setattr__(self, name, checked_address(getattr(self, name)))
        _check_bytes32("person_id", self.person_id)
        _check_bytes32("schema_hash", self.schema_hash)
        _check_range("commitment", self.commitment, R)
        for name in ("observed_at", "expires_at", "sequence"):
            _check_range(name, getattr(self, name), 1 << 64)
        if self.expires_at <= self.observed_at:
            raise ChainError(f"expires_at {self.expires_at} is not after observed_at {self.observed_at}")

    def as_tuple(self) -> tuple[str, str, bytes, bytes, bytes, int, int, int]:
        """The Solidity struct."""
        return (
            self.issuer,
            self.subject,
            self.person_id,
            self.schema_hash,
            self.commitment.to_bytes(32, "big"),
            self.observed_at,
            self.expires_at,
            self.sequence,
        )

    @property
    def hash(self) -> bytes:
        """EIP-712 struct hash: the attestation's name in a consent and in a proof's context."""
        return _struct_hash("Attestation", _ATTESTATION_FIELDS, self.as_tuple())

    def typed_data(self, domain: Domain) -> dict[str, Any]:
        """What a wallet shows and signs (eth_signTypedData_v4)."""
        return _typed_data("Attestation", _ATTESTATION_FIELDS, self.as_tuple(), domain)


@dataclass(frozen=True)
class Consent:
    """A subject's permission: this model may judge this attestation, once, for this consumer.

    Attributes:
        attestation_hash: 32 bytes.
        model_id: in [0, 2^256).
        consumer: the contract that may act on the decision.
        nonce: any unused number of the subject's, in [0, 2^176).
        deadline: last second at which it may be submitted.

    Raises:
        ChainError: a member that the contract could not decode.
    """

    attestation_hash: bytes
    model_id: int
    consumer: str
    nonce: int
    deadline: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "consumer", checked_address(self.consumer))
        _check_bytes32("attestation_hash", self.attestation_hash)
        _check_range("model_id", self.model_id, 1 << 256)
        _check_range("nonce", self.nonce, 1 << 176)
        _check_range("deadline", self.deadline, 1 << 64)

    def as_tuple(self) -> tuple[bytes, int, str, int, int]:
        """The Solidity struct."""
        return (self.attestation_hash, self.model_id, self.consumer, self.nonce, self.deadline)

    @property
    def hash(self) -> bytes:
        """EIP-712 struct hash."""
        return _struct_hash("Consent", _CONSENT_FIELDS, self.as_tuple())

    def typed_data(self, domain: Domain) -> dict[str, Any]:
        """What a wallet shows and signs (eth_signTypedData_v4)."""
        return _typed_data("Consent", _CONSENT_FIELDS, self.as_tuple(), domain)


def digest(statement: Statement, domain: Domain) -> bytes:
    """The 32 bytes that are signed."""
    return keccak256(b"\x19\x01" + domain.separator + statement.hash)


def context_for(chain_id: int, registry: str, model_id: int, attestation_hash: bytes, nonce: int) -> int:
    """The public signal a proof must carry to be accepted with this consent, in [0, 2^253).

    Args:
        chain_id: of the chain the decision goes to.
        registry: address of its DecisionRegistry.
        model_id: the registered model.
        attestation_hash: see :attr:`Attestation.hash`.
        nonce: the consent's.
    """
    address = int(checked_address(registry), 16)
    return (
        int.from_bytes(keccak256(abi_encode(DECISION_TAG, chain_id, address, model_id, attestation_hash, nonce))) >> 3
    )


def _type_hash(name: str, fields: Fields) -> bytes:
    return keccak256(f"{name}({','.join(f'{kind} {field}' for field, kind in fields)})".encode())


def _struct_hash(name: str, fields: Fields, values: tuple[Any, ...]) -> bytes:
    words = [int(value, 16) if kind == "address" else value for (_, kind), value in zip(fields, values, strict=True)]
    return keccak256(abi_encode(_type_hash(name, fields), *words))


def _typed_data(name: str, fields: Fields, values: tuple[Any, ...], domain: Domain) -> dict[str, Any]:
    types: Mapping[str, Fields] = {"EIP712Domain": _DOMAIN_FIELDS, name: fields}
    return {
        "types": {key: [{"name": field, "type": kind} for field, kind in value] for key, value in types.items()},
        "primaryType": name,
        "domain": domain.as_dict(),
        "message": {field: value for (field, _), value in zip(fields, values, strict=True)},
    }


def _check_bytes32(name: str, value: object) -> None:
    if not isinstance(value, bytes) or len(value) != 32:
        raise ChainError(f"{name} must be 32 bytes")


def _check_range(name: str, value: object, end: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < end:
        raise ChainError(f"{name} must be an integer from 0 to {'r' if end == R else f'2^{end.bit_length() - 1}'} - 1")
