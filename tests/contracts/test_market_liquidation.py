"""Margin calls and liquidations: who can be touched, when, for how much, and who bears what stays unpaid."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from eth_abi.abi import encode

from tests.contracts.circuits import helper_contracts
from tests.contracts.lab import DAY, UNIT, Lab, reverts
from tests.contracts.market_lab import BPS, HOUR, MAX, SUPPLIED, WAD, MarketLab, handle, standing_market

GRACE, WINDOW = 6 * HOUR, DAY


@pytest.fixture(scope="module")
def standing(deployed: Lab) -> Iterator[MarketLab]:
    """Alice owes 1,400 dollars on ten gold, worth 2,000; unhealthy below 187, above the hard threshold at 155."""
    with standing_market(deployed) as market:
        market.borrower(1_400 * UNIT)
        market.mint("Dollar", deployed.relayer, 10_000 * UNIT)
        yield market


@pytest.fixture
def market(standing: MarketLab, lab: Lab) -> MarketLab:
    return handle(standing)


def called(market: MarketLab, dollars: float = 180) -> int:
    """Let the price fall and call the margin; when it was."""
    market.quote(dollars)
    market.call()
    return market.lab.network.now()


def test_a_margin_call_gives_grace(market: MarketLab) -> None:
    lab = market.lab
    market.quote(180)
    assert market.state() == ("Callable", 0)
    receipt = market.call()
    at = lab.network.now()
    (event,) = market.events(receipt, "MarginCalled")
    assert event["liquidatableAt"] == at + GRACE
    assert event["expiresAt"] == at + GRACE + WINDOW
    assert event["collateralValue"] == 1_800 * UNIT
    assert event["debt"] >= 1_400 * UNIT
    assert market.position()["calledAt"] == at
    assert market.state() == ("Called", 0)
    lab.travel(at + GRACE - 1)
    with reverts("GracePeriod", at + GRACE):
        market.liquidate(1)
    lab.travel(at + GRACE)
    state, most = market.state()
    assert state == "Liquidatable"
    assert most == -(-market.debt() * 5_000 // BPS)


def test_a_call_holds_for_its_window(market: MarketLab) -> None:
    lab = market.lab
    at = called(market)
    with reverts("MarginCallHolds", at + GRACE + WINDOW):
        market.call()
    lab.travel(at + GRACE + WINDOW)
    assert market.state()[0] == "Liquidatable"
    lab.travel(at + GRACE + WINDOW + 1)
    assert market.state() == ("Callable", 0)
    with reverts("MarginCallExpired", at + GRACE + WINDOW):
        market.liquidate()
    market.call()
    with reverts("GracePeriod"):
        market.liquidate()


def test_a_healthy_position_is_not_called_or_touched(market: MarketLab) -> None:
    with reverts("PositionHealthy"):
        market.call()
    with reverts("PositionHealthy"):
        market.liquidate()
    with reverts("NotCalled", market.lab.alice.address):
        market.send("cure", market.id, market.lab.alice.address)
    called(market)
    market.pass_time(GRACE, 200)  # the price came back and nobody said so
    with reverts("PositionHealthy"):
        market.liquidate()


def test_nobody_without_debt_is_called_or_touched(market: MarketLab) -> None:
    for call in (market.call, lambda of: market.liquidate(of=of)):
        with reverts("NoDebt", market.lab.bob.address):
            call(market.lab.bob)
    assert market.state(market.lab.bob) == ("NoDebt", 0)
    assert market.health(market.lab.bob) == MAX


def test_an_unhealthy_position_is_not_touched_without_a_call(market: MarketLab) -> None:
    market.quote(180)
    with reverts("NotCalled", market.lab.alice.address):
        market.liquidate()


def test_nothing_is_not_a_liquidation(market: MarketLab) -> None:
    with reverts("ZeroAmount"):
        market.liquidate(0)


@pytest.mark.parametrize("way", ["collateral", "repayment", "repaid whole", "price"])
def test_a_call_is_cured(market: MarketLab, way: str) -> None:
    lab = market.lab
    called(market)
    market.mint("Dollar", lab.alice, 100 * UNIT)
    if way == "collateral":
        receipt = market.lock(UNIT)
    elif way == "repayment":
        receipt = market.repay(100 * UNIT)
    elif way == "repaid whole":
        receipt = market.repay()
    else:
        with reverts("PositionUnhealthy"):
            market.send("cure", market.id, lab.alice.address)
        market.quote(190)
        receipt = market.send("cure", market.id, lab.alice.address, by=lab.mallory)
    assert market.events(receipt, "MarginCallEnded") == [{"id": market.id, "borrower": lab.alice.address}]
    assert market.position()["calledAt"] == 0


def test_too_little_cures_nothing(market: MarketLab) -> None:
    at = called(market)
    market.lock(UNIT // 100)
    market.repay(UNIT)
    assert market.position()["calledAt"] == at


def test_half_is_liquidated_at_the_price_and_the_incentive(market: MarketLab) -> None:
    lab = market.lab
    called(market, 170)
    market.pass_time(GRACE, 170)
    receipt = market.liquidate()
    (event,) = market.events(receipt, "Liquidated")
    assert market.balance("Gold", lab.relayer) == event["seized"]
    assert market.balance("Dollar", lab.relayer) == 10_000 * UNIT - event["repaid"]
    assert event["badDebt"] == event["badDebtShares"] == 0
    assert 700 * UNIT < event["repaid"] < 701 * UNIT
    exact = event["repaid"] * 10_500 // BPS / 170
    assert exact * 0.999999 < event["seized"] <= exact
    assert market.position()["collateral"] == 10 * UNIT - event["seized"]
    assert market.position()["calledAt"] == 0  # healthy again
    assert market.health() > WAD
    with reverts("PositionHealthy"):
        market.liquidate()
    market.check_books()


def test_a_still_unhealthy_position_can_be_liquidated_further(market: MarketLab) -> None:
    called(market, 157)
    market.pass_time(GRACE, 157)
    before = market.health()
    market.liquidate(100 * UNIT)
    assert before < market.health() < WAD
    assert market.state()[0] == "Liquidatable"
    market.liquidate(100 * UNIT)


def test_above_the_hard_threshold_no_call_is_needed_and_all_goes(market: MarketLab) -> None:
    market.quote(155)
    assert market.state()[0] == "Liquidatable"
    assert market.state()[1] == market.debt()
    receipt = market.liquidate()
    (event,) = market.events(receipt, "Liquidated")
    assert event["badDebt"] == 0
    position = market.position()
    assert position["borrowShares"] == position["lltvBps"] == 0
    assert position["personId"] == bytes(32)
    assert position["collateral"] == 10 * UNIT - event["seized"] > 0
    market.release(position["collateral"])
    market.check_books()


def test_dust_is_liquidated_whole(market: MarketLab) -> None:
    """A rest below the market's smallest debt would be nobody's business."""
    market.repay(1_250 * UNIT)
    market.release(10 * UNIT - 11 * UNIT // 10)
    called(market, 160)
    market.pass_time(GRACE, 160)
    state, most = market.state()
    assert (state, most) == ("Liquidatable", market.debt())
    market.liquidate()
    assert market.position()["borrowShares"] == 0


def test_the_liquidator_names_its_least(market: MarketLab) -> None:
    market.quote(155)
    with reverts("SlippageExceeded"):
        market.liquidate(100 * UNIT, 100 * UNIT)
    market.liquidate(100 * UNIT, 67 * UNIT // 100)


def test_bad_debt_is_borne_by_the_suppliers_present(market: MarketLab) -> None:
    lab = market.lab
    market.mint("Dollar", lab.mallory, 50_000 * UNIT)
    market.send("supply", market.id, 50_000 * UNIT, lab.mallory.address, by=lab.mallory)
    market.quote(100)
    before, share = market.supplied(), market.supplied() + market.supplied(lab.mallory)
    debt = market.debt()
    state, most = market.state()
    assert state == "Liquidatable"
    assert most == -(-1_000 * UNIT * BPS // 10_500)
    with reverts("FullClosingRequired", most, most - 1):
        market.liquidate(most - 1)
    receipt = market.liquidate()
    (event,) = market.events(receipt, "Liquidated")
    assert event["repaid"] == most
    assert event["seized"] == 10 * UNIT
    assert 0 <= event["badDebt"] - (debt - most) < UNIT // 1_000
    assert set(market.position().values()) == {0, bytes(32)}
    lost = before - market.supplied()
    assert abs(lost - event["badDebt"] * before // share) < UNIT // 1_000  # but for a second's interest
    market.check_books()
    market.withdraw(shares=market.position(lab.bob)["supplyShares"])
    market.send(
        "withdraw",
        market.id,
        0,
        market.position(lab.mallory)["supplyShares"],
        lab.mallory.address,
        lab.mallory.address,
        by=lab.mallory,
    )
    assert market.balance("Dollar", market.market) <= 10
    market.check_books()


def test_worthless_collateral_is_all_bad_debt(market: MarketLab) -> None:
    market.lab.send("GoldFeed", "set", 1)  # 10^-8 dollars
    (event,) = market.events(market.liquidate(), "Liquidated")
    assert event["seized"] == 10 * UNIT
    assert event["repaid"] == -(-(10 * UNIT // 10**8) * BPS // 10_500)
    assert event["badDebt"] > 1_399 * UNIT
    assert market.supplied() < SUPPLIED - 1_399 * UNIT
    market.check_books()


def test_liquidation_without_money_of_ones_own(market: MarketLab) -> None:
    lab = market.lab
    lab.deploy_as("Liquidator", helper_contracts()["MarketLiquidator"], market.market, lab.address("Dollar"))
    lab.send("Dollar", "approve", lab.address("Liquidator"), MAX, by=lab.relayer)
    market.quote(155)
    lab.send("Liquidator", "run", market.id, lab.alice.address, lab.relayer.address, b"\1")
    assert market.position()["borrowShares"] == 0
    assert lab.read("Liquidator", "seen") == market.balance("Gold", lab.address("Liquidator")) > 0


def test_the_market_is_locked_in_the_callback(market: MarketLab) -> None:
    lab = market.lab
    lab.deploy_as("Liquidator", helper_contracts()["MarketLiquidator"], market.market, lab.address("Dollar"))
    market.quote(155)
    again = lab.contracts["CollateralMarket"].encode("accrueInterest", (market.id,))
    with reverts("ReentrancyGuardReentrantCall"):
        lab.send("Liquidator", "run", market.id, lab.alice.address, lab.relayer.address, again)


def test_a_callback_needs_somebody_to_call(market: MarketLab) -> None:
    market.quote(155)
    with reverts(""):
        market.liquidate(data=encode(["uint256"], [1]))


@pytest.mark.parametrize("dollars", [186, 158, 155, 148])
@pytest.mark.parametrize("amount", [1, 7, 333 * UNIT, MAX])
def test_no_liquidation_raises_the_loan_to_value(market: MarketLab, dollars: float, amount: int) -> None:
    """Debt over collateral, as exact fractions; a part of a position that can still pay never harms the rest."""
    called(market, dollars)
    market.pass_time(GRACE, dollars)
    receipt = market.liquidate(amount)
    (event,) = market.events(receipt, "Liquidated")
    sums, position = market.sums(), market.position()
    if not position["borrowShares"]:
        return
    assert event["seized"] * dollars * BPS <= event["repaid"] * 10_500
    after = position["borrowShares"] * (sums["totalBorrowAssets"] + 1), (sums["totalBorrowShares"] + 10**6)
    before_debt = -(-after[0] // after[1]) + event["repaid"]
    assert -(-after[0] // after[1]) * 10 * UNIT <= before_debt * position["collateral"] + 10 * UNIT
