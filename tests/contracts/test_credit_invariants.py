"""The credit line's books under any sequence of draws, repayments, funding, withdrawals and waiting.

One named property each, checked after every step against a model that keeps the books on its own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
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
from web3 import Web3

from prover.chain.signer import Signer
from prover.errors import TransactionReverted
from tests.contracts.lab import DAY, UNIT, Lab

PERSONS = (Web3.keccak(text="first person"), Web3.keccak(text="second person"))
TIERS = (2, 1, 0)  # alice and bob are one person with two wallets, mallory another one, refused
REFUSALS = {
    "DecisionNegative",
    "PersonCapExceeded",
    "LoanCapExceeded",
    "ModelDailyCapExceeded",
    "IssuerDailyCapExceeded",
    "InsufficientLiquidity",
}
LAB: list[Lab] = []
amounts = st.one_of(st.integers(1, 6_000 * UNIT), st.sampled_from([1, 1_000 * UNIT, 4_000 * UNIT]))


class CreditBooks(RuleBasedStateMachine):
    """Draws and repayments by two persons in three wallets; the model below knows what must come out."""

    @initialize()
    def deploy(self) -> None:
        self.lab = LAB[0]
        self.tester = cast(Any, self.lab.network.w3.provider).ethereum_tester
        self.snapshot = self.tester.take_snapshot()
        self.wallets: list[Signer] = [self.lab.alice, self.lab.bob, self.lab.mallory]
        for wallet, tier, person in zip(self.wallets, TIERS, (PERSONS[0], PERSONS[0], PERSONS[1]), strict=True):
            self.lab.decided(tier, subject=wallet, personId=person, expiresAt=self.lab.network.now() + 30 * DAY)
            self.lab.send("DemoToken", "mint", wallet.address, 10_000 * UNIT)
            self.lab.send("DemoToken", "approve", self.lab.address("CreditLine"), 2**256 - 1, by=wallet)
        self.start = self.lab.network.now()
        self.pool = 20_000 * UNIT
        self.interest_paid = 0
        self.principal: dict[int, int] = {}
        self.borrower: dict[int, int] = {}
        self.lent: dict[int, int] = defaultdict(int)

    def teardown(self) -> None:
        if hasattr(self, "snapshot"):
            self.tester.revert_to_snapshot(self.snapshot)

    def debt(self, person: bytes) -> int:
        ours = {0, 1} if person == PERSONS[0] else {2}
        return sum(owed for loan, owed in self.principal.items() if self.borrower[loan] in ours)

    def today(self) -> int:
        """The day the next transaction falls on."""
        return (self.lab.network.now() + 1) // DAY

    def attempt(self, function: str, *args: object, by: int) -> str:
        """Call the credit line from a wallet; the name of the error it refuses with, empty on success."""
        try:
            self.receipt = self.lab.send("CreditLine", function, *args, by=self.wallets[by])
        except TransactionReverted as refusal:
            return refusal.error
        return ""

    @rule(wallet=st.integers(0, 2), amount=amounts)
    def draw(self, wallet: int, amount: int) -> None:
        tier = TIERS[wallet]
        limit = min((0, 1_000 * UNIT, 5_000 * UNIT)[tier], 5_000 * UNIT)
        room = tier and amount <= min(4_000 * UNIT, self.pool) and self.debt(PERSONS[0]) + amount <= limit
        room = room and self.lent[self.today()] + amount <= 8_000 * UNIT
        refusal = self.attempt("draw", self.lab.tier_model, self.lab.issuer.address, amount, by=wallet)
        if refusal:
            assert refusal in REFUSALS
            assert not room, "refused though every cap had room"
            return
        assert tier, "a refused person borrowed"
        loan = len(self.principal) + 1
        self.principal[loan], self.borrower[loan] = amount, wallet
        self.lent[self.lab.network.now() // DAY] += amount
        self.pool -= amount
        assert self.debt(PERSONS[0]) <= limit

    @precondition(lambda self: any(self.principal.values()))
    @rule(data=st.data(), amount=amounts, payer=st.integers(0, 2))
    def repay(self, data: st.DataObject, amount: int, payer: int) -> None:
        loan = data.draw(st.sampled_from([key for key, owed in self.principal.items() if owed]))
        owed = self.lab.read("CreditLine", "owedUp", loan)
        if refusal := self.attempt("repay", loan, amount, by=payer):
            assert refusal == "ERC20InsufficientBalance"
            return
        (paid,) = self.lab.events(self.receipt, "CreditLine", "LoanRepaid")
        assert paid["interestPaid"] + paid["principalPaid"] <= amount
        assert paid["interestPaid"] >= min(amount, owed - self.principal[loan]), "principal before interest"
        self.principal[loan] -= paid["principalPaid"]
        self.interest_paid += paid["interestPaid"]
        self.pool += paid["interestPaid"] + paid["principalPaid"]

    @rule(amount=amounts, back=st.booleans())
    def lender_moves(self, amount: int, back: bool) -> None:
        if back and amount > self.pool:
            return
        function, args = ("withdraw", (self.lab.owner.address, amount)) if back else ("fund", (amount,))
        self.lab.send("CreditLine", function, *args)
        self.pool += -amount if back else amount

    @precondition(lambda self: self.lab.network.now() < self.start + 5 * DAY)  # decisions stay fresh for seven
    @rule(seconds=st.sampled_from([1, 3_600, DAY]))
    def wait(self, seconds: int) -> None:
        self.lab.travel(self.lab.network.now() + 1 + seconds)

    @invariant()
    def the_pool_holds_what_the_books_say(self) -> None:
        if hasattr(self, "pool"):
            line = self.lab.address("CreditLine")
            assert self.lab.read("DemoToken", "balanceOf", line) == self.pool

    @invariant()
    def a_persons_debt_is_the_sum_of_its_loans(self) -> None:
        if hasattr(self, "pool"):
            for person in PERSONS:
                found = self.lab.read("CreditLine", "outstandingOf", self.lab.issuer.address, person)
                assert found == self.debt(person)

    @invariant()
    def no_day_exceeds_its_cap(self) -> None:
        if hasattr(self, "pool"):
            for day, amount in self.lent.items():
                assert self.lab.read("CreditLine", "lentOnModel", self.lab.tier_model, day) == amount <= 8_000 * UNIT
                assert self.lab.read("CreditLine", "lentOnIssuer", self.lab.issuer.address, day) == amount

    @invariant()
    def nobody_owes_less_than_the_principal(self) -> None:
        if hasattr(self, "pool"):
            for loan, principal in self.principal.items():
                assert self.lab.read("CreditLine", "owedUp", loan) >= principal


@pytest.fixture
def shared(lab: Lab) -> Iterator[None]:
    """Hand the deployed system to the state machine, which Hypothesis builds."""
    LAB.append(lab)
    yield
    LAB.clear()


@pytest.mark.usefixtures("shared")
def test_the_books_balance() -> None:
    run_state_machine_as_test(
        CreditBooks,
        settings=settings(max_examples=4, stateful_step_count=15, suppress_health_check=list(HealthCheck)),
    )


@pytest.mark.full
@pytest.mark.usefixtures("shared")
def test_the_books_balance_at_length() -> None:
    run_state_machine_as_test(
        CreditBooks,
        settings=settings(max_examples=30, stateful_step_count=40, suppress_health_check=list(HealthCheck)),
    )
