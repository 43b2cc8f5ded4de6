"""The market's books under any sequence of actions, prices and waiting; one named property each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from prover.errors import TransactionReverted
from tests.contracts.lab import DAY, PERSON, UNIT, Lab
from tests.contracts.market_lab import HOUR, MAX, MarketLab, standing_market

MARKET: list[MarketLab] = []
amounts = st.one_of(st.integers(1, 3_000 * UNIT), st.sampled_from([1, 2, 100 * UNIT, 1_000 * UNIT]))
people = st.sampled_from(["alice", "bob", "mallory"])
BORROWERS = {"alice": 2, "mallory": 1}  # bob has no decision


class MarketBooks(RuleBasedStateMachine):
    """Three people supply, borrow and liquidate one another."""

    @initialize()
    def begin(self) -> None:
        self.market = MARKET[0]
        self.lab = self.market.lab
        self.tester = cast(Any, self.lab.network.w3.provider).ethereum_tester
        self.snapshot = self.tester.take_snapshot()
        self.end = self.lab.network.now() + 5 * DAY  # decisions and prices stay fresh until then

    def teardown(self) -> None:
        if hasattr(self, "snapshot"):
            self.tester.revert_to_snapshot(self.snapshot)

    def who(self, name: str) -> Any:
        return getattr(self.lab, name)

    def attempt(self, function: str, *args: object, by: str) -> str:
        """Call the market; the name of the error it refuses with, empty on success. It may never panic."""
        try:
            self.receipt = self.market.send(function, self.market.id, *args, by=self.who(by))
        except TransactionReverted as refusal:
            name = refusal.error
            if name in ("", "Panic"):
                raise
            return name
        return ""

    @rule(name=people, amount=amounts)
    def supply(self, name: str, amount: int) -> None:
        assert not self.attempt("supply", amount, self.who(name).address, by=name)

    @rule(name=people, amount=amounts, everything=st.booleans())
    def withdraw(self, name: str, amount: int, everything: bool) -> None:
        me = self.who(name).address
        shares = self.market.position(self.who(name))["supplyShares"]
        before, worth = self.market.balance("Dollar", me), self.market.supplied(self.who(name))
        if everything and shares:
            refusal = self.attempt("withdraw", 0, shares, me, me, by=name)
        else:
            refusal = self.attempt("withdraw", amount, 0, me, me, by=name)
        gained = self.market.balance("Dollar", me) - before
        assert refusal in ("", "InsufficientLiquidity", "InsufficientShares", "ZeroAmount")
        assert gained <= worth + 10**17, "more than was owned, but for a second's interest"

    @rule(name=people, amount=st.integers(1, 20 * UNIT), into=st.booleans())
    def collateral(self, name: str, amount: int, into: bool) -> None:
        me = self.who(name).address
        if into:
            assert not self.attempt("supplyCollateral", amount, me, by=name)
        elif not self.attempt("withdrawCollateral", amount, me, me, by=name):
            assert self.market.health(self.who(name)) >= 10**18 * 999_999 // 10**6, "collateral left a debt behind"

    @rule(name=people, amount=amounts)
    def borrow(self, name: str, amount: int) -> None:
        me = self.who(name).address
        refusal = self.attempt("borrow", amount, me, me, by=name)
        if refusal:
            return
        assert name in BORROWERS, "a debt without a decision"
        assert self.market.position(self.who(name))["lltvBps"] == (0, 5_000, 7_500)[BORROWERS[name]]
        assert self.market.health(self.who(name)) >= 10**18 * 999_999 // 10**6, "an unhealthy debt was opened"

    @rule(name=people, payer=people, amount=st.one_of(amounts, st.just(MAX)))
    def repay(self, name: str, payer: str, amount: int) -> None:
        assert self.attempt("repay", amount, 0, self.who(name).address, by=payer) in (
            "",
            "NoDebt",
            "ZeroAmount",
            "DebtTooSmall",
        )

    @rule(name=people, by=people)
    def call(self, name: str, by: str) -> None:
        before = self.market.health(self.who(name))
        if not self.attempt("marginCall", self.who(name).address, by=by):
            assert before < 10**18 * 1_000_001 // 10**6, "a healthy position was called"

    @rule(name=people, by=people, amount=st.one_of(amounts, st.just(MAX)))
    def liquidate(self, name: str, by: str, amount: int) -> None:
        who = self.who(name)
        state, before = self.market.state(who)[0], self.market.health(who)
        if self.attempt("liquidate", who.address, amount, 0, b"", by=by):
            return
        assert state == "Liquidatable" or before < 10**18 * 1_000_001 // 10**6, "a healthy position was touched"
        (event,) = self.market.events(self.receipt, "Liquidated")
        assert event["badDebt"] == 0 or self.market.position(who)["collateral"] == 0
        after = self.market.health(who)
        assert after > before * 999_999 // 10**6, "a liquidation made a position worse"

    @rule(dollars=st.integers(80, 260))
    def quote(self, dollars: int) -> None:
        self.market.quote(dollars)

    @rule(seconds=st.sampled_from([1, HOUR, 7 * HOUR]))
    def wait(self, seconds: int) -> None:
        now = self.lab.network.now()
        if now + seconds < self.end:
            self.lab.travel(now + seconds)

    @invariant()
    def the_market_holds_what_it_tracks(self) -> None:
        if hasattr(self, "snapshot"):
            self.market.check_books()

    @invariant()
    def shares_and_collateral_sum_to_their_totals(self) -> None:
        if hasattr(self, "snapshot"):
            found = [self.market.position(self.who(name)) for name in ("alice", "bob", "mallory")]
            sums = self.market.sums()
            assert sum(position["supplyShares"] for position in found) == sums["totalSupplyShares"]
            assert sum(position["borrowShares"] for position in found) == sums["totalBorrowShares"]
            locked = self.market.read("trackedOf", self.lab.address("Gold"))
            assert sum(position["collateral"] for position in found) == locked

    @invariant()
    def lent_is_never_more_than_supplied(self) -> None:
        if hasattr(self, "snapshot"):
            sums = self.market.sums()
            assert sums["totalBorrowAssets"] <= sums["totalSupplyAssets"]

    @invariant()
    def a_position_without_debt_has_no_threshold_and_no_call(self) -> None:
        if hasattr(self, "snapshot"):
            for name in ("alice", "bob", "mallory"):
                position = self.market.position(self.who(name))
                open_ = position["borrowShares"] != 0
                assert open_ == (position["lltvBps"] != 0)
                assert open_ or not position["calledAt"]
                assert open_ == (position["personId"] != bytes(32))
                assert not open_ or position["collateral"], "a debt without collateral was not written off"


@pytest.fixture
def shared(lab: Lab) -> Iterator[None]:
    with standing_market(lab, max_price_age=30 * DAY, max_liquidation_price_age=30 * DAY) as market:
        for name in ("alice", "bob", "mallory"):
            for token in ("Dollar", "Gold"):
                market.mint(token, getattr(lab, name), 1_000_000 * UNIT)
        until = lab.network.now() + 30 * DAY
        for index, (name, tier) in enumerate(BORROWERS.items()):
            person = bytes([index + 1]) + PERSON[1:]
            who = getattr(lab, name)
            lab.decided(tier, subject=who, consumer=market.market, personId=person, expiresAt=until)
        market.send("supply", market.id, 5_000 * UNIT, lab.bob.address, by=lab.bob)
        MARKET.append(market)
        yield
        MARKET.clear()


@pytest.mark.usefixtures("shared")
def test_the_books_balance() -> None:
    run_state_machine_as_test(
        MarketBooks,
        settings=settings(
            max_examples=3, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


@pytest.mark.full
@pytest.mark.usefixtures("shared")
def test_the_books_balance_at_length() -> None:
    run_state_machine_as_test(
        MarketBooks,
        settings=settings(
            max_examples=40, stateful_step_count=50, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
