"""Opening a chain: every way in which nobody, or somebody else, answers is one typed error, soon."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from prover.chain import node, providers
from prover.chain.networks import Network, connect
from prover.chain.providers import public_url
from prover.chain.tester import TESTER_CHAIN_ID
from prover.errors import ChainError, NodeUnreachableError, WrongChainError
from tests.chain.conftest import free_port

Answer = Callable[[dict[str, object]], tuple[int, bytes]]
DEEP = b"[" * 100_000 + b"]" * 100_000
"""Kills a process whose recursion limit py-evm has raised, when it reaches Python's parser."""


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
    before = second.now()
    first.advance_time(10_000)
    assert second.now() == before, "time passes on one chain only"
    assert first.now() >= before + 9_000
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
        (200, b'{"jsonrpc": "2.0", "id": 0, "error": {"code": "x", "message": null, "data": 5}}'),
        (200, b'{"jsonrpc": "2.0", "id": 0, "result": {"a": 1}}'),
        (200, b'{"jsonrpc": "2.0", "id": 0, "result": "0x0"}'),
        (200, b'{"jsonrpc": "2.0", "id": 0, "result": "0x1' + b"0" * 64 + b'"}'),
        (200, b'{"jsonrpc": "2.0", "id": 0, "result": "0x' + b"f" * 5000 + b'"}'),
        (200, b'{"jsonrpc": "2.0", "id": 0, "result": ' + b"9" * 5000 + b"}"),
        (200, b'{"jsonrpc": "2.0", "id": 0, "result": ' + DEEP + b"}"),
        (200, b"[" * 200_000),
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


@pytest.fixture
def raw_server() -> Iterator[Callable[[Iterable[bytes], float], str]]:
    """``raw_server(pieces, pause) -> URL`` of a server that sends the pieces, whatever it is asked, so many seconds
    apart."""
    done = threading.Event()

    def start(pieces: Iterable[bytes], pause: float) -> str:
        listener = socket.create_server(("127.0.0.1", 0))

        def serve_one() -> None:
            with listener, listener.accept()[0] as connection:
                connection.recv(1 << 16)
                for piece in pieces:
                    if done.wait(pause):
                        return
                    try:
                        connection.sendall(piece)
                    except OSError:
                        return

        threading.Thread(target=serve_one, daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield start
    done.set()


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", id="body"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n", id="chunk"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX-Endless: ", id="header"),
    ],
)
def test_a_node_whose_answer_drips(raw_server: Callable[[Iterable[bytes], float], str], head: bytes) -> None:
    """Each byte comes well within the timeout; the answer does not."""
    url = raw_server([head, *[b" "] * 400], 0.02)
    started = time.monotonic()
    with pytest.raises(NodeUnreachableError, match="eth_chainId timed out"):
        connect(url, timeout=0.5)
    assert time.monotonic() - started < 3
    deadline = time.monotonic() + 3
    while any(thread.name == "verdict-rpc" for thread in threading.enumerate()) and b"Endless" not in head:
        assert time.monotonic() < deadline, "the thread that reads outlives the request"
        time.sleep(0.02)


def test_an_answer_without_end(raw_server: Callable[[Iterable[bytes], float], str]) -> None:
    sent = 0

    def pieces() -> Iterator[bytes]:
        nonlocal sent
        yield b"HTTP/1.1 200 OK\r\n\r\n"
        while True:
            sent += 1 << 20
            yield b"0" * (1 << 20)

    with pytest.raises(NodeUnreachableError, match="more than 16 MiB"):
        connect(raw_server(pieces(), 0), timeout=20)
    assert sent < providers.LARGEST_ANSWER + (16 << 20), "more was read than the limit and the sockets' buffers"


def test_packed_answers_are_not_unpacked(raw_server: Callable[[Iterable[bytes], float], str]) -> None:
    """A few bytes of gzip stand for gigabytes; we ask for none, and do not unpack what comes all the same."""
    packed = gzip.compress(b'{"jsonrpc": "2.0", "id": 0, "result": "0x1"}')
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
    with pytest.raises(NodeUnreachableError, match="not JSON-RPC"):
        connect(raw_server([head + packed], 0), timeout=5)


def test_what_may_be_sent_twice_is_tried_twice(http_server: Callable[[Answer], str]) -> None:
    """A kept connection that the node has closed meanwhile is no failure; a transaction is never sent twice."""
    asked: list[object] = []

    def answer(request: dict[str, object]) -> tuple[int, bytes]:
        asked.append(request["method"])
        if asked.count(request["method"]) == 1 and request["method"] not in ("eth_chainId", "anvil_nodeInfo"):
            raise ConnectionAbortedError  # the handler dies and its connection with it
        return reply(request, result="0x5")

    network = connect(http_server(answer), timeout=5)
    asked.clear()
    assert network.w3.eth.block_number == 5
    assert asked == ["eth_blockNumber"] * 2
    with pytest.raises(NodeUnreachableError, match="ConnectionError"):
        network.request("eth_sendTransaction", [{}])
    assert asked.count("eth_sendTransaction") == 1


@pytest.mark.parametrize("block", [None, {}, {"timestamp": "soon"}, {"timestamp": "0x" + "f" * 5000}, "0x1", []])
def test_a_node_without_a_latest_block(http_server: Callable[[Answer], str], block: object) -> None:
    network = connect(
        http_server(lambda request: reply(request, result="0x5" if request["method"] == "eth_chainId" else block))
    )
    with pytest.raises(ChainError):
        network.now()


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


def flood(connection: ServerConnection) -> None:
    """Messages for others, a hundred a second, until the other side hangs up (at most 10 s)."""
    for _ in range(1000):
        try:
            connection.send(json.dumps({"jsonrpc": "2.0", "method": "eth_subscription", "params": {}}))
        except ConnectionClosed:
            return
        time.sleep(0.01)


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
            if request["method"] == "silence":
                continue
            if request["method"] == "flood":
                flood(connection)
                return
            odd = {"garbage": "{", "deep": DEEP.decode(), "large": " " * (providers.LARGEST_ANSWER + 1)}
            connection.send(odd.get(request["method"], answer))
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
    for method in ("garbage", "deep", "large"):
        with pytest.raises(NodeUnreachableError):
            network.request(method, [])


@pytest.mark.parametrize("method", ["silence", "flood"])
def test_a_websocket_that_never_gets_to_the_answer(websocket_node: tuple[str, list[str]], method: str) -> None:
    network = connect(websocket_node[0], timeout=0.5)
    started = time.monotonic()
    with pytest.raises(NodeUnreachableError, match=f"{method} timed out"):
        network.request(method, [])
    assert time.monotonic() - started < 4
    assert network.w3.eth.chain_id == 7, "a new connection"


def test_websocket_of_anvil(local_node: Network) -> None:
    over_http = local_node.w3
    network = connect(node.url().replace("http", "ws"), expected_chain_id=local_node.chain_id)
    assert network.fork == "prague"
    assert network.w3.eth.get_block("latest") == over_http.eth.get_block("latest")


def test_an_error_answer_is_a_chain_error(tester: Network) -> None:
    with pytest.raises(ChainError, match="no_such"):
        tester.request("no_such", [])
