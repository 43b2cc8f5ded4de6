"""When appraisals have ended, nine tenths take the asset at its best appraisal ever: no hostage, no robbery."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.contracts.asset_lab import DEED, DOLLAR, SUPPLY, Estate
from tests.contracts.lab import DAY, UNIT, Lab, reverts

LAPSE = 180 * DAY
MAX = 2**256 - 1


@pytest.fixture(scope="session")
def price_key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("price")


@pytest.fixture
def estate(lab: Lab, price_key: Path) -> Estate:
    """Appraised at 400,000, then 500,000, then 300,000; alice has 90 %, mallory one unit less than the rest, bob it."""
    estate = Estate.build(lab, price_key)
    for thousands in (400, 500, 300):
        estate.appraised(thousands)
        lab.travel(lab.network.now() + 1)
    estate.open()
    estate.give(lab.mallory, SUPPLY // 10 - 1)
    estate.give(lab.bob, 1)
    return estate


def retire(estate: Estate) -> None:
    estate.lab.send("IssuerRegistry", "retireIssuer", estate.lab.issuer.address, by=estate.lab.issuer)


def deprecate(estate: Estate) -> None:
    estate.lab.send("ModelRegistry", "deprecateModel", estate.model)


def buy(estate: Estate, most: int = MAX) -> None:
    estate.lab.send("AssetShares", "buyOut", most, estate.lab.alice.address, by=estate.lab.alice)


@pytest.mark.parametrize("end", [retire, deprecate])
def test_nine_tenths_leave_at_the_highest_appraisal_ever(estate: Estate, end: Callable[[Estate], None]) -> None:
    lab = estate.lab
    end(estate)
    lab.send("AppraisalFeed", "retract", by=lab.mallory)
    ended = lab.read("AppraisalFeed", "expiresAt")
    assert ended == lab.network.now()
    estate.fund(lab.alice, 10**6 * UNIT)
    lab.travel(ended + LAPSE - 1)
    assert not lab.read("AppraisalFeed", "hasLapsed")
    with reverts("AppraisalExpired", ended):
        buy(estate)
    lab.travel(ended + LAPSE)
    assert lab.read("AppraisalFeed", "hasLapsed")
    assert lab.read("AppraisalFeed", "highestAppraisal") == 500_000 * DOLLAR
    assert lab.read("AssetShares", "buyOutCost", lab.alice.address) == 50_000 * UNIT
    with reverts("CostTooHigh", 50_000 * UNIT, 50_000 * UNIT - 1):
        buy(estate, 50_000 * UNIT - 1)
    buy(estate, 50_000 * UNIT)
    assert lab.read("DemoDeed", "ownerOf", DEED) == lab.alice.address
    assert lab.read("AssetShares", "settledAppraisal") == 500_000 * DOLLAR
    for holder in (lab.mallory, lab.bob):
        held = lab.read("AssetShares", "balanceOf", holder.address)
        lab.send("AssetShares", "claim", held, holder.address, by=holder)
    assert lab.read("DemoToken", "balanceOf", lab.mallory.address) >= 50_000 * UNIT - 10**6  # one of 10^17 was bob's
    assert lab.read("AssetShares", "proceeds") == 0


def test_expiry_counts_as_the_end(estate: Estate) -> None:
    """Nobody need retract: an appraisal that nobody renewed stands no more either."""
    lab = estate.lab
    lab.travel(lab.read("AppraisalFeed", "expiresAt") + LAPSE)
    assert lab.read("AssetShares", "buyOutCost", lab.alice.address) == 50_000 * UNIT


def test_less_than_nine_tenths_wait_for_an_appraisal(estate: Estate) -> None:
    lab = estate.lab
    estate.give(lab.bob, 1)
    until = lab.read("AppraisalFeed", "expiresAt")
    lab.travel(until + 10 * LAPSE)
    with reverts("AppraisalExpired", until):
        buy(estate)
    with reverts("NotMajority"):
        lab.send("AssetShares", "buyOut", MAX, lab.mallory.address, by=lab.mallory)


def test_a_minority_ends_the_lapse_with_a_new_appraisal(estate: Estate) -> None:
    """Whoever thinks the asset is worth more than ever commissions a survey, before the buyout as after 180 days."""
    lab = estate.lab
    lab.travel(lab.read("AppraisalFeed", "expiresAt") + LAPSE)
    assert lab.read("AppraisalFeed", "hasLapsed")
    estate.appraised(900, subject=lab.mallory)
    assert not lab.read("AppraisalFeed", "hasLapsed")
    assert lab.read("AssetShares", "buyOutCost", lab.alice.address) == 90_000 * UNIT


def test_a_standing_appraisal_is_the_price_for_nine_tenths_too(estate: Estate) -> None:
    assert estate.lab.read("AssetShares", "buyOutCost", estate.lab.alice.address) == 30_000 * UNIT


def test_what_was_never_appraised_has_no_last_resort(lab: Lab, price_key: Path) -> None:
    estate = Estate.build(lab, price_key)
    estate.open()
    estate.give(lab.bob, 1)
    lab.travel(lab.network.now() + 10 * LAPSE)
    assert not lab.read("AppraisalFeed", "hasLapsed")
    assert lab.read("AppraisalFeed", "highestAppraisal") == 0
    with reverts("NoAppraisal"):
        buy(estate)
