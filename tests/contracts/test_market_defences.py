"""What attacks on the collateral market meet: thresholds, dust, rounding, outages, and what is merely said."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from web3 import Web3

from prover.chain.artifacts import load_artifact
from tests.contracts.circuits import helper_contracts
from tests.contracts.lab import DAY, UNIT, Lab, reverts
from tests.contracts.market_lab import HOUR, MAX, SUPPLIED, WAD, YEAR, MarketLab, handle, standing_market

GRACE, WINDOW = 6 * HOUR, DAY
MIN_DEBT = 100 * UNIT
LEAST = 10**6


@pytest.fixture(scope="module")
def standing(deployed: Lab) -> Iterator[MarketLab]:
    with standing_market(deployed) as market:
        yield market


@pytest.fixture
def market(standing: MarketLab, lab: Lab) -> MarketLab:
    return handle(standing)


def free_of_interest(market: MarketLab, **changes: int) -> None:
    market.open(base_rate=0, kink_rate=0, full_rate=0, **changes)


# Thresholds.


def test_a_good_old_tier_is_no_cover_for_new_debt(market: MarketLab) -> None:
    """The least debt kept from a better day, collateral brought for a moment, and taken away again: refused."""
    lab = market.lab
    market.borrower(MIN_DEBT, gold=10 * UNIT, tier=2)
    lab.decided(1, consumer=market.market, nonce=1, sequence=2, expiresAt=lab.network.now() + 30 * DAY)
    market.lock(5 * UNIT)
    market.borrow(1_300 * UNIT)  # 46.7 % of 3,000
    assert market.position()["lltvBps"] == 5_000
    with reverts("BorrowLimitExceeded"):
        market.release(5 * UNIT)  # 70 % of 2,000
    market.release(UNIT * 9 // 10)


def test_a_further_borrow_on_as_good_a_tier_changes_no_threshold(market: MarketLab) -> None:
    lab = market.lab
    market.borrower(200 * UNIT, tier=1)
    assert market.events(market.borrow(UNIT), "ThresholdLowered") == []
    lab.decided(2, consumer=market.market, nonce=1, sequence=2)
    assert market.events(market.borrow(UNIT), "ThresholdLowered") == []
    assert market.position()["lltvBps"] == 5_000


def test_a_refused_borrow_lowers_nothing(market: MarketLab) -> None:
    lab = market.lab
    market.borrower(1_400 * UNIT, tier=2)
    lab.decided(1, consumer=market.market, nonce=1, sequence=2)
    with reverts("BorrowLimitExceeded"):
        market.borrow(1)
    assert market.position()["lltvBps"] == 7_500
    assert market.health() > WAD


def test_a_borrower_names_the_lowest_threshold(market: MarketLab) -> None:
    """A worse decision reaches the registry first: `borrowWithin` stops there, `borrow` does not."""
    lab = market.lab
    market.borrower(600 * UNIT)
    alice = lab.alice.address
    least = ("borrowWithin", market.id, UNIT, alice, alice)
    market.send(*least, 7_500, by=lab.alice)
    with reverts("LltvTooLow", 7_501, 7_500):
        market.send(*least, 7_501, by=lab.alice)
    lab.decided(1, consumer=market.market, nonce=1, sequence=2)
    with reverts("LltvTooLow", 7_500, 5_000):
        market.send(*least, 7_500, by=lab.alice)
    assert market.position()["lltvBps"] == 7_500
    market.send(*least, 5_000, by=lab.alice)
    assert market.position()["lltvBps"] == 5_000
    with reverts("Unauthorized", alice, lab.mallory.address):
        market.send(*least, 0, by=lab.mallory)


# Dust.


def test_a_repayment_leaves_nothing_or_the_least_debt(market: MarketLab) -> None:
    lab = market.lab
    free_of_interest(market)
    market.borrower(300 * UNIT)
    shares = market.position()["borrowShares"]
    with reverts("DebtTooSmall"):
        market.repay(0, shares - 1)
    with reverts("ZeroAmount"):
        market.repay(1, by=market.borrower(MIN_DEBT, subject=lab.mallory, personId=bytes(32), nonce=1), of=lab.mallory)
    (event,) = market.events(market.repay(300 * UNIT - 1), "Repaid")  # takes as much as leaves the least
    assert event["assets"] == 200 * UNIT
    assert market.debt() == MIN_DEBT
    with reverts("ZeroAmount"):
        market.repay(MIN_DEBT - 1)
    market.repay(MIN_DEBT)  # and all of it, as a sum or as MAX or in shares
    market.repay(MAX, by=lab.mallory, of=lab.mallory)
    market.borrow(MIN_DEBT)
    market.repay(0, MAX)
    market.check_books()


def test_nobody_gets_a_rescue_refused_by_paying_a_little(market: MarketLab) -> None:
    """Three dollars from another just before: the rescue's sum would leave dust, and takes a little less instead."""
    lab = market.lab
    market.borrower(1_500 * UNIT)
    market.mint("Dollar", lab.mallory, 1_000 * UNIT)
    market.quote(190)
    market.call()
    market.repay(3 * UNIT, by=lab.mallory)
    (event,) = market.events(market.repay(1_398 * UNIT), "Repaid")
    assert 1_396 * UNIT < event["assets"] < 1_398 * UNIT
    assert market.state()[0] == "Healthy"
    assert market.debt() >= MIN_DEBT


