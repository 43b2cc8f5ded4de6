"""From intent to receipt, and from revert data to the contract's own words."""

from __future__ import annotations

import time
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from prover.chain import node, transactions
from prover.chain.artifacts import artifact_names, load_artifact
from prover.chain.calls import GAS_CEILING
from prover.chain.contracts import BoundContract, checked_address, stock_errors
from prover.chain.networks import Network
from prover.chain.reverts import ErrorTable
from prover.chain.transactions import Sender
from prover.errors import ChainError, NodeUnreachableError, TransactionReverted
from tests.chain.conftest import REVERTER, put_code, sender_on

BURNER = bytes.fromhex("5f67ffffffffffffffff52")  # mstore(2^64 - 1, 0): no gas is enough
TOKEN = "0x" + "ab" * 20


def error_data(signature: str, *values: Any) -> bytes:
    types = signature[signature.index("(") + 1 : -1]
    return keccak(text=signature)[:4] + encode(types.split(",") if types else [], values)


OFFCHAIN_LOOKUP = error_data(
    "OffchainLookup(address,string[],bytes,bytes4,bytes)", TOKEN, ["http://127.0.0.1:1"], b"", b"1234", b""
)
STALE = error_data("StaleSequence(uint64,uint64)", 5, 4)


@pytest.mark.parametrize(
    ("data", "error", "arguments", "words"),
    [
        (STALE, "StaleSequence", (5, 4), "sequence=4"),
        (error_data("DecisionMissing()"), "DecisionMissing", (), "DecisionMissing()"),
        (error_data("PrecompileFailed()"), "PrecompileFailed", (), "PrecompileFailed()"),
        (error_data("SignalNotCanonical(uint256)", 2), "SignalNotCanonical", (2,), "index=2"),
        (error_data("ModelDeprecated(uint256)", 9), "ModelDeprecated", (9,), "modelId=9"),
        (error_data("UnknownIssuer(address)", TOKEN), "UnknownIssuer", (checked_address(TOKEN),), "issuer=0x"),
        (
            error_data("SchemaMismatch(bytes32,bytes32)", b"\1" * 32, b"\2" * 32),
            "SchemaMismatch",
            (b"\1" * 32, b"\2" * 32),
            "expected=0x0101",
        ),
        (error_data("Error(string)", "no such luck"), "Error", ("no such luck",), "no such luck"),
        (error_data("Panic(uint256)", 0x11), "Panic", (0x11,), "overflow"),
        (error_data("Panic(uint256)", 0x99), "Panic", (0x99,), "code=153"),
        (b"\xde\xad\xbe\xef\x00", "", (), "0xdeadbeef"),
        (b"\xde\xad", "", (), "0xdead"),
        (b"", "", (), "without a reason"),
        (STALE[:-1], "StaleSequence", (), "malformed"),
        (error_data("Error(string)", "abc")[:36] + b"\xff" * 32, "Error", (), "malformed"),
        (error_data("Error(string)", "abc").replace(b"abc", b"a\xffc"), "Error", (), "malformed"),
        (
            error_data("OffchainLookup(address,string[],bytes,bytes4,bytes)", TOKEN, ["http://x"], b"", b"1234", b""),
            "",
            (),
            "0x556f1830",
        ),
    ],
)
def test_errors_by_name(data: bytes, error: str, arguments: tuple[Any, ...], words: str, tester: Network) -> None:
    sender = sender_on(tester)
    with pytest.raises(TransactionReverted) as caught:
        sender.send(checked_address(put_code(tester, REVERTER)), data, "Thing.act", 0, stock_errors())
    assert (caught.value.error, caught.value.args_) == (error, arguments)
    assert words in caught.value.message
    assert caught.value.message.startswith("Thing.act")


def test_errors_by_name_on_anvil(local_node: Network) -> None:
    reverter = checked_address(put_code(local_node, REVERTER))
    for data, error in (
        (STALE, "StaleSequence"),
        (error_data("Error(string)", "no such luck"), "Error"),
        (error_data("Panic(uint256)", 0x11), "Panic"),
        (b"\xde\xad\xbe\xef", ""),
    ):
        with pytest.raises(TransactionReverted) as caught:
            sender_on(local_node).send(reverter, data, "Thing.act", 0, stock_errors())
        assert caught.value.error == error


@given(st.binary(max_size=200))
def test_no_revert_data_breaks_the_decoder(data: bytes) -> None:
    assert isinstance(stock_errors().explain(data, "call"), TransactionReverted)


@given(st.sampled_from(sorted(stock_errors().errors)), st.binary(max_size=200))
def test_no_arguments_break_the_decoder(selector: bytes, data: bytes) -> None:
    explained = stock_errors().explain(selector + data, "call")
    assert explained.error == stock_errors().errors[selector].name


def test_every_error_of_every_stock_contract_is_known_under_one_meaning() -> None:
    table = stock_errors()
    for name in artifact_names():
        for entry in load_artifact(name).abi:
            if entry["type"] == "error":
                signature = f"{entry['name']}({','.join(item['type'] for item in entry['inputs'])})"
                assert table.errors[keccak(text=signature)[:4]].name == entry["name"]
    verifier = {"SignalNotCanonical", "CoordinateNotCanonical", "MalformedCalldata", "PrecompileFailed"}
    assert verifier <= {known.name for known in table.errors.values()}


