"""The collateral market among hostile tokens, feeds and people, and without the registries."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contracts.circuits import helper_contracts
from tests.contracts.lab import DAY, UNIT, Lab, reverts
from tests.contracts.market_lab import HOUR, MAX, PRICE, SUPPLIED, WAD, YEAR, MarketLab, handle, standing_market


@pytest.fixture(scope="module")
def standing(deployed: Lab) -> Iterator[MarketLab]:
    with standing_market(deployed) as market:
        market.borrower(1_000 * UNIT)
        yield market


@pytest.fixture
def market(standing: MarketLab, lab: Lab) -> MarketLab:
    return handle(standing)


def other_token(market: MarketLab, name: str, *args: object, as_collateral: bool = False) -> None:
    """Open a market whose loan token (or collateral) is a misbehaving one, called Odd."""
    market.token("Odd", helper_contracts()[name], *args)
    field = "collateral_token" if as_collateral else "loan_token"
    market.open(**{field: market.lab.address("Odd"), "min_debt": UNIT})
    for person in (market.lab.alice, market.lab.bob, market.lab.relayer):
        market.mint("Odd", person, 10**30)


def feed(market: MarketLab, answer: int, age: int = 0, name: str = "GoldFeed") -> None:
    now = market.lab.network.now() + 1
    market.lab.travel(now)
    market.lab.send(name, "setRound", answer, now - age, now - age)


# Prices.


@pytest.mark.parametrize("name", ["GoldFeed", "DollarFeed"])
@pytest.mark.parametrize(
    ("answer", "updated", "error"),
    [
        (0, 0, "PriceNotPositive"),
        (-1, 0, "PriceNotPositive"),
        (PRICE, None, "RoundIncomplete"),
        (PRICE, 60, "PriceFromFuture"),
    ],
)
def test_bad_prices_stop_what_needs_one(
    market: MarketLab, name: str, answer: int, updated: int | None, error: str
) -> None:
    lab = market.lab
    now = lab.network.now() + 100
    lab.send(name, "setRound", answer, now, 0 if updated is None else now + updated)
    lab.travel(now)
    for attempt in (
        lambda: market.borrow(100 * UNIT),
        lambda: market.release(1),
        market.call,
        market.liquidate,
        market.health,
        market.state,
        lambda: market.read("priceOf", market.id),
    ):
        with reverts(error):
            attempt()
    assert market.read("maxBorrowOf", market.id, lab.alice.address) == 0
    market.lock(UNIT)
    market.withdraw(UNIT)
    market.mint("Dollar", lab.alice, UNIT)
    market.repay()  # never needs a price
    market.release(11 * UNIT)  # nor does collateral without debt


def test_old_prices_open_nothing_but_liquidate(market: MarketLab) -> None:
    lab = market.lab
    address = lab.address("GoldFeed")
    feed(market, 120 * 10**8, age=DAY + 60)
    updated = lab.network.now() - DAY - 60
    with reverts("PriceStale", address, updated, DAY):
        market.borrow(100 * UNIT)
    with reverts("PriceStale", address, updated, DAY):
        market.release(1)
    market.call()
    market.pass_time(7 * HOUR)
    market.mint("Dollar", lab.relayer, 2_000 * UNIT)
    market.liquidate(100 * UNIT)
    market.pass_time(7 * DAY)
    with reverts("PriceStale", address, updated, 7 * DAY):
        market.liquidate(100 * UNIT)
    market.mint("Dollar", lab.alice, 100 * UNIT)
    market.repay()


def test_a_call_stands_while_no_price_can_cure_it(market: MarketLab) -> None:
    """Repayment and collateral go in without a price; the call ends when one says so."""
    lab = market.lab
    market.quote(120)
    market.call()
    feed(market, -1)
    market.repay(900 * UNIT)
    market.lock(UNIT)
    assert market.position()["calledAt"] != 0
    market.quote(120)
    market.send("cure", market.id, lab.alice.address)
    assert market.position()["calledAt"] == 0


def test_the_sequencer_must_be_up_for_a_while(market: MarketLab) -> None:
    lab = market.lab
    lab.deploy("DemoFeed", 0, "sequencer uptime", 0)
    uptime = lab.address("DemoFeed")
    market.open(sequencer_feed=uptime)
    market.supply()
    market.lock(10 * UNIT)
    start = lab.network.now() + 10
    lab.send("DemoFeed", "setRound", 0, start, start)
    lab.travel(start + HOUR - 1)
    with reverts("SequencerGracePeriod", start, HOUR):
        market.borrow(1_000 * UNIT)
    assert market.read("maxBorrowOf", market.id, lab.alice.address) == 0
    lab.travel(start + HOUR)
    market.borrow(1_000 * UNIT)
    market.quote(120)
    market.call()
    called = lab.network.now()
    lab.send("DemoFeed", "setRound", 1, called, called)
    lab.travel(called + 7 * HOUR)
    for attempt in (market.liquidate, market.call, lambda: market.borrow(100 * UNIT)):
        with reverts("MarginCallHolds" if attempt == market.call else "SequencerDown"):
            attempt()
    market.repay(100 * UNIT)
    lab.send("DemoFeed", "setRound", 0, 0, called)
    with reverts("PriceUnavailable", uptime):
        market.liquidate()
    lab.send("DemoFeed", "setRound", 0, MAX, called)
    with reverts("SequencerGracePeriod", MAX, HOUR):
        market.liquidate()
    market.repay(100 * UNIT)
    lab.send("DemoFeed", "setRound", 0, called + 7 * HOUR, called)
    lab.travel(called + 8 * HOUR)
    market.quote(100)
    with reverts("GracePeriod", called + 13 * HOUR):  # anew from the sequencer's return
        market.liquidate()
    lab.travel(called + 13 * HOUR)
    market.mint("Dollar", lab.relayer, 2_000 * UNIT)
    market.liquidate(100 * UNIT)


@pytest.mark.parametrize(("mood", "works"), [(1, False), (2, True), (3, False), (4, False)])
def test_a_feed_can_neither_burn_nor_flood(market: MarketLab, mood: int, works: bool) -> None:
    """All gas burned, 300 kB answered, a byte too few, 100 kB of error: repayment costs bounded gas."""
    lab = market.lab
    lab.deploy_as("HostileFeed", helper_contracts()["HostileFeed"])
    market.open(collateral_feed=lab.address("HostileFeed"), grace=1)
    market.supply()
    market.lock(10 * UNIT)
    market.borrow(1_500 * UNIT)
    lab.travel(lab.network.now() + YEAR // 12)
    lab.send("DollarFeed", "set", 10**8)
    market.call()
    lab.send("HostileFeed", "turn", mood)
    receipt = market.repay(UNIT)
    assert receipt.gas_used < 700_000
    assert (market.position()["calledAt"] == 0) is False  # a dollar cures nothing
    if works:
        market.health()
    else:
        with reverts("PriceUnavailable", lab.address("HostileFeed")):
            market.liquidate()


@pytest.mark.parametrize(
    ("token", "coin", "gold_feed", "dollar_feed"),
    [(0, 30, 0, 30), (30, 0, 30, 0), (6, 18, 8, 8), (30, 30, 30, 30), (0, 0, 0, 0), (18, 6, 18, None)],
)
def test_decimals_from_0_to_30(
    market: MarketLab, token: int, coin: int, gold_feed: int, dollar_feed: int | None
) -> None:
    """A piece of gold for 40 dollars, in every scale: 3 pieces secure 90 dollars at 75 %. Of money without decimals, a
    million times that: less than a million units is too little to owe."""
    lab = market.lab
    market.token("Odd", helper_contracts()["MarketScaledToken"], token)
    market.token("Coin", helper_contracts()["MarketScaledToken"], coin)
    lab.deploy("DemoFeed", gold_feed, "gold", 40 * 10**gold_feed)
    feeds = {"collateral_feed": lab.address("DemoFeed")}
    if dollar_feed is not None:
        lab.deploy("DemoFeed", dollar_feed, "dollar", 10**dollar_feed)
        feeds["loan_feed"] = lab.address("DemoFeed")
    else:
        feeds["loan_feed"] = "0x" + "00" * 20
    market.open(loan_token=lab.address("Odd"), collateral_token=lab.address("Coin"), min_debt=10**6, **feeds)
    many = 1 if token else 10**6
    unit, piece = many * 10**token, many * 10**coin
    lab.send("Odd", "mint", lab.bob.address, 300 * unit)
    lab.send("Coin", "mint", lab.alice.address, 3 * piece)
    market.send("supply", market.id, 300 * unit, lab.bob.address, by=lab.bob)
    market.send("supplyCollateral", market.id, 3 * piece, lab.alice.address, by=lab.alice)
    numerator, denominator = market.read("priceOf", market.id)
    assert numerator * piece == 40 * unit * denominator  # 40 for one, in either's smallest units
    assert market.read("maxBorrowOf", market.id, lab.alice.address) == 90 * unit
    with reverts("BorrowLimitExceeded", 90 * unit + 1, 90 * unit):
        market.borrow(90 * unit + 1)
    market.borrow(90 * unit)


def test_more_than_30_decimals_are_refused(market: MarketLab) -> None:
    lab = market.lab
    market.token("Odd", helper_contracts()["MarketScaledToken"], 31)
    lab.deploy("DemoFeed", 31, "fine", 1)
    for field, changes in {
        "loanToken": {"loan_token": lab.address("Odd")},
        "collateralToken": {"collateral_token": lab.address("Odd")},
        "collateralFeed": {"collateral_feed": lab.address("DemoFeed")},
        "loanFeed": {"loan_feed": lab.address("DemoFeed")},
    }.items():
        with reverts("InvalidParams", field.encode().ljust(32, b"\0")):
            market.create(market.usual(**changes))


def test_a_price_beyond_a_word_is_named_or_saturates(market: MarketLab) -> None:
    lab = market.lab
    market.token("Odd", helper_contracts()["MarketScaledToken"], 30)
    lab.deploy("DemoFeed", 0, "gold", 2**250)
    market.open(loan_token=lab.address("Odd"), collateral_feed=lab.address("DemoFeed"), min_debt=UNIT)
    market.lock(10 * UNIT)
    with reverts("PriceOutOfRange", 2**250, 10**8):
        market.read("priceOf", market.id)
    lab.send("DemoFeed", "set", 2**180)
    lab.send("Odd", "mint", lab.bob.address, 2**128)
    with reverts("SafeCastOverflowedUintDowncast"):  # a million shares a unit do not fit
        market.send("supply", market.id, 2**128 // 10**6 + 1, lab.bob.address, by=lab.bob)
    market.send("supply", market.id, 10**32, lab.bob.address, by=lab.bob)
    market.borrow(10**32)  # worth more than any number: secured
    assert market.health() > WAD


# Tokens.


def test_a_token_that_charges_is_refused(market: MarketLab) -> None:
    lab = market.lab
    other_token(market, "FickleToken")
    market.send("supply", market.id, 1_000 * UNIT, lab.bob.address, by=lab.bob)
    market.lock(10 * UNIT)
    market.borrow(500 * UNIT)
    odd = lab.address("Odd")
    lab.send("Odd", "charge", 1, 0)
    with reverts("UnexpectedTransfer", odd, UNIT, UNIT - 1):
        market.send("supply", market.id, UNIT, lab.bob.address, by=lab.bob)
    with reverts("UnexpectedTransfer", odd, UNIT, UNIT - 1):
        market.repay(UNIT)
    lab.send("Odd", "charge", 0, 1)
    with reverts("UnexpectedTransfer", odd, UNIT, UNIT + 1):
        market.withdraw(UNIT)
    with reverts("UnexpectedTransfer", odd, UNIT, UNIT + 1):
        market.borrow(UNIT)


def test_collateral_that_charges_is_refused(market: MarketLab) -> None:
    lab = market.lab
    other_token(market, "FickleToken", as_collateral=True)
    lab.send("Odd", "charge", 3, 0)
    with reverts("UnexpectedTransfer", lab.address("Odd"), UNIT, UNIT - 3):
        market.send("supplyCollateral", market.id, UNIT, lab.alice.address, by=lab.alice)


def test_a_token_that_shrank_takes_no_new_money(market: MarketLab) -> None:
    lab = market.lab
    other_token(market, "FickleToken")
    market.send("supply", market.id, 1_000 * UNIT, lab.bob.address, by=lab.bob)
    market.lock(10 * UNIT)
    market.borrow(500 * UNIT)
    lab.send("Odd", "shrink", market.market, 1)
    odd = lab.address("Odd")
    with reverts("TokenShortfall", odd, 500 * UNIT, 500 * UNIT - 1):
        market.send("supply", market.id, 1, lab.bob.address, by=lab.bob)
    with reverts("TokenShortfall", odd, 500 * UNIT, 500 * UNIT - 1):
        market.borrow(1)
    assert market.read("maxBorrowOf", market.id, lab.alice.address) == 0
    market.repay(100 * UNIT)
    market.withdraw(100 * UNIT)
    lab.send("Odd", "mint", market.market, 1)
    assert market.read("maxBorrowOf", market.id, lab.alice.address) > 0
    market.borrow(1)


def test_a_silent_token_works_and_a_refusing_one_does_not(market: MarketLab) -> None:
    lab = market.lab
    other_token(market, "MarketSilentToken")
    market.send("supply", market.id, 1_000 * UNIT, lab.bob.address, by=lab.bob)
    market.withdraw(1_000 * UNIT)
    other_token(market, "MarketRefusingToken")
    with reverts("SafeERC20FailedOperation", lab.address("Odd")):
        market.send("supply", market.id, 1_000 * UNIT, lab.bob.address, by=lab.bob)


@pytest.mark.parametrize("name", ["supply", "withdraw", "borrow", "repay", "liquidate", "accrueInterest"])
def test_no_reentry_from_a_token(market: MarketLab, name: str) -> None:
    lab = market.lab
    other_token(market, "FickleToken")
    market.send("supply", market.id, 1_000 * UNIT, lab.bob.address, by=lab.bob)
    people = (lab.bob.address, lab.bob.address)
    args = {
        "supply": (1, people[0]),
        "withdraw": (1, 0, *people),
        "borrow": (1, *people),
        "repay": (1, 0, people[0]),
        "liquidate": (people[0], 1, 0, b""),
        "accrueInterest": (),
    }[name]
    lab.send("Odd", "hook", market.market, lab.contracts["CollateralMarket"].encode(name, (market.id, *args)))
    with reverts("ReentrancyGuardReentrantCall"):
        market.send("supply", market.id, UNIT, lab.bob.address, by=lab.bob)
    with reverts("ReentrancyGuardReentrantCall"):
        market.withdraw(UNIT)


def test_views_hold_while_a_token_moves(market: MarketLab) -> None:
    """Read-only reentrancy: whoever asks in a hook sees what is true after it."""
    lab = market.lab
    other_token(market, "FickleToken")
    market.send("supply", market.id, 1_000 * UNIT, lab.bob.address, by=lab.bob)
    market.lock(10 * UNIT)
    market.borrow(500 * UNIT)
    witness = lab.deploy_as("MarketWitness", helper_contracts()["MarketWitness"], market.market)
    look = witness.encode("look", (market.id, lab.bob.address, lab.alice.address))
    lab.send("Odd", "hook", witness.address, look)
    for step in (
        lambda: market.withdraw(100 * UNIT),
        lambda: market.borrow(100 * UNIT),
        lambda: market.repay(200 * UNIT),
        lambda: market.send("supply", market.id, 300 * UNIT, lab.bob.address, by=lab.bob),
    ):
        step()
        assert 0 <= market.supplied() - lab.read("MarketWitness", "supplied") < 10**12  # a second of interest
        assert 0 <= lab.read("MarketWitness", "health") - market.health() < WAD // 10**6


# Shares.


def test_the_first_depositor_cannot_take_the_second_ones_money(market: MarketLab) -> None:
    """One unit deposited, a fortune given to the contract, and the victim's shares are worth what was paid."""
    lab = market.lab
    market.open(min_debt=UNIT)
    market.supply(1, lab.mallory)
    lab.send("Dollar", "mint", market.market, 10_000 * UNIT)
    market.supply(1_000 * UNIT)
    assert market.supplied() == 1_000 * UNIT
    assert market.supplied(lab.mallory) == 1


