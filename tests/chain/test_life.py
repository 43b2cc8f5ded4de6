"""A decision's life as an auditor reads it: stored, withdrawn, overtaken, issuer succeeded, model frozen."""

from __future__ import annotations

from pathlib import Path

import pytest

from prover.chain.decision import DecisionStatus, submit
from prover.chain.issuers import (
    IssuerStatus,
    issuer_status,
    register_issuer,
    resume_issuer,
    retire_issuer,
    successor_of,
    supersede_issuer,
    suspend_issuer,
)
from prover.chain.life import Life, invalidate_nonce, life_of, withdraw_consent
from prover.chain.models import ModelStatus, freeze_verifier, model_status, name_guardian, register_model
from prover.chain.networks import connect
from prover.chain.signer import development_signers
from prover.chain.transactions import Sender
from prover.errors import ChainError, DeploymentError, TransactionReverted
from tests.chain import tiny
from tests.chain.test_decisions import SECRET, YEAR, World, build


@pytest.fixture
def world(model: tiny.TinyModel, tmp_path: Path) -> World:
    return build(connect("tester"), model, tmp_path)


def life(world: World) -> Life:
    key = (world.model_id, world.issuer.address, world.subject.address, world.lender.address)
    return life_of(world.stack.decisions, *key)


def account(world: World, index: int) -> Sender:
    return Sender(world.network, development_signers(world.network)[index])


def test_nothing_stored(world: World) -> None:
    found = life(world)
    assert found.status is DecisionStatus.MISSING
    assert (found.submitted_at, found.withdrawn_at, found.superseded, found.last_sequence) == (0, None, False, 0)
    assert (found.model_status, found.issuer_status) == (ModelStatus.ACTIVE, IssuerStatus.ACTIVE)
    assert (found.model_successor, found.issuer_successor) == (None, None)


def test_stored_then_withdrawn_then_attested_anew(world: World) -> None:
    signed, permission, values, proof = world.proven()
    submit(world.owner, world.stack.decisions, signed, permission, values, proof)
    stored = life(world)
    assert stored.decision == world.read()
    assert (stored.status, stored.withdrawn_at) == (DecisionStatus.VALID, None)
    assert stored.consent_nonce == permission.consent.nonce
    assert 0 <= world.network.now() - stored.submitted_at < 10
    assert (stored.schema_hash, stored.last_sequence) == (tiny.LAYOUT.schema_hash, 1)

    subject = Sender(world.network, world.subject)
    what = (world.stack.decisions, world.model_id, world.issuer.address, world.lender.address)
    with pytest.raises(TransactionReverted) as caught:
        withdraw_consent(world.owner, *what)
    assert caught.value.error == "DecisionMissing"
    withdraw_consent(subject, *what)
    assert life(world).status is DecisionStatus.CONSENT_WITHDRAWN
    assert life(world).withdrawn_at is not None
    with pytest.raises(TransactionReverted) as caught:
        withdraw_consent(subject, *what)
    assert (caught.value.error, caught.value.args_) == ("DecisionConsentWithdrawn", (signed.attestation.hash,))
    with pytest.raises(TransactionReverted, match="ConsentNonceUsed"):
        submit(world.owner, world.stack.decisions, signed, permission, values, proof)

    again = world.consent(signed)
    proof = world.model.prove(SECRET, 2, world.context(signed, again))
    with pytest.raises(TransactionReverted) as caught:
        submit(world.owner, world.stack.decisions, signed, again, values, proof)
    assert (caught.value.error, caught.value.args_) == ("ConsentIsWithdrawn", (signed.attestation.hash,))
    newer = world.attestation(sequence=2)
    permission = world.consent(newer)
    proof = world.model.prove(SECRET, 2, world.context(newer, permission))
    submit(world.owner, world.stack.decisions, newer, permission, values, proof)
    assert (life(world).status, life(world).withdrawn_at) == (DecisionStatus.VALID, None)


def test_overtaken_by_an_attestation_for_another_consumer(world: World) -> None:
    submit(world.owner, world.stack.decisions, *world.proven())
    newer = world.attestation(sequence=2)
    elsewhere = world.consent(newer, consumer=world.owner.address)
    proof = world.model.prove(SECRET, 0, world.context(newer, elsewhere))
    submit(world.owner, world.stack.decisions, newer, elsewhere, [0], proof)
    found = life(world)
    assert (found.status, found.superseded, found.last_sequence) == (DecisionStatus.VALID, True, 2)
    hash_ = found.decision.attestation_hash
    world.owner.transact(world.stack.issuers, "revokeAttestation", world.issuer.address, hash_)
    assert (life(world).status, life(world).revoked) == (DecisionStatus.REVOKED, True)
    lowest = (world.issuer.address, world.subject.address, tiny.LAYOUT.schema_hash, 2)
    world.owner.transact(world.stack.issuers, "raiseMinimumSequence", *lowest)
    assert life(world).minimum_sequence == 2


