"""Measure the whole corpus and write its table: ``python -m tests.corpus.snapshot [name ...]``."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from .entry import Entry, measure

PATH = Path(__file__).resolve().parent.parent / "snapshots" / "corpus.json"


def corpus() -> list[Entry]:
    """Every entry; scikit-learn, its converters and both boosters must be installed."""
    from . import boosters, estimators, pipelines

    return [*estimators.entries(), *boosters.entries(), *pipelines.entries()]


def recorded() -> dict[str, Any]:
    """The tracked table, by name."""
    return json.loads(PATH.read_text()) if PATH.exists() else {}


def write(table: dict[str, Any]) -> None:
    """One line a model."""
    lines = [f"{json.dumps(name)}: {json.dumps(table[name])}" for name in sorted(table)]
    PATH.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def main() -> int:
    """Measure everything, or the named entries; keeps the rest."""
    wanted = set(sys.argv[1:])
    chosen = [entry for entry in corpus() if not wanted or any(part in entry.name for part in wanted)]
    table = recorded() if wanted else {}
    for entry in chosen:
        start = time.perf_counter()
        table[entry.name] = measure(entry).to_dict()
        print(f"{entry.name:36} {time.perf_counter() - start:6.1f} s  {table[entry.name]}", flush=True)
        write(table)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
