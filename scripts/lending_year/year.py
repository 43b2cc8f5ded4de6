"""The whole year: both lenders on one chain, audited at each month's end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lending_year.calendar import Calendar
from lending_year.chains import Chain
from lending_year.credit import CreditYear
from lending_year.desk import Desk
from lending_year.house import DOLLAR, HouseYear
from lending_year.market import FEED, GoldYear
from lending_year.market_books import Sums
from lending_year.people import UNIT, Applicant
from lending_year.purse import Purse, require
from lending_year.stage import Entry, Script, Stage
from lending_year.vault_books import Month
from prover.chain.artifacts import load_artifact
from prover.chain.contracts import BoundContract
from prover.chain.deploy import deploy_collateral_market

LAST_ARRIVAL = 300
"""Day by which most applicants have come; a small cast comes in half the time, so that all of its fates are seen."""

SMALL = 20


@dataclass(frozen=True)
class Closing:
    """The books at a month's end, all amounts in the token's smallest unit.

    Attributes:
        name: of the month.
        credit: what happened at the credit line.
        cash, performing, delinquent: what it holds at the end.
        pocketed: what came in late and is not claimed.
        share: what a whole share is worth; it cost one dollar at first.
        market: what happened in the collateral market; interest up to its last transaction.
        supplied, borrowed: its sums at the end.
        price: of a gold coin, in dollars.
        house, house_debt, house_price: the market of the house's shares likewise, and its price in dollars.
        figures: how many of our figures were compared with the chain's.
    """

    name: str
    credit: Month
    cash: int
    performing: int
    delinquent: int
    pocketed: int
    share: int
    market: Sums
    supplied: int
    borrowed: int
    price: int
    house: Sums
    house_debt: int
    house_price: int
    figures: int


@dataclass(frozen=True)
class Outcome:
    """A year on one chain.

    Attributes:
        journal: every transaction.
        closings: month by month.
        refusals: acts that were refused, by the error they had to be refused by.
        seen: how often what happened.
    """

    journal: Sequence[Entry]
    closings: Sequence[Closing]
    refusals: Counter[str]
    seen: Counter[str]

    @property
    def figures(self) -> int:
        return sum(closing.figures for closing in self.closings)


def play(
    script: Script, chain: Chain, people: Sequence[Applicant], folder: Path, told: Callable[[Closing], None]
) -> Outcome:
    """One year. ``told`` hears of each month as it ends.

    Raises:
        BooksError: the chain's books are not ours.
        AssertionError: something was not refused, or refused for another reason.
    """
    stage = Stage(script, chain, folder)
    calendar = Calendar(stage)
    token, usd = stage.create(load_artifact("DemoToken")), Purse("vUSD")
    credit = CreditYear(stage, calendar, usd, token)
    contract = deploy_collateral_market(stage.deployer, stage.records, stage.stack)
    market = GoldYear(stage, calendar, contract, usd, token)
    house = HouseYear(stage, calendar, contract, usd, token)
    span = LAST_ARRIVAL if len(people) > SMALL else LAST_ARRIVAL // 2
    spacing = max(1, span // len(people))
    credit.plan(people, spacing)
    market.plan(people[::3], 3 * spacing)
    house.plan(max(people, key=lambda person: script.bundle.decide(person.facts)[0]))
    closings = []
    for name in calendar.months():
        figures = credit.audit() + market.audit() + house.audit()
        require("loan tokens by their flows", market.books.flows() + house.books.flows(), usd.held[contract.address])
        require("tracked vUSD", usd.held[contract.address], contract.read("trackedOf", token.address))
        for purse, held_in in _purses(usd, token, market, house):
            require(f"supply of {purse.symbol}", purse.minted, held_in.read("totalSupply"))
            for holder, amount in purse:
                require(f"{purse.symbol} of {holder}", amount, held_in.read("balanceOf", holder))
            figures += 3 + len(purse.held)
        closings.append(_closing(name, credit, market, house, figures))
        told(closings[-1])
    return Outcome(stage.journal, closings, stage.refusals, credit.seen + market.seen + house.seen)


def _closing(name: str, credit: CreditYear, market: GoldYear, house: HouseYear, figures: int) -> Closing:
    now = credit.stage.now()
    vault, shown = credit.books, market.books.at(now)
    return Closing(
        name=name,
        credit=vault.close_month(),
        cash=vault.cash,
        performing=vault.performing(now),
        delinquent=vault.delinquent(now),
        pocketed=vault.pocketed,
        share=10**6 * UNIT * (vault.assets(now) + 1) // (vault.supply + 10**6),
        market=market.books.close_month(),
        supplied=shown.supplied,
        borrowed=shown.borrowed,
        price=market.books.price // FEED,
        house=house.books.close_month(),
        house_debt=house.books.at(now).borrowed,
        house_price=house.price_at(now) // DOLLAR,
        figures=figures,
    )


def _purses(usd: Purse, token: BoundContract, *desks: Desk) -> list[tuple[Purse, BoundContract]]:
    """Every token of the year, by our count and by its contract."""
    return [(usd, token), *((desk.collateral, desk.collateral_token) for desk in desks)]
