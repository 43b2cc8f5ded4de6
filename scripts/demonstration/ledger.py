"""What the demonstration prints: headings, checks, times, and the table at the end."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from rich.console import Console
from rich.markup import escape
from rich.table import Table


class Ledger:
    """Counts checks and collects figures."""

    def __init__(self) -> None:
        self._console = Console(highlight=False)
        self._passed = self._total = 0
        self._figures: dict[str, str] = {}
        self._times: dict[str, list[float]] = {}
        self._started = time.perf_counter()

    def heading(self, text: str) -> None:
        """A new act."""
        self._console.print(f"\n[bold]{text}[/bold]")

    def say(self, text: str) -> None:
        """A line."""
        self._console.print(text, markup=False, soft_wrap=True)

    def check(self, title: str, passed: bool, detail: str = "") -> None:
        """Count one check and print how it went."""
        self._total += 1
        self._passed += passed
        mark = "[green]ok  [/green]" if passed else "[red]FAIL[/red]"
        self._console.print(f"  {mark} {escape(title)}", soft_wrap=True)
        if not passed and detail:
            self._console.print(f"       {detail}", markup=False, soft_wrap=True)

    def figure(self, name: str, value: str) -> None:
        """A row of the closing table; the last value of a name stands."""
        self._figures[name] = value

    @contextlib.contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Time a step; a step done several times is shown by its median."""
        started = time.perf_counter()
        yield
        self._times.setdefault(name, []).append(time.perf_counter() - started)

    def summary(self) -> None:
        """The table of times, sizes and gas."""
        table = Table(show_header=False)
        table.add_column()
        table.add_column(justify="right")
        for name, seconds in self._times.items():
            median = sorted(seconds)[len(seconds) // 2]
            table.add_row(name, f"{1000 * median:,.1f} ms" if median < 1 else f"{median:,.2f} s")
        for name, value in self._figures.items():
            table.add_row(name, value)
        table.add_row("all of it", f"{time.perf_counter() - self._started:,.1f} s")
        self._console.print(table)

    def close(self) -> int:
        """Print the closing line; returns the exit code."""
        print(f"demo: {self._passed} of {self._total} checks passed", flush=True)
        return 0 if self._passed == self._total else 1
