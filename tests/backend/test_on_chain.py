"""Some node tests all the way: proved, and verified by the contract of their own key on the embedded chain."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from web3 import Web3

from prover import groth16
from prover.chain.networks import connect
from prover.compiler import solve
from prover.field import R
from tests.backend.cases import in_scope_cases
from tests.backend.facts import statement_of
from tests.backend.run import compiled
from tests.groth16.contract import compiled as compiled_verifier

EVERYDAY = ["test_argmax_keepdims_example"]
FULL = [
    "test_layer_normalization_2d_axis1",
    "test_softmax_axis_1",
    "test_maxpool_2d_uint8",
    "test_top_k",
    "test_gelu_default_1",
    "test_div",
    "test_gather_elements_0",
]


def prove_on_chain(name: str, folder: Path) -> None:
    """The contract takes the proof of a case's expected outputs, and no other output or context."""
    case = in_scope_cases()[name]
    output = next(iter(case.outputs))
    plan, circuit, batch = compiled(statement_of(case, output))
    solution = solve(circuit, plan.layout, batch[0], salt=5, context=9)
    key = groth16.setup(circuit.r1cs, folder / "key.zkey")
    proof = groth16.prove(key, circuit.r1cs, solution.witness)
    eth = connect("tester").w3.eth
    sender = eth.accounts[0]
    sent = eth.send_transaction({"from": sender, "data": compiled_verifier(key.verifying_key).bytecode})
    address = eth.wait_for_transaction_receipt(sent)["contractAddress"]
    assert address is not None

    def accepted(signals: list[int]) -> bool:
        data = groth16.encode_calldata(signals, proof)
        return Web3.to_int(eth.call({"to": address, "data": data, "gas": 5_000_000})) == 1

    signals = list(solution.public_signals)
    assert accepted(signals)
    for place in (0, 1, len(signals) - 1):
        forged = [*signals]
        forged[place] = (forged[place] + 1) % R
        assert not accepted(forged)


@pytest.mark.parametrize("name", EVERYDAY)
def test_a_node_test_verifies_on_chain(name: str, tmp_path: Path, require_tool: Callable[[str], Path]) -> None:
    require_tool("node")
    require_tool("native")
    prove_on_chain(name, tmp_path)


@pytest.mark.full
@pytest.mark.parametrize("name", FULL)
def test_more_node_tests_verify_on_chain(name: str, tmp_path: Path, require_tool: Callable[[str], Path]) -> None:
    require_tool("node")
    require_tool("native")
    prove_on_chain(name, tmp_path)
