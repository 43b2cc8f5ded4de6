"""Attacks around losses and recoveries: arriving for them, leaving before them, paying oneself, wiping a vault out."""

from __future__ import annotations

import pytest

from tests.contracts.credit_lab import (
    WRITE_OFF_DELAY,
    claim,
    deposit,
    due_day,
    loan,
    open_caps,
    past_due,
    provide,
    redeem_all,
    repay,
    value,
    written_off,
)
from tests.contracts.lab import DAY, UNIT, Lab, reverts

POOL = 20_000 * UNIT


def pay_all(lab: Lab) -> int:
    """Alice's loan, by whoever; what it took."""
    provide(lab, 2 * POOL)
    (paid,) = lab.events(repay(lab), "CreditLine", "LoanRepaid")
    return int(paid["interestPaid"] + paid["principalPaid"])


def test_no_exit_before_the_loss(lab: Lab) -> None:
    """Leaving a second before the write-off pays what leaving after it pays: the loss was priced at the due time."""
    deposit(lab, 1_000 * UNIT, lab.bob)
    allowed = past_due(lab) + WRITE_OFF_DELAY
    shares = value(lab, "balanceOf", lab.bob.address)
    lab.travel(allowed)
    before = value(lab, "previewRedeem", shares)
    lab.send("CreditLine", "writeOff", 1)
    assert value(lab, "previewRedeem", shares) == before < 1_000 * UNIT


