"""The ``verdict`` command: each subcommand turns arguments into one call of the public API."""

from prover.cli.app import main

__all__ = ["main"]
