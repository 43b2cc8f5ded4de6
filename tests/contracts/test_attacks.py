"""Every way to get a decision one does not deserve, and the error that names it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from eth.vm.execution_context import ExecutionContext
from web3 import Web3

from prover.field import R
from tests.contracts.circuits import tier_wires
from tests.contracts.lab import (
    CONTENT,
    DAY,
    MAX_AGE,
    SCHEMA,
    TIER_LAYOUT,
    Attestation,
    Consent,
    Lab,
    Submission,
    encode_output,
    reverts,
    secret_of,
)
from tests.contracts.test_inference import negated


def re_attested(lab: Lab, submission: Submission, **changes: Any) -> Submission:
    """The submission over changed facts, everything signed and proven again by the rightful people."""
    return lab.submission(attestation=replace(submission.attestation, **changes), nonce=submission.consent.nonce)


def test_forged_score(lab: Lab) -> None:
    """Tier 2 claimed where the model gave 0."""
    with reverts("InvalidProof"):
        lab.submit(replace(lab.submission(tier=0), output=encode_output([2])))


def test_flipped_proof_byte(lab: Lab) -> None:
    good = lab.submission()
    for at in (31, 63, 127, 255):
        bent = good.proof[:at] + bytes([good.proof[at] ^ 1]) + good.proof[at + 1 :]
        with reverts("PrecompileFailed"):
            lab.submit(replace(good, proof=bent))


@pytest.mark.parametrize("length", [0, 255, 257, 288])
def test_proof_of_another_length(lab: Lab, length: int) -> None:
    good = lab.submission()
    with reverts("MalformedProofLength", length):
        lab.submit(replace(good, proof=good.proof.ljust(length, b"\0")[:length]))


def test_re_randomised_proof_replayed(lab: Lab) -> None:
    good = lab.submission()
    lab.submit(good)
    with reverts("ConsentNonceUsed", lab.alice.address, 0):
        lab.submit(replace(good, proof=negated(good.proof)))


def test_re_randomised_proof_under_a_new_consent(lab: Lab) -> None:
    """The context holds the nonce: a proof made for one consent is none for the next."""
    good = lab.submission()
    lab.submit(good)
    consent = replace(good.consent, nonce=1)
    with reverts("InvalidProof"):
        lab.submit(
            replace(good, consent=consent, subject_signature=lab.sign(lab.alice, consent), proof=negated(good.proof))
        )


def test_another_subject(lab: Lab) -> None:
    """Mallory with alice's attestation: she can neither change the subject nor consent in alice's place."""
    good = lab.submission()
    stolen = replace(good.attestation, subject=lab.mallory.address)
    consent = replace(good.consent, attestationHash=lab.struct_hash(stolen))
    with reverts("InvalidIssuerSignature", lab.issuer.address):
        lab.submit(replace(good, attestation=stolen, consent=consent, subject_signature=lab.sign(lab.mallory, consent)))
    with reverts("InvalidSubjectSignature", lab.alice.address):
        lab.submit(replace(good, subject_signature=lab.sign(lab.mallory, good.consent)))


@pytest.mark.parametrize("changed", ["chainId", "verifyingContract", "name", "version"])
def test_another_domain(lab: Lab, changed: str) -> None:
    """Signatures for another chain, another registry or another protocol."""
    domain = {
        changed: {"chainId": 1, "verifyingContract": lab.address("CreditLine"), "name": "Verdikt", "version": "2"}[
            changed
        ]
    }
    good = lab.submission()
    with reverts("InvalidIssuerSignature"):
        lab.submit(replace(good, issuer_signature=lab.sign(lab.issuer, good.attestation, **domain)))
    with reverts("InvalidSubjectSignature"):
        lab.submit(replace(good, subject_signature=lab.sign(lab.alice, good.consent, **domain)))


@pytest.mark.parametrize("part", ["chain", "registry", "model", "attestation", "nonce"])
def test_another_context(lab: Lab, part: str) -> None:
    """A proof for another chain id, registry, model, attestation or consent, with all signatures right."""
    good = lab.submission()
    preimage = [
        Web3.keccak(text="verdict/decision/v1"),
        1 if part == "chain" else lab.network.chain_id,
        lab.address("CreditLine" if part == "registry" else "DecisionRegistry"),
        lab.score_model if part == "model" else lab.tier_model,
        CONTENT if part == "attestation" else good.consent.attestationHash,
        1 if part == "nonce" else 0,
    ]
    kinds = ["bytes32", "uint256", "address", "uint256", "bytes32", "uint256"]
    context = int.from_bytes(Web3.keccak(lab.network.w3.codec.encode(kinds, preimage)), "big") >> 3
    with reverts("InvalidProof"):
        lab.submit(replace(good, proof=lab.tier.prove(tier_wires(secret_of(2), context))))


def test_a_fork_with_another_chain_id(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The chain splits after deployment and one side changes its id: nothing signed or proven before counts there.

    The registry caches its domain separator, and must notice.
    """
    good = lab.submission()
    context = lab.context(good.consent)
    separator = lab.read("DecisionRegistry", "domainSeparator")
    with monkeypatch.context() as fork:
        fork.setattr(ExecutionContext, "chain_id", property(lambda _: 99))
        assert lab.read("DecisionRegistry", "domainSeparator") != separator
        assert lab.read("DecisionRegistry", "contextOf", lab.tier_model, good.consent.attestationHash, 0) != context
        with reverts("InvalidIssuerSignature", lab.issuer.address):
            lab.submit(good)
        signed_anew = {"issuer_signature": lab.sign(lab.issuer, good.attestation, chainId=99)}
        signed_anew["subject_signature"] = lab.sign(lab.alice, good.consent, chainId=99)
        with reverts("InvalidProof"):
            lab.submit(replace(good, **signed_anew))
    lab.submit(good)