def test_a_gift_is_nobodys(market: MarketLab) -> None:
    lab = market.lab
    before = market.sums() | {"accruedAt": 0, "interestRemainder": 0}
    tracked = market.read("trackedOf", lab.address("Gold"))
    lab.send("Gold", "mint", market.market, 10**30)
    lab.send("Dollar", "mint", market.market, 10**30)
    after = market.sums() | {"accruedAt": 0, "interestRemainder": 0}
    assert after["totalSupplyShares"] == before["totalSupplyShares"]
    assert after["totalSupplyAssets"] - before["totalSupplyAssets"] < 10**14
    assert market.read("trackedOf", lab.address("Gold")) == tracked


def test_round_trips_never_gain(market: MarketLab) -> None:
    lab = market.lab
    lab.travel(lab.network.now() + YEAR // 3)
    market.send("accrueInterest", market.id)
    for amount in (1, 2, 3, 999, 10**9 + 7, UNIT + 1):
        lab.send("Dollar", "mint", lab.mallory.address, amount)
        before = market.balance("Dollar", lab.mallory)
        now = lab.network.now() + 1
        lab.travel(now)
        market.send("supply", market.id, amount, lab.mallory.address, by=lab.mallory)
        shares = market.position(lab.mallory)["supplyShares"]
        worth = shares * (market.sums()["totalSupplyAssets"] + 1) // (market.sums()["totalSupplyShares"] + 10**6)
        assert worth <= amount + amount // 10**6
        if worth:
            market.withdraw(shares=shares, by=lab.mallory)
            assert market.balance("Dollar", lab.mallory) <= before + amount // 10**6  # but for a second's interest


def test_dust_borrows_cost_their_interest(market: MarketLab) -> None:
    lab = market.lab
    shares = market.position()["borrowShares"]
    lab.travel(lab.network.now() + YEAR)
    market.quote(400)
    market.quote(1, "DollarFeed")
    lab.decided(2, consumer=market.market, nonce=9, sequence=9)
    before = market.debt()
    market.borrow(1)
    assert market.debt() > before
    assert market.position()["borrowShares"] > shares


# Without decisions and registries.


def test_only_borrowing_reads_the_registry(lab: Lab) -> None:
    """The registry is gone, the model frozen out, the issuer retired: everything but borrowing goes on."""
    real = lab.contracts["DecisionRegistry"]
    mortal = lab.deploy_as("Mortal", helper_contracts()["MortalRegistry"], real.address)
    lab.deploy("CollateralMarket", real.address)
    with standing_market(lab) as market:
        lab.deploy("CollateralMarket", mortal.address)
        market.create(market.params)
        for token in ("Dollar", "Gold"):
            for person in lab.signers[:7]:
                lab.send(token, "approve", market.market, MAX, by=person)
        market.borrower(1_400 * UNIT, nonce=5, sequence=5)
        lab.send("ModelRegistry", "deprecateModel", lab.tier_model)
        lab.send("IssuerRegistry", "retireIssuer", lab.issuer.address, by=lab.issuer)
        lab.send("Mortal", "kill")
        with reverts("Error", "gone"):
            market.borrow(100 * UNIT)
        market.mint("Dollar", lab.relayer, 2_000 * UNIT)
        market.mint("Dollar", lab.alice, 100 * UNIT)
        market.supply(UNIT)
        market.withdraw(UNIT)
        market.lock(UNIT)
        market.release(UNIT)
        market.quote(180)
        market.call()
        market.quote(200)
        market.send("cure", market.id, lab.alice.address)
        market.quote(180)
        market.call()
        market.pass_time(7 * HOUR, 180)
        market.liquidate(100 * UNIT)
        market.quote(150)
        market.liquidate()
        market.check_books()
        assert market.position()["borrowShares"] == 0
        market.withdraw(shares=market.position(lab.bob)["supplyShares"])
        assert market.balance("Dollar", lab.bob) >= SUPPLIED
