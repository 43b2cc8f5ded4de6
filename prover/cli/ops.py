"""``verdict ops``: the table of operators."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer

from prover.cli.console import JsonOption, table

if TYPE_CHECKING:
    from prover.operators import Operator


def register(app: typer.Typer) -> None:
    """Add the command to the tree."""
    app.command("ops")(ops)


def ops(as_json: JsonOption = False) -> None:
    """List the operators that load: versions, exactness, and what each costs."""
    from prover.operators import TERMS, operators

    rows = operators()
    if as_json:
        print(json.dumps({"operators": [row.to_dict() for row in rows], "terms": TERMS}, indent=1))
        return
    for domain in sorted({row.domain for row in rows}):
        chosen = [row for row in rows if row.domain == domain]
        cells = [[row.name, f"{row.first}-{row.last}", row.exactness, _needs(row)] for row in chosen]
        table(f"{domain}: {len(chosen)}", ["operator", "opsets", "exactness", "constraints; operands"], cells)
    print("constraints for each element of the result; " + "; ".join(f"{k}: {text}" for k, text in TERMS.items()))


def _needs(row: Operator) -> str:
    """What an operator costs, and which operands must be constants: one column, so that four fit 80 characters."""
    return f"{row.cost}; constant: {', '.join(row.constants)}" if row.constants else row.cost
