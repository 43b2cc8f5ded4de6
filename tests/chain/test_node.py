"""``verdict node``: starts, answers, keeps its chain, stops; and says what is wrong when it cannot."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from prover.chain import node
from prover.chain.networks import Network, connect
from prover.errors import ChainError, NodeUnreachableError, StorageError
from tests.chain.conftest import free_port


@pytest.fixture
def anvil(home: Path, require_tool: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    path = require_tool("anvil")
    monkeypatch.setenv("VERDICT_ANVIL", str(path))
    return path


def test_the_chain_survives_a_restart(anvil: Path) -> None:
    port = free_port()
    process = node.start(port)
    assert node.running() == process
    network = connect("node", expected_chain_id=31337)
    assert network.fork == "prague"
    payer, payee = network.w3.eth.accounts[:2]
    digest = network.w3.eth.send_transaction({"from": payer, "to": payee, "value": 12345})
    receipt = network.w3.eth.wait_for_transaction_receipt(digest)
    assert node.stop()
    assert node.running() is None
    with pytest.raises(NodeUnreachableError):
        connect(process.url, timeout=2)

    node.start(port)
    again = connect("node")
    assert again.w3.eth.get_transaction_receipt(digest)["blockHash"] == receipt["blockHash"]
    assert node.stop()
    assert not node.stop()


def test_time_does_not_run_backwards_over_a_restart(anvil: Path) -> None:
    port = free_port()
    node.start(port)
    connect("node").advance_time(100 * 86_400)
    before = connect("node").now()
    for blocks in (2, 3):
        assert node.stop()
        node.start(port)
        network = connect("node")
        assert network.now() == before
        network.request("evm_mine", [])
        assert network.w3.eth.block_number == blocks
        assert before < network.now() < before + 60
        before = network.now()


def test_starting_twice_is_starting_once(anvil: Path) -> None:
    port = free_port()
    assert node.start(port) == node.start(port)
    with pytest.raises(ChainError, match=f"already runs on port {port}"):
        node.start(free_port())
    with pytest.raises(ChainError, match="already runs"):
        node.run(port)


def test_starting_at_the_same_time_is_starting_once(anvil: Path) -> None:
    port = free_port()
    with ThreadPoolExecutor(4) as threads:
        started = list(threads.map(lambda _: node.start(port), range(4)))
    assert set(started) == {node.running()}


def test_a_state_directory_that_cannot_be_written(anvil: Path, home: Path) -> None:
    home.write_text("in the way")
    with pytest.raises(StorageError, match="cannot write"):
        node.start(free_port())
    home.unlink()


def test_a_port_in_use(anvil: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(ChainError, match="not free") as caught:
            node.start(other.getsockname()[1])
    assert "--port" in caught.value.hint
    assert node.running() is None


@pytest.mark.parametrize("port", [-1, 0, 65536, 99999])
def test_no_port(anvil: Path, port: int) -> None:
    with pytest.raises(ChainError, match=f"^{port} is not a port") as caught:
        node.start(port)
    assert "from 1 to 65535" in caught.value.hint
    assert node.running() is None


def test_a_deep_answer_is_no_answer() -> None:
    """What listens on the port need not be anvil; see prover.jsontext for what a deep document does."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            with listener.accept()[0] as connection:
                connection.recv(1 << 16)
                connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + b"[" * 60_000)

        thread = threading.Thread(target=answer)
        thread.start()
        process = node.NodeProcess(os.getpid(), listener.getsockname()[1], 1, "")
        assert not node._answers(process)
        thread.join()


def test_anvil_is_missing(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERDICT_ANVIL", str(tmp_path / "nowhere"))
    with pytest.raises(ChainError, match="not installed") as caught:
        node.start(free_port())
    assert "npm ci" in caught.value.hint
    assert node.running() is None


def test_a_damaged_state_file(anvil: Path, home: Path) -> None:
    state = home / "node" / "state.json"
    state.parent.mkdir(parents=True)
    state.write_text("{ not a chain")
    with pytest.raises(ChainError, match="anvil ended") as caught:
        node.start(free_port())
    assert str(state) in caught.value.hint
    assert node.running() is None
    assert state.read_text() == "{ not a chain"


@pytest.mark.parametrize(
    "record",
    [
        "",
        "{}",
        "[]",
        json.dumps({"pid": 2**22 + 1, "port": 1, "chain_id": 1, "identity": "1"}),
        json.dumps({"pid": os.getpid(), "port": 1, "chain_id": 1, "identity": "of an earlier process"}),
    ],
)
def test_a_stale_record_is_nobody(home: Path, record: str) -> None:
    (home / "node").mkdir(parents=True)
    (home / "node" / "node.json").write_text(record)
    assert node.running() is None
    assert node.url().endswith(":8545")
    assert not node.stop()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_in_the_foreground_a_signal_saves_the_chain(anvil: Path, home: Path, number: signal.Signals) -> None:
    program = f"from prover.chain import node; raise SystemExit(node.run({free_port()}))"
    child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.DEVNULL, cwd=Path(__file__).parents[2])
    network = wait_for_node()
    network.advance_time(5)
    child.send_signal(number)
    assert child.wait(20) in (0, 128 + number, -number)
    assert node.running() is None
    assert json.loads((home / "node" / "state.json").read_text())["best_block_number"] == 1


def wait_for_node() -> Network:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if node.running() is not None:
            try:
                return connect("node", timeout=2)
            except NodeUnreachableError:
                pass
        time.sleep(0.05)
    raise AssertionError("the node did not start")