def test_whatever_was_owed_can_be_paid_in_full(market: MarketLab) -> None:
    """A debt that others' roundings took below the least is still repaid, and by anybody."""
    lab = market.lab
    market.borrower(MIN_DEBT)
    market.pass_time(YEAR, 200)
    market.mint("Dollar", lab.relayer, 200 * UNIT)
    market.repay(by=lab.relayer)
    assert market.debt() == 0
    market.release(10 * UNIT)
    market.check_books()


def test_no_repayments_blow_up_the_number_of_shares(market: MarketLab) -> None:
    """Once dust let a borrower double all debt shares for a unit, until no borrow of anybody's fit. Now a rounding is
    less than a millionth of what is left."""
    lab = market.lab
    free_of_interest(market, min_debt=LEAST)
    market.borrower(0)
    for _ in range(5):
        market.borrow(100 * UNIT)
        sums, shares = market.sums(), market.position()["borrowShares"]
        assets, total = sums["totalBorrowAssets"], sums["totalBorrowShares"]
        fewest = (assets - 1) * (total + 10**6) // (assets + 1) + 1  # whose price, rounded up, is everything
        with reverts("DebtTooSmall"):
            market.repay(0, min(fewest, shares - 1))
        fewest = (assets - LEAST - 1) * (total + 10**6) // (assets + 1) + 1
        market.repay(0, fewest)
        assert LEAST <= market.debt() <= LEAST + 1
        after = market.sums()
        price = (assets + 1) * (after["totalBorrowShares"] + 10**6)
        assert price * (LEAST - 1) <= (after["totalBorrowAssets"] + 1) * (total + 10**6) * LEAST
    lab.decided(2, subject=lab.mallory, consumer=market.market, personId=Web3.keccak(text="another"))
    market.lock(10 * UNIT, lab.mallory)
    most = market.read("maxBorrowOf", market.id, lab.mallory.address)
    assert most == 1_500 * UNIT
    market.borrow(most, lab.mallory)
    market.check_books()


def test_a_liquidation_leaves_no_dust(market: MarketLab) -> None:
    """The liquidator who is the borrower cannot do by liquidation what repayment refuses."""
    lab = market.lab
    free_of_interest(market)
    market.borrower(1_400 * UNIT)
    market.quote(155)
    market.mint("Dollar", lab.relayer, 2_000 * UNIT)
    with reverts("DebtTooSmall", MIN_DEBT - 1, MIN_DEBT):
        market.liquidate(1_300 * UNIT + 1)
    market.liquidate(700 * UNIT)
    market.quote(135)
    market.liquidate(MAX)
    assert market.debt() == 0
    market.check_books()


