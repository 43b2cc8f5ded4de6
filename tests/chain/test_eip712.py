"""What people sign hashes here as in the contract and as in everybody's wallet."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from hypothesis import given
from hypothesis import strategies as st

from prover.chain.attest import SignedAttestation, SignedConsent, attest, consent, new_nonce, person_pseudonym
from prover.chain.deploy import deploy_stack
from prover.chain.eip712 import Attestation, Consent, Domain, context_for, digest
from prover.chain.networks import connect
from prover.chain.records import Records
from prover.chain.signer import LocalSigner
from prover.errors import ChainError, FormatError, StorageError
from prover.field import R
from tests.chain.conftest import sender_on

ISSUER, SUBJECT = LocalSigner(Account.from_key(b"\1" * 32)), LocalSigner(Account.from_key(b"\2" * 32))
DOMAIN = Domain(31337, "0x" + "5a" * 20)

addresses = st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex())
words = st.binary(min_size=32, max_size=32)
numbers = st.integers(0, 2**64 - 2)
attestations = st.builds(
    lambda observed, later, **members: Attestation(
        observed_at=observed, expires_at=min(observed + later, 2**64 - 1), **members
    ),
    observed=numbers,
    later=st.integers(1, 2**63),
    issuer=addresses,
    subject=addresses,
    person_id=words,
    schema_hash=words,
    commitment=st.integers(0, R - 1),
    sequence=st.integers(0, 2**64 - 1),
)
big = st.integers(0, 2**256 - 1)
consents = st.builds(
    Consent,
    attestation_hash=words,
    model_id=big,
    consumer=addresses,
    nonce=st.integers(0, 2**176 - 1),
    deadline=st.integers(0, 2**64 - 1),
)
domains = st.builds(Domain, st.integers(1, 2**53), addresses)


@pytest.fixture(scope="module")
def registry() -> Any:
    network = connect("tester")
    return deploy_stack(sender_on(network), Records(network)).decisions


@given(statement=st.one_of(attestations, consents), domain=domains)
def test_the_digest_is_every_wallets(statement: Attestation | Consent, domain: Domain) -> None:
    """eth-account's own implementation of EIP-712 is the judge."""
    theirs = encode_typed_data(full_message=statement.typed_data(domain))
    assert theirs.header == domain.separator
    assert theirs.body == statement.hash
    assert LocalSigner(Account.from_key(b"\3" * 32)).sign_typed_data(statement.typed_data(domain)) == bytes(
        Account._sign_hash(digest(statement, domain), b"\3" * 32).signature
    )


@given(attestation=attestations)
def test_the_attestation_hash_is_the_contracts(registry: Any, attestation: Attestation) -> None:
    assert bytes(registry.read("hashAttestation", attestation.as_tuple())) == attestation.hash


@given(permission=consents)
def test_the_consent_hash_and_the_context_are_the_contracts(registry: Any, permission: Consent) -> None:
    assert bytes(registry.read("hashConsent", permission.as_tuple())) == permission.hash
    arguments = (permission.model_id, permission.attestation_hash, permission.nonce)
    context = context_for(registry.network.chain_id, registry.address, *arguments)
    assert registry.read("contextOf", *arguments) == context
    assert 0 <= context < 1 << 253 < R


def test_the_domain_is_the_contracts(registry: Any) -> None:
    domain = Domain(registry.network.chain_id, registry.address)
    assert bytes(registry.read("domainSeparator")) == domain.separator


def test_any_change_changes_the_context() -> None:
    base = (1, "0x" + "11" * 20, 2, b"\3" * 32, 4)
    changed = [(2, "0x" + "12" * 20, 3, b"\4" * 32, 5)[i] for i in range(5)]
    contexts = {context_for(*base)} | {context_for(*base[:i], changed[i], *base[i + 1 :]) for i in range(5)}
    assert len(contexts) == 6


def signed_attestation() -> SignedAttestation:
    return attest(ISSUER, b"\1" * 32, R - 1, SUBJECT.address, b"\2" * 32, 1_700_000_000, 1_800_000_000, 7, DOMAIN)


