"""The credit line as ERC-4626: entering, leaving, previews, limits, roundings."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contracts.credit_lab import (
    ALL,
    VIRTUAL,
    WRITE_OFF_DELAY,
    balance,
    claim,
    deposit,
    due_day,
    free_line,
    gain_interest,
    loan,
    open_caps,
    past_due,
    provide,
    redeem_all,
    repay,
    value,
)
from tests.contracts.lab import DAY, UNIT, Lab, reverts

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
    lab.travel(loan(lab)["dueAt"] - 1)
    repay(lab)  # interest on top of the bound is no reason to refuse a payment
    assert value(lab, "cash") > MOST
    assert value(lab, "maxDeposit", bob) == 0
    assert redeem_all(lab, lab.bob) > MOST - POOL


@pytest.mark.parametrize("left", [999_999, 999_998], ids=["just enough", "too little"])
def test_a_worn_out_vault_takes_no_deposits(lab: Lab, left: int) -> None:
    """10^18 times what the first got is the most shares a wei may bring: 10^30 of them for 10^6 wei less one."""
    free_line(lab)
    deposit(lab, 10**24, lab.bob)
    lab.draw(10**24 - left, model=1)
    lab.travel(loan(lab)["dueAt"])
    bob, worn = lab.bob.address, left == 999_998
    assert (value(lab, "maxDeposit", bob) == 0) == (value(lab, "maxMint", bob) == 0) == worn
    provide(lab, 10, lab.bob)
    if not worn:
        lab.send("CreditLine", "deposit", 1, bob, by=lab.bob)
        return
    with reverts("ERC4626ExceededMaxDeposit", bob, 1, 0):
        lab.send("CreditLine", "deposit", 1, bob, by=lab.bob)
    with reverts("ERC4626ExceededMaxMint", bob, 1, 0):
        lab.send("CreditLine", "mint", 1, bob, by=lab.bob)
    assert redeem_all(lab, lab.bob) == left, "leaving goes on"
    lab.send("CreditLine", "deposit", 1, bob, by=lab.bob)  # and without shares it is a new vault


def test_shares_never_grow_without_end(lab: Lab) -> None:
    """Wipe-out after wipe-out: the supply stays within its bound, and what can be deposited can be."""
    free_line(lab)
    lab.send("DemoToken", "mint", lab.bob.address, 10**40)
    lab.send("DemoToken", "approve", lab.address("CreditLine"), ALL, by=lab.bob)
    for number in range(1, 9):
        most = value(lab, "maxDeposit", lab.bob.address)
        if not most:
            break
        lab.send("CreditLine", "deposit", min(most, 10**22), lab.bob.address, by=lab.bob)
        lab.send("OpenDecisions", "choose", number.to_bytes(32, "big"), 1)
        lab.draw(value(lab, "cash") * 99_999 // 100_000, model=1)
        lab.travel(loan(lab, number)["dueAt"])
    assert number == 5
    assert value(lab, "totalSupply") < 2**208


def test_dust_wears_out_no_empty_vault(lab: Lab) -> None:
    """Whoever deposits a few wei in an empty vault, draws them all and pays a second late ends no deposits."""
    redeem_all(lab, lab.owner)
    terms = ([(0, 0), (UNIT, 1_500), (UNIT, 1_000)], UNIT, 7 * DAY, 1)
    lab.send("CreditLine", "setModelTerms", lab.tier_model, terms)
    deposit(lab, 2 * 10**6, lab.mallory)
    lab.decided()
    lab.draw(2 * 10**6)
    lab.travel(loan(lab)["dueAt"])
    assert value(lab, "totalAssets") == 0
    deposit(lab, 10 * UNIT, lab.bob)
    assert redeem_all(lab, lab.bob) > 9 * UNIT


def test_lateness_alone_ends_deposits(lab: Lab) -> None:
    """All that was lent comes back, a second late: it is the holders', and the vault itself is empty for good."""
    open_caps(lab)
    past_due(lab, POOL)
    provide(lab, 2 * POOL)
    repay(lab)
    assert value(lab, "pocketed") > POOL
    assert value(lab, "totalAssets") == 0
    lab.travel(lab.network.now() + 400 * DAY)
    assert value(lab, "maxDeposit", lab.bob.address) == 0
    assert claim(lab, due_day(lab), lab.owner) > POOL


