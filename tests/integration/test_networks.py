"""One chain on three implementations: a deployment and decisions give the same events at the same gas everywhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from lending_year.chains import Chain, Implementation, open_chain
from lending_year.geth import find_geth
from lending_year.stage import Entry, Script, Stage, differences

from prover.errors import ChainError
from prover.schema import keccak256

SKIPPED = keccak256(b"SubmissionSkipped(uint256,bytes32,uint256,bytes)")


@pytest.fixture(scope="module")
def script(require_tool: Callable[[str], Path]) -> Script:
    for tool in ("native", "node", "solc", "anvil"):
        require_tool(tool)
    return Script.of("loan_logistic")


def decisions(script: Script, chain: Chain, folder: Path) -> list[Entry]:
    """Deploy; three decisions, one alone and then all in a batch, which leaves that one out; one refusal."""
    stage = Stage(script, chain, folder)
    stage.at(2)
    papers = [stage.prepare(person, stage.stack.models) for person in script.people(3)]
    assert all(0 <= tier <= 3 for tier, _ in papers)
    items = [arguments for _, arguments in papers]
    stage.submit(items[1])
    receipt = stage.act(stage.relayer, stage.stack.decisions, "submitBatch", stage.model_id, items)
    assert sum(bytes(log["topics"][0]) == SKIPPED for log in receipt.logs) == 1
    for person in script.people(3):
        answer = stage.stack.decisions.read(
            "tryDecisionOf", stage.model_id, stage.issuer.address, person.address, stage.stack.models.address
        )
        assert answer[0] == 1, "each is stored once and valid"
    stage.refused("ConsentNonceUsed", lambda: stage.submit(items[0]))
    return stage.journal


def played(script: Script, name: Implementation, folder: Path) -> list[Entry]:
    with open_chain(name) as chain:
        return decisions(script, chain, folder)


def test_tester_and_anvil_agree(script: Script, tmp_path: Path) -> None:
    journals = {name: played(script, name, tmp_path / name) for name in ("tester", "anvil")}
    assert len(journals["tester"]) == 10
    assert differences(journals) == []


@pytest.mark.full
@pytest.mark.timeout(1_800)  # the first time geth is built
def test_geth_agrees(script: Script, tmp_path: Path) -> None:
    try:
        find_geth()
    except ChainError as error:
        pytest.skip(error.message)
    journals = {name: played(script, name, tmp_path / name) for name in ("tester", "geth")}
    assert differences(journals) == []


def test_differences_are_named() -> None:
    one = Entry("CreditLine.draw", 5, 100, b"x")
    assert differences({"a": [one], "b": [one, one]}) == ["numbers of transactions differ: {'a': 1, 'b': 2}"]
    dearer = Entry("CreditLine.draw", 5, 101, b"x")
    assert differences({"a": [one, one], "b": [one, dearer]}) == [
        "CreditLine.draw, transaction 1: a 100 gas at second 5; b 101 gas at second 5"
    ]
    other = Entry("CreditLine.draw", 5, 100, b"y")
    assert "calldata or events" in differences({"a": [one], "b": [other]})[0]