# What rounding leaves.


@pytest.fixture
def whole(market: MarketLab) -> MarketLab:
    """A market that lends a token without decimals, a thousandth of a dollar each, at 100 % a year."""
    lab = market.lab
    market.token("Whole", helper_contracts()["MarketScaledToken"], 0)
    lab.deploy_as("WholeFeed", load_artifact("DemoFeed"), 8, "a thousandth of a dollar", 10**5)
    market.open(
        loan_token=lab.address("Whole"),
        loan_feed=lab.address("WholeFeed"),
        min_debt=LEAST,
        base_rate=10_000,
        kink_rate=10_000,
        full_rate=10_000,
        max_price_age=2**32 - 1,
        max_liquidation_price_age=2**32 - 1,
    )
    for person in (lab.alice, lab.bob, lab.relayer, lab.mallory):
        lab.send("Whole", "mint", person.address, 10**9)
    market.send("supply", market.id, 10 * LEAST, lab.bob.address, by=lab.bob)
    market.lock(1_000 * UNIT)
    return market


def test_claims_are_what_is_here_in_a_token_without_decimals(whole: MarketLab) -> None:
    """The virtual million of debt shares earned interest that nobody owes: it goes when the last debt does."""
    market, lab = whole, whole.lab
    lab.decided(2, consumer=market.market, expiresAt=lab.network.now() + 30 * DAY)
    with reverts("DebtTooSmall", LEAST - 1, LEAST):
        market.borrow(LEAST - 1)
    market.borrow(LEAST)
    market.pass_time(4 * YEAR)
    assert market.read("debtOf", market.id, lab.alice.address) > 20 * LEAST
    receipt = market.repay()
    (settled,) = market.events(receipt, "RoundingSettled")
    assert -30 < settled["toSuppliers"] < 0
    sums = market.sums()
    assert sums["totalBorrowShares"] == sums["totalBorrowAssets"] == 0
    market.check_books()
    assert market.supplied() <= market.balance("Whole", market.market)
    # Nobody who comes later pays for it: both leave with what is theirs.
    market.send("supply", market.id, LEAST, lab.relayer.address, by=lab.relayer)
    market.withdraw(shares=market.position(lab.bob)["supplyShares"])
    before = market.balance("Whole", lab.relayer)
    market.withdraw(shares=market.position(lab.relayer)["supplyShares"], by=lab.relayer)
    assert market.balance("Whole", lab.relayer) >= before + LEAST - 1
    market.check_books()


def test_a_unit_paid_above_the_sum_is_the_suppliers(market: MarketLab) -> None:
    """A whole unit for a single share makes the rest cheaper; rounded up, it costs a unit more than is owed."""
    free_of_interest(market)
    market.borrower(200 * UNIT)
    market.mint("Dollar", market.lab.alice, 1)
    market.repay(0, 1)
    owed = market.sums()["totalBorrowAssets"]
    assert (owed, market.debt()) == (200 * UNIT - 1, 200 * UNIT)
    assert market.events(market.repay(), "RoundingSettled") == [{"id": market.id, "toSuppliers": 1}]
    assert market.sums()["totalSupplyAssets"] == SUPPLIED + 1
    market.check_books()


def test_bad_debt_and_what_rounding_left_go_together(whole: MarketLab) -> None:
    market, lab = whole, whole.lab
    lab.decided(2, consumer=market.market, expiresAt=lab.network.now() + 30 * DAY)
    market.borrow(LEAST)
    market.pass_time(4 * YEAR)
    lab.send("GoldFeed", "set", 10**6)
    (event,) = market.events(market.liquidate(), "Liquidated")
    assert event["badDebt"] > 0
    assert market.sums()["totalBorrowAssets"] == 0
    market.check_books()
    market.withdraw(shares=market.position(lab.bob)["supplyShares"])
    assert market.balance("Whole", market.market) <= 1


