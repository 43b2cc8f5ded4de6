"""The credit line as ERC-4626: entering, leaving, previews, limits, roundings."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contracts.circuits import helper_contracts
from tests.contracts.credit_lab import (
    ALL,
    VIRTUAL,
    WRITE_OFF_DELAY,
    balance,
    deposit,
    loan,
    past_due,
    provide,
    redeem_all,
    repay,
    value,
)
from tests.contracts.lab import UNIT, Lab, reverts

POOL = 20_000 * UNIT
MOST = 2**128 - 1
PRICE = 10**6  # shares for a wei of assets, at first


def test_what_it_is(lab: Lab) -> None:
    assert lab.read("CreditLine", "asset") == lab.address("DemoToken")
    assert lab.read("CreditLine", "decimals") == 24
    assert (lab.read("CreditLine", "name"), lab.read("CreditLine", "symbol")) == ("Verdict credit line", "vCREDIT")
    assert lab.read("CreditLine", "WRITE_OFF_DELAY") == WRITE_OFF_DELAY
    assert value(lab, "MAX_TERM_DAYS") == 730
    assert value(lab, "MAX_OPEN_LOANS") == 8
    assert value(lab, "VESTING_PERIOD") == 7 * 86_400


def test_deposit_and_redeem(lab: Lab) -> None:
    provide(lab, 10 * UNIT, lab.bob)
    alice, bob = lab.alice.address, lab.bob.address
    receipt = lab.send("CreditLine", "deposit", 3 * UNIT, alice, by=lab.bob)
    assert lab.events(receipt, "CreditLine", "Deposit") == [
        {"sender": bob, "owner": alice, "assets": 3 * UNIT, "shares": 3 * UNIT * PRICE}
    ]
    assert (value(lab, "balanceOf", alice), value(lab, "balanceOf", bob)) == (3 * UNIT * PRICE, 0)
    assert (balance(lab, bob), value(lab, "cash")) == (7 * UNIT, POOL + 3 * UNIT)
    receipt = lab.send("CreditLine", "redeem", UNIT * PRICE, bob, alice, by=lab.alice)
    assert lab.events(receipt, "CreditLine", "Withdraw") == [
        {"sender": alice, "receiver": bob, "owner": alice, "assets": UNIT, "shares": UNIT * PRICE}
    ]
    assert (balance(lab, bob), value(lab, "cash")) == (8 * UNIT, POOL + 2 * UNIT)


def test_mint_and_withdraw(lab: Lab) -> None:
    provide(lab, 10 * UNIT, lab.bob)
    bob = lab.bob.address
    lab.send("CreditLine", "mint", 3 * UNIT * PRICE - 1, bob, by=lab.bob)
    assert balance(lab, bob) == 7 * UNIT  # rounded up
    lab.send("CreditLine", "withdraw", UNIT, lab.alice.address, bob, by=lab.bob)
    assert balance(lab, lab.alice.address) == UNIT
    assert value(lab, "balanceOf", bob) == 2 * UNIT * PRICE - 1


@pytest.mark.parametrize("function", ["withdraw", "redeem"])
def test_leaving_for_somebody_needs_their_allowance(lab: Lab, function: str) -> None:
    owner, bob = lab.owner.address, lab.bob.address
    amount = UNIT if function == "withdraw" else UNIT * PRICE
    with reverts("ERC20InsufficientAllowance", bob, 0, UNIT * PRICE):
        lab.send("CreditLine", function, amount, bob, owner, by=lab.bob)
    lab.send("CreditLine", "approve", bob, UNIT * PRICE)
    lab.send("CreditLine", function, amount, bob, owner, by=lab.bob)
    assert balance(lab, bob) == UNIT
    assert value(lab, "allowance", owner, bob) == 0


def test_the_owner_has_no_power_over_money(lab: Lab) -> None:
    """Neither another's shares nor a wei of the cash."""
    deposit(lab, UNIT, lab.bob)
    redeem_all(lab, lab.owner)
    owner, bob = lab.owner.address, lab.bob.address
    with reverts("ERC4626ExceededMaxWithdraw", owner, 1, 0):
        lab.send("CreditLine", "withdraw", 1, owner, owner)
    with reverts("ERC20InsufficientAllowance"):
        lab.send("CreditLine", "withdraw", 1, owner, bob)


def test_a_deposit_has_its_bounds(lab: Lab) -> None:
    """Every product of the books stays inside a word while cash does inside half of one."""
    bob = lab.bob.address
    assert value(lab, "maxDeposit", bob) == MOST - POOL
    provide(lab, 2**130, lab.bob)
    with reverts("ERC4626ExceededMaxDeposit", bob, MOST - POOL + 1, MOST - POOL):
        lab.send("CreditLine", "deposit", MOST - POOL + 1, bob, by=lab.bob)
    most = value(lab, "maxMint", bob)
    with reverts("ERC4626ExceededMaxMint", bob, most + 1, most):
        lab.send("CreditLine", "mint", most + 1, bob, by=lab.bob)
    lab.send("CreditLine", "mint", most, bob, by=lab.bob)
    assert value(lab, "cash") == MOST
    assert value(lab, "maxDeposit", bob) == value(lab, "maxMint", bob) == 0
    lab.decided()
    lab.draw(1_000 * UNIT)
    provide(lab, 2_000 * UNIT)
    lab.travel(loan(lab)["dueAt"])
    repay(lab)  # interest on top of the bound is no reason to refuse a payment
    assert value(lab, "cash") > MOST
    assert value(lab, "maxDeposit", bob) == 0
    assert redeem_all(lab, lab.bob) > MOST - POOL


