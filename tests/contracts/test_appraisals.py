"""The appraisal feed: a price only from proven, valid, newer appraisals of this very asset, which never ends."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from prover.chain.artifacts import load_artifact
from prover.chain.signer import Signer
from tests.contracts.asset_lab import DECAY, DEED, DOLLAR, FLOOR, HAIRCUT, LEAST, MOST, Estate
from tests.contracts.lab import DAY, PERSON, SCHEMA, Lab, reverts, word

ZERO = "0x" + "00" * 20


@pytest.fixture(scope="session")
def price_key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("price")


@pytest.fixture
def estate(lab: Lab, price_key: Path) -> Estate:
    return Estate.build(lab, price_key)


def round_of(estate: Estate) -> tuple[int, ...]:
    return tuple(estate.lab.read("AppraisalFeed", "latestRoundData"))


# A price.


def test_a_proven_appraisal_becomes_a_round(estate: Estate) -> None:
    lab = estate.lab
    submission = estate.surveyed(400.1234567)  # thousands; the seventh digit is beyond the model's
    observed, until = submission.attestation.observedAt, submission.attestation.expiresAt
    lab.travel(observed + 3 * DAY)
    receipt = estate.update()
    appraisal = 40_012_345_700_000
    answer = appraisal * (10_000 - HAIRCUT) // 10_000
    assert round_of(estate) == (1, answer, observed, observed, 1)  # as old as the survey, not as the transaction
    assert lab.read("AppraisalFeed", "getRoundData", 1) == (1, answer, observed, observed, 1)
    assert lab.read("AppraisalFeed", "freshAppraisal") == appraisal
    assert lab.read("AppraisalFeed", "expiresAt") == until
    assert lab.events(receipt, "AppraisalFeed", "Appraised") == [
        {
            "roundId": 1,
            "subject": lab.bob.address,
            "attestationHash": submission.consent.attestationHash,
            "appraisal": appraisal,
            "answer": answer,
            "observedAt": observed,
            "expiresAt": until,
        }
    ]


def test_what_the_feed_says_about_itself(estate: Estate) -> None:
    lab = estate.lab
    assert lab.read("AppraisalFeed", "decimals") == 8
    assert lab.read("AppraisalFeed", "version") == 1
    assert lab.read("AppraisalFeed", "description") == "deed 7 / USD"
    assert lab.read("AppraisalFeed", "assetId") == estate.asset_id()
    names = ("shares", "quoteToken", "modelId", "issuer", "unit", "haircutBps", "floorBps", "decayPeriod")
    found = tuple(lab.read("AppraisalFeed", name) for name in (*names, "minAppraisal", "maxAppraisal"))
    assert found == estate.config()


def test_rounds_are_kept(estate: Estate) -> None:
    estate.appraised(400)
    estate.lab.travel(estate.lab.network.now() + DAY)
    estate.appraised(300, subject=estate.lab.mallory)  # another wallet commissioned it; the asset is the same
    first, second = (estate.lab.read("AppraisalFeed", "getRoundData", number)[1] for number in (1, 2))
    assert (first, second) == (320_000 * DOLLAR, 240_000 * DOLLAR)
    assert round_of(estate)[:2] == (2, second)


def test_no_round_yet(estate: Estate) -> None:
    assert estate.lab.read("AppraisalFeed", "expiresAt") == 0
    for view in ("latestRoundData", "freshAppraisal"):
        with reverts("NoAppraisal"):
            estate.lab.read("AppraisalFeed", view)
    with reverts("NoAppraisal"):
        estate.lab.send("AppraisalFeed", "retract")
    estate.appraised(400)
    for unknown in (0, 2, 2**80 - 1):
        with reverts("RoundUnknown", unknown):
            estate.lab.read("AppraisalFeed", "getRoundData", unknown)


# What is no price.


def test_without_a_decision(estate: Estate) -> None:
    with reverts("DecisionMissing"):
        estate.update()


@pytest.mark.parametrize("other", ["person", "token", "chain"])
def test_an_attestation_about_something_else_prices_nothing(estate: Estate, other: str) -> None:
    """The surveyor's honest attestation of another thing, for a wallet that consents to this feed."""
    about = {"person": bytes(PERSON), "token": estate.asset_id(DEED + 1), "chain": estate.asset_id(chain_id=1)}[other]
    estate.surveyed(1_900, personId=about)
    with reverts("WrongAsset", estate.asset_id(), about):
        estate.update()


