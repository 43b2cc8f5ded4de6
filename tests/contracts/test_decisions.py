"""Reading decisions: who may rely on one, until when, and what withdraws it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.contracts.circuits import helper_contracts
from tests.contracts.lab import DAY, SCHEMA, Lab, Submission, reverts

MISSING, VALID, MODEL_DEPRECATED, ISSUER_INACTIVE, REVOKED, EXPIRED = range(6)
ZERO = "0x" + "00" * 20


def read(lab: Lab) -> object:
    return lab.read(
        "DecisionRegistry",
        "decisionOf",
        lab.tier_model,
        lab.issuer.address,
        lab.alice.address,
        lab.address("CreditLine"),
    )


def by_issuer(lab: Lab, function: str, *args: object) -> None:
    lab.send("IssuerRegistry", function, lab.issuer.address, *args, by=lab.admin)


def expire(lab: Lab, _: Submission) -> None:
    lab.network.advance_time(10 * DAY)


def deprecate(lab: Lab, _: Submission) -> None:
    lab.send("ModelRegistry", "deprecateModel", lab.tier_model)


def suspend(lab: Lab, _: Submission) -> None:
    by_issuer(lab, "suspendIssuer")


def retire(lab: Lab, _: Submission) -> None:
    by_issuer(lab, "retireIssuer")


def revoke(lab: Lab, submission: Submission) -> None:
    by_issuer(lab, "revokeAttestation", submission.consent.attestationHash)


def raise_minimum(lab: Lab, submission: Submission) -> None:
    by_issuer(lab, "raiseMinimumSequence", lab.alice.address, SCHEMA, submission.attestation.sequence + 1)


Withdrawal = Callable[[Lab, Submission], None]


def test_nothing_stored_reads_as_missing(lab: Lab) -> None:
    status, decision = lab.read(
        "DecisionRegistry",
        "tryDecisionOf",
        lab.tier_model,
        lab.issuer.address,
        lab.alice.address,
        lab.address("CreditLine"),
    )
    assert status == MISSING
    assert tuple(decision) == ([], [], ZERO, bytes(32), bytes(32), 0, 0, 0)
    with reverts("DecisionMissing"):
        read(lab)


@pytest.mark.parametrize(
    ("withdraw", "status", "error"),
    [
        (deprecate, MODEL_DEPRECATED, "DecisionModelDeprecated"),
        (suspend, ISSUER_INACTIVE, "DecisionIssuerInactive"),
        (retire, ISSUER_INACTIVE, "DecisionIssuerInactive"),
        (revoke, REVOKED, "DecisionRevoked"),
        (raise_minimum, REVOKED, "DecisionRevoked"),
        (expire, EXPIRED, "DecisionExpired"),
    ],
)
def test_withdrawals_act_at_the_read(lab: Lab, withdraw: Withdrawal, status: int, error: str) -> None:
    submission = lab.decided()
    assert lab.status() == VALID
    withdraw(lab, submission)
    assert lab.status() == status
    with reverts(error):
        read(lab)
    _, decision = lab.read(
        "DecisionRegistry",
        "tryDecisionOf",
        lab.tier_model,
        lab.issuer.address,
        lab.alice.address,
        lab.address("CreditLine"),
    )
    assert decision[0] == [2]  # what was stored stays readable, for information


def test_the_reason_named_is_the_gravest(lab: Lab) -> None:
    submission = lab.decided()
    for withdraw, status in (
        (expire, EXPIRED),
        (revoke, REVOKED),
        (suspend, ISSUER_INACTIVE),
        (deprecate, MODEL_DEPRECATED),
    ):
        withdraw(lab, submission)
        assert lab.status() == status


def test_a_suspension_ends(lab: Lab) -> None:
    submission = lab.decided()
    suspend(lab, submission)
    by_issuer(lab, "resumeIssuer")
    assert lab.status() == VALID


def test_a_minimum_at_the_sequence_withdraws_nothing(lab: Lab) -> None:
    lab.decided(sequence=5)
    by_issuer(lab, "raiseMinimumSequence", lab.alice.address, SCHEMA, 5)
    assert lab.status() == VALID


def test_valid_until_is_the_first_second_too_late(lab: Lab) -> None:
    until = lab.decided().attestation.expiresAt
    lab.travel(until - 1)
    assert lab.status() == VALID
    lab.travel(until)
    assert lab.status() == EXPIRED


def test_a_decision_is_for_one_consumer_model_issuer_and_subject(lab: Lab) -> None:
    lab.decided()
    line = lab.address("CreditLine")
    key = [lab.tier_model, lab.issuer.address, lab.alice.address, line]
    others = [lab.score_model, lab.bob.address, lab.bob.address, lab.bob.address]
    for at, other in enumerate(others):
        changed = [*key[:at], other, *key[at + 1 :]]
        assert lab.read("DecisionRegistry", "tryDecisionOf", *changed)[0] == MISSING
    assert lab.read("DecisionRegistry", "tryDecisionOf", *key)[0] == VALID


def test_try_decision_of_never_reverts(lab: Lab) -> None:
    for key in ((0, ZERO, ZERO, ZERO), (2**256 - 1, lab.bob.address, lab.bob.address, lab.bob.address)):
        assert lab.read("DecisionRegistry", "tryDecisionOf", *key)[0] == MISSING


def test_a_consumer_in_three_lines(lab: Lab) -> None:
    """The base contract reads for its own address, whoever calls it."""
    reader = lab.deploy_as("Reader", helper_contracts()["Reader"], lab.address("DecisionRegistry"))
    lab.decided(tier=1, consumer=reader.address)
    assert reader.read("firstValue", lab.tier_model, lab.issuer.address, lab.alice.address) == 1
    assert reader.read("status", lab.tier_model, lab.issuer.address, lab.alice.address) == VALID
    assert reader.read("status", lab.tier_model, lab.issuer.address, lab.bob.address) == MISSING
    with reverts("DecisionMissing"):
        reader.read("firstValue", lab.tier_model, lab.issuer.address, lab.bob.address)


def test_a_consumer_needs_a_registry(lab: Lab) -> None:
    with reverts("InvalidDecisionRegistry", lab.bob.address):
        lab.deploy_as("Reader", helper_contracts()["Reader"], lab.bob.address)


def test_registries_must_be_contracts(lab: Lab) -> None:
    nobody, models = lab.bob.address, lab.address("ModelRegistry")
    for arguments in ((nobody, models), (models, nobody)):
        with reverts("InvalidRegistry", nobody):
            lab.deploy("DecisionRegistry", *arguments)
    with reverts("InvalidRegistry", nobody):
        lab.deploy("AuditRegistry", nobody)


def test_registries_are_fixed_at_deployment(lab: Lab) -> None:
    assert lab.read("DecisionRegistry", "modelRegistry") == lab.address("ModelRegistry")
    assert lab.read("DecisionRegistry", "issuerRegistry") == lab.address("IssuerRegistry")
