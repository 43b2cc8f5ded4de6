"""``DecisionRegistry.submit``, the honest way: what is stored, announced and reusable."""

from __future__ import annotations

from dataclasses import replace

import pytest
from web3 import Web3

from prover.field import R
from tests.contracts.circuits import tier_wires
from tests.contracts.lab import (
    DAY,
    MAX_AGE,
    PERSON,
    SCHEMA,
    TIER_LAYOUT,
    Consent,
    Lab,
    Submission,
    encode_output,
    reverts,
    secret_of,
)


def decision(lab: Lab, consumer: str | None = None, model: int | None = None) -> tuple[object, ...]:
    return tuple(
        lab.read(
            "DecisionRegistry",
            "decisionOf",
            lab.tier_model if model is None else model,
            lab.issuer.address,
            lab.alice.address,
            consumer or lab.address("CreditLine"),
        )
    )


def consented(
    lab: Lab, first: Submission, *, consumer: str | None = None, nonce: int, model: int | None = None
) -> Submission:
    """The attestation of ``first`` under another consent."""
    return lab.submission(attestation=first.attestation, consumer=consumer, nonce=nonce, model=model)


@pytest.mark.parametrize("tier", [0, 1, 2])
def test_a_decision_is_stored_as_attested_and_proven(lab: Lab, tier: int) -> None:
    submission = lab.submission(tier)
    receipt = lab.submit(submission)
    facts = submission.attestation
    digest = lab.struct_hash(facts)
    until = facts.observedAt + 10 * DAY
    assert decision(lab) == (
        [tier],
        [0],
        lab.issuer.address,
        PERSON,
        digest,
        facts.observedAt,
        until,
        facts.sequence,
    )
    (event,) = lab.events(receipt, "DecisionRegistry", "DecisionStored")
    assert event == {
        "modelId": lab.tier_model,
        "subject": lab.alice.address,
        "consumer": lab.address("CreditLine"),
        "issuer": lab.issuer.address,
        "personId": PERSON,
        "attestationHash": digest,
        "values": [tier],
        "observedAt": facts.observedAt,
        "validUntil": until,
        "sequence": 1,
    }
    assert lab.events(receipt, "ModelRegistry", "InferenceVerified")[0]["caller"] == lab.address("DecisionRegistry")
    assert lab.read("DecisionRegistry", "lastAcceptedOf", lab.issuer.address, lab.alice.address, SCHEMA) == (1, digest)
    assert lab.read("DecisionRegistry", "isConsentNonceUsed", lab.alice.address, 0)
    assert not lab.read("DecisionRegistry", "isConsentNonceUsed", lab.alice.address, 1)
    assert not lab.read("DecisionRegistry", "isConsentNonceUsed", lab.bob.address, 0)


def test_many_outputs_with_signs_and_scales(lab: Lab) -> None:
    """The seven-output model: values come back with their signs, and with the layout's decimals."""
    values = [-(2**63), 2**63 - 1, -1, 0, 1, 42, -(10**18)]
    attestation = lab.attest(inputCommitment=(77).to_bytes(32, "big"))
    consent = Consent(
        lab.struct_hash(attestation), lab.score_model, lab.address("CreditLine"), 5, lab.network.now() + DAY
    )
    proof = lab.bare_proof(values, 77, lab.context(consent))[:256]
    lab.submit(
        Submission(
            attestation,
            lab.sign(lab.issuer, attestation),
            consent,
            lab.sign(lab.alice, consent),
            encode_output(values),
            proof,
        )
    )
    stored = decision(lab, model=lab.score_model)
    assert stored[0] == values
    assert stored[1] == [4, 4, 0, 2, 0, 0, 18]


@pytest.mark.parametrize("who", ["alice", "bob", "owner", "issuer"])
def test_anybody_may_relay(lab: Lab, who: str) -> None:
    lab.submit(lab.submission(), by=getattr(lab, who))
    assert lab.status() == 1


def test_validity_ends_with_the_attestation_or_with_the_models_patience(lab: Lab) -> None:
    now = lab.network.now()
    lab.decided(observedAt=now - 5, expiresAt=now + 4 * MAX_AGE)
    assert decision(lab)[6] == now - 5 + MAX_AGE
    lab.decided(observedAt=now - 5, expiresAt=now + 100, sequence=2, nonce=1)
    assert decision(lab)[6] == now + 100


