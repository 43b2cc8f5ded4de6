"""A decision's whole life: consent withdrawn, issuers that change keys, the cheap read, the auditor's view."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from prover.chain.artifacts import load_artifact
from tests.contracts.circuits import helper_contracts
from tests.contracts.lab import (
    CONTENT,
    CREDIT_TERMS,
    DAY,
    PERSON,
    SCHEMA,
    TIER_LAYOUT,
    UNIT,
    Lab,
    encode_output,
    reverts,
    word,
)
from tests.contracts.market_lab import MarketLab
from tests.contracts.test_batches import batch, skipped
from tests.contracts.test_inference import VALUES

ZERO = "0x" + "00" * 20
VALID, INACTIVE, REVOKED, WITHDRAWN = 1, 3, 4, 6
SUPERSEDED, RETIRED = 4, 3


def key(lab: Lab, model: int | None = None) -> tuple[Any, ...]:
    model_id = lab.tier_model if model is None else model
    return (model_id, lab.issuer.address, lab.alice.address, lab.address("CreditLine"))


def withdraw(lab: Lab, **by: Any) -> Any:
    arguments = (lab.tier_model, lab.issuer.address, lab.address("CreditLine"))
    return lab.send("DecisionRegistry", "withdrawConsent", *arguments, by=by.get("by", lab.alice))


# Withdrawal of consent.
def test_a_subject_withdraws_a_stored_decision(lab: Lab) -> None:
    item = lab.decided()
    receipt = withdraw(lab)
    assert lab.events(receipt, "DecisionRegistry", "ConsentWithdrawn") == [
        {
            "modelId": lab.tier_model,
            "subject": lab.alice.address,
            "consumer": lab.address("CreditLine"),
            "issuer": lab.issuer.address,
            "attestationHash": item.consent.attestationHash,
        }
    ]
    assert lab.status() == WITHDRAWN
    for view in ("decisionOf", "valueOf"):
        with reverts("DecisionConsentWithdrawn", item.consent.attestationHash):
            lab.read("DecisionRegistry", view, *key(lab))
    assert lab.read("DecisionRegistry", "tryDecisionOf", *key(lab))[1][0] == [2]
    with reverts("DecisionConsentWithdrawn"):
        lab.draw(1)


def test_no_relayer_brings_a_withdrawn_decision_back(lab: Lab) -> None:
    item = lab.decided()
    withdraw(lab)
    with reverts("ConsentNonceUsed", lab.alice.address, 0):
        lab.submit(item, by=lab.mallory)
    batch(lab, [item], by=lab.mallory)
    assert lab.status() == WITHDRAWN


def test_a_spare_consent_brings_no_withdrawn_decision_back(lab: Lab) -> None:
    """Signed with the first and kept by a relayer; only a new attestation counts again, here and nowhere else."""
    item = lab.submission()
    spares = [lab.submission(attestation=item.attestation, nonce=nonce) for nonce in (1, 2, 3)]
    elsewhere = lab.submission(attestation=item.attestation, nonce=4, consumer=lab.bob.address)
    lab.submit(item)
    lab.submit(spares[0])  # before the withdrawal a second consent is as good as the first
    withdraw(lab)
    with reverts("ConsentIsWithdrawn", item.consent.attestationHash):
        lab.submit(spares[1], by=lab.mallory)
    other = lab.submission(subject=lab.bob, nonce=9)
    assert skipped(lab, batch(lab, [spares[1], other], by=lab.mallory)) == {0: "ConsentIsWithdrawn"}
    assert lab.status() == WITHDRAWN
    assert lab.status(lab.bob) == VALID
    lab.submit(elsewhere)  # another consumer's consent is another one
    assert lab.status(consumer=lab.bob.address) == VALID
    newer = lab.submission(sequence=item.attestation.sequence + 1, nonce=5)
    lab.submit(newer)
    assert lab.status() == VALID
    assert lab.read("DecisionRegistry", "lifeOf", *key(lab))[4] == 0
    with reverts("StaleSequence"):
        lab.submit(spares[2], by=lab.mallory)
    withdraw(lab)
    with reverts("ConsentIsWithdrawn", newer.consent.attestationHash):
        lab.submit(lab.submission(attestation=newer.attestation, nonce=6))


def test_only_the_subject_withdraws_and_only_what_is_there(lab: Lab) -> None:
    with reverts("DecisionMissing"):
        withdraw(lab)
    item = lab.decided()
    for other in (lab.mallory, lab.issuer, lab.owner):
        with reverts("DecisionMissing"):
            withdraw(lab, by=other)
    withdraw(lab)
    with reverts("DecisionConsentWithdrawn", item.consent.attestationHash):
        withdraw(lab)


def test_a_withdrawal_is_for_one_consumer(lab: Lab) -> None:
    item = lab.decided()
    lab.submit(lab.submission(attestation=item.attestation, consumer=lab.bob.address, nonce=1))
    withdraw(lab)
    assert lab.status() == WITHDRAWN
    assert lab.status(consumer=lab.bob.address) == VALID


def test_a_withdrawal_weighs_less_than_the_issuers_and_more_than_time(lab: Lab) -> None:
    item = lab.decided()
    withdraw(lab)
    lab.network.advance_time(20 * DAY)
    assert lab.status() == WITHDRAWN
    lab.send("IssuerRegistry", "revokeAttestation", lab.issuer.address, item.consent.attestationHash, by=lab.issuer)
    assert lab.status() == REVOKED


# The cheap read.
def test_value_of_is_the_decisions_first_value(lab: Lab) -> None:
    item = lab.decided(tier=1)
    times = (item.attestation.observedAt, item.attestation.expiresAt)
    assert lab.read("DecisionRegistry", "valueOf", *key(lab)) == (1, PERSON, *times)
    status, value = lab.read("DecisionRegistry", "tryValueOf", *key(lab))
    assert (status, tuple(value)) == (VALID, (1, PERSON, *times))
    status, value = lab.read("DecisionRegistry", "tryValueOf", 1, ZERO, ZERO, ZERO)
    assert (status, tuple(value)) == (0, (0, bytes(32), 0, 0))
    with reverts("DecisionMissing"):
        lab.read("DecisionRegistry", "valueOf", *key(lab, lab.score_model))


def test_value_of_refuses_as_decision_of_does(lab: Lab) -> None:
    item = lab.decided()
    for view in ("decisionOf", "valueOf"):
        lab.read("DecisionRegistry", view, *key(lab))
    lab.network.advance_time(20 * DAY)
    for view in ("decisionOf", "valueOf"):
        with reverts("DecisionExpired", item.attestation.expiresAt):
            lab.read("DecisionRegistry", view, *key(lab))
    lab.send("IssuerRegistry", "suspendIssuer", lab.issuer.address, by=lab.admin)
    for view in ("decisionOf", "valueOf"):
        with reverts("DecisionIssuerInactive", lab.issuer.address):
            lab.read("DecisionRegistry", view, *key(lab))
    lab.send("ModelRegistry", "deprecateModel", lab.tier_model)
    for view in ("decisionOf", "valueOf"):
        with reverts("DecisionModelDeprecated", lab.tier_model):
            lab.read("DecisionRegistry", view, *key(lab))


def gas_of(lab: Lab, view: str) -> int:
    contract = lab.contracts["DecisionRegistry"]
    data = contract.web3.encode_abi(view, args=list(key(lab)))
    return int(lab.network.w3.eth.estimate_gas({"to": contract.web3.address, "data": data, "from": ZERO}))


def test_the_cheap_read_is_cheap(lab: Lab) -> None:
    lab.decided()
    intrinsic = 21_000 + 4 * 68 + 64 * 12
    assert gas_of(lab, "valueOf") - intrinsic < 34_000
    share = (gas_of(lab, "valueOf") - intrinsic) / (gas_of(lab, "decisionOf") - intrinsic)
    assert 0.6 < share < 0.72  # about two thirds, as IDecisionRegistry says


def test_values_left_from_a_longer_decision_do_not_show(lab: Lab) -> None:
    """Every decision of a model has as many values; the base contract reads what was stored last."""
    reader = lab.deploy_as("Reader", helper_contracts()["Reader"], lab.address("DecisionRegistry"))
    lab.decided(tier=1, consumer=reader.address)
    assert reader.read("firstValue", lab.tier_model, lab.issuer.address, lab.alice.address) == 1


# The auditor's view.
def test_a_whole_life(lab: Lab) -> None:
    empty = lab.read("DecisionRegistry", "lifeOf", *key(lab))
    assert empty[0] == 0
    assert empty[2:5] == (0, 0, 0)
    assert not empty[12]
    item = lab.decided(nonce=77, sequence=5)
    submitted = lab.network.now()
    life = lab.read("DecisionRegistry", "lifeOf", *key(lab))
    status, decision, nonce, submitted_at, withdrawn_at, schema, model, model_next, issuer, issuer_next, *rest = life
    assert (status, nonce, withdrawn_at, schema) == (VALID, 77, 0, SCHEMA)
    assert abs(submitted_at - submitted) <= 1
    assert tuple(decision) == tuple(lab.read("DecisionRegistry", "decisionOf", *key(lab)))
    assert (model, model_next, issuer, issuer_next) == (2, 0, 1, ZERO)
    assert rest == [0, False, False, 5]
    # A newer attestation for another consumer, the consent withdrawn, the minimum raised, the attestation revoked.
    lab.decided(sequence=8, nonce=78, consumer=lab.bob.address)
    withdraw(lab)
    withdrawn = lab.network.now()
    lab.send("IssuerRegistry", "raiseMinimumSequence", lab.issuer.address, lab.alice.address, SCHEMA, 6, by=lab.issuer)
    lab.send("IssuerRegistry", "revokeAttestation", lab.issuer.address, item.consent.attestationHash, by=lab.issuer)
    commitment = lab.commitment("TierVerifier", TIER_LAYOUT, "v2")
    successor = lab.read("ModelRegistry", "modelIdOf", lab.owner.address, commitment, lab.tier_model)
    lab.send("ModelRegistry", "registerSuccessor", commitment, lab.tier_model)
    binding = lab.read("ModelRegistry", "bindingOf", lab.tier_model)
    lab.send("ModelRegistry", "bindVerifier", successor, binding[0], CONTENT, TIER_LAYOUT, binding[1])
    life = lab.read("DecisionRegistry", "lifeOf", *key(lab))
    assert life[0] == REVOKED
    assert abs(life[4] - withdrawn) <= 1
    assert life[7] == successor
    assert life[10:] == (6, True, True, 8)


def test_history_says_no_more_than_the_tier(lab: Lab) -> None:
    receipt = lab.submit(lab.submission(tier=1))
    (event,) = lab.events(receipt, "DecisionRegistry", "DecisionStored")
    (inference,) = lab.events(receipt, "ModelRegistry", "InferenceVerified")
    assert event["values"] == [1]
    assert inference["output"] == encode_output([1])


# Issuers that change their key.
def rotate(lab: Lab, keeps: bool, by: Any = None, successor: str | None = None) -> Any:
    arguments = (lab.issuer.address, successor or lab.bob.address, keeps)
    return lab.send("IssuerRegistry", "supersedeIssuer", *arguments, by=by or lab.admin)


@pytest.fixture
def heir(lab: Lab) -> str:
    """Bob, registered as an issuer under the same administrator."""
    lab.send("IssuerRegistry", "registerIssuer", lab.admin.address, "", by=lab.bob)
    return str(lab.bob.address)


@pytest.mark.parametrize(("keeps", "status", "decision"), [(True, SUPERSEDED, VALID), (False, RETIRED, INACTIVE)])
def test_a_key_is_succeeded_and_decisions_stay_or_fall(
    lab: Lab, heir: str, keeps: bool, status: int, decision: int
) -> None:
    lab.decided()
    late = lab.submission(sequence=2, nonce=1)
    receipt = rotate(lab, keeps)
    expected = {"issuer": lab.issuer.address, "successor": heir, "keepsDecisions": keeps}
    assert lab.events(receipt, "IssuerRegistry", "IssuerSuperseded") == [expected]
    assert lab.events(receipt, "IssuerRegistry", "IssuerStatusChanged")[0]["status"] == status
    assert lab.read("IssuerRegistry", "statusOf", lab.issuer.address) == status
    assert lab.read("IssuerRegistry", "successorOf", lab.issuer.address) == heir
    assert lab.read("DecisionRegistry", "lifeOf", *key(lab))[9] == heir
    assert lab.status() == decision
    with reverts("IssuerNotActive", lab.issuer.address):
        lab.submit(late)
    lab.decided(issuer=lab.bob, nonce=2)  # the successor attests under its own address


def test_a_superseded_issuer_still_revokes_and_can_be_retired(lab: Lab, heir: str) -> None:
    item = lab.decided()
    rotate(lab, True)
    for function in ("suspendIssuer", "resumeIssuer"):
        with reverts("IssuerIsSuperseded", lab.issuer.address, heir):
            lab.send("IssuerRegistry", function, lab.issuer.address, by=lab.admin)
    lab.send("IssuerRegistry", "registerIssuer", lab.admin.address, "", by=lab.mallory)
    for keeps in (True, False):
        for successor in (heir, lab.mallory.address):  # the link is named once
            with reverts("IssuerIsSuperseded", lab.issuer.address, heir):
                rotate(lab, keeps, successor=successor)
    lab.send("IssuerRegistry", "revokeAttestation", lab.issuer.address, item.consent.attestationHash, by=lab.issuer)
    assert lab.status() == REVOKED
    lab.send("IssuerRegistry", "retireIssuer", lab.issuer.address, by=lab.admin)
    assert lab.status() == INACTIVE
    with reverts("IssuerIsRetired", lab.issuer.address):
        rotate(lab, True)


def test_nobody_names_a_successor_but_the_administrator_of_both(lab: Lab, heir: str) -> None:
    issuer = lab.issuer.address
    for nobody in (lab.issuer, lab.bob, lab.mallory):
        with reverts("NotIssuerAdministrator", issuer, nobody.address):
            rotate(lab, True, by=nobody)
    lab.send("IssuerRegistry", "registerIssuer", lab.mallory.address, "", by=lab.mallory)
    with reverts("NotIssuerAdministrator", lab.mallory.address, lab.admin.address):
        rotate(lab, True, successor=lab.mallory.address)
    with reverts("IssuerNotRegistered", lab.alice.address):
        rotate(lab, True, successor=lab.alice.address)
    with reverts("InvalidSuccessor", issuer, issuer):
        rotate(lab, True, successor=issuer)
    lab.send("IssuerRegistry", "suspendIssuer", heir, by=lab.admin)
    with reverts("InvalidSuccessor", issuer, heir):
        rotate(lab, True)


# Inferences kept for others.
@pytest.fixture
def store(lab: Lab) -> Any:
    return lab.deploy("InferenceStore", lab.address("ModelRegistry"))


def test_an_inference_is_verified_and_kept(lab: Lab, store: Any) -> None:
    commitment, output = (7).to_bytes(32, "big"), encode_output(VALUES)
    proof = lab.bare_proof(VALUES)
    arguments = (lab.score_model, commitment, output, proof)
    packed = lab.network.w3.solidity_keccak(["uint256", "bytes32", "bytes"], [lab.score_model, commitment, output])
    assert store.read("verifyAndStoreInference", *arguments) == bytes(packed)
    with reverts("InferenceNotFound", bytes(packed)):
        store.read("getInference", bytes(packed))
    receipt = lab.send("InferenceStore", "verifyAndStoreInference", *arguments)
    assert lab.events(receipt, "InferenceStore", "InferenceStored") == [{"inferenceId": bytes(packed)}]
    assert tuple(store.read("getInference", bytes(packed))) == (lab.score_model, commitment, output)
    again = lab.send("InferenceStore", "verifyAndStoreInference", *arguments, by=lab.mallory)
    assert lab.events(again, "InferenceStore", "InferenceStored") == []
    assert len(lab.events(again, "ModelRegistry", "InferenceVerified")) == 1


def test_nothing_unproven_is_kept(lab: Lab, store: Any) -> None:
    commitment, proof = (7).to_bytes(32, "big"), lab.bare_proof(VALUES)
    changed = (*VALUES[:6], VALUES[6] + 1)
    with reverts("InvalidProof"):
        lab.send(
            "InferenceStore", "verifyAndStoreInference", lab.score_model, commitment, encode_output(changed), proof
        )
    with reverts("OutputNotCanonical"):
        lab.send("InferenceStore", "verifyAndStoreInference", lab.score_model, commitment, b"", proof)
    with reverts("InvalidVerifier", lab.bob.address):
        lab.deploy("InferenceStore", lab.bob.address)
    wanted = 0
    for signature in ("verifyAndStoreInference(uint256,bytes32,bytes,bytes)", "getInference(bytes32)"):
        wanted ^= int.from_bytes(lab.network.w3.keccak(text=signature)[:4], "big")
    assert store.read("supportsInterface", wanted.to_bytes(4, "big"))
    assert store.read("supportsInterface", bytes.fromhex("01ffc9a7"))
    assert not store.read("supportsInterface", b"\xff" * 4)


# The mock for integrators.
def test_the_mock_answers_as_the_registry(lab: Lab) -> None:
    mock = lab.deploy("MockDecisionRegistry")
    reader = lab.deploy_as("Reader", helper_contracts()["Reader"], mock.address)
    where = (5, lab.issuer.address, lab.alice.address, reader.address)
    asked = where[:3]
    assert reader.read("status", *asked) == 0
    with reverts("DecisionMissing"):
        reader.read("firstValue", *asked)
    lab.send("MockDecisionRegistry", "decide", *where, 2, PERSON, 10 * DAY)
    assert (reader.read("status", *asked), reader.read("firstValue", *asked)) == (VALID, 2)
    now = lab.network.now()
    assert tuple(mock.read("valueOf", *where))[:2] == (2, PERSON)
    assert abs(tuple(mock.read("tryValueOf", *where)[1])[3] - now - 10 * DAY) <= 2
    names = {
        2: "DecisionModelDeprecated",
        3: "DecisionIssuerInactive",
        4: "DecisionRevoked",
        5: "DecisionExpired",
        6: "DecisionConsentWithdrawn",
        7: "DecisionModelFrozen",
    }
    for status, name in names.items():
        lab.send("MockDecisionRegistry", "setStatus", *where, status)
        assert reader.read("status", *asked) == status
        with reverts(name):
            mock.read("valueOf", *where)
    lab.send("MockDecisionRegistry", "setStatus", *where, VALID)
    lab.network.advance_time(11 * DAY)
    with reverts("DecisionExpired"):
        reader.read("firstValue", *asked)


def test_the_mock_refuses_what_no_registry_holds(lab: Lab) -> None:
    mock = lab.deploy("MockDecisionRegistry")
    where = (5, lab.issuer.address, lab.alice.address, lab.bob.address)
    with reverts("DecisionMissing"):
        lab.send("MockDecisionRegistry", "setStatus", *where, VALID)
    for values, decimals in (([], []), ([1], []), ([1, 2], [0])):
        decision = (values, decimals, lab.issuer.address, PERSON, bytes(32), 1, 2, 1)
        with reverts("DecisionWithoutValues", len(values), len(decimals)):
            lab.send("MockDecisionRegistry", "setDecision", 5, lab.alice.address, lab.bob.address, decision)
    status, value = mock.read("tryValueOf", *where)
    assert (status, tuple(value)) == (0, (0, bytes(32), 0, 0))
    lab.send("MockDecisionRegistry", "decide", *where, 2, PERSON, 2**64 - 1)  # for ever
    assert tuple(mock.read("valueOf", *where))[3] == 2**64 - 1
    hashes = {bytes(mock.read("decisionOf", *where)[4])}
    for consumer in (lab.bob, lab.mallory):
        lab.send("MockDecisionRegistry", "decide", *where[:3], consumer.address, 2, PERSON, DAY)
        hashes.add(bytes(mock.read("decisionOf", *where[:3], consumer.address)[4]))
    assert len(hashes) == 3


def test_a_gate_a_vault_and_a_market_run_on_the_mock(lab: Lab) -> None:
    """What they ask of a model and an issuer is what `setTiers` said."""
    mock, alice = lab.deploy("MockDecisionRegistry"), lab.alice.address
    registry = mock.address
    gate = (registry, 5, lab.issuer.address, 100, DAY, DAY, [0, 1_000, 5_000])
    with reverts("InvalidLimits", word("modelId")):
        lab.deploy("FraudGate", *gate)
    lab.send("MockDecisionRegistry", "setTiers", 5, 3)
    lab.deploy("FraudGate", *gate)
    with reverts("DecisionMissing"):
        lab.send("FraudGate", "beforeTransfer", alice, alice, 101)
    where = (5, lab.issuer.address, alice)
    lab.send("MockDecisionRegistry", "decide", *where, lab.address("FraudGate"), 1, PERSON, DAY)
    lab.send("FraudGate", "beforeTransfer", alice, alice, 1_000)
    lab.contracts["DecisionRegistry"] = mock
    market = MarketLab(lab, model_id=5)
    market.supply()
    market.lock(10 * UNIT)
    assert market.read("maxBorrowOf", market.id, alice) == 0
    with reverts("DecisionMissing"):
        market.borrow(1_500 * UNIT)
    lab.send("MockDecisionRegistry", "decide", *where, market.market, 2, PERSON, DAY)
    assert market.read("maxBorrowOf", market.id, alice) == 1_500 * UNIT
    market.borrow(1_500 * UNIT)
    lab.deploy("CreditLine", registry, lab.address("Dollar"), lab.owner.address)
    lab.send("CreditLine", "setModelTerms", 5, CREDIT_TERMS)
    with reverts("InvalidTerms", word("tiers")):
        lab.send("CreditLine", "setModelTerms", 5, (CREDIT_TERMS[0][:2], *CREDIT_TERMS[1:]))
    lab.send("MockDecisionRegistry", "setTiers", 5, 0)
    with reverts("InvalidLimits", word("modelId")):
        lab.deploy("FraudGate", *gate)


def test_the_mock_has_the_registrys_reads(lab: Lab) -> None:
    """Selectors and answers of the reads are the registry's own."""

    def reads(name: str) -> dict[str, object]:
        wanted = ("decisionOf", "tryDecisionOf", "valueOf", "tryValueOf")
        abi = load_artifact(name).abi
        return {e["name"]: (types(e["inputs"]), types(e["outputs"])) for e in abi if e.get("name") in wanted}

    def types(items: Any) -> object:
        return [(item["type"], types(item.get("components", []))) for item in items]

    assert reads("MockDecisionRegistry") == reads("DecisionRegistry")
    assert len(reads("DecisionRegistry")) == 4


@pytest.mark.parametrize(
    "path",
    [
        "periphery/VerdictConsumer.sol",
        "periphery/MockDecisionRegistry.sol",
        "periphery/DemoFeed.sol",
        "periphery/DemoToken.sol",
        "periphery/FraudGate.sol",
        "assets/DemoDeed.sol",
    ],
)
def test_what_an_integrator_imports_pins_no_compiler(repository: Path, path: str) -> None:
    """Nor does anything behind its imports."""
    seen, queue = set[Path](), [(repository / "contracts" / path).resolve()]
    while queue:
        file = queue.pop()
        seen.add(file)
        text = file.read_text()
        assert "pragma solidity ^0.8.28;" in text, file
        queue += {(file.parent / found).resolve() for found in re.findall(r'from "(\.[^"]+)"', text)} - seen
