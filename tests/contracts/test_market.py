"""The collateral market: supplying, borrowing on a proven tier, repaying, and what is refused."""

from __future__ import annotations

import pytest

from tests.contracts.lab import PERSON, UNIT, Lab
from tests.contracts.market_lab import SUPPLIED, WAD, YEAR, MarketLab

SHARE = 10**6  # shares of an asset in an untouched pool


@pytest.fixture
def market(lab: Lab) -> MarketLab:
    return MarketLab(lab)


def test_the_id_is_the_hash_of_the_parameters(market: MarketLab) -> None:
    assert market.read("idOf", market.params.args) == market.id
    *fields, lltvs = market.read("paramsOf", market.id)
    assert (*fields, tuple(lltvs)) == market.params.args


def test_supplying_gives_shares(market: MarketLab) -> None:
    lab = market.lab
    receipt = market.supply(1_000 * UNIT)
    assert market.events(receipt, "Supplied") == [
        {
            "id": market.id,
            "caller": lab.bob.address,
            "onBehalf": lab.bob.address,
            "assets": 1_000 * UNIT,
            "shares": 1_000 * UNIT * SHARE,
        }
    ]
    assert market.supplied() == 1_000 * UNIT
    assert market.balance("Dollar", market.market) == 1_000 * UNIT
    market.check_books()


def test_a_good_decision_opens_a_debt(market: MarketLab) -> None:
    lab = market.lab
    market.borrower(0)
    receipt = market.borrow(1_500 * UNIT, receiver=lab.owner)
    assert market.balance("Dollar", lab.owner) == 1_500 * UNIT
    assert market.position() == {
        "supplyShares": 0,
        "borrowShares": 1_500 * UNIT * SHARE,
        "collateral": 10 * UNIT,
        "lltvBps": 7_500,
        "calledAt": 0,
        "personId": PERSON,
    }
    assert market.events(receipt, "PositionOpened") == [
        {"id": market.id, "borrower": lab.alice.address, "personId": PERSON, "tier": 2, "lltvBps": 7_500}
    ]
    assert market.events(receipt, "Borrowed") == [
        {
            "id": market.id,
            "caller": lab.alice.address,
            "onBehalf": lab.alice.address,
            "receiver": lab.owner.address,
            "assets": 1_500 * UNIT,
            "shares": 1_500 * UNIT * SHARE,
        }
    ]
    assert market.health() <= WAD  # at the threshold, and the view sees a second of interest
    assert market.health() > WAD * 999_999 // 1_000_000
    market.check_books()


def test_everything_is_paid_back(market: MarketLab) -> None:
    lab = market.lab
    market.borrower(1_000 * UNIT)
    lab.travel(lab.network.now() + YEAR)
    owed = market.debt()
    assert 1_000 * UNIT < owed < 1_020 * UNIT
    market.mint("Dollar", lab.alice, 100 * UNIT)
    market.repay()
    market.release(10 * UNIT)
    market.withdraw(shares=market.position(lab.bob)["supplyShares"])
    assert market.balance("Gold", lab.alice) == 10 * UNIT
    assert market.balance("Dollar", lab.bob) >= SUPPLIED + owed - 1_000 * UNIT - 1
    assert set(market.position().values()) == {0, bytes(32)}
    assert market.balance("Dollar", market.market) <= 2
    market.check_books()
