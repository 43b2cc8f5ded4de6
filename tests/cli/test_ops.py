"""verdict ops: every operator has an entry, a rule and a declaration, and the page says what the code says."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from prover.graph import Node, import_model
from prover.graph.ops import registry
from prover.operators import KINDS, TERMS, markdown, operators
from prover.quantization import rules as rules_package
from prover.quantization import steps as steps_package
from prover.quantization.facts import FactSpace
from prover.quantization.rules import Rule, declarations
from prover.quantization.trace import Trace, Value, trace_graph
from tests.backend.cases import in_scope_cases
from tests.backend.facts import statement_of
from tests.backend.snapshot import load

from .conftest import Verdict

HEADS = {"function", "maximum", "contract", "quotient", "sigmoid"}
"""What a probability or a label becomes where something else than the output reads it."""


def test_every_rule_says_which_steps_it_appends() -> None:
    silent = [op for (_, op), declared in declarations().items() if declared.steps is None]
    assert not silent, "write @rule(..., steps=(...)); steps=() for what is linear or moves numbers"
    unknown = {step for declared in declarations().values() for step in declared.steps or ()} - KINDS.keys()
    assert not unknown


def test_every_kind_of_step_has_a_cost() -> None:
    assert KINDS.keys() == steps_package._kinds().keys()
    letters = {letter for kind in KINDS.values() for letter in kind.cost if letter.isalpha()}
    assert letters == TERMS.keys()


def test_the_declarations_are_true(monkeypatch: pytest.MonkeyPatch) -> None:
    """No rule appends a kind of step it does not declare, over a node test of every operator that has one."""
    seen: dict[tuple[str, str], set[str]] = {}
    find = rules_package.rule_for

    def watched(node: Node) -> Rule:
        rule = find(node)

        def run(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
            before = len(trace.steps)
            results = rule(trace, node, operands)
            linked = any(not isinstance(operand, type(None)) and hasattr(operand, "logits") for operand in operands)
            kinds = {step.kind for step in trace.steps[before:]} - (HEADS if linked else set())
            seen.setdefault((node.domain, node.op), set()).update(kinds)
            return results

        return run

    monkeypatch.setattr(rules_package, "rule_for", watched)
    recorded = load()
    done: set[str] = set()
    for name, case in in_scope_cases().items():
        if recorded[name].status != "passed" or recorded[name].reason or name.rsplit("_", 1)[0] in done:
            continue
        done.add(name.rsplit("_", 1)[0])
        statement = statement_of(case, next(iter(case.outputs)))
        if len(statement.schema) <= 400:
            trace_graph(import_model(statement.model), FactSpace.of(statement.schema))
    assert len(seen) > 60
    declared = declarations()
    wrong = {key: kinds - set(declared[key].steps or ()) for key, kinds in seen.items()}
    assert {key: kinds for key, kinds in wrong.items() if kinds} == {}


def test_the_page_is_current(repository: Path) -> None:
    """Write it again with ``scripts/regenerate``."""
    assert (repository / "prover" / "OPERATORS.md").read_text() == markdown()


def test_the_command_prints_the_table(verdict: Verdict) -> None:
    shown = verdict("ops")
    assert shown.code == 0, shown.stderr
    document = verdict("ops", "--json").document
    names = [(row["domain"], row["name"]) for row in document["operators"]]
    assert names == sorted(registry())
    assert len(names) == len(operators())
    rows = {row["name"]: SimpleNamespace(**row) for row in document["operators"]}
    assert rows["Transpose"].exactness == "exact"
    assert rows["Transpose"].cost == "0"
    assert rows["Exp"].exactness == "bounded"
    assert rows["Reshape"].constants == ["shape"]
    for name in ("Gemm", "Softmax", "TreeEnsembleClassifier"):
        assert name in shown.stdout


def test_the_table_fits_a_narrow_terminal(verdict: Verdict, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = verdict("ops").stdout.splitlines()
    table = [line for line in lines if line.startswith(("│", "┃"))]
    assert len(table) > len(operators())
    assert max(map(len, table)) <= 80
    cells = {line.split("│")[1].strip(): line.split("│") for line in table if line.startswith("│")}
    for row in operators():
        _, name, opsets, exactness, _, end = cells[row.name]
        assert (name.strip(), opsets.strip()) == (row.name, f"{row.first}-{row.last}")
        assert (exactness.strip(), end.strip()) == (row.exactness, "")
