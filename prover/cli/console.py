"""What the commands print: results on stdout, everything else on stderr."""

from __future__ import annotations

import contextlib
import json
import sys
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer

from prover.errors import VerdictError
from prover.progress import Progress

_NAME = 32
"""Names up to this length are never broken."""

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]


_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories of what moves a terminal's cursor, colours it or turns its text around."""


def plain(text: str, *, kept: str = "\n") -> str:
    """``text`` with control and direction characters written as escapes: names come from files of others.

    Args:
        kept: characters that stay as they are.
    """
    return "".join(
        character if character in kept or unicodedata.category(character) not in _UNSEEN else ascii(character)[1:-1]
        for character in text
    )


def emit(document: Mapping[str, Any], *, as_json: bool, text: str | None = None) -> None:
    """Print a result: the document itself with ``--json``, else ``text`` or one ``key: value`` line an entry."""
    if as_json:
        print(json.dumps(document, indent=1))
    elif text is not None:
        print(plain(text))
    else:
        for key, value in document.items():
            print(plain(f"{key}: {value}"))


def fail(error: VerdictError, *, as_json: bool) -> int:
    """Print an error on stderr.

    Returns:
        the exit code for it, 2.
    """
    if as_json:
        document = {"error": type(error).__name__, "message": error.message, "hint": error.hint}
        print(json.dumps(document), file=sys.stderr)
    else:
        print(plain(f"verdict: {type(error).__name__}: {error}"), file=sys.stderr)
    return 2


@contextlib.contextmanager
def progress_bar(*, as_json: bool) -> Iterator[Progress]:
    """A bar on stderr when a person is watching, nothing otherwise. Ctrl-C stops the work at its next report."""
    if as_json or not sys.stderr.isatty():
        yield lambda stage, fraction: True
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description:<32}"), BarColumn(), TimeElapsedColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=1.0)

        def report(stage: str, fraction: float) -> bool:
            bar.update(task, description=stage, completed=fraction)
            return True

        yield report


def alert(text: str) -> None:
    """A warning on stderr, yellow where a person is watching."""
    from rich.console import Console
    from rich.text import Text

    Console(stderr=True).print(Text(f"warning: {plain(text, kept='')}", style="yellow"))


def table(title: str, columns: list[str], rows: list[list[str]], *, words: bool = False) -> None:
    """A table on stdout, as wide as the terminal. The first column and those without a name are flush left.

    Args:
        words: the columns hold words, not figures: all are flush left.
    """
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    drawn = Table(title=escape(plain(title)), title_justify="left", show_header=any(columns))
    rows = [[plain(cell, kept="") for cell in row] for row in rows]
    names = max((len(row[0]) for row in rows), default=0)
    for index, column in enumerate(columns):
        whole = names if index == 0 and names <= _NAME else None
        drawn.add_column(column, justify="left" if words or index == 0 or not column else "right", min_width=whole)
    for row in rows:
        drawn.add_row(*map(escape, row))
    Console().print(drawn)
