"""Gold as collateral: a price that rises, sags, crashes and recovers, and what it does to those who borrowed on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from lending_year.calendar import Calendar
from lending_year.desk import LARGEST, Desk
from lending_year.market_books import Rules
from lending_year.people import UNIT, Applicant, wallet
from lending_year.purse import Purse
from lending_year.stage import Stage
from prover.chain.artifacts import load_artifact
from prover.chain.contracts import BoundContract
from prover.chain.solc import compile_sources

GOLD = 10**8
FEED = 10**8
PRICES: tuple[int, ...] = (2_000, 2_020, 2_060, 2_050, 2_090, 2_120, 2_150, 2_110, 2_060, 1_990, 1_900, 1_800, 1_690)
PRICES += (1_650, 1_660, 1_700, 1_720, 1_760, 1_800, 1_830, 1_850, 1_900, 1_930, 1_960, 1_990, 2_000)
PRICES += (2_010, 2_000, 2_040, 2_020, 2_000, 1_150, 1_120, 1_170, 1_210, 1_260, 1_280, 1_300, 1_290)
PRICES += (1_310, 1_340, 1_360, 1_390, 1_400, 1_420, 1_410, 1_440, 1_460, 1_480, 1_490, 1_500, 1_500, 1_500)
"""One gold coin in dollars, week by week."""

DIP = (60, 1_880)
"""On this day the feed falls to this, and is back a day later: calls are cured, nobody is sold out."""

SILENT_WEEK = 27
"""The feed says nothing; nobody borrows on an old price, repaying goes on."""


class GoldYear(Desk):
    """The market of vGLD, eight decimals, against vUSD, eighteen."""

    def __init__(
        self, stage: Stage, calendar: Calendar, market: BoundContract, usd: Purse, token: BoundContract
    ) -> None:
        source = Path(__file__).parent / "solidity" / "PlayGold.sol"
        play = compile_sources({"contracts/generated/PlayGold.sol": source.read_text()})
        gold = stage.create(play["PlayGold"])
        feed = stage.create(load_artifact("DemoFeed"), 8, "vGLD / vUSD", PRICES[0] * FEED)
        super().__init__(stage, calendar, market, usd, token, Purse("vGLD"), gold, feed, Rules(price_factor=100))
        self.books.price = PRICES[0] * FEED
        self.lenders = [wallet(f"market {name}") for name in ("Dora", "Emil")]
        self._borrowers: list[Applicant] = []
        for who in (self.keeper, *self.lenders):
            self.outfit(who, 600_000 * UNIT)

    def plan(self, people: Sequence[Applicant], spacing: int) -> None:
        """Enter the year into the calendar. Every third applicant is bold: borrows nearly all that the price allows."""
        dora, emil = self.lenders
        on = self.calendar.on
        on(0, lambda: self.supply(dora, 150_000 * UNIT))
        on(40, lambda: self.supply(emil, 60_000 * UNIT))
        on(180, lambda: self.withdraw(emil, 20_000 * UNIT))
        for week in range(1, 52):
            if week != SILENT_WEEK:
                on(7 * week, lambda week=week: self.reprice(PRICES[week]))  # type: ignore[misc]
        on(DIP[0], lambda: self.reprice(DIP[1]))
        on(DIP[0] + 1, lambda: self.reprice(PRICES[DIP[0] // 7]))
        on(7 * SILENT_WEEK + 3, self._on_an_old_price)
        for number, person in enumerate(people):
            on(7 + spacing * number, self._apply(person, bold=number % 3 == 0))
        for lender in self.lenders:
            on(364, lambda lender=lender: self.leave(lender))  # type: ignore[misc]

    def reprice(self, dollars: int) -> None:
        """A new price; the keeper goes through the positions."""
        self.stage.act(self.stage.relayer, self.feed, "set", dollars * FEED)
        self.books.price = dollars * FEED
        for person in list(self._borrowers):
            self.watch(person)

    def answer_call(self, person: Applicant) -> None:
        """Who repays credits in real life finds money now, or gold. Others hope, and so does who borrows for long."""
        who = person.address
        if not (person.repaid and person.months <= 24 and self.books.positions[who].called_at):
            return
        self.seen["answered calls"] += 1
        if person.months > 12:
            self._bring(person, self.books.positions[who].collateral // 3)
        else:
            self.repay(person, self.books.debt(who) // 3)

    def _bring(self, person: Applicant, amount: int) -> None:
        """Gold from elsewhere."""
        self.stage.act(self.stage.owner, self.collateral_token, "mint", person.address, amount)
        self.collateral.mint(person.address, amount)
        self.lock(person, amount)

    def _apply(self, person: Applicant, *, bold: bool) -> Callable[[], None]:
        def apply() -> None:
            self.outfit(person.signer, person.amount)
            self.stage.act(person.signer, self.collateral_token, "approve", self.market.address, LARGEST)
            self._bring(person, 2 * person.amount * GOLD // (PRICES[0] * UNIT))
            self.refused("DecisionMissing", person, UNIT)
            tier = self.decide(person)
            if tier == 0:
                self.refused("DecisionNegative", person, UNIT)
                self.unlock(person, self.books.positions[person.address].collateral)
                return
            room = self.books.room(person.address, tier)
            self.refused("BorrowLimitExceeded", person, room + 1)
            self.borrow(person, tier, room * (98 if bold else 70) // 100)
            self.stage.refused("PositionHealthy", lambda: self._sell(person.address))
            self._borrowers.append(person)
            if person.repaid and not bold:
                self.on_day(150, lambda: self._close(person))

        return apply

    def _close(self, person: Applicant) -> None:
        """Everything back; the decision expired long ago and is not asked for."""
        if self.books.positions[person.address].debt_shares:
            self.refused("DecisionExpired", person, UNIT)
            self.repay(person, LARGEST)
            self.seen["closed"] += 1
        if self.books.positions[person.address].collateral:
            self.unlock(person, self.books.positions[person.address].collateral)

    def _on_an_old_price(self) -> None:
        """The feed is silent: no new debt on an old price; repaying goes on."""
        debtors = [person for person in self._borrowers if self.books.positions[person.address].debt_shares]
        if not debtors:
            return
        person = debtors[-1]
        self.decide(person)
        self.refused("PriceStale", person, UNIT)
        self.repay(person, UNIT)
        self.seen["repaid on an old price"] += 1