def test_reused_consent(lab: Lab) -> None:
    good = lab.submission()
    lab.submit(good)
    with reverts("ConsentNonceUsed", lab.alice.address, 0):
        lab.submit(good)
    with reverts("ConsentNonceUsed", lab.alice.address, 0):  # a fresh consent with the old nonce
        lab.submit(lab.submission(sequence=2, nonce=0))


def test_consent_for_another_attestation(lab: Lab) -> None:
    good = lab.submission()
    newer = replace(good.attestation, sequence=2)
    with reverts("ConsentMismatch", good.consent.attestationHash, lab.struct_hash(newer)):
        lab.submit(replace(good, attestation=newer, issuer_signature=lab.sign(lab.issuer, newer)))


@pytest.mark.parametrize(
    ("field", "value"),
    [("consumer", "0x" + "22" * 20), ("nonce", 1), ("deadline", 2**64 - 1)],
)
def test_a_relayer_cannot_change_a_consent(lab: Lab, field: str, value: Any) -> None:
    good = lab.submission()
    with reverts("InvalidSubjectSignature", lab.alice.address):
        lab.submit(replace(good, consent=replace(good.consent, **{field: value})))


@pytest.mark.parametrize("field", ["personId", "inputCommitment", "observedAt", "expiresAt", "sequence"])
def test_a_relayer_cannot_change_an_attestation(lab: Lab, field: str) -> None:
    good = lab.submission()
    old = getattr(good.attestation, field)
    value = CONTENT if isinstance(old, bytes) else old + (1 if field != "observedAt" else -1)
    facts = replace(good.attestation, **{field: value})
    consent = replace(good.consent, attestationHash=lab.struct_hash(facts))
    with reverts("InvalidIssuerSignature", lab.issuer.address):
        lab.submit(replace(good, attestation=facts, consent=consent, subject_signature=lab.sign(lab.alice, consent)))


def test_expired_consent(lab: Lab) -> None:
    good = lab.submission(deadline=lab.network.now() + 10)
    lab.network.advance_time(100)
    with reverts("ConsentExpired", good.consent.deadline):
        lab.submit(good)


def test_older_sequence(lab: Lab) -> None:
    lab.decided(tier=0, sequence=5)
    with reverts("StaleSequence", 5, 4):
        lab.submit(lab.submission(tier=2, sequence=4, nonce=1))
    with reverts("StaleSequence", 5, 5):  # other facts under the same number
        lab.submit(lab.submission(tier=2, sequence=5, nonce=1))


def test_sequence_below_the_issuers_minimum(lab: Lab) -> None:
    good = lab.submission(sequence=6)
    lab.send("IssuerRegistry", "raiseMinimumSequence", lab.issuer.address, lab.alice.address, SCHEMA, 7, by=lab.issuer)
    with reverts("StaleSequence", 7, 6):
        lab.submit(good)
    lab.decided(sequence=7)


def test_expired_attestation(lab: Lab) -> None:
    now = lab.network.now()
    with reverts("AttestationExpired", now):
        lab.submit(lab.submission(observedAt=now - 10, expiresAt=now))


def test_attestation_too_old_for_the_model(lab: Lab) -> None:
    now = lab.network.now()
    with reverts("AttestationTooOld", now - MAX_AGE, MAX_AGE):
        lab.submit(lab.submission(observedAt=now - MAX_AGE))


def test_attestation_from_the_future(lab: Lab) -> None:
    later = lab.network.now() + 1_000
    with reverts("AttestationFromFuture", later):
        lab.submit(lab.submission(observedAt=later))


@pytest.mark.parametrize(
    ("facts", "last", "error"),
    [
        pytest.param({"deadline": 0}, 0, "ConsentExpired", id="deadline: the last second it may be used"),
        pytest.param({"expiresAt": 0}, -1, "AttestationExpired", id="expiry: the first second it may not"),
        pytest.param({"observedAt": -MAX_AGE, "expiresAt": DAY}, -1, "AttestationTooOld", id="age: likewise"),
    ],
)
def test_the_last_good_second(lab: Lab, facts: dict[str, int], last: int, error: str) -> None:
    time = lab.network.now() + 1_000
    times: dict[str, Any] = {name: time + offset for name, offset in facts.items()}
    early = lab.submission(nonce=0, **times)
    late = lab.submission(nonce=1, attestation=early.attestation, deadline=times.get("deadline"))
    lab.travel(time + last)
    lab.submit(early)
    lab.travel(time + last + 1)
    with reverts(error):
        lab.submit(late)


