"""The year of lending: books kept twice agree to the wei, on every implementation at the same gas."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import pytest
from lending_year import __main__ as command
from lending_year.geth import find_geth
from lending_year.market_books import MarketBooks, Position, State, Sums
from lending_year.purse import BooksError, Purse, require
from lending_year.report import WIDTH, credit_table, holdings_table, house_table, market_table
from lending_year.vault_books import DAY, Month, VaultBooks
from lending_year.year import Closing
from rich.console import Console

from prover.errors import ChainError

SEEN = (
    "answered calls", "bad debts", "buyouts", "closed", "collateral loans", "cures", "decisions", "delinquencies",
    "exits", "liquidations", "loans", "margin calls", "recoveries", "repaid on an old price", "repayments", "surveys",
    "write-offs",
)  # fmt: skip
UNIT = 10**18


def play(repository: Path, *arguments: str) -> str:
    """Run the scenario; its last line."""
    result = subprocess.run(
        [sys.executable, "-m", "lending_year", *arguments],
        cwd=repository / "scripts", env={**_environment(), "PYTHONPATH": f"{repository}:{repository / 'scripts'}"},
        capture_output=True, text=True, timeout=3_000, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout[-4_000:] + result.stderr[-4_000:]
    for kind in SEEN:
        assert re.search(rf"\b[1-9]\d* {kind}\b", result.stdout), f"nothing of the kind: {kind}"
    assert "…" not in result.stdout, "a figure was cut"
    refusals = re.search(r"^(\d+) refusals, each of them wanted: (.*)$", result.stdout, re.MULTILINE)
    assert refusals, result.stdout
    assert sum(int(part.split()[0]) for part in refusals[2].split(", ")) == int(refusals[1])
    return result.stdout.splitlines()[-1]


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}


@pytest.fixture(scope="module")
def tools(require_tool: Callable[[str], Path]) -> None:
    for tool in ("native", "node", "solc", "anvil"):
        require_tool(tool)


def test_a_quick_year_on_tester_and_anvil(repository: Path, tools: None) -> None:
    closing = play(repository, "--quick", "--network", "tester", "--network", "anvil")
    assert re.fullmatch(
        r"scenario: [\d,]+ figures balance to the wei; 2 implementations agree in gas and events", closing
    )


@pytest.mark.full
@pytest.mark.timeout(3_600)
def test_the_whole_year_on_all_of_them(repository: Path, tools: None) -> None:
    names, expected = ["tester", "anvil"], "2 implementations agree"
    try:
        find_geth()
        names, expected = [*names, "geth"], "3 implementations agree"
    except ChainError as error:
        print(f"geth is left out: {error.message}")
    closing = play(repository, *(part for name in names for part in ("--network", name)))
    assert expected in closing, closing


def test_one_wei_too_many_is_found(
    tools: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    honest = VaultBooks.deposit

    def generous(books: VaultBooks, who: str, amount: int, now: int) -> int:
        shares = honest(books, who, amount, now)
        books.shares[who] += 1
        return shares + 1

    monkeypatch.setattr(VaultBooks, "deposit", generous)
    monkeypatch.setattr(sys, "argv", ["scenario", "--quick"])
    assert command.main() == 1
    assert "do not balance: shares" in capsys.readouterr().out.replace("\n", " ")


@pytest.mark.parametrize("model", ["nope", "digits_cnn"])
def test_another_model_is_refused_with_those_there_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], model: str
) -> None:
    monkeypatch.setattr(sys, "argv", ["scenario", "--model", model])
    with pytest.raises(SystemExit) as stop:
        command.main()
    assert stop.value.code == 2
    told = capsys.readouterr().err
    assert "argument --model: invalid choice" in told
    assert "loan_logistic" in told


def test_stopped_in_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "_play_all", stop)
    monkeypatch.setattr(sys, "argv", ["scenario"])
    assert command.main() == 130
    told = capsys.readouterr()
    assert told.out.splitlines()[-1].startswith("stopped")
    assert told.err == ""


def test_large_figures_fit_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    much = 98_765_432 * UNIT
    flows = Month(*[much] * len(fields(Month)))
    sums = Sums(*[much] * len(fields(Sums)))
    closing = Closing("2035-12", flows, much, much, much, much, UNIT, sums, much, much, 2_000, sums, much, 900_000, 1)
    console = Console(width=WIDTH, force_terminal=False)
    for table in (credit_table, holdings_table, market_table, house_table):
        console.print(table([closing]))
    printed = capsys.readouterr().out
    assert "…" not in printed
    assert printed.count("98,765,432.00") == (8 + 4) + (6 + 2) + (4 + 1), "the two tables of the line, gold, the house"


def test_a_difference_is_told_to_the_unit() -> None:
    require("cash", 5, 5)
    with pytest.raises(BooksError, match=r"cash: the books say 5, the chain says 3 \(-2\)"):
        require("cash", 5, 3)


def test_nobody_pays_what_he_has_not() -> None:
    purse = Purse("vUSD")
    purse.mint("a", 5)
    with pytest.raises(BooksError):
        purse.move("a", "b", 6)
    with pytest.raises(BooksError):
        purse.move("a", "b", -1)


def test_a_loan_by_hand() -> None:
    """1,000 at 36.5 % a year: one a day. What is past due leaves the price; what comes in late is its holders'."""
    usd = Purse("vUSD")
    usd.mint("saver", 10_000 * UNIT)
    usd.mint("borrower", 100 * UNIT)
    books = VaultBooks("vault", usd)
    books.deposit("saver", 10_000 * UNIT, 0)
    number = books.draw("borrower", 1_000 * UNIT, 3_650, 30, 0)
    assert books.assets(10 * DAY) == 10_010 * UNIT
    assert books.loans[0].owed(10 * DAY) == 1_010 * UNIT
    due = books.loans[0].due
    assert due == 31 * DAY
    assert books.assets(due) == 9_000 * UNIT
    usd.mint("late", 9_000 * UNIT)
    books.deposit("late", 9_000 * UNIT, due)
    assert books.repay(number, "borrower", 31 * UNIT, due) == 31 * UNIT
    assert books.write_off(number, 61 * DAY) == 1_030 * UNIT
    assert books.repay(number, "borrower", 7 * UNIT, 61 * DAY) == 7 * UNIT
    assert books.assets(61 * DAY) == books.cash == books.flows() == 18_000 * UNIT
    assert (books.claimable(due, "saver"), books.claimable(due, "late")) == (38 * UNIT, 0)
    assert books.claim([due], "saver") == 38 * UNIT
    assert books.pocketed == books.claimable(due, "saver") == 0


