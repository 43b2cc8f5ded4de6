"""Loans past due: delinquency without a keeper, write-off, pockets, and the books behind them."""

from __future__ import annotations

import pytest

from tests.contracts.circuits import helper_contracts
from tests.contracts.credit_lab import (
    WRITE_OFF_DELAY,
    balance,
    claim,
    deposit,
    due_day,
    free_line,
    gain_interest,
    loan,
    past_due,
    provide,
    redeem_all,
    repay,
    set_terms,
    value,
    written_off,
)
from tests.contracts.lab import CREDIT_TERMS, DAY, PERSON, TERM_DAYS, UNIT, Lab, reverts

BPS_YEAR = 10_000 * 365 * DAY
POOL = 20_000 * UNIT
LENT = 1_000 * UNIT
NONE, PERFORMING, DELINQUENT, WRITTEN_OFF, REPAID = range(5)


def scaled(principal: int, seconds: int, rate: int = 1_000) -> int:
    """A debt in the books' unit: exact."""
    return principal * BPS_YEAR + principal * rate * seconds


def test_a_loan_is_past_due_from_its_very_second(lab: Lab) -> None:
    """Nobody sends a transaction: the loan leaves the one price there is."""
    lab.decided()
    lab.draw(LENT)
    opened, due = loan(lab)["openedAt"], loan(lab)["dueAt"]
    assert due == (opened // DAY + TERM_DAYS + 1) * DAY
    lab.travel(due - 1)
    debt = scaled(LENT, due - 1 - opened) // BPS_YEAR
    assert value(lab, "statusOf", 1) == PERFORMING
    assert value(lab, "totalAssets") == POOL - LENT + debt
    assert lab.read("CreditLine", "debts") == (debt, 0)
    lab.travel(due)
    debt = scaled(LENT, due - opened) // BPS_YEAR
    assert value(lab, "statusOf", 1) == DELINQUENT
    assert value(lab, "totalAssets") == POOL - LENT
    assert lab.read("CreditLine", "debts") == (0, debt)


def test_rolling_changes_no_price(lab: Lab) -> None:
    due = past_due(lab)
    before, debts = value(lab, "totalAssets"), lab.read("CreditLine", "debts")
    receipt = lab.send("CreditLine", "roll", by=lab.mallory)
    (event,) = lab.events(receipt, "CreditLine", "DuesPassed")
    assert event == {"day": due // DAY, "debt": debts[1]}
    lab.travel(due + 9)
    grown = scaled(LENT, due + 9 - loan(lab)["openedAt"]) // BPS_YEAR
    assert value(lab, "totalAssets") == before
    assert lab.read("CreditLine", "debts") == (0, grown)
    assert lab.events(lab.send("CreditLine", "roll"), "CreditLine", "DuesPassed") == []


def test_a_late_person_draws_nothing_until_the_loan_is_repaid(lab: Lab) -> None:
    """Neither from the wallet that is late nor from another one of the same person."""
    set_terms(lab, 3, 1)
    lab.decided()
    lab.decided(subject=lab.bob)
    lab.draw(UNIT)
    due = loan(lab)["dueAt"]
    lab.travel(due - 1)
    lab.draw(UNIT)  # the last second in time
    lab.travel(due)
    for wallet in (lab.alice, lab.bob):
        with reverts("PersonDelinquent", PERSON, due):
            lab.draw(UNIT, by=wallet)
    provide(lab, 9 * UNIT)
    repay(lab, 1, UNIT)
    with reverts("PersonDelinquent", PERSON, due):
        lab.draw(UNIT)
    repay(lab, 1)
    assert value(lab, "statusOf", 1) == REPAID
    assert value(lab, "earliestDueOf", lab.issuer.address, PERSON) == due + DAY
    lab.draw(UNIT)


def test_a_late_payment_fills_the_days_pocket(lab: Lab) -> None:
    """Of the very second at which it is due, and to those who held shares in the second before."""
    due = past_due(lab)
    day = due // DAY - 1
    provide(lab, 2 * LENT)
    receipt = repay(lab, 1)
    assert lab.network.now() == due + 2  # what provide took
    (paid,) = lab.events(receipt, "CreditLine", "LoanRepaid")
    owed = -(-scaled(LENT, due + 2 - loan(lab)["openedAt"]) // BPS_YEAR)
    assert paid["interestPaid"] + paid["principalPaid"] == owed
    assert lab.events(receipt, "CreditLine", "Recovered") == [{"dueDay": day, "loanId": 1, "amount": owed}]
    assert value(lab, "totalAssets") == value(lab, "cash") == POOL - LENT
    assert value(lab, "pocketed") == value(lab, "recoveredOf", day) == owed
    assert value(lab, "claimable", day, lab.owner.address) == owed
    assert lab.read("CreditLine", "debts") == (0, 0)
    assert value(lab, "earliestDueOf", lab.issuer.address, PERSON) == 0


def test_a_payment_in_the_last_second_is_in_time(lab: Lab) -> None:
    lab.decided()
    lab.draw(LENT)
    provide(lab, 2 * LENT)
    lab.travel(loan(lab)["dueAt"] - 1)
    (paid,) = lab.events(repay(lab, 1), "CreditLine", "LoanRepaid")
    assert value(lab, "cash") == POOL + paid["interestPaid"]
    assert value(lab, "pocketed") == 0


def test_claims_are_in_proportion_to_the_shares_at_the_due_time(lab: Lab) -> None:
    """A fifth was bob's; that he has left and mallory has come since, and who claims first, changes nothing."""
    deposit(lab, 5_000 * UNIT, lab.bob)
    due = past_due(lab)
    day = due // DAY - 1
    redeem_all(lab, lab.bob)
    deposit(lab, 50_000 * UNIT, lab.mallory)
    provide(lab, 2 * LENT)
    repay(lab, 1, 100 * UNIT)
    owner, bob = lab.owner.address, lab.bob.address
    before = balance(lab, bob)
    receipt = lab.send("CreditLine", "claim", [day], bob, by=lab.bob)
    assert lab.events(receipt, "CreditLine", "Claimed") == [
        {"dueDay": day, "account": bob, "receiver": bob, "amount": 20 * UNIT}
    ]
    assert balance(lab, bob) - before == value(lab, "claimedOf", day, bob) == 20 * UNIT
    with reverts("ZeroAmount"):
        lab.send("CreditLine", "claim", [day, day - 1, day + 1], bob, by=lab.bob)
    with reverts("ZeroAmount"):
        lab.send("CreditLine", "claim", [day], lab.mallory.address, by=lab.mallory)
    with reverts("ZeroAmount"):
        lab.send("CreditLine", "claim", [], bob, by=lab.bob)
    repay(lab, 1, 50 * UNIT)
    assert (value(lab, "claimable", day, bob), value(lab, "claimable", day, owner)) == (10 * UNIT, 120 * UNIT)
    assert claim(lab, day, lab.owner) == 120 * UNIT
    assert claim(lab, day, lab.bob) == value(lab, "pocketed") + 10 * UNIT == 10 * UNIT
    assert balance(lab, lab.address("CreditLine")) == value(lab, "cash")


def test_nobody_claims_for_another(lab: Lab) -> None:
    """Not to push money into a pair whence anybody skims it, not to run before a wrapper that counts what it gets."""
    pair = lab.address("DemoToken")
    lab.send("CreditLine", "transfer", pair, value(lab, "balanceOf", lab.owner.address) // 2)
    past_due(lab)
    provide(lab, 2 * LENT)
    repay(lab)
    day, line = due_day(lab), lab.address("CreditLine")
    part = value(lab, "claimable", day, pair)
    assert part > LENT // 2
    with reverts("ZeroAmount"):
        lab.send("CreditLine", "claim", [day], pair, by=lab.mallory)
    with reverts("ReceiverIsVault"):
        lab.send("CreditLine", "claim", [day], line)
    assert (value(lab, "claimable", day, pair), balance(lab, pair)) == (part, 0)
    before = balance(lab, lab.bob.address)
    receipt = lab.send("CreditLine", "claim", [day], lab.bob.address)
    (event,) = lab.events(receipt, "CreditLine", "Claimed")
    assert (event["account"], event["receiver"]) == (lab.owner.address, lab.bob.address)
    assert balance(lab, lab.bob.address) - before == event["amount"] == part
    assert (value(lab, "claimedOf", day, lab.owner.address), value(lab, "claimedOf", day, lab.bob.address)) == (part, 0)


def test_claims_of_many_days_at_once(lab: Lab) -> None:
    """Days named twice count once, days without a pocket not at all."""
    lab.decided()
    lab.draw(LENT)
    set_terms(lab, 3, TERM_DAYS + 1)
    lab.draw(LENT)
    provide(lab, 3 * LENT)
    day = due_day(lab, 1)
    lab.travel(loan(lab, 2)["dueAt"])
    repay(lab, 1, 10 * UNIT)
    repay(lab, 2, 1 * UNIT)
    receipt = lab.send("CreditLine", "claim", [day, 7, day + 1, day], lab.owner.address)
    amounts = [event["amount"] for event in lab.events(receipt, "CreditLine", "Claimed")]
    assert amounts == [10 * UNIT, UNIT]


def test_loans_of_a_day_share_a_pocket(lab: Lab) -> None:
    lab.decided()
    lab.draw(LENT)
    lab.draw(LENT)
    provide(lab, LENT)
    lab.travel(loan(lab, 1)["dueAt"])
    repay(lab, 1, 5 * UNIT)
    repay(lab, 2, 7 * UNIT)
    assert value(lab, "recoveredOf", due_day(lab, 2)) == 12 * UNIT


def test_a_claim_waits_for_the_dust_of_others(lab: Lab) -> None:
    """Parts are rounded down; the rest stays in the pocket, a wei a holder at most."""
    lab.send("CreditLine", "transfer", lab.bob.address, value(lab, "totalSupply") // 3)
    past_due(lab)
    provide(lab, LENT)
    repay(lab, 1, 1)
    day = due_day(lab)
    assert [value(lab, "claimable", day, who.address) for who in (lab.owner, lab.bob)] == [0, 0]
    repay(lab, 1, 1)
    assert [value(lab, "claimable", day, who.address) for who in (lab.owner, lab.bob)] == [1, 0]
    assert claim(lab, day, lab.owner) == 1
    repay(lab, 1, 2)
    assert [value(lab, "claimable", day, who.address) for who in (lab.owner, lab.bob)] == [1, 1]


def test_a_late_payment_to_nobody_goes_to_cash(lab: Lab) -> None:
    """Everybody had left before the due time: there is no holder to pay, nor is the money lost."""
    free_line(lab, 100_000, 730)
    deposit(lab, 1, lab.bob)
    gain_interest(lab)  # half of it is the virtual shares': nobody's
    lab.draw(10, model=1)
    redeem_all(lab, lab.bob)
    assert value(lab, "totalSupply") == 0
    lab.travel(loan(lab, 2)["dueAt"])
    before = value(lab, "cash")
    receipt = repay(lab, 2, 9)
    assert lab.events(receipt, "CreditLine", "Recovered") == []
    assert (value(lab, "cash"), value(lab, "pocketed")) == (before + 9, 0)
    assert value(lab, "claimable", due_day(lab, 2), lab.bob.address) == 0


def test_a_late_part_payment(lab: Lab) -> None:
    due = past_due(lab)
    provide(lab, LENT)
    repay(lab, 1, 300 * UNIT)
    left = loan(lab)
    lab.travel(due + 50 * DAY)
    owed = scaled(left["principal"], due + 50 * DAY - left["accruedAt"]) // BPS_YEAR
    assert lab.read("CreditLine", "debts") == (0, owed + left["interest"])


def test_no_write_off_before_its_time(lab: Lab) -> None:
    with reverts("LoanNotOpen", 1):
        lab.send("CreditLine", "writeOff", 1)
    allowed = past_due(lab) + WRITE_OFF_DELAY
    lab.travel(allowed - 1)
    with reverts("WriteOffTooEarly", 1, allowed):
        lab.send("CreditLine", "writeOff", 1)


def test_anybody_writes_off(lab: Lab) -> None:
    allowed = past_due(lab) + WRITE_OFF_DELAY
    lab.travel(allowed)
    receipt = lab.send("CreditLine", "writeOff", 1, by=lab.mallory)
    owed = -(-scaled(LENT, allowed - loan(lab)["openedAt"]) // BPS_YEAR)
    assert lab.events(receipt, "CreditLine", "LoanWrittenOff") == [
        {"loanId": 1, "principal": LENT, "interest": owed - LENT}
    ]
    assert value(lab, "statusOf", 1) == WRITTEN_OFF
    assert value(lab, "totalAssets") == POOL - LENT
    assert lab.read("CreditLine", "debts") == (0, 0)
    assert value(lab, "outstandingOf", lab.issuer.address, PERSON) == LENT
    with reverts("LoanAlreadyWrittenOff", 1):
        lab.send("CreditLine", "writeOff", 1)
    lab.travel(allowed + 365 * DAY)
    assert value(lab, "owedUp", 1) == -(-scaled(LENT, allowed + 365 * DAY - loan(lab)["openedAt"]) // BPS_YEAR)
    lab.decided(sequence=2, nonce=1)
    with reverts("PersonDelinquent", PERSON, allowed - WRITE_OFF_DELAY):
        lab.draw(UNIT)


def test_a_repaid_loan_is_not_written_off(lab: Lab) -> None:
    due = past_due(lab)
    provide(lab, LENT)
    repay(lab)
    lab.travel(due + WRITE_OFF_DELAY)
    with reverts("LoanNotOpen", 1):
        lab.send("CreditLine", "writeOff", 1)


def test_everybody_present_bears_the_same_part(lab: Lab) -> None:
    """Bob has a third of what the owner has: both lose the same part, whoever leaves first."""
    shares = deposit(lab, 5_000 * UNIT, lab.bob)
    written_off(lab, 4_000 * UNIT)
    assert value(lab, "balanceOf", lab.owner.address) == 4 * shares
    assert redeem_all(lab, lab.bob) == 5_000 * UNIT * 21 // 25
    assert redeem_all(lab, lab.owner) == POOL * 21 // 25


def test_a_recovery_after_the_write_off_is_claimed_alike(lab: Lab) -> None:
    written_off(lab)
    provide(lab, LENT)
    day = due_day(lab)
    receipt = repay(lab, 1, 700 * UNIT)
    assert lab.events(receipt, "CreditLine", "Recovered") == [{"dueDay": day, "loanId": 1, "amount": 700 * UNIT}]
    assert value(lab, "totalAssets") == value(lab, "cash") == POOL - LENT
    assert claim(lab, day, lab.owner) == 700 * UNIT


def test_a_pocket_is_neither_lent_nor_withdrawn(lab: Lab) -> None:
    past_due(lab)
    provide(lab, LENT)
    repay(lab, 1, 700 * UNIT)
    owner = lab.owner.address
    lab.send("CreditLine", "redeem", value(lab, "maxRedeem", owner), owner, owner)
    left = value(lab, "cash")
    assert left < 2
    with reverts("ERC4626ExceededMaxWithdraw"):
        lab.send("CreditLine", "withdraw", UNIT, owner, owner)
    assert claim(lab, due_day(lab), lab.owner) == 700 * UNIT
    assert value(lab, "cash") == left


def test_a_written_off_loan_repaid_in_full(lab: Lab) -> None:
    written_off(lab)
    provide(lab, LENT)
    repay(lab)
    assert value(lab, "statusOf", 1) == REPAID
    assert value(lab, "outstandingOf", lab.issuer.address, PERSON) == 0
    lab.decided(sequence=2, nonce=1)
    lab.draw(UNIT)


def test_statuses_of_no_loan_and_a_repaid_one(lab: Lab) -> None:
    assert value(lab, "statusOf", 1) == NONE
    lab.decided()
    lab.draw(UNIT)
    provide(lab, UNIT)
    repay(lab)
    assert value(lab, "statusOf", 1) == REPAID


# The roll, over many days with dues, on decisions made up for the purpose.


def ladder(lab: Lab, last: int, step: int = 40) -> None:
    """A line with one loan of one unit due on each of the next ``last`` days."""
    decisions = lab.deploy_as("OpenDecisions", helper_contracts()["OpenDecisions"])
    climber = lab.deploy_as("Ladder", helper_contracts()["Ladder"])
    line = lab.deploy("CreditLine", decisions.address, lab.address("DemoToken"), climber.address)
    lab.send("Ladder", "setUp", line.address)
    deposit(lab, 1_000 * UNIT, lab.bob)
    lab.travel((lab.network.now() // DAY + 1) * DAY)  # all in one day
    for first in range(1, last + 1, step):
        lab.send("Ladder", "climb", line.address, decisions.address, first, min(first + step - 1, last))


def ladder_debts(lab: Lab, time: int) -> tuple[int, int]:
    """What the loans of a ladder owe at a time, from the list of them."""
    sums = [0, 0]
    for loan_id in range(1, value(lab, "loanCount") + 1):
        entry = loan(lab, loan_id)
        sums[time >= entry["dueAt"]] += scaled(entry["principal"], time - entry["accruedAt"])
    return sums[0] // BPS_YEAR, sums[1] // BPS_YEAR


def test_the_books_agree_with_the_list_of_loans(lab: Lab) -> None:
    ladder(lab, 20)
    today = lab.network.now() // DAY
    for day in (1, 2, 3, 9, 15, 20, 21, 22, 300, 3_000):
        lab.travel((today + day) * DAY + 7)
        expected = ladder_debts(lab, (today + day) * DAY + 7)
        assert lab.read("CreditLine", "debts") == expected, "reckoned by the view"
        if day in (3, 15, 22):
            lab.send("CreditLine", "roll")
            lab.travel((today + day) * DAY + 8)
            assert lab.read("CreditLine", "debts") == ladder_debts(lab, (today + day) * DAY + 8), "rolled"


def roll_all(lab: Lab, days: int) -> int:
    ladder(lab, days)
    lab.travel(loan(lab, days)["dueAt"])
    return lab.send("CreditLine", "roll").gas_used


def test_a_roll_costs_little_for_each_day(lab: Lab) -> None:
    one = roll_all(lab, 1)
    many = roll_all(lab, 31)
    assert (many - one) / 30 < 6_000
    assert one + 6_000 * 730 < 2**24, "the longest roll there can be fits a transaction"


@pytest.mark.full
@pytest.mark.timeout(3600)
def test_the_longest_roll_fits_a_transaction(lab: Lab) -> None:
    """Every day of the longest term has dues, and nobody touched the line until the last one passed."""
    assert roll_all(lab, 730) < 2**24 // 3


def test_an_idle_century_costs_little(lab: Lab) -> None:
    lab.travel(lab.network.now() + 100 * 365 * DAY)
    assert lab.send("CreditLine", "roll").gas_used < 500_000


def test_interest_of_terms_set_later_is_apart(lab: Lab) -> None:
    """Two loans of different rates and days: each keeps its own line."""
    lab.decided()
    lab.draw(LENT)
    lab.send(
        "CreditLine", "setModelTerms", lab.tier_model, ([(0, 0), (1, 1), (5_000 * UNIT, 7)], *CREDIT_TERMS[1:3], 2)
    )
    lab.draw(LENT)
    first, second = loan(lab, 1), loan(lab, 2)
    time = second["dueAt"] + 3
    lab.travel(time)
    good = scaled(LENT, time - first["openedAt"]) // BPS_YEAR
    bad = scaled(LENT, time - second["openedAt"], 7) // BPS_YEAR
    assert lab.read("CreditLine", "debts") == (good, bad)
    provide(lab, LENT)
    repay(lab, 2)
    assert lab.read("CreditLine", "debts")[1] == 0
    assert balance(lab, lab.address("CreditLine")) == value(lab, "cash") + value(lab, "pocketed")