def test_a_patient_model_does_not_overflow(lab: Lab) -> None:
    model = lab.register("TierVerifier", TIER_LAYOUT, "patient", max_age=2**64 - 1)
    submission = lab.decided(model=model, expiresAt=2**64 - 1)
    assert submission.attestation.expiresAt == 2**64 - 1
    assert decision(lab, model=model)[6] == 2**64 - 1


def test_one_attestation_serves_several_consumers_and_models(lab: Lab) -> None:
    first = lab.decided()
    other_model = lab.register("TierVerifier", TIER_LAYOUT, "twin")
    lab.submit(consented(lab, first, consumer=lab.bob.address, nonce=1))
    lab.submit(consented(lab, first, model=other_model, nonce=2))
    assert lab.status() == lab.status(consumer=lab.bob.address) == lab.status(model=other_model) == 1


def test_newer_facts_replace_older_ones(lab: Lab) -> None:
    lab.decided(2, sequence=10)
    lab.decided(0, sequence=11, nonce=1)
    assert decision(lab)[0] == [0]
    with reverts("StaleSequence", 11, 10):
        lab.decided(2, sequence=10, nonce=2)


def test_sequences_of_other_subjects_and_schemas_are_independent(lab: Lab) -> None:
    lab.decided(sequence=10)
    lab.decided(subject=lab.bob, sequence=1)
    other_schema = Web3.keccak(text="another schema")
    model = lab.register("TierVerifier", (other_schema, *TIER_LAYOUT[1:]), "another schema")
    lab.decided(schema=other_schema, model=model, sequence=1, nonce=1)
    assert lab.status(lab.bob) == lab.status(model=model) == 1


def test_nonces_are_unordered(lab: Lab) -> None:
    for sequence, nonce in enumerate((2**176 - 1, 0, 257, 256, 255), start=1):
        lab.decided(sequence=sequence, nonce=nonce)
    assert lab.read("DecisionRegistry", "isConsentNonceUsed", lab.alice.address, 2**176 - 1)


def test_a_subject_can_take_a_consent_back_before_it_is_relayed(lab: Lab) -> None:
    submission = lab.submission(nonce=3)
    receipt = lab.send("DecisionRegistry", "invalidateConsentNonce", 3, by=lab.alice)
    assert lab.events(receipt, "DecisionRegistry", "ConsentNonceInvalidated") == [
        {"subject": lab.alice.address, "nonce": 3}
    ]
    with reverts("ConsentNonceUsed", lab.alice.address, 3):
        lab.submit(submission)
    with reverts("ConsentNonceUsed", lab.alice.address, 3):
        lab.send("DecisionRegistry", "invalidateConsentNonce", 3, by=lab.alice)


def test_only_nonces_that_a_consent_can_have_are_taken_back(lab: Lab) -> None:
    lab.send("DecisionRegistry", "invalidateConsentNonce", 2**176 - 1, by=lab.alice)
    for unusable in (2**176, 2**200, 2**256 - 1):
        with reverts("ConsentNonceTooLarge", unusable):
            lab.send("DecisionRegistry", "invalidateConsentNonce", unusable, by=lab.alice)


def test_the_issuers_minimum_itself_is_accepted(lab: Lab) -> None:
    """StaleSequence's two floors: the minimum counts, the last accepted sequence only for the same attestation."""
    minimum = (lab.issuer.address, lab.alice.address, SCHEMA, 5)
    lab.send("IssuerRegistry", "raiseMinimumSequence", *minimum, by=lab.issuer)
    with reverts("StaleSequence", 5, 4):
        lab.submit(lab.submission(sequence=4))
    lab.decided(sequence=5)
    with reverts("StaleSequence", 5, 5):
        lab.submit(lab.submission(sequence=5, nonce=1, personId=b"\x07" * 32))


def test_a_failed_submission_leaves_nothing_behind(lab: Lab) -> None:
    good = lab.submission()
    other = lab.tier.prove(tier_wires(secret_of(1), lab.context(good.consent)))
    with reverts("InvalidProof"):
        lab.submit(replace(good, proof=other))
    assert lab.status() == 0
    assert not lab.read("DecisionRegistry", "isConsentNonceUsed", lab.alice.address, 0)
    lab.submit(good)
    assert lab.status() == 1


def test_the_context_lies_below_r(lab: Lab) -> None:
    consent = lab.submission().consent
    context = lab.read("DecisionRegistry", "contextOf", consent.modelId, consent.attestationHash, consent.nonce)
    assert context == lab.context(consent) < 2**253 < R