def test_lateness_wears_a_vault_out_slowly(lab: Lab) -> None:
    """Nine tenths lent, paid late, claimed, deposited again, nineteen times: nothing is lost but the vault."""
    free_line(lab, 0, 1)
    deposit(lab, 10_000 * UNIT, lab.owner)
    provide(lab, 10**6 * UNIT)
    rounds = 0
    while value(lab, "maxDeposit", lab.owner.address):
        rounds += 1
        lab.draw(value(lab, "cash") * 9 // 10, model=1)
        lab.travel(int(loan(lab, rounds)["dueAt"]))
        repay(lab, rounds)
        back = claim(lab, due_day(lab, rounds), lab.owner)
        if value(lab, "maxDeposit", lab.owner.address):
            lab.send("CreditLine", "deposit", back, lab.owner.address)
        assert rounds < 30
    assert rounds == 19


def test_shares_worth_nothing_are_not_burnt(lab: Lab) -> None:
    """All cash is lent and late: nothing can be redeemed, and what comes in is claimed all the same."""
    open_caps(lab)
    past_due(lab, POOL)
    owner = lab.owner.address
    shares = value(lab, "balanceOf", owner)
    assert value(lab, "maxWithdraw", owner) == value(lab, "maxRedeem", owner) == 0
    with reverts("ERC4626ExceededMaxRedeem", owner, shares, 0):
        lab.send("CreditLine", "redeem", shares, owner, owner)
    provide(lab, 2 * POOL)
    repay(lab)
    assert claim(lab, due_day(lab), lab.owner) > POOL


def test_amounts_that_round_to_nothing_are_refused(lab: Lab) -> None:
    """Neither shares for no assets, nor assets for no shares."""
    owner = lab.owner.address
    with reverts("ZeroAmount"):
        lab.send("CreditLine", "redeem", PRICE - 1, owner, owner)
    free_line(lab, 100_000, 730)
    deposit(lab, 1, lab.bob)
    for _ in range(6):
        gain_interest(lab)
    assert value(lab, "previewDeposit", 1) == 0
    with reverts("ZeroAmount"):
        lab.send("CreditLine", "deposit", 1, owner)


def test_leaving_reaches_as_far_as_idle_cash(lab: Lab) -> None:
    lab.decided()
    lab.draw(4_000 * UNIT)
    owner = lab.owner.address
    idle = POOL - 4_000 * UNIT
    lab.travel(lab.network.now() + 86_400)
    most = value(lab, "maxRedeem", owner)
    assert value(lab, "maxWithdraw", owner) == value(lab, "cash") == idle
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


def test_one_price_for_all(lab: Lab) -> None:
    """Entering, leaving and converting leave a loan past due out alike."""
    past_due(lab)
    supply, assets = POOL * PRICE + VIRTUAL, value(lab, "totalAssets") + 1
    assert assets == 19_000 * UNIT + 1
    assert value(lab, "convertToAssets", 10**24) == value(lab, "previewRedeem", 10**24) == 10**24 * assets // supply
    assert value(lab, "convertToShares", UNIT) == value(lab, "previewDeposit", UNIT) == UNIT * supply // assets
    assert value(lab, "previewMint", 10**24) == 10**24 * assets // supply + 1
    assert value(lab, "previewWithdraw", UNIT) == UNIT * supply // assets + 1


def test_nothing_for_the_vault_itself(lab: Lab) -> None:
    """Neither its own shares nor its own money: both would be lost."""
    line, owner = lab.address("CreditLine"), lab.owner.address
    for function, amount in (("withdraw", UNIT), ("redeem", UNIT * PRICE)):
        with reverts("ReceiverIsVault"):
            lab.send("CreditLine", function, amount, line, owner)
    with reverts("ReceiverIsVault"):
        lab.send("CreditLine", "transfer", line, 1)
    assert value(lab, "maxDeposit", line) == value(lab, "maxMint", line) == 0
    with reverts("ERC4626ExceededMaxDeposit", line, 1, 0):
        lab.send("CreditLine", "deposit", 1, line)
    with reverts("ERC4626ExceededMaxMint", line, 1, 0):
        lab.send("CreditLine", "mint", 1, line)


def test_the_ends_of_days_are_remembered(lab: Lab) -> None:
    """One entry a day: its last word counts, and days without a change have the one before."""
    today = lab.network.now() // 86_400
    owner, bob = lab.owner.address, lab.bob.address
    all_shares = POOL * PRICE
    lab.send("CreditLine", "transfer", bob, 5)
    lab.travel((today + 1) * 86_400 - 1)
    lab.send("CreditLine", "transfer", bob, 2)
    lab.travel((today + 1) * 86_400)
    lab.send("CreditLine", "transfer", owner, 3, by=lab.bob)
    lab.travel((today + 3) * 86_400)
    lab.send("CreditLine", "redeem", 10**18, owner, owner)

    def held(day: int) -> tuple[int, int, int]:
        shares = (value(lab, "sharesAtEndOf", day, who) for who in (owner, bob))
        return (*shares, value(lab, "supplyAtEndOf", day))  # type: ignore[return-value]

    assert held(today - 1) == (0, 0, 0)
    assert held(today) == (all_shares - 7, 7, all_shares)
    assert held(today + 1) == held(today + 2) == (all_shares - 4, 4, all_shares)
    assert held(today + 3) == held(ALL) == (all_shares - 4 - 10**18, 4, all_shares - 10**18)


amounts = st.one_of(st.integers(0, 10), st.integers(0, 10**30), st.integers(0, 2**127))


@pytest.mark.parametrize("late", [False, True], ids=["in time", "past due"])
def test_previews_round_against_whoever_asks(lab: Lab, late: bool) -> None:
    """Round trips never gain, and every preview is between its neighbours. At an uneven price."""
    lab.decided()
    lab.draw(777 * UNIT + 7)
    provide(lab, UNIT * 800)
    lab.travel(loan(lab)["dueAt"] - (0 if late else 9))
    if not late:
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
