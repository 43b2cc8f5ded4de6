"""What a leaked surveyor's key costs lenders on shares, and what a majority or a borrower cannot take."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contracts.asset_lab import DEED, DOLLAR, HAIRCUT, MOST, SUPPLY, Estate
from tests.contracts.lab import DAY, UNIT, Lab, reverts
from tests.contracts.market_lab import MAX, ZERO, MarketLab

LLTV = 7_500  # of the tier the borrower proves
BPS = 10_000


@pytest.fixture(scope="session")
def price_key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("price")


@pytest.fixture
def pledge(lab: Lab, price_key: Path) -> tuple[Estate, MarketLab]:
    """A market with ten million dollars, in which alice put all shares of a deed; she has a proven tier."""
    estate = Estate.build(lab, price_key)
    estate.open()
    lab.contracts["Dollar"], lab.contracts["Gold"] = lab.contracts["DemoToken"], lab.contracts["AssetShares"]
    feed = lab.address("AppraisalFeed")
    opened = MarketLab(lab, collateral_feed=feed, loan_feed=ZERO, max_price_age=7 * DAY)
    for person in (lab.alice, lab.bob):
        for token in ("Dollar", "Gold"):
            lab.send(token, "approve", opened.market, MAX, by=person)
    lab.send("Dollar", "mint", lab.bob.address, 10**7 * UNIT)
    opened.send("supply", opened.id, 10**7 * UNIT, lab.bob.address, by=lab.bob)
    opened.send("supplyCollateral", opened.id, SUPPLY, lab.alice.address, by=lab.alice)
    lab.decided(2, consumer=opened.market)
    return estate, opened


def test_a_leaked_surveyors_key_costs_one_bounded_loan(pledge: tuple[Estate, MarketLab]) -> None:
    """A worthless shed, attested as a palace: the loss is the largest believable appraisal, less haircut, times LLTV.

    Whatever the thief signs, and however often, the market has one deed's shares and lends exactly this against them.
    """
    estate, market = pledge
    lab = estate.lab
    bound = MOST * (BPS - HAIRCUT) // BPS * UNIT // DOLLAR * LLTV // BPS
    estate.surveyed(9_000_000)  # beyond belief
    with reverts("AppraisalOutOfBounds"):
        estate.update()
    lab.travel(lab.network.now() + 1)
    estate.appraised(MOST / DOLLAR / 1_000)
    with reverts("BorrowLimitExceeded", bound + 1, bound):
        market.borrow(bound + 1)
    market.borrow(bound)
    for _ in range(2):
        lab.travel(lab.network.now() + 1)
        estate.appraised(MOST / DOLLAR / 1_000)
        with reverts("BorrowLimitExceeded"):
            market.borrow(100 * UNIT)
    assert market.balance("Dollar", lab.alice) == bound
    lab.send("IssuerRegistry", "suspendIssuer", lab.issuer.address, by=lab.admin)  # the theft is noticed
    lab.send("AppraisalFeed", "retract")
    with reverts("DecisionIssuerInactive"):
        estate.update()


def test_a_retracted_appraisal_lends_nothing_at_once(pledge: tuple[Estate, MarketLab]) -> None:
    estate, market = pledge
    lab = estate.lab
    digest = estate.appraised(400).consent.attestationHash
    market.borrow(100_000 * UNIT)
    lab.send("IssuerRegistry", "revokeAttestation", lab.issuer.address, digest, by=lab.issuer)
    lab.send("AppraisalFeed", "retract", by=lab.mallory)
    with reverts("PriceStale", lab.address("AppraisalFeed"), 1, 7 * DAY):
        market.borrow(100 * UNIT)
    with reverts("PriceStale"):
        market.release(1)
    market.repay(50_000 * UNIT)


def test_a_majority_bought_on_credit_still_pays_for_the_rest(pledge: tuple[Estate, MarketLab]) -> None:
    """Shares that lie in a market are nobody's majority: neither the borrower nor the market takes the house."""
    estate, market = pledge
    lab = estate.lab
    estate.appraised(400)
    market.release(SUPPLY // 10)
    for function, args, error in (
        ("buyOut", (MAX, lab.alice.address), "NotMajority"),
        ("redeem", (lab.alice.address,), "NotAllShares"),
    ):
        with reverts(error, SUPPLY, SUPPLY // 10):
            lab.send("AssetShares", function, *args, by=lab.alice)
    assert lab.read("DemoDeed", "ownerOf", DEED) == lab.address("AssetShares")


def test_shares_as_collateral_are_worth_their_claim_after_a_buyout(pledge: tuple[Estate, MarketLab]) -> None:
    """The majority leaves with the house while the rest is collateral: that is money now, and lends as money."""
    estate, market = pledge
    lab = estate.lab
    estate.appraised(400)
    market.release(SUPPLY * 6 // 10)
    lab.send("AssetShares", "transfer", lab.mallory.address, SUPPLY * 6 // 10, by=lab.alice)
    estate.fund(lab.mallory, 160_000 * UNIT)
    market.borrow(90_000 * UNIT)
    lab.send("AssetShares", "buyOut", MAX, lab.mallory.address, by=lab.mallory)
    assert market.read("priceOf", market.id)[0] * UNIT // market.read("priceOf", market.id)[1] == 400_000 * UNIT
    limit = 160_000 * UNIT * LLTV // BPS
    assert market.read("maxBorrowOf", market.id, lab.alice.address) <= limit - 90_000 * UNIT
    lab.send("Dollar", "mint", lab.alice.address, 10 * UNIT)
    market.repay()
    market.release(SUPPLY * 4 // 10)
    before = market.balance("Dollar", lab.alice)
    lab.send("AssetShares", "claim", SUPPLY * 4 // 10, lab.alice.address, by=lab.alice)
    assert market.balance("Dollar", lab.alice) - before == 160_000 * UNIT