@pytest.mark.parametrize("event", ["due payment", "late payment", "write-off", "recovery"])
def test_arriving_for_an_event_gains_nothing(lab: Lab, event: str) -> None:
    """In and out around it, in neighbouring blocks: no more than the seconds' interest, where there is any."""
    provide(lab, 2_000 * UNIT)
    if event == "recovery":
        written_off(lab)
    elif event == "due payment":
        lab.decided()
        lab.draw(1_000 * UNIT)
        lab.travel(loan(lab)["dueAt"] - 10)
    else:
        lab.travel(past_due(lab) + WRITE_OFF_DELAY)
    deposit(lab, 10_000 * UNIT, lab.bob)
    if event == "write-off":
        lab.send("CreditLine", "writeOff", 1)
    else:
        repay(lab)
    seconds = 3 * (1_000 * UNIT * 1_000 // (10_000 * 365 * DAY) + 1) if event == "due payment" else 0
    assert redeem_all(lab, lab.bob) <= 10_000 * UNIT + seconds
    assert value(lab, "claimable", due_day(lab), lab.bob.address) == 0


@pytest.mark.parametrize("late", [past_due, written_off])
def test_the_defaulter_does_not_pay_itself_back(lab: Lab, late: object) -> None:
    """Its second wallet arrives before its late payment, with many times the vault's money: none of it comes back."""
    open_caps(lab)
    late(lab, POOL // 2)  # type: ignore[operator]
    deposit(lab, 90_000 * UNIT, lab.bob)
    paid = pay_all(lab)
    assert claim(lab, due_day(lab), lab.owner) == paid
    assert redeem_all(lab, lab.bob) <= 90_000 * UNIT
    assert POOL // 2 <= redeem_all(lab, lab.owner) <= POOL // 2 + 1


def test_whoever_leaves_late_keeps_the_claim(lab: Lab) -> None:
    """The one lender with a token left, the borrower's second wallet, does not take what the leavers left."""
    open_caps(lab)
    deposit(lab, UNIT, lab.bob)
    past_due(lab, POOL // 2)
    left = redeem_all(lab, lab.owner)
    paid = pay_all(lab)
    assert left + claim(lab, due_day(lab), lab.owner) > POOL
    assert claim(lab, due_day(lab), lab.bob) in (paid // 20_001, paid // 20_001 + 1)
    assert value(lab, "pocketed") <= 1


def test_a_late_borrower_milks_nobody_who_leaves(lab: Lab) -> None:
    """A third each: lender, victim, and the borrower's other wallet. The victim leaves in the short delinquency."""
    open_caps(lab)
    deposit(lab, POOL, lab.bob)
    deposit(lab, POOL, lab.mallory)
    past_due(lab, 15_000 * UNIT)
    victim = redeem_all(lab, lab.mallory)
    pay_all(lab)
    day = due_day(lab)
    attacker = redeem_all(lab, lab.bob)
    assert victim + claim(lab, day, lab.mallory) > POOL
    assert abs(victim - attacker) <= 1
    assert value(lab, "claimedOf", day, lab.mallory.address) == claim(lab, day, lab.bob)


def test_everybody_left_and_the_money_is_theirs(lab: Lab) -> None:
    """All leave while a loan is late; it is repaid then: not locked, not the next depositor's."""
    open_caps(lab)
    past_due(lab, POOL // 2)
    redeem_all(lab, lab.owner)
    assert value(lab, "totalSupply") == 0
    paid = pay_all(lab)
    deposit(lab, 1_000_000 * UNIT, lab.mallory)
    assert redeem_all(lab, lab.mallory) <= 1_000_000 * UNIT
    assert claim(lab, due_day(lab), lab.owner) == paid


def test_dust_reopens_no_wiped_out_vault(lab: Lab) -> None:
    """A wei paid of a lost loan neither opens the vault to dust deposits nor gives them the rest."""
    open_caps(lab)
    written_off(lab, POOL)
    assert value(lab, "totalAssets") == value(lab, "maxDeposit", lab.mallory.address) == 0
    provide(lab, 2 * 10**6, lab.mallory)
    repay(lab, 1, 1, by=lab.mallory)
    with reverts("ERC4626ExceededMaxDeposit", lab.mallory.address, 10**6, 0):
        lab.send("CreditLine", "deposit", 10**6, lab.mallory.address, by=lab.mallory)
    paid = pay_all(lab)
    assert claim(lab, due_day(lab), lab.owner) == paid + 1


def test_a_wei_of_cash_costs_no_claim(lab: Lab) -> None:
    """All but a wei is late: taking that wei burns shares, and not a part of what comes in."""
    open_caps(lab)
    past_due(lab, POOL - 1)
    owner = lab.owner.address
    lab.send("CreditLine", "withdraw", value(lab, "maxWithdraw", owner), owner, owner)
    paid = pay_all(lab)
    assert claim(lab, due_day(lab), lab.owner) == paid


def test_shares_bought_carry_no_claim(lab: Lab) -> None:
    """Neither in the market nor from the vault; and a seller's claim cannot be taken by buying him out."""
    past_due(lab)
    lab.send("CreditLine", "transfer", lab.mallory.address, value(lab, "balanceOf", lab.owner.address))
    paid = pay_all(lab)
    with reverts("ZeroAmount"):
        lab.send("CreditLine", "claim", [due_day(lab)], lab.mallory.address, by=lab.mallory)
    assert claim(lab, due_day(lab), lab.owner) == paid


def test_shares_of_the_last_second_bear_the_loss_they_claim_for(lab: Lab) -> None:
    """Arriving just before the due time buys a part of the recovery at the price of the same part of the loss."""
    lab.decided()
    lab.draw(1_000 * UNIT)
    provide(lab, 10_000 * UNIT, lab.bob)
    due = loan(lab)["dueAt"]
    lab.travel(due - 1)
    lab.send("CreditLine", "deposit", 10_000 * UNIT, lab.bob.address, by=lab.bob)
    got = redeem_all(lab, lab.bob)
    assert lab.network.now() == due
    assert got < 9_670 * UNIT
    pay_all(lab)
    got += claim(lab, due_day(lab), lab.bob)
    seconds = 10 * (1_000 * UNIT * 1_000 // (10_000 * 365 * DAY) + 1)
    assert 10_000 * UNIT - 2 <= got <= 10_000 * UNIT + seconds


def test_a_line_with_nothing_left_takes_no_deposits(lab: Lab) -> None:
    lab.send("CreditLine", "withdraw", 16_000 * UNIT, lab.owner.address, lab.owner.address)
    written_off(lab, 4_000 * UNIT)
    assert value(lab, "totalAssets") == 0
    assert value(lab, "maxDeposit", lab.bob.address) == value(lab, "maxMint", lab.bob.address) == 0
    provide(lab, UNIT)
    repay(lab, 1, UNIT)
    assert value(lab, "maxDeposit", lab.bob.address) == 0
    assert claim(lab, due_day(lab), lab.owner) == UNIT
