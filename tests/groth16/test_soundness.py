"""Native, reference and contract give the same answer to every call, valid, invalid or malformed (DESIGN §5.7)."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from eth_hash.auto import keccak
from web3.types import RPCEndpoint

from prover.chain.networks import Network, connect
from prover.groth16 import get_backend, prove
from prover.groth16.verify import selector
from tests.groth16.calls import Call, CallMaker
from tests.groth16.circuits import random_example
from tests.groth16.conftest import Case
from tests.groth16.contract import compiled, off_chain, returned, reverted
from tests.groth16.rpc import batch

ANVIL_WELL_FORMED, ANVIL_MALFORMED = 140, 900
TESTER_WELL_FORMED, TESTER_MALFORMED = 7, 45
REFERENCE_WELL_FORMED = 7


@pytest.fixture(scope="module")
def maker(toy: Case) -> CallMaker:
    """Calls around the toy circuit's proof; the proof of other signals shares its key."""
    another = random_example(12, context=424242)
    other = prove(toy.key, toy.example.r1cs, another.witness, backend=toy.backend)
    assert another.signals != toy.example.signals
    return CallMaker(toy.verifying_key, toy.proof, toy.example.signals, other, seed=20261121)


def _calls(maker: CallMaker, well_formed: int, malformed: int) -> list[Call]:
    calls = list(maker.make(well_formed, malformed))
    counts = Counter(call.kind for call in calls)
    assert set(counts) == {*maker.well_formed, *maker.malformed}
    return calls


def test_a_thousand_calls_on_anvil(
    toy: Case, maker: CallMaker, anvil: str, require_tool: Callable[[str], Path]
) -> None:
    require_tool("native")
    require_tool("node")
    calls = _calls(maker, ANVIL_WELL_FORMED, ANVIL_MALFORMED)
    assert len(calls) >= 1000
    address = _deploy_on_anvil(anvil, compiled(toy.verifying_key).bytecode)
    native, reference = get_backend("native"), get_backend("reference")
    pairings_left = REFERENCE_WELL_FORMED
    answers: list[str] = []
    for start in range(0, len(calls), 130):
        requests = [
            ("eth_call", [{"to": address, "data": "0x" + call.calldata.hex()}, "latest"])
            for call in calls[start : start + 130]
        ]
        answers += [_answer(answer) for answer in batch(anvil, requests)]
    for call, answer in zip(calls, answers, strict=True):
        assert answer == call.answer, call
        expected = "malformed" if call.malformed else call.answer
        assert off_chain(toy.verifying_key, call.calldata, native) == expected, call
        if not call.malformed:
            pairings_left -= 1
        if call.malformed or pairings_left >= 0:
            assert off_chain(toy.verifying_key, call.calldata, reference) == expected, call


@pytest.mark.full
def test_the_reference_agrees_on_every_well_formed_call(toy: Case, maker: CallMaker) -> None:
    for call in maker.make(ANVIL_WELL_FORMED, 0):
        assert off_chain(toy.verifying_key, call.calldata, get_backend("reference")) == call.answer, call


def test_fifty_calls_on_py_evms_own_precompiles(
    toy: Case, maker: CallMaker, require_tool: Callable[[str], Path]
) -> None:
    require_tool("node")
    calls = _calls(maker, TESTER_WELL_FORMED, TESTER_MALFORMED)
    assert len(calls) >= 50
    network = connect("tester", precompiles="py-evm")
    assert cast(Any, network.w3.provider).backend.precompiles == "py-evm"
    accounts = network.w3.eth.accounts
    deployment = network.w3.eth.send_transaction({"from": accounts[0], "data": compiled(toy.verifying_key).bytecode})
    address = str(network.w3.eth.wait_for_transaction_receipt(deployment)["contractAddress"])
    for call in calls:
        assert _tester_answer(network, address, call.calldata) == call.answer, call
        expected = "malformed" if call.malformed else call.answer
        assert off_chain(toy.verifying_key, call.calldata, toy.backend) == expected, call


