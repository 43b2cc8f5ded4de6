"""What is hashed on chain and off chain is the same: contracts, package, and eth-account as a third voice."""

from __future__ import annotations

from dataclasses import replace

import pytest
from eth_account.messages import encode_typed_data

from prover.chain import eip712
from prover.schema.layout import Layout, Polarity, Reveal
from tests.contracts.lab import CONTENT, SCHEMA, Lab


def test_attestations_and_consents(lab: Lab) -> None:
    submission = lab.submission()
    facts, consent = submission.attestation, submission.consent
    package = eip712.Attestation(
        issuer=facts.issuer,
        subject=facts.subject,
        person_id=facts.personId,
        schema_hash=facts.schema,
        commitment=int.from_bytes(facts.inputCommitment, "big"),
        observed_at=facts.observedAt,
        expires_at=facts.expiresAt,
        sequence=facts.sequence,
    )
    permission = eip712.Consent(
        attestation_hash=consent.attestationHash,
        model_id=consent.modelId,
        consumer=consent.consumer,
        nonce=consent.nonce,
        deadline=consent.deadline,
    )
    on_chain = lab.read("DecisionRegistry", "hashAttestation", submission.args[0])
    assert on_chain == lab.struct_hash(facts) == package.hash
    on_chain = lab.read("DecisionRegistry", "hashConsent", submission.args[2])
    assert on_chain == lab.struct_hash(consent) == permission.hash


def test_the_domain(lab: Lab) -> None:
    registry = lab.address("DecisionRegistry")
    separator = bytes(encode_typed_data(full_message=lab.typed_data(lab.attest())).header)
    domain = eip712.Domain(lab.network.chain_id, registry)
    assert lab.read("DecisionRegistry", "domainSeparator") == separator == domain.separator
    fields, name, version, chain_id, contract, salt, extensions = lab.read("DecisionRegistry", "eip712Domain")
    assert (fields, name, version, chain_id) == (b"\x0f", "Verdict", "1", lab.network.chain_id)
    assert (contract, salt, extensions) == (registry, bytes(32), [])


@pytest.mark.parametrize("nonce", [0, 1, 2**256 - 1])
def test_the_context(lab: Lab, nonce: int) -> None:
    consent = replace(lab.submission().consent, nonce=nonce)
    arguments = (consent.modelId, consent.attestationHash, nonce)
    package = eip712.context_for(lab.network.chain_id, lab.address("DecisionRegistry"), *arguments)
    assert lab.read("DecisionRegistry", "contextOf", *arguments) == lab.context(consent) == package


@pytest.mark.parametrize(
    "layout",
    [
        Layout(SCHEMA, (0,), Polarity.HIGHER_IS_BETTER, Reveal.TIER, (-(2**63), 0, 2**63 - 1)),
        Layout(SCHEMA, (4,)),
        Layout(CONTENT, tuple(range(19)), Polarity.LOWER_IS_BETTER, Reveal.LABEL),
    ],
)
def test_layouts(lab: Lab, layout: Layout) -> None:
    struct = (
        layout.schema_hash,
        list(layout.decimals),
        int(layout.polarity),
        int(layout.reveal),
        list(layout.thresholds),
    )
    assert lab.read("ModelRegistry", "layoutHashOf", struct) == layout.hash
