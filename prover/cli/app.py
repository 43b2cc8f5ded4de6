"""The command tree and the one place where errors become exit codes."""

from __future__ import annotations

import importlib.metadata
import os
import sys

import typer

from prover.cli import model, onchain, ops, registry
from prover.cli.console import fail
from prover.errors import VerdictError

app = typer.Typer(
    name="verdict",
    help="Prove a model's decisions, and let smart contracts check them.\n\n"
    "Exit codes: 0 done, 1 the answer is no, 2 it could not be done (the reason is on stderr).",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(value: bool) -> None:
    if value:
        print(f"verdict {importlib.metadata.version('verdict-zkml')}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    """Prove a model's decisions, and let smart contracts check them."""


model.register(app)
onchain.register(app)
registry.register(app)
ops.register(app)


_INTERRUPTED = 130


def main() -> None:
    """Entry point of the ``verdict`` command."""
    as_json = "--json" in sys.argv
    try:
        app()
    except VerdictError as error:
        sys.exit(fail(error, as_json=as_json))
    except SystemExit as stop:
        if stop.code == _INTERRUPTED:  # typer turns Ctrl-C into this, without a word
            print("verdict: stopped; no file was left half written", file=sys.stderr)
        raise
    except BrokenPipeError:
        sys.exit(141)
    except Exception as error:
        # Whatever else goes wrong must not look like "the answer is no", which is exit code 1.
        surprise = VerdictError(f"unexpected {type(error).__name__}: {error}", "this is a bug of Verdict: report it")
        if os.environ.get("VERDICT_DEBUG"):
            raise
        sys.exit(fail(surprise, as_json=as_json))
