"""The ONNX project's backend node tests, proved: everything the snapshot says passed still does."""

from __future__ import annotations

import collections

import numpy as np
import pytest

from tests.backend.cases import NodeCase, in_scope_cases, obstacle
from tests.backend.facts import static_inputs
from tests.backend.run import Outcome, run_case
from tests.backend.snapshot import load

SAMPLE = 120
"""Cases of the everyday suite: first one an operator, then more."""

AT_LEAST = 1_050


@pytest.fixture(scope="module")
def recorded() -> dict[str, Outcome]:
    return load()


@pytest.fixture(scope="module")
def cases() -> dict[str, NodeCase]:
    return in_scope_cases()


def sample(cases: dict[str, NodeCase], recorded: dict[str, Outcome]) -> list[str]:
    """Passed cases of moderate size, in turn from every operator."""
    by_op: dict[str, list[str]] = collections.defaultdict(list)
    for name, case in sorted(cases.items()):
        size = sum(value.size for value in (*case.inputs.values(), *case.outputs.values()) if value is not None)
        if recorded[name].status == "passed" and size <= 400:
            by_op[case.op].append(name)
    turns = [names[turn] for turn in range(8) for names in by_op.values() if turn < len(names)]
    return turns[:SAMPLE]


def test_every_case_in_scope_is_recorded(cases: dict[str, NodeCase], recorded: dict[str, Outcome]) -> None:
    """Write the file again with ``python -m tests.backend.snapshot``."""
    assert recorded.keys() == cases.keys()
    counts = collections.Counter(outcome.status for outcome in recorded.values())
    assert counts["passed"] >= AT_LEAST
    reasons = {name: obstacle(case) for name, case in cases.items()}
    assert {name: outcome.reason for name, outcome in recorded.items() if outcome.status == "skipped"} == {
        name: reason for name, reason in reasons.items() if reason
    }


def test_a_sample_passes(cases: dict[str, NodeCase], recorded: dict[str, Outcome]) -> None:
    chosen = sample(cases, recorded)
    outcomes = {name: run_case(cases[name]) for name in chosen}
    assert {name: outcome for name, outcome in outcomes.items() if outcome != recorded[name]} == {}


def test_a_wrong_expectation_fails(cases: dict[str, NodeCase]) -> None:
    """The comparison sees one element of one output, and one unit of an integer."""
    relu = cases["test_relu"]
    wrong = relu.outputs["y"].copy()
    wrong[0, 0, 0] += 0.01
    outcome = run_case(NodeCase(relu.name, relu.model, relu.inputs, {"y": wrong}))
    assert outcome.status == "failed"
    assert "1 of 60 values differ" in outcome.reason
    add = cases["test_add_uint8"]
    outcome = run_case(NodeCase(add.name, add.model, add.inputs, {"sum": add.outputs["sum"] ^ np.uint8(1)}))
    assert "integers differ" in outcome.reason


def test_shapes_are_constants_and_data_is_private(cases: dict[str, NodeCase]) -> None:
    assert static_inputs(cases["test_reshape_reordered_all_dims"]) == {"shape"}
    assert static_inputs(cases["test_add"]) == set()


@pytest.mark.full
@pytest.mark.timeout(3600)
def test_the_snapshot_is_current(cases: dict[str, NodeCase], recorded: dict[str, Outcome]) -> None:
    outcomes = {name: run_case(case) for name, case in cases.items()}
    changed = {
        name: (recorded[name].status, outcome)
        for name, outcome in outcomes.items()
        if outcome.status != recorded[name].status
    }
    assert changed == {}