def test_shares_without_end(lab: Lab) -> None:
    """After nearly everything was lost a share is worth next to nothing; the most that can be minted still fits."""
    decisions = lab.deploy_as("OpenDecisions", helper_contracts()["OpenDecisions"])
    lab.deploy("CreditLine", decisions.address, lab.address("DemoToken"), lab.owner.address)
    lab.send("CreditLine", "setModelTerms", 1, ([(0, 0), (MOST, 0), (0, 0)], ALL, 1, 1))
    lab.send("CreditLine", "setIssuerDailyCap", lab.issuer.address, ALL)
    lab.send("CreditLine", "setCaps", ALL, ALL)
    deposit(lab, 10**34, lab.bob)
    lab.draw(10**34 - 1, model=1)
    lab.travel(loan(lab)["dueAt"] + WRITE_OFF_DELAY)
    lab.send("CreditLine", "writeOff", 1)
    most = value(lab, "maxMint", lab.mallory.address)
    assert most == ALL // 2
    provide(lab, 2**130, lab.mallory)
    assert value(lab, "previewMint", most) <= MOST
    lab.send("CreditLine", "mint", most, lab.mallory.address, by=lab.mallory)
    assert redeem_all(lab, lab.bob) <= 1


def test_leaving_reaches_as_far_as_idle_cash(lab: Lab) -> None:
    lab.decided()
    lab.draw(4_000 * UNIT)
    owner = lab.owner.address
    idle = POOL - 4_000 * UNIT
    lab.travel(lab.network.now() + 86_400)
    most = value(lab, "maxRedeem", owner)
    assert value(lab, "maxWithdraw", owner) == value(lab, "idle") == idle
    assert idle - 1 <= value(lab, "previewRedeem", most) <= idle
    with reverts("ERC4626ExceededMaxWithdraw", owner, idle + 1, idle):
        lab.send("CreditLine", "withdraw", idle + 1, owner, owner)
    lab.send("CreditLine", "withdraw", idle, owner, owner)
    assert value(lab, "maxWithdraw", owner) == value(lab, "maxRedeem", owner) == 0
    with reverts("ERC4626ExceededMaxRedeem", owner, 1, 0):
        lab.send("CreditLine", "redeem", 1, owner, owner)


def test_nothing_is_allowed(lab: Lab) -> None:
    """ERC-4626 knows no smallest amount."""
    owner = lab.owner.address
    before = value(lab, "cash"), value(lab, "totalSupply")
    for function, args in (("deposit", ()), ("mint", ()), ("withdraw", (owner,)), ("redeem", (owner,))):
        lab.send("CreditLine", function, 0, owner, *args)
    assert before == (value(lab, "cash"), value(lab, "totalSupply"))


def test_conversions_take_the_price_of_leaving(lab: Lab) -> None:
    """An integrator that values shares by convertToAssets never counts a loan that is past due."""
    past_due(lab)
    supply, leaving = POOL * PRICE + VIRTUAL, value(lab, "totalAssets") + 1
    assert leaving == 19_000 * UNIT + 1
    assert value(lab, "convertToAssets", 10**24) == 10**24 * leaving // supply
    assert value(lab, "convertToShares", UNIT) == UNIT * supply // leaving
    assert value(lab, "previewDeposit", UNIT) < value(lab, "convertToShares", UNIT)
    assert value(lab, "previewMint", 10**24) > value(lab, "convertToAssets", 10**24)


amounts = st.one_of(st.integers(0, 10), st.integers(0, 10**30), st.integers(0, 2**127))


@pytest.mark.parametrize("late", [False, True], ids=["in time", "past due"])
def test_previews_round_against_whoever_asks(lab: Lab, late: bool) -> None:
    """Round trips never gain, and every preview is between its neighbours. At an uneven price."""
    past_due(lab, 777 * UNIT + 7)
    if not late:
        provide(lab, UNIT * 800)
        repay(lab)

    def see(view: str, amount: int) -> int:
        return value(lab, view, amount)

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(assets=amounts, shares=amounts)
    def check(assets: int, shares: int) -> None:
        assert see("previewRedeem", see("previewDeposit", assets)) <= assets
        assert see("previewWithdraw", assets) >= see("previewDeposit", assets)
        assert see("previewMint", shares) >= see("previewRedeem", shares)
        assert see("previewDeposit", see("previewMint", shares)) >= shares
        assert see("previewMint", see("previewDeposit", assets)) <= assets
        assert see("previewRedeem", see("previewWithdraw", assets)) >= assets
        assert see("previewWithdraw", see("previewRedeem", shares)) <= shares
        assert see("convertToShares", see("convertToAssets", shares)) <= shares

    check()


@pytest.mark.parametrize("function", ["deposit", "mint", "withdraw", "redeem"])
def test_what_is_previewed_is_what_happens(lab: Lab, function: str) -> None:
    past_due(lab, 777 * UNIT + 7)
    lab.send("DemoToken", "approve", lab.address("CreditLine"), ALL)
    owner, amount = lab.owner.address, 10**18 + 1
    lab.travel(lab.network.now() + 100)
    preview = value(lab, "preview" + function.capitalize(), amount)
    back = () if function in ("deposit", "mint") else (owner,)
    receipt = lab.send("CreditLine", function, amount, owner, *back)
    (event,) = lab.events(receipt, "CreditLine", "Deposit" if not back else "Withdraw")
    given_, got = ("assets", "shares") if function in ("deposit", "withdraw") else ("shares", "assets")
    assert (event[given_], event[got]) == (amount, preview)