def test_a_position_by_hand() -> None:
    """Gold worth 1,000 secures 780 in the best tier; above 86 % it is sold at once, with 5 % for the seller."""
    usd, gold = Purse("vUSD"), Purse("vGLD")
    books = MarketBooks("market", usd, gold)
    usd.mint("lender", 5_000)
    usd.mint("keeper", 5_000)
    gold.mint("borrower", 1_000)
    books.price = 1
    books.supply("lender", 5_000, 0)
    books.lock("borrower", 1_000, 0)
    assert books.room("borrower", 3) == 780
    books.borrow("borrower", 780, 3, 0)
    assert books.state("borrower", 0) is State.HEALTHY
    books.positions["borrower"].collateral = 950
    assert books.state("borrower", 1) is State.CALLABLE
    books.call("borrower", 1)
    assert books.state("borrower", 2) is State.CALLED
    assert books.state("borrower", 1 + 2 * DAY) is State.LIQUIDATABLE
    assert books.state("borrower", 2 + 7 * DAY) is State.CALLABLE, "the call has lapsed"
    books.positions["borrower"].collateral = 500
    gold.held["market"] = 500
    assert books.liquidate("borrower", "keeper", 2) == (477, 500, 303)
    assert books.positions["borrower"] == Position(), "nothing is left but the lenders' loss"
    assert (books.supplied, books.borrowed) == (5_000 - 303, 0)
