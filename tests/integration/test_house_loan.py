"""A house, appraised by the proven model, collateralises a loan: borrowing, fall, liquidation, and who takes over."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from tests.contracts.asset_lab import DECAY, DEED, DOLLAR, SUPPLY, Estate
from tests.contracts.lab import DAY, UNIT, Lab, reverts
from tests.contracts.market_lab import ZERO, MarketLab
from tests.integration.asset_models import appraise, model

FOR_EVER = 2**32 - 1
MAX = 2**256 - 1
FRESH = 10 * DAY


@dataclass
class House:
    """A market of dollars against shares of one deed, which alice owns and locked."""

    estate: Estate
    market: MarketLab

    @property
    def lab(self) -> Lab:
        return self.estate.lab

    def appraise(self, thousands: tuple[float, float]) -> int:
        """A surveyor finds facts which the model values in this range; the feed's answer."""
        values = model("house_price").expected.ravel()
        place = int(np.flatnonzero((values > thousands[0]) & (values < thousands[1]))[0])
        self.lab.submit(appraise(self.estate, model("house_price").rows[place]))
        self.estate.update()
        return self.estate.answer()

    def dollars(self, who: str) -> int:
        return int(self.lab.read("DemoToken", "balanceOf", who))


@pytest.fixture
def house(estate: Estate) -> House:
    lab = estate.lab
    estate.open()
    lab.contracts["Dollar"], lab.contracts["Gold"] = lab.contracts["DemoToken"], lab.contracts["AssetShares"]
    market = MarketLab(
        lab,
        collateral_feed=lab.address("AppraisalFeed"),
        loan_feed=ZERO,  # the appraisal is in dollars
        max_price_age=FRESH,
        max_liquidation_price_age=FOR_EVER,
        max_decision_age=30 * DAY,
    )
    pair = (market.params.collateral_token, market.params.loan_token)
    assert lab.read("AppraisalFeed", "isSoundFor", *pair)  # what every creator of such a market asks
    for person in (lab.alice, lab.bob, lab.relayer):
        lab.send("DemoToken", "approve", market.market, MAX, by=person)
        lab.send("AssetShares", "approve", market.market, MAX, by=person)
    lab.send("DemoToken", "mint", lab.bob.address, 10**6 * UNIT)
    market.send("supply", market.id, 10**6 * UNIT, lab.bob.address, by=lab.bob)
    market.send("supplyCollateral", market.id, SUPPLY, lab.alice.address, by=lab.alice)
    return House(estate, market)


def test_a_house_carries_a_loan(house: House) -> None:
    """As much as 75 % of the appraisal after its haircut, with a proven tier of the borrower; not a unit more."""
    lab, market = house.lab, house.market
    answer = house.appraise((440, 460))
    limit = answer * UNIT // DOLLAR * 7_500 // 10_000
    with reverts("DecisionMissing"):
        market.borrow(UNIT * 100)
    lab.decided(2, consumer=market.market)
    assert market.read("maxBorrowOf", market.id, lab.alice.address) == limit
    with reverts("BorrowLimitExceeded", limit + 1, limit):
        market.borrow(limit + 1)
    market.borrow(limit)
    assert house.dollars(lab.alice.address) == limit
    lab.send("DemoToken", "mint", lab.alice.address, UNIT)  # for the seconds' interest
    market.repay()
    market.release(SUPPLY)
    lab.send("AssetShares", "redeem", lab.alice.address, by=lab.alice)
    assert lab.read("DemoDeed", "ownerOf", DEED) == lab.alice.address


def test_a_house_that_lost_its_value_is_liquidated_and_taken_over(house: House) -> None:
    """The liquidator's majority buys the rest at the full appraisal; what it is worth more stays the borrower's."""
    lab, market = house.lab, house.market
    answer = house.appraise((440, 460))
    lab.decided(2, consumer=market.market)
    market.borrow(answer * UNIT // DOLLAR * 7_500 // 10_000)
    debt = market.debt()
    lab.travel(lab.network.now() + DAY)
    lower = house.appraise((350, 370))  # the next survey finds less
    assert market.state()[0] == "Liquidatable"  # above 90 %, no call is needed
    house.estate.fund(lab.relayer, 10**6 * UNIT)
    market.liquidate()
    seized = int(lab.read("AssetShares", "balanceOf", lab.relayer.address))
    paid = 10**6 * UNIT - house.dollars(lab.relayer.address)
    assert market.debt() == 0
    assert paid >= debt
    assert abs(seized * lower // DOLLAR - paid * 10_500 // 10_000) <= 10**12  # debt and incentive, at the feed's price
    full = int(lab.read("AppraisalFeed", "freshAppraisal"))
    cost = int(lab.read("AssetShares", "buyOutCost", lab.relayer.address))
    assert 0 <= cost - full * (SUPPLY - seized) // DOLLAR <= 1  # no haircut for the minority
    lab.send("AssetShares", "buyOut", cost, lab.relayer.address, by=lab.relayer)
    assert lab.read("DemoDeed", "ownerOf", DEED) == lab.relayer.address
    before = house.dollars(lab.alice.address)
    market.release(SUPPLY - seized)
    lab.send("AssetShares", "claim", SUPPLY - seized, lab.alice.address, by=lab.alice)
    assert house.dollars(lab.alice.address) - before == cost


def test_an_expired_appraisal_lends_nothing_and_still_liquidates(house: House) -> None:
    """No more appraisals, surveyor suspended, models deprecated: the loan can be repaid, called and liquidated."""
    lab, market = house.lab, house.market
    answer = house.appraise((440, 460))
    observed = lab.read("AppraisalFeed", "latestRoundData")[3]
    lab.decided(2, consumer=market.market, expiresAt=lab.network.now() + 30 * DAY)
    market.borrow(answer * UNIT // DOLLAR * 7_200 // 10_000)
    lab.travel(observed + FRESH + 1)
    with reverts("PriceStale", lab.address("AppraisalFeed"), observed, FRESH):
        market.borrow(100 * UNIT)
    with reverts("PriceStale", lab.address("AppraisalFeed"), observed, FRESH):
        market.release(1)
    lab.send("IssuerRegistry", "suspendIssuer", lab.issuer.address, by=lab.admin)
    for gone in (house.estate.model, lab.tier_model):
        lab.send("ModelRegistry", "deprecateModel", gone)
    market.repay(UNIT)
    assert market.state()[0] == "Healthy"
    lab.travel(observed + FRESH + DECAY // 5)  # a fifth of the way to half: 90 % of the price
    assert house.estate.answer() == pytest.approx(answer * 0.9, rel=1e-6)
    assert market.state()[0] == "Callable"
    market.call()
    lab.travel(lab.network.now() + market.params.grace)
    house.estate.fund(lab.relayer, 10**6 * UNIT)
    debt = market.debt()
    market.liquidate()
    assert market.debt() == pytest.approx(debt / 2, rel=1e-3)  # the close factor
    seized = lab.read("AssetShares", "balanceOf", lab.relayer.address)
    assert market.position()["collateral"] == SUPPLY - seized < SUPPLY
