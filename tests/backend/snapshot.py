"""``python -m tests.backend.snapshot`` rewrites tests/snapshots/node_tests.json.

--only WORD ...   run only the cases whose name, operator or last reason holds a word; keep the others' outcomes
--failed          run only the cases that failed last time
"""

from __future__ import annotations

import argparse
import collections
import json
from pathlib import Path

from tests.backend.cases import in_scope_cases
from tests.backend.run import SECONDS, Outcome, run_case

PATH = Path(__file__).resolve().parent.parent / "snapshots" / "node_tests.json"


def load(path: Path = PATH) -> dict[str, Outcome]:
    """Outcomes by the case's name, as they were recorded."""
    document = json.loads(path.read_text())
    outcomes = {name: Outcome("passed", reason) for name, reason in document["passed"].items()}
    for status in ("skipped", "failed"):
        for reason, names in document[status].items():
            outcomes |= {name: Outcome(status, reason) for name in names}
    return outcomes


def save(outcomes: dict[str, Outcome], path: Path = PATH) -> None:
    """Counts first, then the passed cases by name and the others by reason."""
    groups: dict[str, dict[str, list[str]]] = {"skipped": {}, "failed": {}}
    passed: dict[str, str] = {}
    for name, outcome in sorted(outcomes.items()):
        if outcome.status == "passed":
            passed[name] = outcome.reason
        else:
            groups[outcome.status].setdefault(outcome.reason, []).append(name)
    counts = dict(sorted(collections.Counter(outcome.status for outcome in outcomes.values()).items()))
    document = {"counts": counts, "failed": groups["failed"], "skipped": groups["skipped"], "passed": passed}
    path.write_text(json.dumps(document, indent=1) + "\n")


def main() -> None:
    """Run cases and write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", default=[])
    parser.add_argument("--failed", action="store_true")
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--output", type=Path, default=PATH)
    arguments = parser.parse_args()
    cases = in_scope_cases()
    outcomes = load(arguments.output) if arguments.output.exists() else {}
    outcomes = {name: outcome for name, outcome in outcomes.items() if name in cases}
    done = 0
    for name, case in cases.items():
        last = outcomes.get(name)
        words = (name, case.op, last.reason if last else "")
        if arguments.only and not any(wanted in word for wanted in arguments.only for word in words):
            continue
        if arguments.failed and last is not None and last.status != "failed":
            continue
        outcomes[name] = run_case(case, arguments.seconds)
        if last is not None and last.status == "passed" != outcomes[name].status:
            print(f"no longer passes: {name}: {outcomes[name].reason}", flush=True)
        done += 1
        if done % 100 == 0:  # an interrupted run keeps what it has
            save(outcomes, arguments.output)
    save(outcomes, arguments.output)
    print(collections.Counter(outcome.status for outcome in outcomes.values()))


if __name__ == "__main__":
    main()
