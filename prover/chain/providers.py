"""JSON-RPC over HTTP and WebSocket with a deadline on every request and one typed error when nobody answers.

A node may be hostile: its answer is bounded in bytes, in time (all of it, however it drips in) and in depth before
web3.py sees it. web3.py's own HTTP provider bounds none of the three.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from typing import Any, cast
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError as TransportError
from web3.providers import JSONBaseProvider
from web3.providers.rpc.utils import check_if_retry_on_failure
from web3.types import RPCEndpoint, RPCResponse
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection
from websockets.sync.client import connect as open_websocket

from prover.errors import ChainError, NodeUnreachableError
from prover.jsontext import parse_json

LARGEST_ANSWER = 16 << 20
"""Bytes of one answer. A full block of logs is a few MiB; parsed, hostile JSON takes some thirty times its bytes."""

_PIECE = 1 << 16
_PAUSE = 0.1
"""Seconds before a refused connection is tried again."""


def public_url(url: str) -> str:
    """``url`` without what may be a secret: user, password, path and query (hosted nodes put their key there)."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname or ''}{port}"


def provider_for(url: str, timeout: float) -> JSONBaseProvider:
    """A provider for an http, https, ws or wss URL; every request ends within ``timeout`` seconds.

    Raises:
        ChainError: another scheme, or no host.
    """
    try:
        parts = urlsplit(url)
        usable = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if usable and parts.scheme in ("http", "https"):
        return CheckedHTTPProvider(url, timeout)
    if usable and parts.scheme in ("ws", "wss"):
        return WebSocketProvider(url, timeout)
    raise ChainError(
        "the network is neither 'tester', nor 'node', nor a URL of a node",
        "a URL looks like http://127.0.0.1:8545 or wss://host/path",
    )


def _unreachable(url: str, why: str) -> NodeUnreachableError:
    return NodeUnreachableError(
        f"no usable answer from {public_url(url)}: {why}", "start a local node with `verdict node`, or check the URL"
    )


class CheckedHTTPProvider(JSONBaseProvider):
    """Synchronous JSON-RPC over HTTP, its many ways to fail turned into NodeUnreachableError.

    The timeout of ``requests`` starts anew with every byte, so a request runs in a thread of its own and is given up
    at the deadline; the thread ends by itself at the next byte or after another ``timeout``.
    """

    def __init__(self, url: str, timeout: float) -> None:
        super().__init__()
        self._url, self._timeout = url, timeout
        self._session = requests.Session()

    def __repr__(self) -> str:
        return f"CheckedHTTPProvider({public_url(self._url)!r})"

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """One request; a broken connection is tried twice when the method may be sent twice.

        Raises:
            NodeUnreachableError: no JSON-RPC answer in time.
        """
        request = self.encode_rpc_request(method, params)
        deadline = time.monotonic() + self._timeout
        try:
            return self._in_time(method, request, deadline)
        except requests.ConnectionError as error:
            late = time.monotonic() + _PAUSE >= deadline
            if late or not check_if_retry_on_failure(method):
                raise _unreachable(self._url, type(error).__name__) from None
        time.sleep(_PAUSE)
        try:
            return self._in_time(method, request, deadline)
        except requests.ConnectionError as error:
            raise _unreachable(self._url, type(error).__name__) from None

    def _in_time(self, method: RPCEndpoint, request: bytes, deadline: float) -> RPCResponse:
        """The answer. ``from None`` everywhere because the messages of ``requests`` hold the whole URL.

        Raises:
            requests.ConnectionError: worth another try.
            NodeUnreachableError: not worth one.
        """
        exchange = _Exchange(self._session, self._url, request, deadline)
        exchange.start()
        exchange.join(max(0.0, deadline - time.monotonic()))
        error = exchange.error
        if exchange.is_alive() or isinstance(error, (requests.Timeout, TimeoutError)):
            raise _unreachable(self._url, f"{method} timed out")
        if isinstance(error, requests.ConnectionError):
            raise error
        if isinstance(error, _TooLargeError):
            raise _unreachable(self._url, f"{method} is answered with more than {LARGEST_ANSWER >> 20} MiB")
        if error is not None:
            raise _unreachable(self._url, type(error).__name__)
        if exchange.status != 200:
            raise _unreachable(self._url, f"HTTP status {exchange.status}")
        return _checked(self._url, _parsed(self._url, exchange.body))


