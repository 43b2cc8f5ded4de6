"""The kill switch of a verifier, and who may pull it."""

from __future__ import annotations

from typing import Any

from prover.chain.signer import Signer
from tests.contracts.circuits import helper_contracts
from tests.contracts.lab import CONTENT, MAX_AGE, TIER_LAYOUT, Lab, reverts
from tests.contracts.test_audits import state, statement
from tests.contracts.test_batches import batch

ZERO = "0x" + "00" * 20
FROZEN = 4


def freeze(lab: Lab, by: Signer | None = None, model: int | None = None) -> Any:
    return lab.send("ModelRegistry", "freezeVerifier", lab.tier_model if model is None else model, by=by)


def pending(lab: Lab, uri: str, by: Signer | None = None) -> int:
    commitment = lab.commitment("TierVerifier", TIER_LAYOUT, uri)
    lab.send("ModelRegistry", "registerModel", commitment, by=by)
    owner = (by or lab.owner).address
    return int(lab.read("ModelRegistry", "modelIdOf", owner, commitment, 0))


def bind(lab: Lab, model_id: int, by: Signer | None = None, verifier: str | None = None) -> Any:
    address = verifier or lab.address("TierVerifier")
    return lab.send("ModelRegistry", "bindVerifier", model_id, address, CONTENT, TIER_LAYOUT, MAX_AGE, by=by)


def test_a_frozen_verifier_answers_no_more_and_its_decisions_fall(lab: Lab) -> None:
    lab.decided()
    late = lab.submission(subject=lab.bob)
    receipt = freeze(lab)
    binding = lab.read("ModelRegistry", "bindingOf", lab.tier_model)
    assert lab.events(receipt, "ModelRegistry", "VerifierFrozen") == [
        {"modelId": lab.tier_model, "verifier": binding[0], "codeHash": binding[4], "caller": lab.owner.address}
    ]
    assert lab.read("ModelRegistry", "statusOf", lab.tier_model) == FROZEN
    assert lab.read("ModelRegistry", "standingOf", lab.tier_model)[0] == FROZEN
    assert lab.status() == 7
    key = (lab.tier_model, lab.issuer.address, lab.alice.address, lab.address("CreditLine"))
    for view in ("decisionOf", "valueOf"):
        with reverts("DecisionModelFrozen", lab.tier_model):
            lab.read("DecisionRegistry", view, *key)
    with reverts("VerifierIsFrozen", lab.tier_model):
        lab.submit(late)
    with reverts("VerifierIsFrozen", lab.tier_model):
        batch(lab, [late])
    with reverts("VerifierIsFrozen", lab.tier_model):
        lab.send("ModelRegistry", "verifyInference", lab.tier_model, bytes(32), b"", bytes(288))
    with reverts("VerifierIsFrozen", lab.tier_model):
        lab.send("ModelRegistry", "verifyInferences", lab.tier_model, [])


def test_a_freeze_is_for_ever(lab: Lab) -> None:
    freeze(lab)
    with reverts("VerifierIsFrozen", lab.tier_model):
        freeze(lab)
    lab.send("ModelRegistry", "deprecateModel", lab.tier_model)
    assert lab.read("ModelRegistry", "statusOf", lab.tier_model) == FROZEN


def test_a_deprecated_model_can_be_frozen_and_a_pending_one_not(lab: Lab) -> None:
    waiting = pending(lab, "waiting")
    with reverts("ModelPending", waiting):
        freeze(lab, model=waiting)
    with reverts("ModelNotFound", 1):
        freeze(lab, model=1)
    lab.send("ModelRegistry", "deprecateModel", lab.tier_model)
    freeze(lab)
    assert lab.read("ModelRegistry", "statusOf", lab.tier_model) == FROZEN


def test_frozen_code_is_never_bound_again_by_that_owner(lab: Lab) -> None:
    code_hash = lab.read("ModelRegistry", "bindingOf", lab.tier_model)[4]
    twin = lab.deploy_as("Twin", lab.tier.verifier("TierVerifier", b"\x07" * 32)).address
    waiting, other = pending(lab, "waiting"), pending(lab, "of bob", by=lab.bob)
    freeze(lab)
    assert lab.read("ModelRegistry", "isCodeFrozen", lab.owner.address, code_hash)
    assert not lab.read("ModelRegistry", "isCodeFrozen", lab.bob.address, code_hash)
    with reverts("VerifierCodeFrozen", lab.owner.address, code_hash):
        bind(lab, waiting)
    same = lab.deploy_as("Same", lab.tier.verifier("TierVerifier", lab.read("TierVerifier", "transcriptHash")))
    with reverts("VerifierCodeFrozen", lab.owner.address, code_hash):  # the same code elsewhere
        bind(lab, waiting, verifier=same.address)
    bind(lab, waiting, verifier=twin)  # other code for the same key: the owner's judgement
    bind(lab, other, by=lab.bob)  # another owner's too


