"""Batches: the state of single submissions for one pairing, and nobody who can spoil the others' items."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from web3 import Web3

from prover.chain.signer import Signer
from prover.chain.transactions import Receipt
from prover.field import R
from tests.contracts.circuits import tier_wires
from tests.contracts.lab import PERSON, SCHEMA, TIER_LAYOUT, Lab, Submission, encode_output, reverts, secret_of
from tests.contracts.test_inference import VALUES

Q = 21888242871839275222246405745257275088696311157297823662689037894645226208583


def batch(lab: Lab, items: list[Submission], model: int | None = None, by: Signer | None = None) -> Receipt:
    model_id = lab.tier_model if model is None else model
    return lab.send("DecisionRegistry", "submitBatch", model_id, [item.args for item in items], by=by or lab.relayer)


def people(lab: Lab) -> list[Signer]:
    return [lab.alice, lab.bob, lab.mallory, lab.owner]


def honest(lab: Lab, count: int = 3, **changes: Any) -> list[Submission]:
    """One submission each of several people, with tiers in turn."""
    return [
        lab.submission(tier=(at + 1) % 3, subject=who, personId=Web3.keccak(at + 1), **changes)
        for at, who in enumerate(people(lab)[:count])
    ]


def skipped(lab: Lab, receipt: Receipt) -> dict[int, str]:
    """Index and name of the reason of every skipped item."""
    events = lab.events(receipt, "DecisionRegistry", "SubmissionSkipped")
    return {event["index"]: reason(event["reason"]) for event in events}


ERRORS = {
    bytes(Web3.keccak(text=signature)[:4]): signature.split("(")[0]
    for signature in (
        "ConsentMismatch(bytes32,bytes32)",
        "ConsentExpired(uint64)",
        "ConsentNonceTooLarge(uint256)",
        "ConsentNonceUsed(address,uint256)",
        "SchemaMismatch(bytes32,bytes32)",
        "AttestationFromFuture(uint64)",
        "AttestationExpired(uint64)",
        "AttestationTooOld(uint64,uint64)",
        "UnknownIssuer(address)",
        "IssuerNotActive(address)",
        "AttestationIsRevoked(bytes32)",
        "ConsentIsWithdrawn(bytes32)",
        "StaleSequence(uint64,uint64)",
        "InvalidIssuerSignature(address)",
        "InvalidSubjectSignature(address)",
    )
}


def reason(data: bytes) -> str:
    return ERRORS[bytes(data[:4])]


def life(lab: Lab, who: Signer) -> tuple[Any, ...]:
    key = (lab.tier_model, lab.issuer.address, who.address, lab.address("CreditLine"))
    return tuple(lab.read("DecisionRegistry", "lifeOf", *key))


def test_a_batch_leaves_the_state_of_single_submissions(lab: Lab) -> None:
    items = honest(lab, 4)
    tester = lab.network.w3.provider.ethereum_tester  # type: ignore[attr-defined]
    before = tester.take_snapshot()
    receipt = batch(lab, items)
    together = [life(lab, who) for who in people(lab)]
    stored = lab.events(receipt, "DecisionRegistry", "DecisionStored")
    assert [event["subject"] for event in stored] == [who.address for who in people(lab)]
    assert len(lab.events(receipt, "ModelRegistry", "InferenceVerified")) == 4
    assert skipped(lab, receipt) == {}
    tester.revert_to_snapshot(before)
    for item in items:
        lab.submit(item)
    alone = [life(lab, who) for who in people(lab)]
    submitted_at = 3
    for one, other in zip(together, alone, strict=True):
        assert one[:submitted_at] == other[:submitted_at]
        assert one[submitted_at + 1 :] == other[submitted_at + 1 :]
    assert [one[0] for one in together] == [1] * 4


def test_a_batch_of_one_and_the_count_it_returns(lab: Lab) -> None:
    item = lab.submission()
    assert lab.read("DecisionRegistry", "submitBatch", lab.tier_model, [item.args]) == 1
    assert lab.read("DecisionRegistry", "submitBatch", lab.tier_model, [item.args, item.args]) == 1
    batch(lab, [item])
    assert lab.status() == 1
    assert lab.read("DecisionRegistry", "submitBatch", lab.tier_model, [item.args]) == 0


def test_front_running_one_item_does_not_spoil_the_others(lab: Lab) -> None:
    """Whoever sees a batch coming can only do a part of its work first."""
    items = honest(lab)
    lab.submit(items[1], by=lab.mallory)
    receipt = batch(lab, items)
    assert skipped(lab, receipt) == {1: "ConsentNonceUsed"}
    assert [lab.status(who) for who in people(lab)[:3]] == [1, 1, 1]


def test_a_batch_whose_every_item_was_front_run_does_nothing(lab: Lab) -> None:
    items = honest(lab, 2)
    for item in items:
        lab.submit(item)
    receipt = batch(lab, items)
    assert skipped(lab, receipt) == {0: "ConsentNonceUsed", 1: "ConsentNonceUsed"}
    assert lab.events(receipt, "ModelRegistry", "InferenceVerified") == []
    assert receipt.gas_used < 150_000  # no pairing


def by_issuer(lab: Lab, function: str, *args: object) -> None:
    lab.send("IssuerRegistry", function, lab.issuer.address, *args, by=lab.admin)


def invalidate(lab: Lab, item: Submission) -> None:
    lab.send("DecisionRegistry", "invalidateConsentNonce", item.consent.nonce, by=lab.bob)


def revoke(lab: Lab, item: Submission) -> None:
    by_issuer(lab, "revokeAttestation", item.consent.attestationHash)


def raise_minimum(lab: Lab, item: Submission) -> None:
    by_issuer(lab, "raiseMinimumSequence", lab.bob.address, SCHEMA, item.attestation.sequence + 1)


def newer(lab: Lab, item: Submission) -> None:
    lab.submit(lab.submission(subject=lab.bob, sequence=item.attestation.sequence + 1, nonce=99))


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (invalidate, "ConsentNonceUsed"),
        (revoke, "AttestationIsRevoked"),
        (raise_minimum, "StaleSequence"),
        (newer, "StaleSequence"),
    ],
)
def test_whatever_changed_before_the_batch_skips_one_item(
    lab: Lab, spoil: Callable[[Lab, Submission], None], error: str
) -> None:
    items = honest(lab)
    spoil(lab, items[1])
    before = lab.status(lab.bob)
    assert skipped(lab, batch(lab, items)) == {1: error}
    assert lab.status(lab.alice) == lab.status(lab.mallory) == 1
    assert lab.status(lab.bob) == before


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"deadline": 0}, "ConsentExpired"),
        ({"nonce": 2**176}, "ConsentNonceTooLarge"),
        ({"schema": PERSON}, "SchemaMismatch"),
        ({"observedAt": 2**40}, "AttestationFromFuture"),
        ({"observedAt": 0}, "AttestationTooOld"),
        ({"expiresAt": 1}, "AttestationExpired"),
    ],
)
def test_items_out_of_time_or_place_are_skipped(lab: Lab, changes: dict[str, Any], error: str) -> None:
    items = honest(lab)
    items[1] = lab.submission(subject=lab.bob, **changes)
    assert skipped(lab, batch(lab, items)) == {1: error}
    with reverts(error):
        lab.submit(items[1])


def test_bad_signatures_and_unknown_issuers_are_skipped(lab: Lab) -> None:
    items = honest(lab, 4)
    items[0] = replace(items[0], issuer_signature=items[1].issuer_signature)
    items[1] = replace(items[1], subject_signature=bytes(65))
    items[2] = lab.submission(subject=lab.mallory, issuer=lab.mallory)
    other = replace(items[3].consent, attestationHash=PERSON)
    extra = replace(items[3], consent=other, subject_signature=lab.sign(lab.owner, other))
    receipt = batch(lab, [*items, extra])
    assert skipped(lab, receipt) == {
        0: "InvalidIssuerSignature",
        1: "InvalidSubjectSignature",
        2: "UnknownIssuer",
        4: "ConsentMismatch",
    }
    assert lab.status(lab.owner) == 1


def test_a_suspended_issuers_items_are_skipped(lab: Lab) -> None:
    items = honest(lab, 2)
    by_issuer(lab, "suspendIssuer")
    assert set(skipped(lab, batch(lab, items)).values()) == {"IssuerNotActive"}


def test_duplicates_and_older_facts_within_a_batch_are_skipped(lab: Lab) -> None:
    first = lab.submission(tier=2, sequence=5)
    older = lab.submission(tier=1, sequence=4, nonce=1)
    newer_ = lab.submission(tier=0, sequence=6, nonce=2)
    receipt = batch(lab, [first, first, older, newer_, newer_])
    assert skipped(lab, receipt) == {1: "ConsentNonceUsed", 2: "StaleSequence", 4: "ConsentNonceUsed"}
    assert life(lab, lab.alice)[1][0] == [0]


def test_out_of_order_batches_end_at_the_newest_facts(lab: Lab) -> None:
    items = [lab.submission(tier=at % 3, sequence=at + 1, nonce=at) for at in range(4)]
    batch(lab, [items[3], items[0]])
    batch(lab, [items[1], items[2]])
    _, decision, *_ = life(lab, lab.alice)
    assert decision[7] == 4


@pytest.mark.parametrize("at", [0, 1, 2])
def test_one_false_proof_undoes_the_whole_batch(lab: Lab, at: int) -> None:
    """Whether a proof holds cannot change after it was made: the relayer asks before, as the twin lets it."""
    items = honest(lab)
    item = items[at]
    items[at] = replace(item, proof=lab.tier.prove(tier_wires(secret_of(2), 1)))
    with reverts("InvalidProof"):
        batch(lab, items)
    items[at] = replace(item, output=encode_output([7]))
    with reverts("InvalidProof"):
        batch(lab, items)
    assert [lab.status(who) for who in people(lab)[:3]] == [0, 0, 0]


def test_proofs_of_one_batch_cannot_trade_places(lab: Lab) -> None:
    first, second, third = honest(lab)
    with reverts("InvalidProof"):
        batch(lab, [replace(first, proof=second.proof), replace(second, proof=first.proof), third])


def test_what_is_malformed_reverts_by_name(lab: Lab) -> None:
    items = honest(lab)
    good = items[1]
    with reverts("EmptyBatch"):
        batch(lab, [])
    with reverts("MalformedProofLength", 255):
        batch(lab, [items[0], replace(good, proof=good.proof[:-1])])
    with reverts("OutputNotCanonical"):
        batch(lab, [items[0], replace(good, output=good.output + bytes(32))])
    with reverts("OutputMismatch"):
        batch(lab, [items[0], replace(good, output=encode_output([1, 2]))])
    with reverts("CoordinateNotCanonical", 8):
        batch(lab, [items[0], replace(good, proof=Q.to_bytes(32, "big") + good.proof[32:])])
    with reverts("PrecompileFailed"):
        batch(lab, [items[0], replace(good, proof=good.proof[:31] + bytes([good.proof[31] ^ 1]) + good.proof[32:])])
    high = int.from_bytes(good.attestation.inputCommitment, "big") + R
    facts = replace(good.attestation, inputCommitment=high.to_bytes(32, "big"))
    with reverts("SignalNotCanonical", 3):
        batch(lab, [items[0], lab.submission(subject=lab.bob, attestation=facts)])


def test_a_batch_is_of_one_model(lab: Lab) -> None:
    twin = lab.register("TierVerifier", TIER_LAYOUT, "twin")
    items = [lab.submission(), lab.submission(model=twin, nonce=1)]
    with reverts("SubmissionOfAnotherModel", 1, lab.tier_model, twin):
        batch(lab, items)


def test_a_model_out_of_service_takes_no_batch(lab: Lab) -> None:
    items = honest(lab, 2)
    with reverts("ModelNotFound", 1):
        batch(lab, items, model=1)
    commitment = lab.commitment("TierVerifier", TIER_LAYOUT, "pending")
    lab.send("ModelRegistry", "registerModel", commitment)
    pending = lab.read("ModelRegistry", "modelIdOf", lab.owner.address, commitment, 0)
    with reverts("ModelPending", pending):
        batch(lab, items, model=pending)
    lab.send("ModelRegistry", "deprecateModel", lab.tier_model)
    with reverts("VerificationRefused_ModelDeprecated", lab.tier_model):
        batch(lab, items)
    lab.send("ModelRegistry", "freezeVerifier", lab.tier_model)
    with reverts("VerifierIsFrozen", lab.tier_model):
        batch(lab, items)


def test_many_inferences_of_seven_outputs(lab: Lab) -> None:
    rows = [VALUES, VALUES[::-1], (*VALUES[:6], -5)]
    inferences = [
        ((at + 7).to_bytes(32, "big"), encode_output(row), lab.bare_proof(row, at + 7, 9 + at))
        for at, row in enumerate(rows)
    ]
    receipt = lab.send("ModelRegistry", "verifyInferences", lab.score_model, inferences)
    events = lab.events(receipt, "ModelRegistry", "InferenceVerified")
    assert [(event["inputCommitment"], event["output"]) for event in events] == [item[:2] for item in inferences]
    for bad in (
        [inferences[0], (inferences[1][0], inferences[0][1], inferences[1][2])],
        [inferences[0], (inferences[0][0], *inferences[1][1:])],
        [(*inferences[0][:2], inferences[0][2][:256] + (8).to_bytes(32, "big"))],
    ):
        with reverts("InvalidProof"):
            lab.send("ModelRegistry", "verifyInferences", lab.score_model, bad)
    with reverts("MalformedProof", 256):
        lab.send("ModelRegistry", "verifyInferences", lab.score_model, [(*inferences[0][:2], inferences[0][2][:256])])
    with reverts("EmptyBatch"):
        lab.send("ModelRegistry", "verifyInferences", lab.score_model, [])
    with reverts("ModelNotFound", 1):
        lab.send("ModelRegistry", "verifyInferences", 1, inferences)


def test_a_further_submission_costs_less_than_two_thirds_of_one_alone(lab: Lab) -> None:
    items = honest(lab, 4)
    tester = lab.network.w3.provider.ethereum_tester  # type: ignore[attr-defined]
    before = tester.take_snapshot()
    three = batch(lab, items[:3]).gas_used
    tester.revert_to_snapshot(before)
    further = batch(lab, items).gas_used - three
    tester.revert_to_snapshot(before)
    assert 3 * further < 2 * lab.submit(items[3]).gas_used
