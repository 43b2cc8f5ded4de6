"""The books as tables: month by month, what happened how often, and what each transaction costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

from rich.console import Console
from rich.table import Table

from lending_year.people import UNIT
from lending_year.stage import Entry
from lending_year.year import Closing, Outcome

WIDTH = 150  # of tables that go to a file

_CREDIT = ("deposited", "withdrawn", "lent", "principal back", "interest", "written off", "late", "claimed")
_MARKET = ("supplied", "withdrawn", "borrowed", "repaid", "liquidated", "bad debt")


def credit_table(closings: Sequence[Closing]) -> Table:
    """The credit line: what came and went in each month."""
    table = _table("Credit line, vUSD: what came and went", ("", *_CREDIT))
    for closing in closings:
        flows = closing.credit
        amounts = (
            flows.deposited,
            flows.withdrawn,
            flows.lent,
            flows.principal_back,
            flows.interest_paid,
            flows.written_off,
            flows.recovered,
            flows.claimed,
        )
        table.add_row(closing.name, *map(_money, amounts))
    return table


def holdings_table(closings: Sequence[Closing]) -> Table:
    """The credit line: what it holds at the end of each month, and what a share is worth."""
    table = _table("Credit line, vUSD: at the month's end", ("", "cash", "loans", "past due", "pockets", "share"))
    for closing in closings:
        amounts = (closing.cash, closing.performing, closing.delinquent, closing.pocketed)
        table.add_row(closing.name, *map(_money, amounts), f"{closing.share / UNIT:.6f}")
    return table


def market_table(closings: Sequence[Closing]) -> Table:
    """The collateral market likewise."""
    table = _table("Collateral market, vUSD against vGLD", ("", *_MARKET, "supply", "debt", "one vGLD"))
    for closing in closings:
        flows = closing.market
        amounts = (
            flows.supplied,
            flows.withdrawn,
            flows.borrowed,
            flows.repaid,
            flows.liquidated,
            flows.bad_debt,
            closing.supplied,
            closing.borrowed,
        )
        table.add_row(closing.name, *map(_money, amounts), f"{closing.price:,}")
    return table


def house_table(closings: Sequence[Closing]) -> Table:
    """The house: what was lent on it, what came back, and its price."""
    table = _table("One house, vUSD", ("", "borrowed", "repaid", "liquidated", "bad debt", "debt", "the house"))
    for closing in closings:
        flows = closing.house
        amounts = (flows.borrowed, flows.repaid, flows.liquidated, flows.bad_debt, closing.house_debt)
        table.add_row(closing.name, *map(_money, amounts), f"{closing.house_price:,}" if closing.house_price else "")
    return table


def gas_table(journals: Mapping[str, Sequence[Entry]]) -> Table:
    """What each kind of transaction used; one column, when all implementations agree."""
    journal = next(iter(journals.values()))
    table = _table(f"Gas on {', '.join(journals)}", ("", "times", "least", "median", "most"))
    for what in dict.fromkeys(entry.what for entry in journal):
        gas = [entry.gas for entry in journal if entry.what == what]
        row = (len(gas), min(gas), int(median(gas)), max(gas))
        table.add_row(what, *(f"{number:,}" for number in row))
    return table


def print_year(console: Console, outcome: Outcome) -> None:
    """The tables, and what the year saw."""
    console.print(credit_table(outcome.closings))
    console.print(holdings_table(outcome.closings))
    console.print(market_table(outcome.closings))
    console.print(house_table(outcome.closings))
    seen = ", ".join(f"{count} {what}" for what, count in sorted(outcome.seen.items()))
    console.print(f"{len(outcome.journal):,} transactions: {seen}", soft_wrap=True)
    refused = ", ".join(f"{count} {error}" for error, count in sorted(outcome.refusals.items()))
    console.print(f"{outcome.refusals.total()} refusals, each of them wanted: {refused}", soft_wrap=True)


def _table(title: str, columns: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left")
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left", overflow="fold")  # no figure is cut
    return table


def _money(amount: int) -> str:
    """Whole units with cents; nothing for nothing."""
    return f"{amount / UNIT:,.2f}" if amount else ""
