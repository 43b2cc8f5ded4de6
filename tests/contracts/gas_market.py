"""Gas of the collateral market's functions, for ``test_gas``."""

from __future__ import annotations

from prover.chain.signer import Signer
from tests.contracts.lab import UNIT, Lab
from tests.contracts.market_lab import DAY, HOUR, MAX, MarketLab


def measure_market(lab: Lab) -> dict[str, int]:
    """One transaction of each kind, in an order in which they work."""
    gas: dict[str, int] = {}
    market = MarketLab(lab)

    def send(row: str, function: str, *args: object, by: Signer) -> None:
        gas[f"CollateralMarket.{row}"] = market.send(function, *args, by=by).gas_used

    gas["CollateralMarket.createMarket"] = market.create(market.usual(min_debt=UNIT)).gas_used
    for person in (lab.alice, lab.bob, lab.relayer):
        for token in ("Dollar", "Gold"):
            market.mint(token, person, 100_000 * UNIT)
    alice, bob, id_ = lab.alice.address, lab.bob.address, market.id
    send("supply, first", "supply", id_, 50_000 * UNIT, bob, by=lab.bob)
    send("supply, later one", "supply", id_, 1_000 * UNIT, bob, by=lab.bob)
    send("withdraw", "withdraw", id_, 1_000 * UNIT, 0, bob, bob, by=lab.bob)
    send("supplyCollateral, first", "supplyCollateral", id_, 10 * UNIT, alice, by=lab.alice)
    lab.decided(2, consumer=market.market, expiresAt=lab.network.now() + 30 * DAY)
    send("borrow, opening", "borrow", id_, 1_000 * UNIT, alice, alice, by=lab.alice)
    send("borrow, further", "borrow", id_, 400 * UNIT, alice, alice, by=lab.alice)
    send("borrowWithin", "borrowWithin", id_, UNIT, alice, alice, 5_000, by=lab.alice)
    send("repay, part", "repay", id_, 100 * UNIT, 0, alice, by=lab.alice)
    send("withdrawCollateral, with debt", "withdrawCollateral", id_, UNIT, alice, alice, by=lab.alice)
    send("accrueInterest", "accrueInterest", id_, by=lab.relayer)
    send("setAuthorization", "setAuthorization", bob, True, by=lab.alice)
    market.quote(180)
    send("marginCall", "marginCall", id_, alice, by=lab.relayer)
    market.quote(200)
    send("cure", "cure", id_, alice, by=lab.relayer)
    market.quote(180)
    market.call()
    send("supplyCollateral, curing", "supplyCollateral", id_, UNIT, alice, by=lab.alice)
    market.quote(160)
    market.call()
    market.pass_time(7 * HOUR, 160)
    send("liquidate, part", "liquidate", id_, alice, 100 * UNIT, 0, b"", by=lab.relayer)
    market.quote(100)
    send("liquidate, with bad debt", "liquidate", id_, alice, MAX, 0, b"", by=lab.relayer)
    market.lock(10 * UNIT)
    market.quote(200)
    market.borrow(500 * UNIT)
    send("repay, everything", "repay", id_, MAX, 0, alice, by=lab.alice)
    send("withdrawCollateral, without debt", "withdrawCollateral", id_, UNIT, alice, alice, by=lab.alice)
    return gas
