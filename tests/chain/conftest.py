"""Chains, accounts and contracts small enough to write in EVM bytes."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hexbytes import HexBytes

from prover.chain import node
from prover.chain.networks import Network, connect
from prover.chain.signer import development_signers
from prover.chain.transactions import Sender
from tests.chain import tiny

REVERTER = bytes.fromhex("365f5f37365ffd")
"""Reverts with its calldata: CALLDATASIZE PUSH0 PUSH0 CALLDATACOPY CALLDATASIZE PUSH0 REVERT."""


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory, require_tool: Callable[[str], Path]) -> tiny.TinyModel:
    """A real key and its compiled verifier; made once."""
    require_tool("node")
    require_tool("solc")
    return tiny.make(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def tester() -> Network:
    """A fresh in-process chain."""
    return connect("tester")


@pytest.fixture
def sender(tester: Network) -> Sender:
    """The first development account of ``tester``."""
    return sender_on(tester)


def sender_on(network: Network, index: int = 0) -> Sender:
    """A funded account of a development chain."""
    return Sender(network, development_signers(network)[index])


def put_code(network: Network, runtime: bytes) -> str:
    """Deploy raw runtime code and return its address."""
    copy = bytes([0x60, len(runtime), 0x80, 0x60, 0x09, 0x3D, 0x39, 0x3D, 0xF3])
    sender = network.w3.eth.accounts[0]
    digest = network.w3.eth.send_transaction({"from": sender, "data": HexBytes(copy + runtime), "gas": 1_000_000})
    address = network.w3.eth.wait_for_transaction_receipt(digest)["contractAddress"]
    assert address is not None
    assert bytes(network.w3.eth.get_code(address)) == runtime
    return address


def free_port() -> int:
    """A port nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A state directory of its own; whatever node a test leaves running in it is stopped."""
    monkeypatch.setenv("VERDICT_HOME", str(tmp_path / "home"))
    yield tmp_path / "home"
    node.stop()


@pytest.fixture
def local_node(home: Path, require_tool: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> Network:
    """A fresh anvil, as ``verdict node`` runs it."""
    monkeypatch.setenv("VERDICT_ANVIL", str(require_tool("anvil")))
    node.start(free_port())
    return connect("node")
