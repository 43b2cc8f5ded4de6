"""Names of the gas snapshot's rows: one for every external function, with what was special about the call behind."""

from __future__ import annotations

from collections import Counter
from typing import Any

from prover.chain.artifacts import artifact_names, load_artifact

SEPARATOR = ", "  # between a function and what was special; a signature has none of it


def functions(contract: str, views: bool | None = None) -> dict[str, dict[str, Any]]:
    """A stock contract's functions by name, overloads by signature; of one kind unless ``views`` is None."""
    entries = [entry for entry in load_artifact(contract).abi if entry["type"] == "function"]
    names = Counter(entry["name"] for entry in entries)
    return {
        entry["name"] if names[entry["name"]] == 1 else _signature(entry): entry
        for entry in entries
        if views in (None, entry["stateMutability"] in ("view", "pure"))
    }


def every_function() -> set[str]:
    """``Contract.function`` of all stock contracts."""
    return {f"{contract}.{name}" for contract in artifact_names() for name in functions(contract)}


def function_of(row: str) -> str:
    """What a row is about."""
    return row.split(SEPARATOR)[0]


def _signature(entry: dict[str, Any]) -> str:
    return f"{entry['name']}({','.join(item['type'] for item in entry['inputs'])})"