def test_an_observation_of_this_very_second(lab: Lab) -> None:
    now = lab.network.now() + 100
    lab.travel(now)
    with reverts("AttestationFromFuture", now + 1):
        lab.submit(lab.submission(observedAt=now + 1))
    lab.submit(lab.submission(observedAt=now))


def test_revoked_attestation(lab: Lab) -> None:
    good = lab.submission()
    lab.send("IssuerRegistry", "revokeAttestation", lab.issuer.address, good.consent.attestationHash, by=lab.issuer)
    with reverts("AttestationIsRevoked", good.consent.attestationHash):
        lab.submit(good)


def test_unknown_issuer(lab: Lab) -> None:
    with reverts("UnknownIssuer", lab.mallory.address):
        lab.submit(lab.submission(issuer=lab.mallory))


@pytest.mark.parametrize("function", ["suspendIssuer", "retireIssuer"])
def test_issuer_out_of_service(lab: Lab, function: str) -> None:
    good = lab.submission()
    lab.send("IssuerRegistry", function, lab.issuer.address, by=lab.admin)
    with reverts("IssuerNotActive", lab.issuer.address):
        lab.submit(good)


def test_wrong_schema(lab: Lab) -> None:
    with reverts("SchemaMismatch", SCHEMA, CONTENT):
        lab.submit(lab.submission(schema=CONTENT))


def test_deprecated_pending_and_unknown_model(lab: Lab) -> None:
    with reverts("ModelNotFound", 1):
        lab.submit(lab.submission(model=1))
    commitment = lab.commitment("TierVerifier", TIER_LAYOUT, "pending")
    lab.send("ModelRegistry", "registerModel", commitment)
    pending = lab.read("ModelRegistry", "modelIdOf", lab.owner.address, commitment, 0)
    with reverts("ModelPending", pending):
        lab.submit(lab.submission(model=pending))
    lab.send("ModelRegistry", "deprecateModel", lab.tier_model)
    with reverts("VerificationRefused_ModelDeprecated", lab.tier_model):
        lab.submit(lab.submission())


def test_proof_of_other_facts(lab: Lab) -> None:
    """The issuer attested a poor input; the proof is about a better one."""
    poor = lab.submission(tier=0)
    rich = tier_wires(secret_of(2), lab.context(poor.consent))
    with reverts("InvalidProof"):
        lab.submit(replace(poor, output=encode_output([2]), proof=lab.tier.prove(rich)))


def test_signal_plus_r(lab: Lab) -> None:
    """The commitment as a number above r means the same to a verifier that reduces; this one refuses it."""
    good = lab.submission()
    shifted = int.from_bytes(good.attestation.inputCommitment, "big") + R
    with reverts("SignalNotCanonical", 0):
        lab.submit(re_attested(lab, good, inputCommitment=shifted.to_bytes(32, "big")))


@pytest.mark.parametrize(
    ("output", "error"),
    [
        pytest.param(encode_output([2]) + bytes(32), "OutputNotCanonical", id="trailing word"),
        pytest.param(
            (64).to_bytes(32, "big") + encode_output([2])[:32] + encode_output([2])[32:],
            "OutputNotCanonical",
            id="offset",
        ),
        pytest.param(encode_output([2])[:-1], "OutputNotCanonical", id="cut"),
        pytest.param(encode_output([2, 0]), "OutputMismatch", id="second value"),
        pytest.param(encode_output([2 + 2**64]), "OutputOutOfRange", id="value + 2^64"),
    ],
)
def test_non_canonical_output(lab: Lab, output: bytes, error: str) -> None:
    with reverts(error):
        lab.submit(replace(lab.submission(), output=output))


def test_signatures_have_one_form(lab: Lab) -> None:
    """The other root s' = n - s, the 64-byte form, and a zero signature are no signatures."""
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    good = lab.submission()
    s, v = int.from_bytes(good.issuer_signature[32:64], "big"), good.issuer_signature[64]
    flipped = good.issuer_signature[:32] + (order - s).to_bytes(32, "big") + bytes([55 - v])
    for signature in (flipped, good.issuer_signature[:64], bytes(65), b"", good.issuer_signature + b"\0"):
        with reverts("InvalidIssuerSignature", lab.issuer.address):
            lab.submit(replace(good, issuer_signature=signature))


def test_nobody_speaks_for_the_zero_address(lab: Lab) -> None:
    """ecrecover answers zero to nonsense: that must not be a signature of address zero."""
    zero = "0x" + "00" * 20
    facts: Attestation = replace(lab.submission().attestation, subject=zero)
    consent = Consent(lab.struct_hash(facts), lab.tier_model, lab.address("CreditLine"), 0, lab.network.now() + DAY)
    proof = lab.tier.prove(tier_wires(secret_of(2), lab.context(consent)))
    with reverts("InvalidSubjectSignature"):
        lab.submit(
            Submission(facts, lab.sign(lab.issuer, facts), consent, bytes(64) + b"\x1b", encode_output([2]), proof)
        )