class _Exchange(threading.Thread):
    """One POST on its own thread: ``status`` and ``body``, or the ``error`` that ended it."""

    def __init__(self, session: requests.Session, url: str, request: bytes, deadline: float) -> None:
        super().__init__(name="verdict-rpc", daemon=True)
        self._session, self._url, self._request, self._deadline = session, url, request, deadline
        self.status = 0
        self.body = b""
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            self._post()
        except (requests.RequestException, TransportError, OSError, ValueError) as error:
            self.error = error

    def _post(self) -> None:
        headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
        patience = max(0.001, self._deadline - time.monotonic())
        with self._session.post(
            self._url, data=self._request, headers=headers, timeout=patience, stream=True
        ) as response:
            self.status = response.status_code
            if self.status == 200:
                self.body = self._read(response)

    def _read(self, response: requests.Response) -> bytes:
        """The body as it came, not unpacked: a few bytes of gzip can stand for gigabytes."""
        body = bytearray()
        while piece := response.raw.read1(_PIECE, decode_content=False):
            body += piece
            if len(body) > LARGEST_ANSWER:
                raise _TooLargeError
            if time.monotonic() > self._deadline:
                raise TimeoutError
        return bytes(body)


class _TooLargeError(ValueError):
    """An answer above LARGEST_ANSWER."""


class WebSocketProvider(JSONBaseProvider):
    """Synchronous JSON-RPC over one WebSocket (web3.py has only an asynchronous one).

    Nodes hang up on idle connections, so a request that fails on an old connection is tried once on a new one.
    """

    def __init__(self, url: str, timeout: float) -> None:
        super().__init__()
        self._url, self._timeout = url, timeout
        self._connection: ClientConnection | None = None
        self._open = contextlib.ExitStack()

    def __repr__(self) -> str:
        return f"WebSocketProvider({public_url(self._url)!r})"

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """One request. Raises NodeUnreachableError."""
        request = self.encode_rpc_request(method, params)
        deadline = time.monotonic() + self._timeout
        reused = self._connection is not None
        try:
            return self._exchange(method, request, deadline)
        except NodeUnreachableError:
            if not reused or time.monotonic() >= deadline:
                raise
            return self._exchange(method, request, deadline)

    def close(self) -> None:
        """Drop the connection; the next request opens another."""
        self._connection = None
        with contextlib.suppress(OSError, WebSocketException):
            self._open.close()

    def _exchange(self, method: RPCEndpoint, request: bytes, deadline: float) -> RPCResponse:
        identifier = json.loads(request)["id"]
        try:
            if self._connection is None:
                patience = max(0.001, deadline - time.monotonic())
                opening = open_websocket(self._url, open_timeout=patience, close_timeout=1, max_size=LARGEST_ANSWER)
                self._connection = self._open.enter_context(opening)
            self._connection.send(request.decode())
            while True:
                answer = self._connection.recv(timeout=max(0.0, deadline - time.monotonic()))
                response = _parsed(self._url, answer)
                if not isinstance(response, dict) or response.get("id") == identifier:
                    return _checked(self._url, response)
        except NodeUnreachableError:
            self.close()
            raise
        except TimeoutError:
            self.close()
            raise _unreachable(self._url, f"{method} timed out") from None
        except (OSError, WebSocketException, ValueError) as error:
            self.close()
            raise _unreachable(self._url, type(error).__name__) from None


def _parsed(url: str, answer: str | bytes) -> object:
    try:
        return parse_json(answer)
    except ValueError:
        raise _unreachable(url, "the answer is not JSON-RPC") from None


def _checked(url: str, response: object) -> RPCResponse:
    if not isinstance(response, dict) or not ("result" in response or isinstance(response.get("error"), dict)):
        raise _unreachable(url, "the answer is not JSON-RPC")
    return cast(RPCResponse, response)