def test_a_consent_regretted_before_it_was_used(world: World) -> None:
    signed, permission, values, proof = world.proven()
    subject = Sender(world.network, world.subject)
    invalidate_nonce(subject, world.stack.decisions, permission.consent.nonce)
    for act in (
        lambda: submit(world.owner, world.stack.decisions, signed, permission, values, proof),
        lambda: invalidate_nonce(subject, world.stack.decisions, permission.consent.nonce),
    ):
        with pytest.raises(TransactionReverted) as caught:
            act()
        assert caught.value.error == "ConsentNonceUsed"


@pytest.mark.parametrize("keeps", [True, False])
def test_an_issuer_changes_its_key(world: World, keeps: bool) -> None:
    submit(world.owner, world.stack.decisions, *world.proven())
    issuers, old, new = world.stack.issuers, world.issuer.address, account(world, 6)
    with pytest.raises(TransactionReverted) as caught:
        supersede_issuer(world.owner, issuers, old, new.address, keeps_decisions=keeps)
    assert caught.value.error == "IssuerNotRegistered"
    register_issuer(new, issuers, administrator=world.owner.address)
    with pytest.raises(TransactionReverted) as caught:
        supersede_issuer(new, issuers, old, new.address, keeps_decisions=keeps)
    assert caught.value.error == "NotIssuerAdministrator"
    assert successor_of(issuers, old) is None
    supersede_issuer(world.owner, issuers, old, new.address, keeps_decisions=keeps)
    assert successor_of(issuers, old) == new.address
    found = life(world)
    assert found.issuer_successor == new.address
    assert found.issuer_status is (IssuerStatus.SUPERSEDED if keeps else IssuerStatus.RETIRED)
    assert found.status is (DecisionStatus.VALID if keeps else DecisionStatus.ISSUER_INACTIVE)
    with pytest.raises(DeploymentError, match=found.issuer_status.name.lower()):
        register_issuer(Sender(world.network, world.issuer), issuers)


def test_an_issuer_is_suspended_resumed_and_retired(world: World) -> None:
    submit(world.owner, world.stack.decisions, *world.proven())
    issuers, issuer = world.stack.issuers, world.issuer.address
    for act, error in (
        (suspend_issuer, "NotIssuerAdministrator"),
        (resume_issuer, "NotIssuerAdministrator"),
        (retire_issuer, "NotIssuer"),
    ):
        with pytest.raises(TransactionReverted) as caught:
            act(account(world, 6), issuers, issuer)
        assert caught.value.error == error
    suspend_issuer(world.owner, issuers, issuer)
    assert issuer_status(issuers, issuer) is IssuerStatus.SUSPENDED
    assert life(world).status is DecisionStatus.ISSUER_INACTIVE
    resume_issuer(world.owner, issuers, issuer)
    assert life(world).status is DecisionStatus.VALID
    retire_issuer(Sender(world.network, world.issuer), issuers, issuer)
    assert life(world).issuer_status is IssuerStatus.RETIRED
    with pytest.raises(TransactionReverted, match="IssuerIsRetired"):
        resume_issuer(world.owner, issuers, issuer)


def test_a_guardian_freezes(world: World) -> None:
    submit(world.owner, world.stack.decisions, *world.proven())
    models, guardian = world.stack.models, account(world, 6)
    with pytest.raises(TransactionReverted) as caught:
        freeze_verifier(guardian, models, world.model_id)
    assert (caught.value.error, caught.value.args_) == ("NotModelGuardian", (world.model_id, guardian.address))
    with pytest.raises(TransactionReverted, match="NotModelOwner"):
        name_guardian(guardian, models, world.model_id, guardian.address)
    with pytest.raises(ChainError, match="not an address"):
        name_guardian(world.owner, models, world.model_id, "0x12")
    name_guardian(world.owner, models, world.model_id, guardian.address)
    name_guardian(world.owner, models, world.model_id, None)
    with pytest.raises(TransactionReverted, match="NotModelGuardian"):
        freeze_verifier(guardian, models, world.model_id)
    name_guardian(world.owner, models, world.model_id, guardian.address)
    freeze_verifier(guardian, models, world.model_id)
    assert model_status(models, world.model_id) is ModelStatus.FROZEN
    assert life(world).status is DecisionStatus.MODEL_FROZEN
    with pytest.raises(TransactionReverted, match="VerifierIsFrozen"):
        freeze_verifier(world.owner, models, world.model_id)


def test_a_frozen_model_is_not_registered_again(world: World, model: tiny.TinyModel) -> None:
    verifier = world.stack.models.read("bindingOf", world.model_id)[0]
    freeze_verifier(world.owner, world.stack.models, world.model_id)
    with pytest.raises(DeploymentError, match="is frozen for good"):
        register_model(world.owner, world.stack.models, model.commitment, verifier, max_age=YEAR)
