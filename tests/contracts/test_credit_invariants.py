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

PERSONS = tuple(Web3.keccak(text=f"{name} person") for name in ("first", "second", "third"))
TIERS = (2, 1, 0, 2)  # by wallet: alice, bob, mallory, relayer
PERSON_OF = (0, 0, 1, 2)  # alice and bob are one person with two wallets; mallory is refused
LIMITS = (0, 1_000 * UNIT, 5_000 * UNIT)  # by tier; the cap per person is the highest of them
MODEL_DAY = 8_000 * UNIT
REFUSALS = {
    "DecisionNegative",
    "PersonCapExceeded",
    "LoanCapExceeded",
    "ModelDailyCapExceeded",
    "IssuerDailyCapExceeded",
    "InsufficientLiquidity",
    "TooManyLoans",
}
LAB: list[Lab] = []
amounts = st.one_of(st.integers(1, 6_000 * UNIT), st.sampled_from([1, 1_000 * UNIT, 4_000 * UNIT]))


class CreditBooks(RuleBasedStateMachine):
    """Draws and repayments by three persons in four wallets; the model below knows what must come out."""

    @initialize(issuer_day=st.sampled_from([5_500 * UNIT, 9_000 * UNIT]))  # below and above the model's
    def deploy(self, issuer_day: int) -> None:
        self.lab = LAB[0]
        self.tester = cast(Any, self.lab.network.w3.provider).ethereum_tester
        self.snapshot = self.tester.take_snapshot()
        self.wallets: list[Signer] = [self.lab.alice, self.lab.bob, self.lab.mallory, self.lab.relayer]
        for wallet, tier, person in zip(self.wallets, TIERS, PERSON_OF, strict=True):
            until = self.lab.network.now() + 30 * DAY
            self.lab.decided(tier, subject=wallet, personId=PERSONS[person], expiresAt=until)
            self.lab.send("DemoToken", "mint", wallet.address, 10_000 * UNIT)
            self.lab.send("DemoToken", "approve", self.lab.address("CreditLine"), 2**256 - 1, by=wallet)
        self.lab.send("CreditLine", "setIssuerDailyCap", self.lab.issuer.address, issuer_day)
        self.day_cap = min(issuer_day, MODEL_DAY)
        self.start = self.lab.network.now()
        self.pool = 20_000 * UNIT
        self.interest_paid = 0
        self.principal: dict[int, int] = {}
        self.borrower: dict[int, int] = {}
        self.opened: dict[int, int] = {}  # the day of each loan
        self.lent: dict[int, int] = defaultdict(int)  # by day: drawn less what was repaid the same day

    def teardown(self) -> None:
        if hasattr(self, "snapshot"):
            self.tester.revert_to_snapshot(self.snapshot)

    def debt(self, person: int) -> int:
        return sum(owed for loan, owed in self.principal.items() if PERSON_OF[self.borrower[loan]] == person)

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

    @rule(wallet=st.integers(0, 3), amount=amounts)
    def draw(self, wallet: int, amount: int) -> None:
        limit, person = LIMITS[TIERS[wallet]], PERSON_OF[wallet]
        room = amount <= min(4_000 * UNIT, self.pool) and self.debt(person) + amount <= limit
        loans = [loan for loan, owed in self.principal.items() if owed and PERSON_OF[self.borrower[loan]] == person]
        room = room and len(loans) < 8 and self.lent[self.today()] + amount <= self.day_cap
        refusal = self.attempt("draw", self.lab.tier_model, self.lab.issuer.address, amount, by=wallet)
        if refusal:
            assert refusal in REFUSALS
            assert not room, "refused though every cap had room"
            return
        assert TIERS[wallet], "a refused person borrowed"
        loan = len(self.principal) + 1
        self.principal[loan], self.borrower[loan] = amount, wallet
        self.opened[loan] = self.lab.network.now() // DAY
        self.lent[self.opened[loan]] += amount
        self.pool -= amount
        assert self.debt(person) <= limit

    @precondition(lambda self: any(self.principal.values()))
    @rule(data=st.data(), amount=amounts, payer=st.integers(0, 3))
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
        if self.opened[loan] == self.lab.network.now() // DAY:
            self.lent[self.opened[loan]] -= paid["principalPaid"]
        self.interest_paid += paid["interestPaid"]
        self.pool += paid["interestPaid"] + paid["principalPaid"]

    @rule(amount=amounts, back=st.booleans())
    def lender_moves(self, amount: int, back: bool) -> None:
        if back and amount > self.pool:
            return
        owner = self.lab.owner.address
        function, args = ("withdraw", (amount, owner, owner)) if back else ("deposit", (amount, owner))
        if back and amount > self.lab.read("CreditLine", "maxWithdraw", owner):
            return  # the last wei of interest stays with the virtual shares
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
            for person, name in enumerate(PERSONS):
                found = self.lab.read("CreditLine", "outstandingOf", self.lab.issuer.address, name)
                assert found == self.debt(person) <= LIMITS[-1]

    @invariant()
    def no_day_exceeds_its_cap(self) -> None:
        if hasattr(self, "pool"):
            for day, amount in self.lent.items():
                assert self.lab.read("CreditLine", "lentOnModel", self.lab.tier_model, day) == amount <= self.day_cap
                assert self.lab.read("CreditLine", "lentOnIssuer", self.lab.issuer.address, day) == amount

    @invariant()
    def today_counts_what_is_owed_of_its_loans(self) -> None:
        """Nobody holds more of today's cap than they owe, so no turnover uses it up."""
        if hasattr(self, "pool"):
            today = self.lab.network.now() // DAY
            owed = sum(self.principal[loan] for loan, day in self.opened.items() if day == today)
            assert self.lab.read("CreditLine", "lentOnModel", self.lab.tier_model, today) == owed
            assert self.lab.read("CreditLine", "lentOnIssuer", self.lab.issuer.address, today) == owed

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
