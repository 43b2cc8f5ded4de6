"""Opening a chain: every way in which nobody, or somebody else, answers is one typed error, soon."""

from __future__ import annotations

import json
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from websockets.sync.server import ServerConnection, serve

from prover.chain import node
from prover.chain.networks import Network, connect
from prover.chain.providers import public_url
from prover.chain.tester import TESTER_CHAIN_ID
from prover.errors import ChainError, NodeUnreachableError, WrongChainError
from tests.chain.conftest import free_port

Answer = Callable[[dict[str, object]], tuple[int, bytes]]


@pytest.fixture
def http_server() -> Iterator[Callable[[Answer], str]]:
    """``http_server(answer) -> URL`` of a server whose answers the test writes."""
    servers: list[ThreadingHTTPServer] = []

    def start(answer: Answer) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status, body = answer(request)
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_address[1]}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def reply(request: dict[str, object], **members: object) -> tuple[int, bytes]:
    return 200, json.dumps({"jsonrpc": "2.0", "id": request["id"], **members}).encode()


def test_the_tester_is_a_fresh_chain_each_time() -> None:
    first, second = connect("tester"), connect("tester")
    first.advance_time(1000)
    assert first.now() >= second.now() + 999
    assert (first.chain_id, first.kind, first.fork, first.persistent) == (TESTER_CHAIN_ID, "tester", "prague", False)


@pytest.mark.parametrize("scheme", ["http", "ws"])
def test_nobody_there(scheme: str) -> None:
    started = time.monotonic()
    with pytest.raises(NodeUnreachableError) as caught:
        connect(f"{scheme}://127.0.0.1:{free_port()}", timeout=2)
    assert "verdict node" in caught.value.hint
    assert time.monotonic() - started < 5


def test_the_local_node_that_does_not_run(home: object) -> None:
    with pytest.raises(NodeUnreachableError) as caught:
        connect("node", timeout=2)
    assert "verdict node" in caught.value.hint


@pytest.mark.parametrize(
    "url", ["", "mainnet", "ftp://127.0.0.1", "http://", "http://127.0.0.1:99999", "Tester", "ws:/x"]
)
def test_no_network_at_all(url: str) -> None:
    with pytest.raises(ChainError, match="neither"):
        connect(url)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b"no"),
        (401, b"{}"),
        (200, b"<html>not a node</html>"),
        (200, b""),
        (200, b"[]"),
        (200, b'"text"'),
        (200, b"{}"),
        (200, b'{"error": "bad"}'),
        (200, b"\xff\xfe"),
        (200, b'{"jsonrpc": "2.0", "id": 0, "result": null}'),
        (200, b'{"jsonrpc": "2.0", "id": 0, "result": "many"}'),
        (200, b'{"jsonrpc": "2.0", "id": 0, "error": {"code": -32601, "message": "no such method"}}'),
        (200, b'{"jsonrpc": "2.0", "id": 0, "error": {"code": 1}}'),
    ],
)
def test_a_server_that_is_no_node(http_server: Callable[[Answer], str], status: int, body: bytes) -> None:
    with pytest.raises(NodeUnreachableError):
        connect(http_server(lambda _: (status, body)), timeout=2)


def test_a_node_that_never_answers(http_server: Callable[[Answer], str]) -> None:
    release = threading.Event()

    def hang(_: dict[str, object]) -> tuple[int, bytes]:
        release.wait(20)
        return 200, b"{}"

    url = http_server(hang)
    started = time.monotonic()
    with pytest.raises(NodeUnreachableError, match="timed out"):
        connect(url, timeout=0.3)
    release.set()
    assert time.monotonic() - started < 5


def test_a_node_that_dies_later(http_server: Callable[[Answer], str]) -> None:
    alive = True

    def answer(request: dict[str, object]) -> tuple[int, bytes]:
        return reply(request, result="0x5") if alive else (503, b"gone")

    network = connect(http_server(answer))
    assert (network.chain_id, network.kind, network.fork) == (5, "url", "unknown")
    alive = False
    with pytest.raises(NodeUnreachableError, match="503"):
        network.now()


def test_another_chain_than_expected(http_server: Callable[[Answer], str]) -> None:
    url = http_server(lambda request: reply(request, result="0x1"))
    assert connect(url, expected_chain_id=1).chain_id == 1
    with pytest.raises(WrongChainError, match=r"chain 1, expected chain 31337"):
        connect(url, expected_chain_id=31337)
    with pytest.raises(WrongChainError):
        connect("tester", expected_chain_id=1)


def test_an_access_key_in_the_url_is_never_shown() -> None:
    url = f"http://user:hunter2@127.0.0.1:{free_port()}/v3/secret?key=secret"
    with pytest.raises(NodeUnreachableError) as caught:
        connect(url, timeout=1)
    shown = "".join(traceback.format_exception(caught.value))
    assert "127.0.0.1" in shown
    for word in ("hunter2", "secret", "user:"):
        assert word not in shown
    assert public_url("wss://user:pw@host/path?x=1") == "wss://host"


@pytest.fixture
def websocket_node() -> Iterator[tuple[str, list[str]]]:
    """A node that speaks WebSocket, with the methods it was asked for. It hangs up after ``eth_blockNumber``."""
    asked: list[str] = []

    def handle(connection: ServerConnection) -> None:
        for text in connection:
            request = json.loads(text)
            asked.append(request["method"])
            connection.send(json.dumps({"jsonrpc": "2.0", "method": "eth_subscription", "params": {}}))
            answer = json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": "0x7"})
            connection.send("{" if request["method"] == "garbage" else answer)
            if request["method"] == "eth_blockNumber":
                return

    with serve(handle, "127.0.0.1", 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}", asked
        server.shutdown()


def test_websocket(websocket_node: tuple[str, list[str]]) -> None:
    """Messages for others are passed over, a connection that was closed is opened again, garbage is an error."""
    url, asked = websocket_node
    network = connect(url, timeout=5)
    assert network.chain_id == 7
    assert network.w3.eth.block_number == 7
    assert network.w3.eth.block_number == 7
    assert asked.count("eth_blockNumber") == 2
    with pytest.raises(NodeUnreachableError):
        network.request("garbage", [])


def test_websocket_of_anvil(local_node: Network) -> None:
    over_http = local_node.w3
    network = connect(node.url().replace("http", "ws"), expected_chain_id=local_node.chain_id)
    assert network.fork == "prague"
    assert network.w3.eth.get_block("latest") == over_http.eth.get_block("latest")


def test_an_error_answer_is_a_chain_error(tester: Network) -> None:
    with pytest.raises(ChainError, match="no_such"):
        tester.request("no_such", [])
