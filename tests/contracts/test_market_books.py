"""The collateral market under any sequence of loans, prices, margin calls, liquidations and waiting.

Every answer is compared with an independent ledger, to the smallest unit; the named properties are checked after every
step. Decisions are real ones: proven, submitted, growing stale.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from fractions import Fraction
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from web3 import Web3

from prover.chain.signer import Signer
from prover.errors import TransactionReverted
from tests.contracts.lab import DAY, UNIT, Lab
from tests.contracts.market_lab import MAX, ZERO, MarketLab
from tests.contracts.market_ledger import BPS, FEED, VIRTUAL_ASSETS, VIRTUAL_SHARES, MarketLedger, Terms

LAB: list[Lab] = []
LLTV = (0, 5_000, 7_500)  # by tier
TIERS = (2, 0, 1)  # of alice, bob and mallory; bob supplies
FRESH, OLDEST, JUDGED = DAY, 7 * DAY, 7 * DAY
TERMS = Terms(9_000, 5_000, 500, 8_000, 100, 500, 10_000, 100 * UNIT, 6 * 3_600, DAY)
people = st.integers(0, 2)
parts = st.integers(1, 110)
amounts = st.one_of(st.integers(1, 10**6), st.integers(1, 50_000 * UNIT))


class MarketBooks(RuleBasedStateMachine):
    """Three people supply, borrow and lock; a fourth calls margins and liquidates."""

    @initialize()
    def deploy(self) -> None:
        self.lab = LAB[0]
        self.tester = cast(Any, self.lab.network.w3.provider).ethereum_tester
        self.snapshot = self.tester.take_snapshot()
        self.contracts = dict(self.lab.contracts)
        self.desk = MarketLab(self.lab, loan_feed=ZERO)
        self.people: list[Signer] = [self.lab.alice, self.lab.bob, self.lab.mallory]
        self.tiers, self.judged, self.sequence = list(TIERS), [0, 0, 0], 1
        for number, tier in enumerate(TIERS):
            self.decide(number, tier)
        for who in (*self.people, self.lab.relayer):
            self.desk.mint("Dollar", who, 10**9 * UNIT)
            self.desk.mint("Gold", who, 10**6 * UNIT)
        self.desk.quote(200)
        self.price, self.quoted = 200 * FEED, self.lab.network.now()
        self.stored = self.ledger = MarketLedger(TERMS, accrued_at=self.desk.read("marketOf", self.desk.id)[4])
        self.donated = 0
        self.lost = False
        self.clock = self.lab.network.now()
        self.tick()
        self.supply(1, 20_000 * UNIT)
        self.lock(0, 100 * UNIT)
        self.borrow(0, 60)

    def teardown(self) -> None:
        if hasattr(self, "snapshot"):
            self.tester.revert_to_snapshot(self.snapshot)
            self.lab.contracts = self.contracts

    def decide(self, who: int, tier: int) -> None:
        """A proven decision about somebody, observed now."""
        now = self.lab.network.now()
        self.lab.decided(
            tier,
            subject=self.people[who],
            consumer=self.desk.market,
            personId=Web3.keccak(text=f"market person {who}"),
            nonce=self.sequence,
            sequence=self.sequence,
            observedAt=now,
            expiresAt=now + 20 * DAY,
        )
        self.tiers[who], self.judged[who] = tier, now

    def tick(self, seconds: int = 5) -> None:
        """Let the next transaction or call fall on ``self.clock``, and show the ledger as of then.

        ``stored`` has interest up to the last action on the market, as the market itself has.
        """
        before = self.worth() if hasattr(self, "share") else None
        self.clock += seconds
        self.lab.travel(self.clock)
        self.ledger = deepcopy(self.stored)
        self.ledger.accrue(self.clock)
        self.share = self.worth()
        assert before is None or self.share >= before, "negative interest"

    def worth(self) -> Fraction:
        """What one supply share is worth."""
        books = self.ledger
        return Fraction(books.supplied + VIRTUAL_ASSETS, books.supply_shares + VIRTUAL_SHARES)

    def act(self, function: str, *args: object, by: Signer, event: str, allowed: bool) -> dict[str, Any] | None:
        """A transaction at ``self.clock``: its event; None when it is refused, which must be when not ``allowed``."""
        try:
            receipt = self.desk.send(function, self.desk.id, *args, by=by)
        except TransactionReverted as refusal:
            assert not allowed, f"{function} was refused: {refusal}"  # noqa: PT017 - expected or not, by the books
            self.clock = self.lab.network.now()  # a refused transaction may or may not have made a block
            self.tick()
            return None
        assert allowed, f"{function} had to be refused"
        assert self.lab.network.now() == self.clock
        (found,) = self.desk.events(receipt, event)
        return found

    def settle(self) -> None:
        """Nothing anybody does lowers the price of a supply share, save a loss, and a unit left when no debt is."""
        left, self.ledger.settled = self.ledger.settled, 0
        assert -3 <= left <= 1, "more than the interest on one unit was left"
        spared = Fraction(max(-left, 0), self.ledger.supply_shares + VIRTUAL_SHARES)
        assert self.lost or self.worth() + spared >= self.share, "a supply share lost value"
        self.lost = False
        self.share = self.worth()
        self.stored = self.ledger
        self.tick()

    def mark(self, most_age: int) -> int | None:
        """The price, if one that old counts."""
        return self.price if self.price and self.clock - self.quoted <= most_age else None

    @rule(who=people, assets=amounts)
    def supply(self, who: int, assets: int) -> None:
        name, shares = self.people[who].address, self.ledger.supply_for(assets)
        found = self.act("supply", assets, name, by=self.people[who], event="Supplied", allowed=shares > 0)
        if found:
            assert found["shares"] == self.ledger.supply(name, assets)
            assert self.ledger.worth(shares) <= assets, "in and out gained"
            self.settle()

    @rule(who=people, part=parts, by_shares=st.booleans())
    def withdraw(self, who: int, part: int, by_shares: bool) -> None:
        signer, books = self.people[who], self.ledger
        owned = books.of(signer.address).supply
        shares = owned * part // 100
        assets = books.worth(shares)
        if by_shares:
            args, burnt = (0, shares), shares
        else:
            args, burnt = (assets, 0), books.supply_cost(assets)
        allowed = 0 < assets <= books.liquidity() and 0 < burnt <= owned
        found = self.act(
            "withdraw", *args, signer.address, signer.address, by=signer, event="Withdrawn", allowed=allowed
        )
        if found:
            assert (found["assets"], found["shares"]) == (assets, burnt)
            books.withdraw(signer.address, assets, burnt)
            self.settle()

    @rule(who=people, amount=st.integers(1, 200 * UNIT))
    def lock(self, who: int, amount: int) -> None:
        signer = self.people[who]
        self.act("supplyCollateral", amount, signer.address, by=signer, event="CollateralSupplied", allowed=True)
        account = self.ledger.of(signer.address)
        account.collateral += amount
        if account.borrow:
            self.ledger.settle(signer.address, self.mark(OLDEST))
        self.settle()

    @rule(who=people, part=parts)
    def release(self, who: int, part: int) -> None:
        signer, books = self.people[who], self.ledger
        account = books.of(signer.address)
        amount = max(account.collateral * part // 100, 1)
        allowed = amount <= account.collateral
        if allowed and account.borrow:
            price = self.mark(FRESH)
            account.collateral -= amount
            allowed = price is not None and books.healthy(signer.address, price)
            account.collateral += amount
        found = self.act(
            "withdrawCollateral",
            amount,
            signer.address,
            signer.address,
            by=signer,
            event="CollateralWithdrawn",
            allowed=allowed,
        )
        if found:
            account.collateral -= amount
            account.called_at = 0
            self.settle()

    @rule(who=people, part=parts)
    def borrow(self, who: int, part: int) -> None:
        """Allowed on a fresh positive decision, at a fresh price, within LLTV and liquidity; never otherwise."""
        signer, books = self.people[who], self.ledger
        account, price, proven = books.of(signer.address), self.mark(FRESH), LLTV[self.tiers[who]]
        lltv = min(proven, account.lltv) if account.borrow else proven
        room = books.most(signer.address, price or 0, lltv) - books.debt(signer.address)
        amount = max(room * part // 100, 1)
        allowed = bool(proven) and self.clock <= self.judged[who] + JUDGED and price is not None
        allowed = allowed and amount <= books.liquidity()
        if allowed:
            debt = self.debt_after(signer.address, amount)
            allowed = TERMS.min_debt <= debt <= books.most(signer.address, cast(int, price), lltv)
        found = self.act("borrow", amount, signer.address, signer.address, by=signer, event="Borrowed", allowed=allowed)
        if found:
            assert found["shares"] == books.borrow(signer.address, amount, proven)
            self.settle()

    @rule(who=st.sampled_from([0, 2]), tier=st.sampled_from([1, 2]))
    def judge(self, who: int, tier: int) -> None:
        """A new decision: a worse tier binds the whole debt from its next borrow on, a better one no debt at all."""
        self.sequence += 1
        self.decide(who, tier)
        self.tick()

    def debt_after(self, name: str, amount: int) -> int:
        """What an account would owe after borrowing ``amount`` more."""
        books, shares = self.ledger, self.ledger.debt_shares_up(amount)
        owed = (books.of(name).borrow + shares) * (books.borrowed + amount + VIRTUAL_ASSETS)
        return -(-owed // (books.borrow_shares + shares + VIRTUAL_SHARES))

    @rule(who=people, payer=people, part=st.integers(1, 120))
    def repay(self, who: int, payer: int, part: int) -> None:
        """Anybody may repay, whatever prices and decisions do."""
        name, books = self.people[who].address, self.ledger
        debt = books.debt(name)
        amount = MAX if part > 110 else debt * part // 100
        paid, shares = books.payment(name, amount)
        left = books.left(name, paid, shares)
        allowed = debt > 0 and amount > 0 and shares > 0 and (left == 0 or left >= TERMS.min_debt)
        found = self.act("repay", amount, 0, name, by=self.people[payer], event="Repaid", allowed=allowed)
        if found:
            assert (found["assets"], found["shares"]) == (paid, shares)
            books.repay(name, paid, shares)
            if books.of(name).borrow:
                books.settle(name, self.mark(OLDEST))
            self.settle()

    @rule(who=people)
    def call(self, who: int) -> None:
        name, books, price = self.people[who].address, self.ledger, self.mark(OLDEST)
        account = books.of(name)
        holds = bool(account.called_at) and self.clock <= account.called_at + TERMS.grace + TERMS.window
        allowed = bool(account.borrow) and not holds and price is not None and not books.healthy(name, price)
        if self.act("marginCall", name, by=self.lab.relayer, event="MarginCalled", allowed=allowed):
            account.called_at = self.clock
            self.settle()

    @rule(who=people)
    def cure(self, who: int) -> None:
        name, books, price = self.people[who].address, self.ledger, self.mark(OLDEST)
        allowed = bool(books.of(name).called_at) and price is not None and books.healthy(name, price)
        if self.act("cure", name, by=self.lab.relayer, event="MarginCallEnded", allowed=allowed):
            books.of(name).called_at = 0
            self.settle()

    @rule(who=people, part=st.integers(1, 120))
    def liquidate(self, who: int, part: int) -> None:
        """Only what is unhealthy and called, or beyond the hard LLTV; never to a worse loan-to-value."""
        name, books, price = self.people[who].address, self.ledger, self.mark(OLDEST)
        account, debt = books.of(name), books.debt(name)
        most = books.repayable(name, price, self.clock) if price and account.borrow else 0
        amount = MAX if part > 110 else max(most * part // 100, 1)
        repaid = min(amount, most)
        allowed = most > 0 and not (books.insolvent(name, cast(int, price)) and repaid < most)
        if allowed and repaid != debt:
            gone = books.debt_shares_down(repaid)
            left = books.left(name, repaid, gone)
            allowed = gone > 0 and (books.insolvent(name, cast(int, price)) or left >= TERMS.min_debt)
        before = account.collateral
        found = self.act("liquidate", name, amount, 0, b"", by=self.lab.relayer, event="Liquidated", allowed=allowed)
        if found and price:
            seized, lost = books.liquidate(name, price, repaid)
            assert (found["repaid"], found["seized"], found["badDebt"]) == (repaid, seized, lost)
            assert not account.borrow or books.debt(name) * before <= debt * account.collateral, "made it worse"
            assert Fraction(seized * price, FEED) <= Fraction(repaid * (BPS + TERMS.incentive), BPS) + 2 or not (
                account.collateral
            ), "more than the incentive"
            self.lost = lost > 0
            self.settle()

    @rule(dollars=st.one_of(st.integers(60, 400), st.sampled_from([140, 160, 180])))
    def quote(self, dollars: int) -> None:
        self.desk.quote(dollars)
        self.price, self.quoted = dollars * FEED, self.clock
        self.tick()

    @rule()
    def lose_price(self) -> None:
        """The feed answers zero: nothing that needs a price goes on, everything else does."""
        self.desk.quote(0)
        self.price, self.quoted = 0, self.clock
        self.tick()

    @rule(seconds=st.one_of(st.integers(1, 7 * 3_600), st.integers(1, 3 * DAY)))
    def wait(self, seconds: int) -> None:
        self.tick(seconds)

    @rule(amount=amounts)
    def donate(self, amount: int) -> None:
        self.lab.send("Dollar", "mint", self.desk.market, amount)
        self.donated += amount
        self.tick()

    @invariant()
    def sums_are_conserved(self) -> None:
        """The market's sums and everybody's shares are the ledger's; donations move nothing."""
        if hasattr(self, "ledger"):
            books, sums = self.ledger, self.desk.sums()
            assert (sums["totalSupplyAssets"], sums["totalSupplyShares"]) == (books.supplied, books.supply_shares)
            assert (sums["totalBorrowAssets"], sums["totalBorrowShares"]) == (books.borrowed, books.borrow_shares)
            assert sums["interestRemainder"] == books.remainder
            assert books.supply_shares == sum(account.supply for account in books.accounts.values())
            assert books.borrow_shares == sum(account.borrow for account in books.accounts.values())
            for who in self.people:
                found, account = self.desk.position(who), books.of(who.address)
                assert (found["supplyShares"], found["borrowShares"]) == (account.supply, account.borrow)
                assert (found["collateral"], found["lltvBps"]) == (account.collateral, account.lltv)
                assert found["calledAt"] == account.called_at

    @invariant()
    def assets_cover_claims(self) -> None:
        """Solvency: tokens for all that is tracked, and suppliers claim no more than that and what is owed."""
        if hasattr(self, "ledger"):
            books = self.ledger
            assert self.desk.read("trackedOf", self.lab.address("Dollar")) == books.held
            assert self.desk.balance("Dollar", self.desk.market) == books.held + self.donated
            assert self.desk.balance("Gold", self.desk.market) == sum(
                account.collateral for account in books.accounts.values()
            )
            assert books.supplied == books.held + books.borrowed
            assert books.borrow_shares or not books.borrowed
            assert sum(books.worth(account.supply) for account in books.accounts.values()) <= books.supplied
            assert sum(books.debt(name) for name in books.accounts) >= books.borrowed

    @invariant()
    def no_debt_without_a_valid_decision(self) -> None:
        """Every debt stands at a proven LLTV; bob, whose tier is a refusal, never owes."""
        if hasattr(self, "ledger"):
            for who, tier in zip(self.people, TIERS, strict=True):
                account = self.ledger.of(who.address)
                assert account.lltv in (LLTV[1:] if account.borrow else (0,))
                assert tier or not account.borrow

    @invariant()
    def no_dust(self) -> None:
        """A debt is nothing or worth a liquidator's gas; others' roundings may take single units off it."""
        if hasattr(self, "ledger"):
            for who in self.people:
                debt = self.desk.debt(who)
                assert debt == 0 or debt > TERMS.min_debt - 100


@pytest.fixture
def shared(lab: Lab) -> Iterator[None]:
    """Hand the deployed system to the state machine, which Hypothesis builds."""
    LAB.append(lab)
    yield
    LAB.clear()


@pytest.mark.usefixtures("shared")
def test_the_market_keeps_its_books() -> None:
    run_state_machine_as_test(
        MarketBooks,
        settings=settings(max_examples=3, stateful_step_count=20, suppress_health_check=list(HealthCheck)),
    )


@pytest.mark.full
@pytest.mark.usefixtures("shared")
def test_the_market_keeps_its_books_at_length() -> None:
    run_state_machine_as_test(
        MarketBooks,
        settings=settings(max_examples=40, stateful_step_count=60, suppress_health_check=list(HealthCheck)),
    )
