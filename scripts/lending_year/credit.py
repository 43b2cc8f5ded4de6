"""The credit line's year: deposits, decisions, loans, repayments on time and late, write-offs, claims, exits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from lending_year.calendar import Calendar
from lending_year.people import UNIT, Applicant, wallet
from lending_year.purse import Purse, require
from lending_year.stage import DAY, MAX_AGE, Stage
from lending_year.vault_books import VaultBooks
from prover.chain.contracts import BoundContract
from prover.chain.deploy import deploy_credit_line
from prover.chain.signer import Signer

LIMITS = (0, 1_500 * UNIT, 5_000 * UNIT, 12_000 * UNIT)
RATES = (0, 2_400, 1_500, 900)
"""By tier: most a person may owe, and basis points a year."""

TERM = 90
DAILY_CAP = 40_000 * UNIT
LARGEST = 2**256 - 1


class CreditYear:
    """Every act once on the chain and once in the books."""

    def __init__(self, stage: Stage, calendar: Calendar, usd: Purse, token: BoundContract) -> None:
        self.stage, self.calendar, self.usd, self.token = stage, calendar, usd, token
        self.line = deploy_credit_line(stage.deployer, stage.records, stage.stack, token.address)
        self.books = VaultBooks(self.line.address, usd)
        self.seen: Counter[str] = Counter()
        self._debtors: dict[str, int] = {}
        tiers = list(zip(LIMITS, RATES, strict=True))
        stage.act(stage.owner, self.line, "setModelTerms", stage.model_id, (tiers, DAILY_CAP, MAX_AGE, TERM))
        stage.act(stage.owner, self.line, "setIssuerDailyCap", stage.issuer.address, DAILY_CAP)
        stage.act(stage.owner, self.line, "setCaps", 2 * LIMITS[-1], LIMITS[-1])
        self.savers = [wallet(f"saver {name}") for name in ("Ada", "Ben", "Cleo")]
        for saver in self.savers:
            self.outfit(saver, 500_000 * UNIT, self.line)

    def plan(self, people: Sequence[Applicant], spacing: int) -> None:
        """Enter the year into the calendar: savers come and go, an applicant comes every ``spacing`` days."""
        ada, ben, cleo = self.savers
        on = self.calendar.on
        on(0, lambda: self.deposit(ada, 400_000 * UNIT))
        on(20, lambda: self.deposit(ben, 150_000 * UNIT))
        on(150, lambda: self.withdraw(ben, 60_000 * UNIT))
        on(200, lambda: self.deposit(cleo, 100_000 * UNIT))
        on(250, lambda: self.redeem(ada, self.books.shares[ada.address] // 8))
        for saver in self.savers:
            on(180, lambda saver=saver: self.claim(saver))  # type: ignore[misc]
            on(363, lambda saver=saver: self.claim(saver))  # type: ignore[misc]
            on(364, lambda saver=saver: self.leave(saver))  # type: ignore[misc]
        bad = 0
        for number, person in enumerate(people):
            on(5 + spacing * number, self._apply(person, bad))
            bad += not person.repaid

    # One act each.

    def outfit(self, who: Signer, money: int, spender: BoundContract) -> None:
        """Ether for gas, play money, and an allowance."""
        if not self.stage.network.w3.eth.get_balance(who.address):
            self.stage.give(who, 10**18)
        self.stage.act(self.stage.owner, self.token, "mint", who.address, money)
        self.usd.mint(who.address, money)
        self.stage.act(who, self.token, "approve", spender.address, LARGEST)

    def deposit(self, who: Signer, amount: int) -> None:
        self.stage.act(who, self.line, "deposit", amount, who.address)
        self.books.deposit(who.address, amount, self.stage.now())
        self.check()

    def withdraw(self, who: Signer, amount: int) -> None:
        self.stage.act(who, self.line, "withdraw", amount, who.address, who.address)
        self.books.withdraw(who.address, amount, self.stage.now())
        self.check()

    def redeem(self, who: Signer, shares: int) -> None:
        self.stage.act(who, self.line, "redeem", shares, who.address, who.address)
        self.books.redeem(who.address, shares, self.stage.now())
        self.check()

    def leave(self, who: Signer) -> None:
        """Redeem whatever idle cash allows, a little less: it shrinks by what time does until the next block."""
        seen = self.books.most_shares(who.address, self.stage.view_time())
        require(f"maxRedeem of {who.address}", seen, self.line.read("maxRedeem", who.address))
        most = self.books.most_shares(who.address, self.stage.now())
        self.redeem(who, most * 999 // 1000)
        self.seen["exits"] += 1

    def claim(self, who: Signer) -> None:
        """Whatever came in late for loans that fell due while they held shares."""
        dues = [due for due in self.books.recovered if self.books.claimable(due, who.address)]
        if not dues:
            self.stage.refused("ZeroAmount", lambda: self._claim(who, [due // DAY - 1 for due in self.books.recovered]))
            return
        self._claim(who, [due // DAY - 1 for due in dues])
        self.books.claim(dues, who.address)
        self.seen["claims"] += 1
        self.check()

    def _claim(self, who: Signer, due_days: list[int]) -> None:
        self.stage.act(who, self.line, "claim", due_days, who.address)

    def decide(self, person: Applicant) -> int:
        """A fresh decision on chain; returns its tier."""
        tier = self.stage.decide(person, self.line)
        self.seen["decisions"] += 1
        return tier

    def draw(self, person: Applicant, tier: int, amount: int) -> int:
        """A loan on the person's decision; returns its number."""
        self.stage.act(person.signer, self.line, "draw", self.stage.model_id, self.stage.issuer.address, amount)
        number = self.books.draw(person.address, amount, RATES[tier], TERM, self.stage.now())
        self.seen["loans"] += 1
        self.check()
        return number

    def repay(self, person: Applicant, number: int, amount: int) -> None:
        self.stage.act(person.signer, self.line, "repay", number, amount)
        self.books.repay(number, person.address, amount, self.stage.now())
        self.seen["repayments"] += 1
        self.check()

    def write_off(self, number: int) -> None:
        self.stage.act(self.stage.relayer, self.line, "writeOff", number)
        self.books.write_off(number, self.stage.now())
        self.seen["write-offs"] += 1
        self.check()

    # Lives.

    def _apply(self, person: Applicant, bad: int) -> Callable[[], None]:
        def apply() -> None:
            self.outfit(person.signer, 2 * person.amount, self.line)
            self._refused("DecisionMissing", person, UNIT)
            tier = self.decide(person)
            if tier == 0:
                self._refused("DecisionNegative", person, UNIT)
                return
            self._refused("PersonCapExceeded", person, LIMITS[tier] + 1)
            amount = min(person.amount, LIMITS[tier] * 9 // 10)
            number = self.draw(person, tier, amount)
            self._live(person, number, amount, bad)

        return apply

    def _live(self, person: Applicant, number: int, amount: int, bad: int) -> None:
        today = self.stage.today()

        def on(day: int, event: Callable[[], None]) -> None:
            self.calendar.on(today + day, event)

        if person.repaid:
            on(30, lambda: self.repay(person, number, amount // 3))
            on(60, lambda: self.repay(person, number, amount // 3))
            on(85, lambda: self.repay(person, number, LARGEST))
            on(TERM + 20, lambda: self._return(person))
            return
        on(TERM + 1, lambda: self._fall(person, number))
        if bad % 3 == 0:
            on(TERM + 20, lambda: self.repay(person, number, amount // 2))
            on(TERM + 25, lambda: self.repay(person, number, LARGEST))
            return
        on(TERM + 31, lambda: self.write_off(number))
        if bad % 3 == 1:
            on(TERM + 60, lambda: self._recover(person, number, amount // 2))
            on(TERM + 63, lambda: self._recover(person, number, amount // 4))

    def _fall(self, person: Applicant, number: int) -> None:
        """The due day is over: nothing was paid, and nothing more is lent, not even on a fresh decision."""
        require(f"status of loan {number}", 2, self.line.read("statusOf", number))
        self.seen["delinquencies"] += 1
        self.decide(person)
        self._refused("PersonDelinquent", person, 1)
        loan = self.books.loans[number - 1]
        early = lambda: self.stage.act(self.stage.relayer, self.line, "writeOff", number)  # noqa: E731
        if self.stage.now() < loan.due + 30 * DAY:
            self.stage.refused("WriteOffTooEarly", early)

    def _recover(self, person: Applicant, number: int, amount: int) -> None:
        self.repay(person, number, amount)
        self.seen["recoveries"] += 1

    def _return(self, person: Applicant) -> None:
        """A good customer comes again: the old decision has expired, a fresh one opens a loan."""
        self._refused("DecisionExpired", person, UNIT)
        tier = self.decide(person)
        amount = min(person.amount, LIMITS[tier])
        number = self.draw(person, tier, amount)
        today = self.stage.today()
        self.calendar.on(today + 80, lambda: self.repay(person, number, LARGEST))

    def _refused(self, error: str, person: Applicant, amount: int) -> None:
        arguments = (self.stage.model_id, self.stage.issuer.address, amount)
        self.stage.refused(error, lambda: self.stage.act(person.signer, self.line, "draw", *arguments))

    # Both counts.

    def check(self) -> None:
        """The sums agree after every act."""
        now, books, read = self.stage.view_time(), self.books, self.line.read
        require("cash", books.cash, read("cash"))
        require("shares", books.supply, read("totalSupply"))
        require("total assets", books.assets(now), read("totalAssets"))
        require("pockets", books.pocketed, read("pocketed"))

    def audit(self) -> int:
        """Every sum, account and loan; returns how many figures agreed."""
        self.check()
        now, books = self.stage.view_time(), self.books
        require("cash by its flows", books.cash, books.flows())
        require("money in the token", books.cash + books.pocketed, self.token.read("balanceOf", self.line.address))
        require("loans", (books.performing(now), books.delinquent(now)), self.line.read("debts"))
        for number, loan in enumerate(books.loans, 1):
            require(f"debt of loan {number}", loan.owed(now), self.line.read("owedUp", number))
        for holder, shares in books.shares.items():
            require(f"shares of {holder}", shares, self.line.read("balanceOf", holder))
        for due, recovered in books.recovered.items():
            require(f"pocket of {due}", recovered, self.line.read("recoveredOf", due // DAY - 1))
            for holder in books.shares:
                claimable = self.line.read("claimable", due // DAY - 1, holder)
                require(f"claim of {holder} on {due}", books.claimable(due, holder), claimable)
        return 8 + len(books.loans) + len(books.shares) + len(books.recovered) * (1 + len(books.shares))