def test_another_surveyor_does_not_count(estate: Estate) -> None:
    """Whoever registers as an issuer and attests the asset is not the feed's surveyor."""
    lab = estate.lab
    estate.deploy_feed(issuer=lab.mallory.address)
    estate.surveyed(1_900)
    with reverts("DecisionMissing"):
        estate.update()


def test_an_appraisal_for_another_feed(estate: Estate) -> None:
    estate.surveyed(400)
    estate.deploy_feed()
    with reverts("DecisionMissing"):
        estate.update()


def test_time_only_moves_forward(estate: Estate) -> None:
    """An older or equally old survey, kept back by somebody who likes its price better, is refused."""
    lab = estate.lab
    now = lab.network.now()
    estate.appraised(300)
    for sequence, age in enumerate((0, DAY), start=1):
        estate.surveyed(500, subject=lab.mallory, observedAt=now - age, sequence=sequence, nonce=age)
        with reverts("AppraisalNotNewer", now, now - age):
            estate.update(lab.mallory)
    with reverts("AppraisalNotNewer", now, now):  # nor the same again
        estate.update()


@pytest.mark.parametrize("thousands", [0, -400, 49.999_999, 2_000.000_001])
def test_unbelievable_appraisals(estate: Estate, thousands: float) -> None:
    estate.surveyed(thousands)
    with reverts("AppraisalOutOfBounds", round(thousands * 10**6) * 10**5, LEAST, MOST):
        estate.update()


@pytest.mark.parametrize("thousands", [50, 2_000])
def test_the_bounds_themselves_are_believed(estate: Estate, thousands: int) -> None:
    estate.appraised(thousands)
    assert estate.answer() == thousands * 800 * DOLLAR


def test_an_expired_decision_is_no_new_round(estate: Estate) -> None:
    until = estate.surveyed(400).attestation.expiresAt
    estate.lab.travel(until)
    with reverts("DecisionExpired", until):
        estate.update()


# After expiry.