# Outages.


@pytest.fixture
def rollup(market: MarketLab) -> MarketLab:
    """A market on a chain with a sequencer, and alice called at 190 dollars while it was up."""
    lab = market.lab
    lab.deploy_as("Sequencer", load_artifact("DemoFeed"), 0, "up", 0)
    market.open(sequencer_feed=lab.address("Sequencer"))
    market.pass_time(2 * HOUR, 200)
    market.borrower(1_500 * UNIT)
    market.quote(190)
    market.call()
    market.mint("Dollar", lab.relayer, 2_000 * UNIT)
    return market


def outage(market: MarketLab, seconds: int) -> int:
    """Down for so long; when it was up again."""
    market.lab.send("Sequencer", "set", 1)
    market.pass_time(seconds)
    market.lab.send("Sequencer", "set", 0)
    return market.lab.network.now()


def test_an_outage_gives_the_whole_grace_anew(rollup: MarketLab) -> None:
    market, lab = rollup, rollup.lab
    back = outage(market, 12 * HOUR)
    market.pass_time(HOUR, 190)
    assert market.state() == ("Called", 0)
    with reverts("GracePeriod", back + GRACE):
        market.liquidate()
    with reverts("MarginCallHolds", back + GRACE + WINDOW):
        market.call()
    lab.travel(back + GRACE - 1)
    assert market.state()[0] == "Called"
    lab.travel(back + GRACE)
    assert market.state()[0] == "Liquidatable"
    market.liquidate(100 * UNIT)


def test_an_outage_extends_a_call_that_holds(rollup: MarketLab) -> None:
    """The window follows the grace; an outage in it begins both anew, and hard cases do not wait."""
    market, lab = rollup, rollup.lab
    at = market.position()["calledAt"]
    lab.travel(at + GRACE + WINDOW - 3 * HOUR)
    back = outage(market, 2 * HOUR)
    assert back <= at + GRACE + WINDOW
    market.pass_time(HOUR, 190)
    assert market.state() == ("Called", 0)
    lab.travel(back + GRACE + WINDOW)
    market.quote(190)
    assert market.state()[0] == "Callable"  # a second later it is over
    with reverts("MarginCallExpired", back + GRACE + WINDOW):
        market.liquidate()
    market.quote(160)
    assert market.state()[0] == "Liquidatable"


def test_an_outage_longer_than_a_call_ends_it(rollup: MarketLab) -> None:
    """Back a second after its window: a new call, with a grace of its own."""
    market, lab = rollup, rollup.lab
    end = market.position()["calledAt"] + GRACE + WINDOW
    lab.send("Sequencer", "set", 1)
    lab.travel(end + 1)
    lab.send("Sequencer", "set", 0)
    market.pass_time(HOUR, 190)
    assert market.state()[0] == "Callable"
    with reverts("MarginCallExpired", end):
        market.liquidate()
    market.call()
    with reverts("GracePeriod", lab.network.now() + GRACE):
        market.liquidate()


def test_no_outage_revives_a_call(rollup: MarketLab) -> None:
    """Over for months, healthy since, never cured: what a later outage ends is not this call."""
    market = rollup
    end = market.position()["calledAt"] + GRACE + WINDOW
    market.pass_time(90 * DAY, 220)
    assert market.state()[0] == "Healthy"
    outage(market, 600)
    market.pass_time(GRACE + 10, 220)
    market.quote(190)
    assert market.state()[0] == "Callable"
    with reverts("MarginCallExpired", end):
        market.liquidate()
    market.call()
    assert market.state()[0] == "Called"