def test_a_call_with_too_little_gas_reverts_and_never_says_false(toy: Case, anvil: str, maker: CallMaker) -> None:
    address = _deploy_on_anvil(anvil, compiled(toy.verifying_key).bytecode)
    data = "0x" + next(iter(maker.make(1, 0))).calldata.hex()
    limits = range(30_000, 460_000, 5_000)
    requests = [("eth_call", [{"to": address, "data": data, "gas": hex(gas)}, "latest"]) for gas in limits]
    answers = batch(anvil, requests)
    seen = Counter("revert" if "error" in answer else _answer(answer) for answer in answers)
    assert set(seen) == {"revert", "true"}


def test_a_bad_point_burns_no_more_than_twice_the_precompiles_price(toy: Case, anvil: str, maker: CallMaker) -> None:
    address = _deploy_on_anvil(anvil, compiled(toy.verifying_key).bytecode)
    bad = maker.malformed["B outside its subgroup"]()
    sender = batch(anvil, [("eth_accounts", [])])[0]["result"][0]
    transaction = {"from": sender, "to": address, "data": "0x" + bad.calldata.hex(), "gas": hex(10_000_000)}
    sent = batch(anvil, [("eth_sendTransaction", [transaction])])[0]["result"]
    receipt = _receipt(anvil, sent)
    assert int(receipt["status"], 16) == 0
    assert int(receipt["gasUsed"], 16) < 21_000 + 10_000 + 2 * (181_000 + 3 * 6_150)


def test_another_selector_is_no_verification(toy: Case, anvil: str) -> None:
    address = _deploy_on_anvil(anvil, compiled(toy.verifying_key).bytecode)
    n = toy.verifying_key.n_public
    for data in (b"", b"\x01\x02\x03", bytes(4 + 32 * (8 + n)), selector(n + 1) + bytes(32 * (9 + n))):
        answer = batch(anvil, [("eth_call", [{"to": address, "data": "0x" + data.hex()}, "latest"])])[0]
        assert _answer(answer) == ""
        assert off_chain(toy.verifying_key, data, toy.backend) == "malformed"


def test_hashes_are_readable_on_chain(toy: Case, anvil: str) -> None:
    address = _deploy_on_anvil(anvil, compiled(toy.verifying_key).bytecode)
    for getter, value in ((b"vkHash()", toy.verifying_key.hash), (b"transcriptHash()", bytes(32))):
        data = "0x" + bytes(keccak(getter)[:4]).hex()
        assert (
            batch(anvil, [("eth_call", [{"to": address, "data": data}, "latest"])])[0]["result"] == "0x" + value.hex()
        )


def _deploy_on_anvil(url: str, bytecode: bytes) -> str:
    sender = batch(url, [("eth_accounts", [])])[0]["result"][0]
    transaction = {"from": sender, "data": "0x" + bytecode.hex(), "gas": hex(5_000_000)}
    sent = batch(url, [("eth_sendTransaction", [transaction])])[0]["result"]
    return str(_receipt(url, sent)["contractAddress"])


def _receipt(url: str, transaction_hash: str) -> dict[str, str]:
    for _ in range(100):
        receipt = batch(url, [("eth_getTransactionReceipt", [transaction_hash])])[0].get("result")
        if receipt:
            return dict(receipt)
        time.sleep(0.05)
    raise AssertionError("anvil did not mine the transaction")


def _answer(answer: dict[str, object]) -> str:
    if "result" in answer:
        return returned(bytes.fromhex(str(answer["result"])[2:]))
    error = answer["error"]
    assert isinstance(error, dict)
    assert "revert" in str(error["message"]), error
    return reverted(bytes.fromhex(str(error.get("data") or "0x")[2:]))


def _tester_answer(network: Network, address: str, calldata: bytes) -> str:
    answer = network.w3.provider.make_request(
        RPCEndpoint("eth_call"),
        [
            {"from": network.w3.eth.accounts[0], "to": address, "data": "0x" + calldata.hex(), "gas": 5_000_000},
            "latest",
        ],
    )
    return _answer(cast(dict[str, object], answer))