def test_an_expired_price_falls_along_a_line_to_its_floor(estate: Estate) -> None:
    lab = estate.lab
    until = estate.appraised(400).attestation.expiresAt
    full = 320_000 * DOLLAR
    floor = full * FLOOR // 10_000
    last = full
    for elapsed in (-1, 0, 1, DECAY // 3, DECAY // 2, DECAY - 1, DECAY, DECAY + 1, 1_000 * DECAY):
        lab.travel(until + elapsed)
        part = Fraction(min(max(elapsed, 0), DECAY), DECAY)
        answer = estate.answer()
        assert answer == (full - (full - floor) * part).__floor__()
        assert floor <= answer <= last
        last = answer
    assert last == floor > 0
    assert round_of(estate)[3] == until - 10 * DAY  # its age stays honest


def test_an_expired_appraisal_is_not_fresh(estate: Estate) -> None:
    until = estate.appraised(400).attestation.expiresAt
    estate.lab.travel(until - 1)
    assert estate.lab.read("AppraisalFeed", "freshAppraisal") == 400_000 * DOLLAR
    estate.lab.travel(until)
    with reverts("AppraisalExpired", until):
        estate.lab.read("AppraisalFeed", "freshAppraisal")


def test_a_new_appraisal_ends_the_fall(estate: Estate) -> None:
    until = estate.appraised(400).attestation.expiresAt
    estate.lab.travel(until + DECAY)
    estate.appraised(390)
    assert estate.answer() == 312_000 * DOLLAR


# Withdrawal.


def test_a_revoked_appraisal_is_retracted(estate: Estate) -> None:
    lab = estate.lab
    submission = estate.appraised(400)
    observed, digest = submission.attestation.observedAt, submission.consent.attestationHash
    lab.send("IssuerRegistry", "revokeAttestation", lab.issuer.address, digest, by=lab.issuer)
    assert estate.answer() == 320_000 * DOLLAR  # nothing depends on a decision until somebody says so
    receipt = lab.send("AppraisalFeed", "retract", by=lab.mallory)
    now = lab.network.now()
    assert lab.events(receipt, "AppraisalFeed", "Retracted") == [{"roundId": 1, "attestationHash": digest}]
    assert round_of(estate)[3] == 1  # older than any market lends on
    with reverts("RoundRetracted", 1):
        lab.read("AppraisalFeed", "getRoundData", 1)
    assert lab.read("AppraisalFeed", "expiresAt") == now
    with reverts("AlreadyRetracted", 1):
        lab.send("AppraisalFeed", "retract")
    estate.surveyed(400, subject=lab.mallory, observedAt=observed)  # the same survey under another wallet
    with reverts("AppraisalNotNewer", observed, observed):
        estate.update(lab.mallory)
    lab.travel(now + DECAY)
    assert estate.answer() == 160_000 * DOLLAR  # and liquidation still has a price
    estate.appraised(380)
    assert estate.answer() == 304_000 * DOLLAR
    assert lab.read("AppraisalFeed", "getRoundData", 2)[1] == 304_000 * DOLLAR
    with reverts("RoundRetracted", 1):  # history keeps it apart from what still held when it was overtaken
        lab.read("AppraisalFeed", "getRoundData", 1)


def withdraw_by_minimum(estate: Estate) -> None:
    lab = estate.lab
    args = (lab.issuer.address, lab.bob.address, SCHEMA, 2**63)
    lab.send("IssuerRegistry", "raiseMinimumSequence", *args, by=lab.issuer)


def withdraw_by_suspension(estate: Estate) -> None:
    estate.lab.send("IssuerRegistry", "suspendIssuer", estate.lab.issuer.address, by=estate.lab.admin)


def withdraw_by_deprecation(estate: Estate) -> None:
    estate.lab.send("ModelRegistry", "deprecateModel", estate.model)


def withdraw_by_freezing(estate: Estate) -> None:
    estate.lab.send("ModelRegistry", "freezeVerifier", estate.model)


WITHDRAWALS = [withdraw_by_minimum, withdraw_by_suspension, withdraw_by_deprecation, withdraw_by_freezing]


@pytest.mark.parametrize("withdraw", WITHDRAWALS)
def test_other_withdrawals(estate: Estate, withdraw: object) -> None:
    digest = estate.appraised(400).consent.attestationHash
    withdraw(estate)  # type: ignore[operator]
    with reverts("AppraisalWithdrawn", digest):  # at once
        estate.lab.read("AppraisalFeed", "freshAppraisal")
    estate.lab.send("AppraisalFeed", "retract")
    assert round_of(estate)[3] == 1
    with reverts("AppraisalExpired"):
        estate.lab.read("AppraisalFeed", "freshAppraisal")


def test_a_standing_appraisal_is_not_retracted(estate: Estate) -> None:
    submission = estate.appraised(400)
    with reverts("NotWithdrawn", submission.consent.attestationHash):
        estate.lab.send("AppraisalFeed", "retract")
    estate.lab.travel(submission.attestation.expiresAt + DAY)  # expiry is no withdrawal
    with reverts("NotWithdrawn"):
        estate.lab.send("AppraisalFeed", "retract")


def test_a_subject_cannot_hide_a_withdrawal(estate: Estate) -> None:
    """The subject's next decision overwrites the revoked one, whose appraisal can be retracted all the same."""
    lab = estate.lab
    digest = estate.appraised(400).consent.attestationHash
    lab.travel(lab.network.now() + 1)
    estate.surveyed(100, personId=estate.asset_id(DEED + 1))
    lab.send("IssuerRegistry", "revokeAttestation", lab.issuer.address, digest, by=lab.issuer)
    lab.send("AppraisalFeed", "retract")
    assert round_of(estate)[3] == 1


def test_a_subject_cannot_withdraw_an_appraisal(estate: Estate) -> None:
    """Its consent is its own; the appraisal that others lent on stays."""
    lab = estate.lab
    digest = estate.appraised(400).consent.attestationHash
    people = (estate.model, lab.issuer.address, lab.address("AppraisalFeed"))
    lab.send("DecisionRegistry", "withdrawConsent", *people, by=lab.bob)
    with reverts("NotWithdrawn", digest):
        lab.send("AppraisalFeed", "retract", by=lab.bob)
    assert estate.answer() == 320_000 * DOLLAR


def test_reading_the_price_needs_no_decision(estate: Estate) -> None:
    """Surveyor suspended, model deprecated, decision expired: the price stays, and so does its fall."""
    until = estate.appraised(400).attestation.expiresAt
    withdraw_by_suspension(estate)
    withdraw_by_deprecation(estate)
    assert estate.answer() == 320_000 * DOLLAR
    estate.lab.travel(until + DECAY)
    assert estate.answer() == 160_000 * DOLLAR


# The surveyor's keys.


def supersede(estate: Estate, keeps: bool = True) -> Signer:
    """The surveyor's administrator names the relayer's key the next."""
    lab = estate.lab
    lab.send("IssuerRegistry", "registerIssuer", lab.admin.address, "", by=lab.relayer)
    keys = (lab.issuer.address, lab.relayer.address, keeps)
    lab.send("IssuerRegistry", "supersedeIssuer", *keys, by=lab.admin)
    return lab.relayer


def test_a_planned_change_of_keys_withdraws_nothing(estate: Estate) -> None:
    lab = estate.lab
    digest = estate.appraised(400).consent.attestationHash
    supersede(estate)
    for _ in range(2):  # before the feed follows, and after
        with reverts("NotWithdrawn", digest):
            lab.send("AppraisalFeed", "retract", by=lab.mallory)
        assert lab.read("AppraisalFeed", "freshAppraisal") == 400_000 * DOLLAR
        if lab.read("AppraisalFeed", "issuer") == lab.issuer.address:
            lab.send("AppraisalFeed", "followIssuer", by=lab.mallory)
    lab.send(
        "IssuerRegistry", "revokeAttestation", lab.issuer.address, digest, by=lab.issuer
    )  # still its own to revoke
    lab.send("AppraisalFeed", "retract", by=lab.mallory)


def test_anybody_lets_the_feed_follow_its_surveyor(estate: Estate) -> None:
    lab = estate.lab
    first = estate.appraised(400).attestation
    successor = supersede(estate)
    lab.travel(lab.network.now() + 1)
    estate.surveyed(420, subject=lab.alice, surveyor=successor)
    with reverts("DecisionMissing"):
        estate.update(lab.alice)
    receipt = lab.send("AppraisalFeed", "followIssuer", by=lab.mallory)
    keys = {"issuer": lab.issuer.address, "successor": successor.address}
    assert lab.events(receipt, "AppraisalFeed", "IssuerFollowed") == [keys]
    assert lab.read("AppraisalFeed", "issuer") == successor.address
    with reverts("DecisionMissing"):  # the former key's are no news, though its decision stands
        estate.update()
    estate.update(lab.alice)
    assert lab.read("AppraisalFeed", "freshAppraisal") == 420_000 * DOLLAR
    lab.send("IssuerRegistry", "retireIssuer", first.issuer, by=lab.admin)  # which the new round is no part of
    with reverts("NotWithdrawn"):
        lab.send("AppraisalFeed", "retract")


def test_a_stolen_key_ends_its_appraisals_and_the_next_one_appraises(estate: Estate) -> None:
    lab = estate.lab
    estate.appraised(400)
    supersede(estate, keeps=False)
    lab.send("AppraisalFeed", "followIssuer")
    assert estate.answer() == 320_000 * DOLLAR
    lab.send("AppraisalFeed", "retract")  # though the followed key is in good standing
    assert round_of(estate)[3] == 1


def test_without_a_successor_nobody_is_followed(estate: Estate) -> None:
    lab = estate.lab
    with reverts("NoSuccessor", lab.issuer.address):
        lab.send("AppraisalFeed", "followIssuer")
    successor = supersede(estate)
    lab.send("AppraisalFeed", "followIssuer")
    with reverts("NoSuccessor", successor.address):
        lab.send("AppraisalFeed", "followIssuer")
    lab.send("IssuerRegistry", "registerIssuer", lab.admin.address, "", by=lab.mallory)
    lab.send("IssuerRegistry", "supersedeIssuer", successor.address, lab.mallory.address, True, by=lab.admin)
    lab.send("AppraisalFeed", "followIssuer")
    assert lab.read("AppraisalFeed", "issuer") == lab.mallory.address


# Configuration.


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("issuer", {"issuer": ZERO}),
        ("shares", {"shares": "0x" + "11" * 20}),
        ("unit", {"unit": 0}),
        ("haircutBps", {"haircutBps": 10_000}),
        ("floorBps", {"floorBps": 0}),
        ("floorBps", {"floorBps": 10_001}),
        ("decayPeriod", {"decayPeriod": 0}),
        ("minAppraisal", {"minAppraisal": 0}),
        ("minAppraisal", {"minAppraisal": 2}),  # 80 % of 50 % of it is nothing
        # 54 % is one, but in two steps nothing
        ("minAppraisal", {"minAppraisal": 2, "haircutBps": 4_000, "floorBps": 9_000}),
        ("maxAppraisal", {"minAppraisal": MOST + 1}),
    ],
)
def test_a_feed_that_could_not_work(estate: Estate, field: str, change: dict[str, object]) -> None:
    with reverts("InvalidConfig", word(field)):
        estate.deploy_feed(**change)


def test_models_that_do_not_appraise(estate: Estate) -> None:
    for model in (estate.lab.tier_model, estate.lab.score_model, 5):  # tiers; seven scores; nothing
        with reverts("InvalidConfig", word("modelId")):
            estate.deploy_feed(modelId=model)
    with reverts("InvalidDecisionRegistry", ZERO):
        estate.lab.deploy_as("x", load_artifact("AppraisalFeed"), ZERO, estate.config(), "")
