"""``scripts/scenario``: play the year, print the books, and fail unless they balance to the wei."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console

from lending_year.chains import IMPLEMENTATIONS, Implementation, open_chain, require_installed
from lending_year.people import MODELS
from lending_year.purse import BooksError
from lending_year.report import WIDTH, gas_table, print_year
from lending_year.stage import Script, differences
from lending_year.year import Closing, Outcome, play
from prover.errors import ChainError, VerdictError
from prover.groth16 import get_backend

APPLICANTS = 60
FEW = 10
_INTERRUPTED = 130


def main() -> int:
    """Parse the arguments and play; returns the exit code: 0 only when everything agreed."""
    parser = argparse.ArgumentParser(
        prog="scripts/scenario",
        description="A year of lending on real applicants, its books kept twice. The year is 2035 and always the same "
        "one: nothing is drawn at random, a second run prints the same books.",
    )
    parser.add_argument(
        "--network",
        action="append",
        choices=IMPLEMENTATIONS,
        help="implementation of Ethereum; several are compared. Default: tester. geth is built on first use",
    )
    parser.add_argument("--quick", action="store_true", help=f"{FEW} applicants instead of {APPLICANTS}")
    models = sorted(path.stem for path in MODELS.glob("loan_*.onnx"))
    parser.add_argument(
        "--model", choices=models, default="loan_logistic", help="who judges the applicants. Default: loan_logistic"
    )
    arguments = parser.parse_args()
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = WIDTH
    names: list[Implementation] = list(dict.fromkeys(arguments.network or ["tester"]))
    if get_backend().name != "native":
        console.print("Without the native core each proof takes seconds: this will take a while.")
    try:
        present = [name for name in names if _installed(console, name)]
        outcomes = _play_all(console, present, arguments.model, quick=arguments.quick)
    except BooksError as error:
        console.print(f"[red]the books do not balance[/red]: {error}", soft_wrap=True)
        return 1
    except AssertionError as error:
        console.print(f"[red]not as it must be[/red]: {error}", soft_wrap=True)
        return 1
    except VerdictError as error:
        console.print(f"{error.message}", markup=False, soft_wrap=True)
        return 2
    except KeyboardInterrupt:
        console.print("stopped; nothing is left running")
        return _INTERRUPTED
    return _conclude(console, names, outcomes) if outcomes else 2


def _installed(console: Console, name: Implementation) -> bool:
    """Whether it can be played on; says why when it cannot."""
    try:
        require_installed(name)
    except ChainError as error:
        console.print(f"{name} is left out: {error.message}", markup=False, soft_wrap=True)
        return False
    return True


def _play_all(
    console: Console, names: list[Implementation], model: str, *, quick: bool
) -> dict[Implementation, Outcome]:
    script = Script.of(model)
    outcomes = {}
    for name in names:
        started = time.perf_counter()
        console.print(f"\n[bold]{name}[/bold]")
        people = script.people(FEW if quick else APPLICANTS, mixed=quick)

        def told(closing: Closing) -> None:
            console.print(f"  {closing.name}: {closing.figures:,} figures agree", style="dim")

        with open_chain(name) as chain, tempfile.TemporaryDirectory(prefix="verdict-year-") as folder:
            outcomes[name] = play(script, chain, people, Path(folder), told)
        console.print(f"  {time.perf_counter() - started:,.0f} s", style="dim")
    return outcomes


def _conclude(console: Console, names: list[Implementation], outcomes: dict[Implementation, Outcome]) -> int:
    outcome = next(iter(outcomes.values()))
    print_year(console, outcome)
    journals = {str(name): played.journal for name, played in outcomes.items()}
    unlike = differences(journals)
    console.print(gas_table(journals))
    for line in unlike[:20]:
        console.print(line, markup=False, soft_wrap=True)
    agreed = f"; {len(journals)} implementations agree in gas and events" if len(journals) > 1 and not unlike else ""
    missing = f"; not played: {', '.join(set(names) - set(outcomes))}" if len(outcomes) < len(names) else ""
    print(f"scenario: {outcome.figures:,} figures balance to the wei{agreed}{missing}", flush=True)
    return 1 if unlike else 0


if __name__ == "__main__":
    sys.exit(main())
