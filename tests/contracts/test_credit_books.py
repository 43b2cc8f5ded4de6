"""The vault under any sequence of deposits, withdrawals, loans, payments, write-offs and waiting.

Decisions are made up here (their rules have tests of their own). Every answer is compared with an independent ledger,
to the wei; the named properties are checked after every step.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.contracts.circuits import helper_contracts
from tests.contracts.credit_lab import ALL, VIRTUAL, provide, value
from tests.contracts.credit_ledger import Ledger
from tests.contracts.lab import DAY, UNIT, Lab, reverts

LAB: list[Lab] = []
TERMS = {1: (1, 100_000), 2: (7, 0), 3: (40, 1_337)}  # by model: days, rate
amounts = st.one_of(st.integers(1, 10**6), st.integers(1, 3_000 * UNIT), st.sampled_from([1, UNIT]))
shares = st.integers(0, 10**28)
parts = st.integers(0, 100)
people = st.integers(0, 2)


class VaultBooks(RuleBasedStateMachine):
    """Three depositors, one of whom pays all the loans back, if anybody does."""

    @initialize()
    def deploy(self) -> None:
        self.lab = LAB[0]
        self.tester = cast(Any, self.lab.network.w3.provider).ethereum_tester
        self.snapshot = self.tester.take_snapshot()
        decisions = self.lab.deploy_as("OpenDecisions", helper_contracts()["OpenDecisions"])
        self.lab.deploy("CreditLine", decisions.address, self.lab.address("DemoToken"), self.lab.owner.address)
        self.people = [self.lab.alice, self.lab.bob, self.lab.mallory]
        for who in self.people:
            provide(self.lab, 10**6 * UNIT, who)
        for model, (days, rate) in TERMS.items():
            tiers = [(0, 0), (2**128 - 1, rate), (0, 0)]
            self.lab.send("CreditLine", "setModelTerms", model, (tiers, ALL, 1, days))
        self.lab.send("CreditLine", "setIssuerDailyCap", self.lab.issuer.address, ALL)
        self.lab.send("CreditLine", "setCaps", ALL, ALL)
        self.ledger = Ledger()
        self.tokens = 3 * 10**6 * UNIT
        self.donated = 0
        self.clock = self.lab.network.now()
        self.tick()

    def teardown(self) -> None:
        if hasattr(self, "snapshot"):
            self.tester.revert_to_snapshot(self.snapshot)

    def tick(self, seconds: int = 5) -> None:
        """Let the next transaction or call fall on ``self.clock``."""
        self.clock += seconds
        self.lab.travel(self.clock)

    def price(self) -> Fraction:
        return Fraction(self.ledger.assets(self.clock) + 1, self.ledger.supply + VIRTUAL)

    def act(self, function: str, *args: object, by: int, event: str) -> dict[str, Any]:
        """A transaction at ``self.clock``; its event. Nothing anybody does lowers the price."""
        receipt = self.lab.send("CreditLine", function, *args, by=self.people[by])
        assert self.lab.network.now() == self.clock
        (found,) = self.lab.events(receipt, "CreditLine", event)
        return found

    def settle(self, before: Fraction) -> None:
        assert self.price() >= before, "somebody left with more than their part"
        self.tick()

    @rule(who=people, assets=amounts)
    def deposit(self, who: int, assets: int) -> None:
        if not self.ledger.open(self.clock):
            assert value(self.lab, "maxDeposit", self.people[who].address) == 0
            return
        before, expected = self.price(), self.ledger.for_deposit(self.clock, assets)
        if not expected:
            with reverts("ZeroAmount"):
                self.act("deposit", assets, self.people[who].address, by=who, event="Deposit")
            self.tick()
            return
        found = self.act("deposit", assets, self.people[who].address, by=who, event="Deposit")
        assert (found["assets"], found["shares"]) == (assets, expected)
        self.ledger.enter(self.clock, self.people[who].address, assets, expected)
        assert self.ledger.for_redeem(self.clock, expected) <= assets, "in and out gained"
        self.settle(before)

    @rule(who=people, minted=shares)
    def mint(self, who: int, minted: int) -> None:
        cost = self.ledger.for_mint(self.clock, minted)
        if cost > 5_000 * UNIT or not self.ledger.open(self.clock):
            return
        before = self.price()
        found = self.act("mint", minted, self.people[who].address, by=who, event="Deposit")
        assert (found["assets"], found["shares"]) == (cost, minted)
        self.ledger.enter(self.clock, self.people[who].address, cost, minted)
        assert self.ledger.for_redeem(self.clock, minted) <= cost, "in and out gained"
        self.settle(before)

    @rule(who=people, part=parts)
    def withdraw(self, who: int, part: int) -> None:
        name, before = self.people[who].address, self.price()
        most = self.ledger.max_withdraw(self.clock, name)
        assert value(self.lab, "maxWithdraw", name) == most
        assets = most * part // 100
        burnt = self.ledger.for_withdraw(self.clock, assets)
        found = self.act("withdraw", assets, name, name, by=who, event="Withdraw")
        assert (found["assets"], found["shares"]) == (assets, burnt)
        self.ledger.enter(self.clock, name, -assets, -burnt)
        self.settle(before)

    @rule(who=people, part=parts)
    def redeem(self, who: int, part: int) -> None:
        name, before = self.people[who].address, self.price()
        most = self.ledger.max_redeem(self.clock, name)
        assert value(self.lab, "maxRedeem", name) == most
        burnt = most * part // 100
        assets = self.ledger.for_redeem(self.clock, burnt)
        if burnt and not assets:
            with reverts("ZeroAmount"):
                self.act("redeem", burnt, name, name, by=who, event="Withdraw")
            self.tick()
            return
        found = self.act("redeem", burnt, name, name, by=who, event="Withdraw")
        assert (found["assets"], found["shares"]) == (assets, burnt)
        self.ledger.enter(self.clock, name, -assets, -burnt)
        self.settle(before)

    @rule(who=people, to=people, part=parts)
    def transfer(self, who: int, to: int, part: int) -> None:
        name, receiver = self.people[who].address, self.people[to].address
        moved = self.ledger.shares[name] * part // 100
        self.act("transfer", receiver, moved, by=who, event="Transfer")
        self.ledger.transfer(self.clock, name, receiver, moved)
        self.tick()

    @precondition(lambda self: hasattr(self, "ledger") and self.ledger.pocketed)
    @rule(data=st.data(), who=people, to=people)
    def claim(self, data: st.DataObject, who: int, to: int) -> None:
        """Exactly the part of who held shares then, to whom they want; no price moves."""
        due = data.draw(st.sampled_from(sorted(self.ledger.pockets)))
        name, receiver, before = self.people[who].address, self.people[to].address, self.price()
        expected = self.ledger.claimable(due, name)
        assert value(self.lab, "claimable", due // DAY - 1, name) == expected
        if not expected:
            with reverts("ZeroAmount"):
                self.act("claim", [due // DAY - 1], receiver, by=who, event="Claimed")
            self.tick()
            return
        found = self.act("claim", [due // DAY - 1], receiver, by=who, event="Claimed")
        assert found == {"dueDay": due // DAY - 1, "account": name, "receiver": receiver, "amount": expected}
        self.ledger.claimed[due, name] += expected
        assert self.price() == before
        self.settle(before)

    @rule(who=people, model=st.sampled_from(sorted(TERMS)), part=st.integers(1, 100))
    def draw(self, who: int, model: int, part: int) -> None:
        amount = self.ledger.cash * part // 100
        if not amount:
            return
        self.lab.send("OpenDecisions", "choose", len(self.ledger.loans).to_bytes(32, "big"), 1)
        self.tick()
        before, (days, rate) = self.price(), TERMS[model]
        amount = min(amount, self.ledger.cash)
        self.act("draw", model, self.lab.issuer.address, amount, by=who, event="LoanDrawn")
        self.ledger.draw(self.clock, amount, rate, days)
        self.settle(before)

    @precondition(lambda self: hasattr(self, "ledger") and any(loan.principal for loan in self.ledger.loans))
    @rule(data=st.data(), who=people, amount=st.one_of(amounts, st.just(ALL)))
    def repay(self, data: st.DataObject, who: int, amount: int) -> None:
        loans = [number for number, loan in enumerate(self.ledger.loans, 1) if loan.principal]
        loan_id = data.draw(st.sampled_from(loans))
        before = self.price()
        expected = self.ledger.repay(self.clock, loan_id, amount)
        found = self.act("repay", loan_id, amount, by=who, event="LoanRepaid")
        assert (found["interestPaid"], found["principalPaid"]) == expected
        self.settle(before)

    @precondition(lambda self: hasattr(self, "ledger") and self.ledger.may_write_off(self.clock))
    @rule(data=st.data())
    def write_off(self, data: st.DataObject) -> None:
        loan_id = data.draw(st.sampled_from(self.ledger.may_write_off(self.clock)))
        before = self.price()
        self.act("writeOff", loan_id, by=0, event="LoanWrittenOff")
        self.ledger.loans[loan_id - 1].written_off = True
        assert self.price() == before, "the loss was priced before"
        self.settle(before)

    @rule(seconds=st.one_of(st.integers(1, 2 * DAY), st.integers(1, 40 * DAY)))
    def wait(self, seconds: int) -> None:
        self.tick(seconds)

    @rule(amount=amounts)
    def donate(self, amount: int) -> None:
        self.lab.send("DemoToken", "mint", self.lab.address("CreditLine"), amount)
        self.donated += amount
        self.tick()

    @invariant()
    def the_books_agree(self) -> None:
        """Cash, debts and prices are the ledger's; donations move nothing."""
        if hasattr(self, "ledger"):
            books, now = self.ledger, self.clock
            assert value(self.lab, "cash") == books.cash
            assert self.lab.read("CreditLine", "debts") == books.debts(now)
            assert value(self.lab, "pocketed") == books.pocketed
            assert value(self.lab, "totalAssets") == books.assets(now)

    @invariant()
    def the_vault_is_solvent(self) -> None:
        """Tokens held cover the cash in the books, and all shares together are worth no more than the assets."""
        if hasattr(self, "ledger"):
            line = self.lab.address("CreditLine")
            assert value(self.lab, "totalSupply") == self.ledger.supply
            assert (
                self.lab.read("DemoToken", "balanceOf", line) == self.ledger.cash + self.ledger.pocketed + self.donated
            )
            for due, recovered in self.ledger.pockets.items():
                paid = sum(amount for (day, _), amount in self.ledger.claimed.items() if day == due)
                left = sum(self.ledger.claimable(due, who) for who in self.ledger.holders(due))
                assert paid + left <= recovered <= paid + left + len(self.people)
            claims = sum(self.ledger.for_redeem(self.clock, held) for held in self.ledger.shares.values())
            assert claims <= self.ledger.assets(self.clock)

    @invariant()
    def tokens_are_conserved(self) -> None:
        if hasattr(self, "ledger"):
            holders = [who.address for who in self.people] + [self.lab.address("CreditLine")]
            held = sum(self.lab.read("DemoToken", "balanceOf", holder) for holder in holders)
            assert held == self.tokens + self.donated


@pytest.fixture
def shared(lab: Lab) -> Iterator[None]:
    """Hand the deployed system to the state machine, which Hypothesis builds."""
    LAB.append(lab)
    yield
    LAB.clear()


@pytest.mark.usefixtures("shared")
def test_the_vault_keeps_its_books() -> None:
    run_state_machine_as_test(
        VaultBooks,
        settings=settings(max_examples=4, stateful_step_count=20, suppress_health_check=list(HealthCheck)),
    )


@pytest.mark.full
@pytest.mark.timeout(3600)
@pytest.mark.usefixtures("shared")
def test_the_vault_keeps_its_books_at_length() -> None:
    run_state_machine_as_test(
        VaultBooks,
        settings=settings(max_examples=15, stateful_step_count=50, suppress_health_check=list(HealthCheck)),
    )