def test_what_a_plain_payment_looks_like(sender: Sender) -> None:
    receipt = sender.send(sender.address, b"", "a payment", 1, ErrorTable())
    assert (receipt.gas_used, receipt.fork, receipt.contract_address) == (21_000, "prague", None)
    w3 = sender.network.w3
    sent = w3.eth.get_transaction(receipt.transaction_hash)
    base = w3.eth.get_block(receipt.block)["baseFeePerGas"]
    assert sent["maxFeePerGas"] >= base + sent["maxPriorityFeePerGas"]
    assert sent["chainId"] == sender.network.chain_id
    assert bytes(w3.eth.get_block(receipt.block)["hash"]) == receipt.block_hash


def test_a_chain_from_before_the_base_fee(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender.network.w3.eth, "get_block", lambda _: {"number": 1})
    with pytest.raises(ChainError, match="no base fee") as caught:
        sender.send(sender.address, b"", "a payment", 1, ErrorTable())
    assert "Prague" in caught.value.hint


def test_a_call_that_needs_too_much_gas(sender: Sender) -> None:
    burner = checked_address(put_code(sender.network, BURNER))
    before = sender.network.w3.eth.block_number
    with pytest.raises(TransactionReverted, match="without a reason") as caught:
        sender.send(burner, b"", "Burner.burn", 0, ErrorTable())
    assert "gas" in caught.value.hint
    assert sender.network.w3.eth.block_number == before, "nothing was sent"


def test_the_gas_ceiling_holds(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transactions, "estimate_gas", lambda *_: GAS_CEILING - 1)
    receipt = sender.send(sender.address, b"", "a payment", 1, ErrorTable())
    assert sender.network.w3.eth.get_transaction(receipt.transaction_hash)["gas"] == GAS_CEILING
    monkeypatch.setattr(transactions, "estimate_gas", lambda *_: GAS_CEILING + 1)
    with pytest.raises(ChainError, match="16,777,217 gas"):
        sender.send(sender.address, b"", "a payment", 1, ErrorTable())


@pytest.mark.parametrize("chain", ["tester", "local_node"])
def test_a_transaction_that_fails_in_its_block(
    chain: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gas is given, so that nothing is simulated before: as when another transaction came in between."""
    sender = sender_on(request.getfixturevalue(chain))
    reverter = checked_address(put_code(sender.network, REVERTER))
    monkeypatch.setattr(Sender, "_simulated_gas", lambda *_: 100_000)
    with pytest.raises(TransactionReverted) as caught:
        sender.send(reverter, STALE, "Thing.act", 0, stock_errors())
    assert caught.value.error == "StaleSequence"
    burner = checked_address(put_code(sender.network, BURNER))
    with pytest.raises(TransactionReverted, match="Burner"):
        sender.send(burner, b"", "Burner.burn", 0, stock_errors())


def test_no_block_takes_the_transaction(local_node: Network) -> None:
    local_node.request("evm_setAutomine", [False])
    sender = Sender(local_node, sender_on(local_node).signer, patience=0.5)
    started = time.monotonic()
    with pytest.raises(ChainError, match="no block took transaction 0x") as caught:
        sender.send(sender.address, b"", "a payment", 1, ErrorTable())
    assert time.monotonic() - started < 5
    assert "look it up" in caught.value.hint


def test_the_node_dies_after_it_took_the_transaction(local_node: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the transaction, which may be included all the same."""
    local_node.request("evm_setAutomine", [False])
    sender = sender_on(local_node)
    broadcast = Sender._broadcast

    def and_then_die(self: Sender, *arguments: Any) -> bytes:
        digest = broadcast(self, *arguments)
        node.stop()
        return digest

    monkeypatch.setattr(Sender, "_broadcast", and_then_die)
    with pytest.raises(NodeUnreachableError, match=r"transaction 0x[0-9a-f]{64} \(a payment\) was sent") as caught:
        sender.send(sender.address, b"", "a payment", 1, ErrorTable())
    assert "look it up" in caught.value.hint


def test_reading_what_is_not_there(sender: Sender) -> None:
    for address in (sender.address, "0x" + "00" * 20):
        absent = BoundContract.at(sender.network, address, "ModelRegistry")
        with pytest.raises(ChainError, match=r"ModelRegistry\.statusOf"):
            absent.read("statusOf", 1)
    with pytest.raises(ChainError, match="noSuchFunction"):
        absent.read("noSuchFunction")
    with pytest.raises(ChainError, match="arguments do not fit"):
        absent.encode("statusOf", ("one",))
    with pytest.raises(ChainError, match="arguments do not fit"):
        sender.transact(absent, "deprecateModel", 1, 2)
    with pytest.raises(ChainError, match="constructor"):
        sender.create(load_artifact("CreditLine"), (1,))


@pytest.mark.parametrize(
    "text", ["", "0x", "0x12", "vitalik.eth", "0x" + "zz" * 20, "0X" + "ab" * 20, "0xAb" + "ab" * 19]
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ChainError, match="not an address"):
        checked_address(text)