def signed_consent() -> SignedConsent:
    return consent(SUBJECT, b"\1" * 32, 2**256 - 1, "0x" + "33" * 20, 1_800_000_000, DOMAIN, nonce=2**175)


@pytest.mark.parametrize("signed", [signed_attestation(), signed_consent()], ids=["attestation", "consent"])
def test_statements_travel_as_files(signed: SignedAttestation | SignedConsent, tmp_path: Path) -> None:
    kind = type(signed)
    assert kind.load(signed.save(tmp_path / "statement.json")) == signed
    assert kind.from_json(signed.to_json().encode()) == signed
    other = SignedConsent if kind is SignedAttestation else SignedAttestation
    with pytest.raises(FormatError):
        other.from_json(signed.to_json())
    with pytest.raises(FormatError, match="cannot read"):
        kind.load(tmp_path / "nowhere.json")
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        signed.save(tmp_path / "file" / "statement.json")


@pytest.mark.parametrize("signed", [signed_attestation(), signed_consent()], ids=["attestation", "consent"])
@pytest.mark.parametrize("damage", ["", "{}", "[]", "null", "[" * 5000, "\ud800"])
def test_files_that_are_none(signed: SignedAttestation | SignedConsent, damage: str) -> None:
    with pytest.raises(FormatError):
        type(signed).from_json(damage)


def leaves(document: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if not isinstance(document, dict):
        return [path]
    return [path, *(leaf for key, value in document.items() for leaf in leaves(value, (*path, key)))][bool(not path) :]


@pytest.mark.parametrize("signed", [signed_attestation(), signed_consent()], ids=["attestation", "consent"])
def test_every_member_is_checked(signed: SignedAttestation | SignedConsent) -> None:
    document = json.loads(signed.to_json())
    assert len(leaves(document)) > 8
    for path in leaves(document):
        for damage in ("missing", None, -1, [], "0x", "nonsense", 2**300):
            broken = json.loads(signed.to_json())
            parent = broken
            for key in path[:-1]:
                parent = parent[key]
            if damage == "missing":
                del parent[path[-1]]
            else:
                parent[path[-1]] = damage
            if path == ("signature",) and damage == "0x":
                continue  # the contract judges signatures
            with pytest.raises(FormatError):
                type(signed).from_json(json.dumps(broken))


@pytest.mark.parametrize(
    "change",
    [
        {"commitment": R},
        {"commitment": -1},
        {"commitment": True},
        {"person_id": b"short"},
        {"person_id": "0x" + "00" * 32},
        {"schema_hash": b""},
        {"observed_at": 2**64},
        {"observed_at": 1.5},
        {"expires_at": 1_700_000_000},
        {"sequence": -1},
        {"subject": "0x12"},
        {"issuer": None},
    ],
)
def test_what_no_attestation_holds(change: dict[str, Any]) -> None:
    with pytest.raises(ChainError):
        replace(signed_attestation().attestation, **change)


@pytest.mark.parametrize(
    "change", [{"nonce": 2**176}, {"model_id": -1}, {"deadline": 2**64}, {"attestation_hash": b""}]
)
def test_what_no_consent_holds(change: dict[str, Any]) -> None:
    with pytest.raises(ChainError):
        replace(signed_consent().consent, **change)


def test_pseudonyms_and_nonces() -> None:
    ada = person_pseudonym(b"k" * 16, "ada")
    assert len(ada) == 32
    assert ada == person_pseudonym(b"k" * 16, "ada")
    assert len({ada, person_pseudonym(b"k" * 16, "bob"), person_pseudonym(b"l" * 16, "ada")}) == 3
    with pytest.raises(ChainError, match="16 bytes"):
        person_pseudonym(b"short", "ada")
    assert len({new_nonce() for _ in range(100)}) == 100


@pytest.mark.parametrize("signature", [b"", b"\xff" * 65, bytes(64), bytes(65), b"\1" * 200])
def test_who_signed_a_consent(signature: bytes) -> None:
    honest = signed_consent()
    assert honest.signer == SUBJECT.address
    assert replace(honest, signature=signature).signer is None