def test_another_model_on_the_same_code_is_frozen_by_itself(lab: Lab) -> None:
    second = lab.register("TierVerifier", TIER_LAYOUT, "second")
    freeze(lab)
    assert lab.read("ModelRegistry", "statusOf", second) == 2
    freeze(lab, model=second)
    assert lab.read("ModelRegistry", "statusOf", second) == FROZEN


def test_a_guardian_freezes_and_does_nothing_else(lab: Lab) -> None:
    model = lab.tier_model
    with reverts("NotModelGuardian", model, lab.mallory.address):
        freeze(lab, by=lab.mallory)
    with reverts("NotModelOwner", model, lab.mallory.address):
        lab.send("ModelRegistry", "nameGuardian", model, lab.mallory.address, by=lab.mallory)
    receipt = lab.send("ModelRegistry", "nameGuardian", model, lab.bob.address)
    assert lab.events(receipt, "ModelRegistry", "GuardianNamed") == [{"modelId": model, "guardian": lab.bob.address}]
    assert lab.read("ModelRegistry", "guardianOf", model) == lab.bob.address
    for function, args in (
        ("deprecateModel", ()),
        ("transferModelOwnership", (lab.bob.address,)),
        ("nameGuardian", (lab.mallory.address,)),
    ):
        with reverts("NotModelOwner", model, lab.bob.address):
            lab.send("ModelRegistry", function, model, *args, by=lab.bob)
    receipt = freeze(lab, by=lab.bob)
    assert lab.events(receipt, "ModelRegistry", "VerifierFrozen")[0]["caller"] == lab.bob.address
    # The owner is who cannot bind the code again, not the guardian.
    assert lab.read(
        "ModelRegistry", "isCodeFrozen", lab.owner.address, lab.read("ModelRegistry", "bindingOf", model)[4]
    )


def test_a_guardian_can_be_dismissed_and_leaves_with_the_owner(lab: Lab) -> None:
    lab.send("ModelRegistry", "nameGuardian", lab.tier_model, lab.bob.address)
    lab.send("ModelRegistry", "nameGuardian", lab.tier_model, ZERO)
    with reverts("NotModelGuardian", lab.tier_model, lab.bob.address):
        freeze(lab, by=lab.bob)
    lab.send("ModelRegistry", "nameGuardian", lab.tier_model, lab.bob.address)
    lab.send("ModelRegistry", "transferModelOwnership", lab.tier_model, lab.alice.address)
    lab.send("ModelRegistry", "acceptModelOwnership", lab.tier_model, by=lab.alice)
    assert lab.read("ModelRegistry", "guardianOf", lab.tier_model) == ZERO
    for nobody in (lab.bob, lab.owner):
        with reverts("NotModelGuardian", lab.tier_model, nobody.address):
            freeze(lab, by=nobody)
    freeze(lab, by=lab.alice)


def test_an_audit_of_a_frozen_model_does_not_count(lab: Lab) -> None:
    said = statement(lab)
    state(lab, said)
    assert lab.read("AuditRegistry", "isProduction", lab.tier_model, said["auditor"])
    freeze(lab)
    assert not lab.read("AuditRegistry", "isProduction", lab.tier_model, said["auditor"])


def test_a_stolen_owner_key_reaches_no_further_than_its_own_models(lab: Lab) -> None:
    """The thief can retire and freeze. It cannot change a model's meaning, nor make a decision of its own."""
    lab.decided()
    thief = lab.owner
    with reverts("ModelImmutable", lab.tier_model):
        lab.send("ModelRegistry", "updateModel", lab.tier_model, lab.commitment("TierVerifier", TIER_LAYOUT), by=thief)
    stub = lab.deploy_as(
        "Stub", helper_contracts()["StubVerifier"], lab.read("TierVerifier", "vkHash"), bytes(32), bytes(32), False
    )
    with reverts("ModelAlreadyBound", lab.tier_model):
        bind(lab, lab.tier_model, by=thief, verifier=stub.address)
    # A successor with a verifier of the thief's is another id, which no consumer accepts by itself.
    commitment = lab.commitment("TierVerifier", TIER_LAYOUT, "forged")
    forged = lab.read("ModelRegistry", "modelIdOf", thief.address, commitment, lab.tier_model)
    lab.send("ModelRegistry", "registerSuccessor", commitment, lab.tier_model, by=thief)
    bind(lab, forged, by=thief, verifier=stub.address)
    lab.send("Stub", "setAnswer", (1).to_bytes(32, "big"))
    lab.submit(lab.submission(model=forged, subject=lab.bob))
    assert lab.status() == 1
    assert lab.status(lab.bob) == 0
    assert lab.status(lab.bob, model=forged) == 1
    with reverts("ModelNotAccepted"):
        lab.send("CreditLine", "draw", forged, lab.issuer.address, 1, by=lab.bob)
