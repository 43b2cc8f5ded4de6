"""The credit line: loans that only a good, fresh, own decision opens."""

from __future__ import annotations

from typing import Any

import pytest
from web3 import Web3

from tests.contracts.credit_lab import balance, loan, provide, set_terms
from tests.contracts.lab import (
    CREDIT_TERMS as TERMS,
)
from tests.contracts.lab import (
    DAY,
    PERSON,
    SCHEMA,
    TERM_DAYS,
    TIER_LAYOUT,
    TIERS,
    UNIT,
    Lab,
    reverts,
    word,
)

ZERO = "0x" + "00" * 20
YEAR = 365 * DAY
OTHER_PERSON = Web3.keccak(text="person 2")


def test_a_good_decision_opens_a_loan(lab: Lab) -> None:
    lab.decided(tier=2)
    receipt = lab.draw(1_500 * UNIT)
    now = lab.network.now()
    due = (now // DAY + TERM_DAYS + 1) * DAY
    assert balance(lab, lab.alice.address) == 1_500 * UNIT
    assert loan(lab) == {
        "borrower": lab.alice.address,
        "accruedAt": now,
        "annualRateBps": 1_000,
        "issuer": lab.issuer.address,
        "openedAt": now,
        "dueAt": due,
        "writtenOff": False,
        "personId": PERSON,
        "modelId": lab.tier_model,
        "principal": 1_500 * UNIT,
        "interest": 0,
    }
    assert lab.read("CreditLine", "statusOf", 1) == 1
    assert lab.read("CreditLine", "earliestDueOf", lab.issuer.address, PERSON) == due
    assert lab.read("CreditLine", "outstandingOf", lab.issuer.address, PERSON) == 1_500 * UNIT
    assert lab.read("CreditLine", "lentOnModel", lab.tier_model, now // DAY) == 1_500 * UNIT
    assert lab.read("CreditLine", "lentOnIssuer", lab.issuer.address, now // DAY) == 1_500 * UNIT
    assert lab.events(receipt, "CreditLine", "LoanDrawn") == [
        {
            "loanId": 1,
            "borrower": lab.alice.address,
            "modelId": lab.tier_model,
            "issuer": lab.issuer.address,
            "personId": PERSON,
            "tier": 2,
            "amount": 1_500 * UNIT,
            "annualRateBps": 1_000,
            "dueAt": due,
        }
    ]


# What does not open a loan.


def test_no_decision(lab: Lab) -> None:
    with reverts("DecisionMissing"):
        lab.draw(UNIT)


def test_a_decision_about_somebody_else(lab: Lab) -> None:
    lab.decided()
    with reverts("DecisionMissing"):
        lab.draw(UNIT, by=lab.mallory)


def test_a_decision_for_another_consumer(lab: Lab) -> None:
    lab.decided(consumer=lab.bob.address)
    with reverts("DecisionMissing"):
        lab.draw(UNIT)


def test_a_negative_decision(lab: Lab) -> None:
    lab.decided(tier=0)
    with reverts("DecisionNegative", lab.tier_model, lab.alice.address):
        lab.draw(UNIT)


def test_a_stale_decision(lab: Lab) -> None:
    observed = lab.decided().attestation.observedAt
    lab.travel(observed + 7 * DAY)
    lab.send("CreditLine", "draw", lab.tier_model, lab.issuer.address, UNIT, by=lab.alice)
    lab.travel(observed + 7 * DAY + 1)
    assert lab.status() == 1  # the registry would still have it
    with reverts("DecisionStale", observed, 7 * DAY):
        lab.draw(UNIT)


def test_withdrawn_decisions(lab: Lab) -> None:
    submission = lab.decided()
    lab.send("IssuerRegistry", "suspendIssuer", lab.issuer.address, by=lab.admin)
    with reverts("DecisionIssuerInactive", lab.issuer.address):
        lab.draw(UNIT)
    lab.send("IssuerRegistry", "resumeIssuer", lab.issuer.address, by=lab.admin)
    lab.send(
        "IssuerRegistry", "revokeAttestation", lab.issuer.address, submission.consent.attestationHash, by=lab.issuer
    )
    with reverts("DecisionRevoked", submission.consent.attestationHash):
        lab.draw(UNIT)
    lab.send("ModelRegistry", "deprecateModel", lab.tier_model)
    with reverts("DecisionModelDeprecated", lab.tier_model):
        lab.draw(UNIT)


def test_an_expired_decision(lab: Lab) -> None:
    until = lab.decided().attestation.expiresAt
    set_terms(lab, 2, 300 * DAY)
    lab.travel(until)
    with reverts("DecisionExpired", until):
        lab.draw(UNIT)


def test_a_self_made_issuer(lab: Lab) -> None:
    """Mallory registers as an issuer and attests herself: the registry stores it, the credit line does not care."""
    lab.send("IssuerRegistry", "registerIssuer", lab.mallory.address, "", by=lab.mallory)
    lab.decided(issuer=lab.mallory, subject=lab.mallory)
    with reverts("IssuerNotAccepted", lab.mallory.address):
        lab.draw(UNIT, by=lab.mallory, issuer=lab.mallory.address)


def test_an_unaccepted_model(lab: Lab) -> None:
    model = lab.register("TierVerifier", TIER_LAYOUT, "not accepted")
    lab.decided(model=model)
    with reverts("ModelNotAccepted", model):
        lab.draw(UNIT, model=model)


def test_nothing(lab: Lab) -> None:
    lab.decided()
    with reverts("ZeroAmount"):
        lab.draw(0)


# Caps.


def test_the_tier_limits_what_a_person_owes(lab: Lab) -> None:
    lab.decided(tier=1)
    with reverts("PersonCapExceeded", PERSON, 0, 1_000 * UNIT + 1, 1_000 * UNIT):
        lab.draw(1_000 * UNIT + 1)
    lab.draw(1_000 * UNIT)
    with reverts("PersonCapExceeded", PERSON, 1_000 * UNIT, 1, 1_000 * UNIT):
        lab.draw(1)


def test_the_same_persons_second_wallet(lab: Lab) -> None:
    lab.decided(tier=1)
    lab.decided(tier=1, subject=lab.bob)
    lab.draw(1_000 * UNIT)
    with reverts("PersonCapExceeded", PERSON, 1_000 * UNIT, 1, 1_000 * UNIT):
        lab.draw(1, by=lab.bob)


def test_two_persons_borrow_side_by_side(lab: Lab) -> None:
    lab.decided(tier=1)
    lab.decided(tier=1, subject=lab.bob, personId=OTHER_PERSON)
    lab.draw(1_000 * UNIT)
    lab.draw(1_000 * UNIT, by=lab.bob)


def test_the_person_cap_stands_above_the_tiers(lab: Lab) -> None:
    lab.send("CreditLine", "setCaps", 4_000 * UNIT, 700 * UNIT)
    lab.decided(tier=2)
    with reverts("PersonCapExceeded", PERSON, 0, 701 * UNIT, 700 * UNIT):
        lab.draw(701 * UNIT)
    lab.draw(700 * UNIT)


def test_the_loan_cap(lab: Lab) -> None:
    lab.decided()
    with reverts("LoanCapExceeded", 4_000 * UNIT + 1, 4_000 * UNIT):
        lab.draw(4_000 * UNIT + 1)
    lab.draw(4_000 * UNIT)
    lab.draw(1_000 * UNIT)


def test_the_models_daily_cap(lab: Lab) -> None:
    lab.decided()
    lab.decided(subject=lab.bob, personId=OTHER_PERSON)
    lab.draw(4_000 * UNIT)
    lab.draw(3_500 * UNIT, by=lab.bob)
    with reverts("ModelDailyCapExceeded", lab.tier_model, 7_500 * UNIT, 501 * UNIT, 8_000 * UNIT):
        lab.draw(501 * UNIT)
    lab.draw(500 * UNIT)
    lab.travel((lab.network.now() // DAY + 1) * DAY - 2)
    with reverts("ModelDailyCapExceeded"):
        lab.draw(1)
    lab.travel((lab.network.now() // DAY + 1) * DAY)
    lab.draw(1)


def test_the_issuers_daily_cap(lab: Lab) -> None:
    lab.send("CreditLine", "setIssuerDailyCap", lab.issuer.address, 1_000 * UNIT)
    lab.decided()
    lab.draw(600 * UNIT)
    with reverts("IssuerDailyCapExceeded", lab.issuer.address, 600 * UNIT, 401 * UNIT, 1_000 * UNIT):
        lab.draw(401 * UNIT)
    lab.draw(400 * UNIT)


def lent(lab: Lab, day: int) -> tuple[int, int]:
    """What a day's caps count: on the model, on the issuer."""
    on_model = lab.read("CreditLine", "lentOnModel", lab.tier_model, day)
    return on_model, lab.read("CreditLine", "lentOnIssuer", lab.issuer.address, day)


def test_repaying_on_the_same_day_frees_the_day(lab: Lab) -> None:
    lab.decided(tier=1)
    lab.draw(1_000 * UNIT)
    opened = loan(lab)["openedAt"]
    provide(lab, 2 * UNIT)
    lab.travel(opened + DAY - opened % DAY - 1)  # the day's last second
    receipt = lab.send("CreditLine", "repay", 1, 400 * UNIT, by=lab.alice)
    (paid,) = lab.events(receipt, "CreditLine", "LoanRepaid")
    assert paid["interestPaid"] > 0
    left = 1_000 * UNIT - paid["principalPaid"]  # interest does not free anything
    assert loan(lab)["principal"] == left
    assert lent(lab, opened // DAY) == (left, left)
    assert loan(lab)["openedAt"] == opened


def test_repaying_interest_alone_frees_nothing(lab: Lab) -> None:
    lab.decided(tier=1)
    lab.draw(1_000 * UNIT)
    provide(lab, UNIT)
    lab.send("CreditLine", "repay", 1, 1, by=lab.alice)
    assert loan(lab)["principal"] == 1_000 * UNIT
    assert lent(lab, lab.network.now() // DAY) == (1_000 * UNIT, 1_000 * UNIT)


def test_repaying_later_frees_the_person_and_no_day(lab: Lab) -> None:
    """Neither the day of the loan nor the day of the payment, whatever was lent on it."""
    lab.send("CreditLine", "setIssuerDailyCap", lab.issuer.address, 1_500 * UNIT)
    lab.decided(tier=1)
    lab.decided(tier=2, subject=lab.bob, personId=OTHER_PERSON)
    lab.draw(1_000 * UNIT)
    today = lab.network.now() // DAY
    provide(lab, UNIT)
    lab.travel((today + 1) * DAY)  # the next day's first second
    lab.draw(1_200 * UNIT, by=lab.bob)
    lab.send("CreditLine", "repay", 1, 2**256 - 1, by=lab.alice)
    assert lab.read("CreditLine", "outstandingOf", lab.issuer.address, PERSON) == 0
    assert lent(lab, today) == (1_000 * UNIT, 1_000 * UNIT)
    assert lent(lab, today + 1) == (1_200 * UNIT, 1_200 * UNIT)
    with reverts("IssuerDailyCapExceeded", lab.issuer.address, 1_200 * UNIT, 301 * UNIT, 1_500 * UNIT):
        lab.draw(301 * UNIT)
    lab.draw(300 * UNIT)


def test_a_circle_of_draws_and_repayments_stops_nobody(lab: Lab) -> None:
    """Attack: one person of the lowest tier turns over more than both daily caps; the next borrower can draw all."""
    lab.decided(tier=1)
    lab.decided(tier=2, subject=lab.bob, personId=OTHER_PERSON)
    provide(lab, UNIT)
    for loan_id in range(1, 11):
        lab.draw(1_000 * UNIT)
        lab.send("CreditLine", "repay", loan_id, 2**256 - 1, by=lab.alice)
    assert lent(lab, lab.network.now() // DAY) == (0, 0)
    lab.draw(4_000 * UNIT, by=lab.bob)
    lab.draw(1_000 * UNIT, by=lab.bob)


def test_repaying_frees_the_day_of_the_loans_own_model(lab: Lab) -> None:
    other = lab.register("TierVerifier", TIER_LAYOUT, "another")
    lab.send("CreditLine", "setModelTerms", other, TERMS)
    facts = lab.decided().attestation
    lab.decided(attestation=facts, model=other, nonce=1)
    lab.draw(1_000 * UNIT)
    lab.draw(2_000 * UNIT, model=other)
    provide(lab, UNIT)
    lab.send("CreditLine", "repay", 1, 2**256 - 1, by=lab.alice)
    today = lab.network.now() // DAY
    assert lent(lab, today) == (0, 2_000 * UNIT)
    assert lab.read("CreditLine", "lentOnModel", other, today) == 2_000 * UNIT


def test_a_person_has_eight_loans_at_most(lab: Lab) -> None:
    lab.decided()
    for _ in range(8):
        lab.draw(UNIT)
    with reverts("TooManyLoans", PERSON, 8):
        lab.draw(UNIT)
    provide(lab, UNIT)
    lab.send("CreditLine", "repay", 3, 2**256 - 1, by=lab.alice)
    lab.draw(UNIT)
    with reverts("TooManyLoans", PERSON, 8):
        lab.draw(UNIT)


def test_the_rate_is_the_tiers(lab: Lab) -> None:
    lab.decided(tier=1)
    lab.draw(1_000 * UNIT)
    assert loan(lab)["annualRateBps"] == 1_500


def test_the_pool_lends_what_it_has(lab: Lab) -> None:
    lab.send("CreditLine", "withdraw", 19_999 * UNIT, lab.owner.address, lab.owner.address)
    lab.decided()
    with reverts("InsufficientLiquidity", UNIT, UNIT + 1):
        lab.draw(UNIT + 1)
    lab.draw(UNIT)


# Repayment and interest.


def test_interest_is_simple_and_rounded_up(lab: Lab) -> None:
    lab.decided()
    lab.draw(1_000 * UNIT)
    start = lab.network.now()
    lab.travel(start + YEAR // 2)
    assert lab.read("CreditLine", "owedUp", 1) == 1_050 * UNIT
    lab.travel(start + YEAR // 2 + 1)
    assert lab.read("CreditLine", "owedUp", 1) == 1_000 * UNIT - (
        -1_000 * UNIT * 1_000 * (YEAR // 2 + 1) // (10_000 * YEAR)
    )
    provide(lab, 1_000 * UNIT)
    lab.travel(start + YEAR)
    receipt = lab.send("CreditLine", "repay", 1, 600 * UNIT, by=lab.alice)
    paid = lab.events(receipt, "CreditLine", "LoanRepaid")
    assert paid == [{"loanId": 1, "payer": lab.alice.address, "interestPaid": 100 * UNIT, "principalPaid": 500 * UNIT}]
    assert (loan(lab)["principal"], loan(lab)["interest"]) == (500 * UNIT, 0)
    lab.travel(start + 2 * YEAR)
    assert lab.read("CreditLine", "owedUp", 1) == 550 * UNIT  # on the remaining principal only


def test_a_dust_loan_owes_interest_after_a_second(lab: Lab) -> None:
    """Rounding is against the borrower: many small loans are not a free one."""
    lab.decided()
    lab.draw(1)
    lab.travel(lab.network.now() + 1)
    assert lab.read("CreditLine", "owedUp", 1) == 2


def test_interest_first_then_principal(lab: Lab) -> None:
    lab.decided()
    lab.draw(1_000 * UNIT)
    provide(lab, 0)
    lab.travel(loan(lab)["accruedAt"] + YEAR)
    lab.send("CreditLine", "repay", 1, 30 * UNIT, by=lab.alice)
    assert (loan(lab)["principal"], loan(lab)["interest"]) == (1_000 * UNIT, 70 * UNIT)
    assert lab.read("CreditLine", "outstandingOf", lab.issuer.address, PERSON) == 1_000 * UNIT


def test_more_than_is_owed_is_not_taken(lab: Lab) -> None:
    lab.decided()
    lab.draw(1_000 * UNIT)
    provide(lab, 500 * UNIT)
    lab.travel(loan(lab)["accruedAt"] + YEAR)
    lab.send("CreditLine", "repay", 1, 2**256 - 1, by=lab.alice)
    assert balance(lab, lab.alice.address) == 400 * UNIT
    assert lab.read("CreditLine", "owedUp", 1) == 0
    with reverts("LoanNotOpen", 1):
        lab.send("CreditLine", "repay", 1, 1, by=lab.alice)


def test_repayment_reads_no_decision(lab: Lab) -> None:
    """Model deprecated, issuer retired, decision expired, terms stopped: paying back works as before."""
    lab.decided()
    lab.draw(1_000 * UNIT)
    lab.send("ModelRegistry", "deprecateModel", lab.tier_model)
    lab.send("IssuerRegistry", "retireIssuer", lab.issuer.address, by=lab.issuer)
    lab.send("CreditLine", "setIssuerDailyCap", lab.issuer.address, 0)
    lab.network.advance_time(400 * DAY)
    provide(lab, 1_000 * UNIT, by=lab.bob)
    lab.send("CreditLine", "repay", 1, 500 * UNIT, by=lab.bob)  # anybody may pay
    provide(lab, 1_000 * UNIT)
    lab.send("CreditLine", "repay", 1, 2**256 - 1, by=lab.alice)
    assert lab.read("CreditLine", "owedUp", 1) == 0


def test_repaying_nothing_or_no_loan(lab: Lab) -> None:
    with reverts("LoanNotOpen", 1):
        lab.send("CreditLine", "repay", 1, 1, by=lab.alice)
    with reverts("ZeroAmount"):
        lab.send("CreditLine", "repay", 1, 0, by=lab.alice)


def test_new_terms_leave_open_loans_alone(lab: Lab) -> None:
    lab.decided()
    lab.draw(1_000 * UNIT)
    due = loan(lab)["dueAt"]
    lab.send("CreditLine", "setModelTerms", lab.tier_model, ([(0, 0), (1, 9), (2, 100_000)], 0, 1, 1))
    lab.travel(loan(lab)["accruedAt"] + YEAR)
    assert lab.read("CreditLine", "owedUp", 1) == 1_100 * UNIT
    assert loan(lab)["dueAt"] == due


# The owner.


@pytest.mark.parametrize(
    ("function", "args"),
    [
        ("setModelTerms", (1, TERMS)),
        ("setIssuerDailyCap", (ZERO, 1)),
        ("setCaps", (1, 1)),
        ("transferOwnership", (ZERO,)),
    ],
)
def test_only_the_owner_sets_terms(lab: Lab, function: str, args: tuple[object, ...]) -> None:
    with reverts("OwnableUnauthorizedAccount", lab.mallory.address):
        lab.send("CreditLine", function, *args, by=lab.mallory)


def test_ownership_moves_in_two_steps(lab: Lab) -> None:
    lab.send("CreditLine", "transferOwnership", lab.bob.address)
    lab.send("CreditLine", "setCaps", 1, 1)
    lab.send("CreditLine", "acceptOwnership", by=lab.bob)
    with reverts("OwnableUnauthorizedAccount"):
        lab.send("CreditLine", "setCaps", 1, 1)


def test_the_owner_cannot_leave_the_caps_to_nobody(lab: Lab) -> None:
    with reverts("OwnershipNotRenounceable"):
        lab.send("CreditLine", "renounceOwnership")
    with reverts("OwnableUnauthorizedAccount", lab.mallory.address):
        lab.send("CreditLine", "renounceOwnership", by=lab.mallory)


@pytest.mark.parametrize(
    ("field", "terms"),
    [
        pytest.param("tiers", ([(1, 0), *TIERS[1:]], *TERMS[1:]), id="tier 0 may borrow"),
        pytest.param("tiers", ([(0, 1), *TIERS[1:]], *TERMS[1:]), id="tier 0 has a rate"),
        pytest.param("tiers", (TIERS[:2], *TERMS[1:]), id="a tier without a limit"),
        pytest.param("tiers", ([*TIERS, (1, 1)], *TERMS[1:]), id="a limit without a tier"),
        pytest.param("tiers", ([], *TERMS[1:]), id="no tiers"),
        pytest.param("maxDecisionAge", (*TERMS[:2], 0, 90), id="no age"),
        pytest.param("termDays", (*TERMS[:3], 0), id="no term"),
        pytest.param("termDays", (*TERMS[:3], 731), id="too long a term"),
        pytest.param("tiers", ([*TIERS[:2], (1, 100_001)], *TERMS[1:]), id="usury"),
    ],
)
def test_terms_fit_the_model(lab: Lab, field: str, terms: tuple[Any, ...]) -> None:
    with reverts("InvalidTerms", word(field)):
        lab.send("CreditLine", "setModelTerms", lab.tier_model, terms)


def test_only_active_tier_models_where_higher_is_better(lab: Lab) -> None:
    with reverts("InvalidTerms", word("modelId")):
        lab.send("CreditLine", "setModelTerms", lab.score_model, TERMS)
    worse = lab.register("TierVerifier", (SCHEMA, [0], 2, 2, [5_000, 8_000]), "lower is better")
    with reverts("InvalidTerms", word("modelId")):
        lab.send("CreditLine", "setModelTerms", worse, TERMS)
    for unknown in (1, lab.tier_model):
        if unknown == lab.tier_model:
            lab.send("ModelRegistry", "deprecateModel", unknown)
        with reverts("ModelNotAccepted", unknown):
            lab.send("CreditLine", "setModelTerms", unknown, TERMS)


def test_a_zero_daily_cap_stops_a_model(lab: Lab) -> None:
    lab.decided()
    set_terms(lab, 1, 0)
    with reverts("ModelDailyCapExceeded", lab.tier_model, 0, 1, 0):
        lab.draw(1)


def test_settings_can_be_read_back(lab: Lab) -> None:
    assert tuple(lab.read("CreditLine", "modelTermsOf", lab.tier_model)) == TERMS
    assert lab.read("CreditLine", "issuerDailyCapOf", lab.issuer.address) == 9_000 * UNIT
    assert lab.read("CreditLine", "loanCap") == 4_000 * UNIT
    assert lab.read("CreditLine", "personCap") == 5_000 * UNIT
    assert lab.read("CreditLine", "asset") == lab.address("DemoToken")
