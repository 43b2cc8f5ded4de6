"""What a leaked surveyor's key costs lenders on shares, and what majority, borrower or opener cannot take."""

from __future__ import annotations

from pathlib import Path

import pytest

from prover.chain.artifacts import load_artifact
from tests.contracts.asset_lab import DEED, DOLLAR, HAIRCUT, MOST, SUPPLY, Estate
from tests.contracts.circuits import helper_contracts
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
    """The majority leaves with the house while the rest is collateral: that is money now, at the price it had."""
    estate, market = pledge
    lab = estate.lab
    estate.appraised(400)
    market.release(SUPPLY * 6 // 10)
    lab.send("AssetShares", "transfer", lab.mallory.address, SUPPLY * 6 // 10, by=lab.alice)
    estate.fund(lab.mallory, 160_000 * UNIT)
    market.borrow(90_000 * UNIT)
    lab.send("AssetShares", "buyOut", MAX, lab.mallory.address, by=lab.mallory)
    assert market.read("priceOf", market.id)[0] * UNIT // market.read("priceOf", market.id)[1] == 320_000 * UNIT
    limit = 160_000 * UNIT * (BPS - HAIRCUT) // BPS * LLTV // BPS
    assert market.read("maxBorrowOf", market.id, lab.alice.address) <= limit - 90_000 * UNIT
    lab.send("Dollar", "mint", lab.alice.address, 10 * UNIT)
    market.repay()
    market.release(SUPPLY * 4 // 10)
    before = market.balance("Dollar", lab.alice)
    lab.send("AssetShares", "claim", SUPPLY * 4 // 10, lab.alice.address, by=lab.alice)
    assert market.balance("Dollar", lab.alice) - before == 160_000 * UNIT


# Shares opened with a feed of the attacker's.


@pytest.fixture
def lured(lab: Lab, price_key: Path) -> Estate:
    """Genuine shares and a genuine feed with a round; alice opened the shares with a feed that says what she likes."""
    estate = Estate.build(lab, price_key)
    estate.appraised(400)
    shares = lab.address("AssetShares")
    lab.deploy_as("LyingFeed", helper_contracts()["LyingFeed"], shares)
    lab.send("DemoDeed", "approve", shares, DEED, by=lab.alice)
    lab.send("AssetShares", "open", lab.address("LyingFeed"), by=lab.alice)
    return estate


def test_shares_that_name_another_feed_have_no_price(lured: Estate) -> None:
    lab = lured.lab
    mismatch = ("SharesNameAnotherFeed", lab.address("AppraisalFeed"), lab.address("LyingFeed"))
    for view, args in (("latestRoundData", ()), ("getRoundData", (1,)), ("freshAppraisal", ())):
        with reverts(*mismatch):
            lab.read("AppraisalFeed", view, *args)
    lab.travel(lab.network.now() + 1)
    lured.surveyed(410)
    with reverts(*mismatch):
        lured.update()
    assert not lab.read("AppraisalFeed", "isSoundFor", lab.address("AssetShares"), lab.address("DemoToken"))


def test_a_buyout_for_a_wei_moves_no_honest_price(lured: Estate) -> None:
    """The attacker's feed gives her own deed back for a wei: only those who took her shares unseen lose by it."""
    lab = lured.lab
    lured.give(lab.bob, SUPPLY // 4)
    lab.send("LyingFeed", "say", 1, 50)  # another scale than it was opened with
    assert lab.read("AssetShares", "buyOutCost", lab.alice.address) == 10**10 // 4  # is not believed
    lured.fund(lab.alice, UNIT)
    lab.send("AssetShares", "buyOut", UNIT, lab.alice.address, by=lab.alice)
    assert lab.read("AssetShares", "settledAppraisal") == 1
    with reverts("SharesNameAnotherFeed"):
        lured.answer()


def test_a_market_of_genuine_contracts_lends_nothing_on_them(lured: Estate) -> None:
    lab = lured.lab
    feed = lab.address("AppraisalFeed")
    lab.contracts["Dollar"], lab.contracts["Gold"] = lab.contracts["DemoToken"], lab.contracts["AssetShares"]
    market = MarketLab(
        lab, collateral_feed=feed, loan_feed=ZERO, max_price_age=30 * DAY, max_liquidation_price_age=10**9
    )
    for token, person in (("Dollar", lab.bob), ("Gold", lab.alice)):
        lab.send(token, "approve", market.market, MAX, by=person)
    lab.send("Dollar", "mint", lab.bob.address, 10**6 * UNIT)
    market.send("supply", market.id, 10**6 * UNIT, lab.bob.address, by=lab.bob)
    market.send("supplyCollateral", market.id, SUPPLY // 100, lab.alice.address, by=lab.alice)
    lab.decided(2, consumer=market.market)
    with reverts("PriceUnavailable", feed):
        market.borrow(100 * UNIT)
    lab.send("LyingFeed", "say", 10**27, 50)
    lured.fund(lab.alice, 10**40)
    lab.send("AssetShares", "buyOut", MAX, lab.alice.address, by=lab.alice)
    with reverts("PriceUnavailable", feed):
        market.borrow(100 * UNIT)


def test_a_feed_of_another_scale_opens_nothing(lured: Estate) -> None:
    lab = lured.lab
    lab.send("DemoDeed", "mint", lab.alice.address, DEED + 1)
    lab.deploy("AssetShares", lab.address("DemoDeed"), DEED + 1, lab.address("DemoToken"), "x", "x")
    lab.deploy_as("LyingFeed", helper_contracts()["LyingFeed"], lab.address("AssetShares"))
    lab.send("LyingFeed", "say", 1, 50)
    with reverts("FeedDecimalsMismatch", 8, 50):
        lab.send("AssetShares", "open", lab.address("LyingFeed"), by=lab.alice)


# A quote token of the attacker's.


def test_a_feed_says_what_its_shares_settle_in(pledge: tuple[Estate, MarketLab]) -> None:
    """Shares that settle in play money: no feed for real dollars takes them, and a feed for play money is not sound."""
    estate, _ = pledge
    lab = estate.lab
    shares, dollar = lab.address("AssetShares"), lab.address("Dollar")
    assert lab.read("AppraisalFeed", "isSoundFor", shares, dollar)
    play = lab.deploy_as("Play", load_artifact("DemoToken")).address
    lab.deploy("AssetShares", lab.address("DemoDeed"), DEED, play, "x", "x")
    with reverts("QuoteTokenMismatch", dollar, play):
        estate.deploy_feed(quoteToken=dollar)
    estate.deploy_feed()
    assert lab.read("AppraisalFeed", "quoteToken") == play
    other = lab.address("AssetShares")
    for collateral, loan in ((other, play), (other, dollar), (shares, play)):  # the first: not opened yet
        assert not lab.read("AppraisalFeed", "isSoundFor", collateral, loan)


def test_a_buyout_raises_no_collateral(pledge: tuple[Estate, MarketLab]) -> None:
    """Buying the market's collateral out oneself and borrowing on the claim: not a unit more than before."""
    estate, market = pledge
    lab = estate.lab
    estate.appraised(400)
    market.release(SUPPLY * 6 // 10)
    limit = 128_000 * UNIT * LLTV // BPS
    assert market.read("maxBorrowOf", market.id, lab.alice.address) == limit
    estate.fund(lab.alice, 160_000 * UNIT)
    lab.send("AssetShares", "buyOut", MAX, lab.alice.address, by=lab.alice)
    assert estate.answer() == 320_000 * DOLLAR
    assert market.read("maxBorrowOf", market.id, lab.alice.address) == limit
    assert not lab.read("AppraisalFeed", "isSoundFor", lab.address("AssetShares"), lab.address("Dollar"))  # a claim now


# Wrong appraisals.


def test_no_buyout_at_a_withdrawn_appraisal(lab: Lab, price_key: Path) -> None:
    """The surveyor slipped and revoked; the majority does not get the house at the slip before anybody retracts."""
    estate = Estate.build(lab, price_key)
    digest = estate.appraised(60).consent.attestationHash  # should have been 600
    estate.open()
    estate.give(lab.bob, SUPPLY * 4 // 10)
    lab.send("IssuerRegistry", "revokeAttestation", lab.issuer.address, digest, by=lab.issuer)
    estate.fund(lab.alice, 24_000 * UNIT)
    with reverts("AppraisalWithdrawn", digest):
        lab.send("AssetShares", "buyOut", MAX, lab.alice.address, by=lab.alice)
    with reverts("AppraisalWithdrawn", digest):
        lab.read("AssetShares", "buyOutCost", lab.alice.address)
    lab.travel(lab.network.now() + 1)
    estate.appraised(600, subject=lab.mallory)
    assert lab.read("AssetShares", "buyOutCost", lab.alice.address) == 240_000 * UNIT