def test_an_outage_before_the_call_changes_nothing(market: MarketLab) -> None:
    lab = market.lab
    lab.deploy_as("Sequencer", load_artifact("DemoFeed"), 0, "up", 0)
    market.open(sequencer_feed=lab.address("Sequencer"))
    outage(market, HOUR)
    market.pass_time(2 * HOUR, 200)
    market.borrower(1_500 * UNIT)
    market.quote(190)
    market.call()
    at = lab.network.now()
    with reverts("GracePeriod", at + GRACE):
        market.liquidate()
    market.pass_time(GRACE, 190)
    market.mint("Dollar", lab.relayer, 2_000 * UNIT)
    market.liquidate()


@pytest.mark.parametrize("started", [0, MAX])
def test_a_sequencer_with_an_impossible_time_moves_no_grace(rollup: MarketLab, started: int) -> None:
    market, lab = rollup, rollup.lab
    at = market.position()["calledAt"]
    lab.send("Sequencer", "setRound", 0, started, 0)
    with reverts("MarginCallHolds", at + GRACE + WINDOW):
        market.call()
    with reverts("PriceUnavailable" if started == 0 else "SequencerGracePeriod"):
        market.liquidate()


# What the interface says, and is so.


def test_a_market_is_over_after_a_near_total_loss(market: MarketLab) -> None:
    lab = market.lab
    market.quote(200_000)
    free_of_interest(market)
    market.borrower(0, gold=UNIT)
    market.borrow(SUPPLIED)
    market.quote(0.00000001)
    market.mint("Dollar", lab.relayer, SUPPLIED)
    market.liquidate()
    assert market.supplied() < UNIT
    market.check_books()
    market.mint("Dollar", lab.bob, 100 * UNIT)
    with reverts("SafeCastOverflowedUintDowncast"):
        market.send("supply", market.id, 100 * UNIT, lab.bob.address, by=lab.bob)
    market.quote(200)
    free_of_interest(market, min_debt=MIN_DEBT + 1)
    market.send("supply", market.id, 100 * UNIT, lab.bob.address, by=lab.bob)


def test_a_bid_of_everything_with_a_least_collateral_is_not_stepped_aside(market: MarketLab) -> None:
    lab = market.lab
    free_of_interest(market)
    market.borrower(1_500 * UNIT)
    market.quote(150)
    market.mint("Dollar", lab.relayer, 2_000 * UNIT)
    _, bid = market.state()
    market.lock(1)  # the borrower, a moment before
    with reverts("FullClosingRequired"):
        market.liquidate(bid)
    market.liquidate(MAX, 10 * UNIT)


def test_a_call_healed_on_a_late_price_ends_by_a_cure(market: MarketLab) -> None:
    lab = market.lab
    market.borrower(1_500 * UNIT)
    market.quote(190)
    market.call()
    market.pass_time(8 * DAY)
    market.mint("Dollar", lab.alice, 2_000 * UNIT)
    market.repay(1_300 * UNIT)
    assert market.position()["calledAt"] != 0
    market.pass_time(1, 200)
    market.send("cure", market.id, lab.alice.address, by=lab.mallory)
    assert market.position()["calledAt"] == 0


def test_covered_debt_that_cannot_pay_the_incentive_is_partly_bad(market: MarketLab) -> None:
    """1,520 of collateral for 1,500 of debt: the liquidator pays 1,520 / 1.05, and suppliers bear the rest."""
    lab = market.lab
    free_of_interest(market)
    market.borrower(1_500 * UNIT)
    market.quote(152)
    market.mint("Dollar", lab.relayer, 1_500 * UNIT)
    (event,) = market.events(market.liquidate(), "Liquidated")
    assert event["repaid"] == -(-1_520 * UNIT * 10_000 // 10_500)
    assert event["badDebt"] == 1_500 * UNIT - event["repaid"]
    assert event["seized"] == 10 * UNIT
    market.check_books()
