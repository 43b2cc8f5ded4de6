"""JSON-RPC over HTTP and WebSocket with a deadline on every request and one typed error when nobody answers."""

from __future__ import annotations

import contextlib
import json
from typing import Any, cast
from urllib.parse import urlsplit

import requests
from web3.providers import HTTPProvider, JSONBaseProvider
from web3.providers.rpc.utils import ExceptionRetryConfiguration
from web3.types import RPCEndpoint, RPCResponse
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection
from websockets.sync.client import connect as open_websocket

from prover.errors import ChainError, NodeUnreachableError

_LARGEST_MESSAGE = 64 << 20
"""Bytes of one WebSocket answer; the library's default of 1 MiB is less than a block of logs."""


def public_url(url: str) -> str:
    """``url`` without what may be a secret: user, password, path and query (hosted nodes put their key there)."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname or ''}{port}"


def provider_for(url: str, timeout: float) -> JSONBaseProvider:
    """A provider for an http, https, ws or wss URL; every request ends within ``timeout`` seconds a try.

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


class CheckedHTTPProvider(HTTPProvider):
    """web3.py's HTTP provider, its many ways to fail turned into NodeUnreachableError."""

    def __init__(self, url: str, timeout: float) -> None:
        retries = ExceptionRetryConfiguration(errors=(requests.ConnectionError,), retries=2, backoff_factor=0.1)
        super().__init__(url, request_kwargs={"timeout": timeout}, exception_retry_configuration=retries)
        self._url = url

    def __repr__(self) -> str:
        return f"CheckedHTTPProvider({public_url(self._url)!r})"

    __str__ = __repr__

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """One request. Raises NodeUnreachableError; ``from None`` because requests' messages hold the whole URL."""
        try:
            response = super().make_request(method, params)
        except requests.Timeout:
            raise _unreachable(self._url, f"{method} timed out") from None
        except requests.HTTPError as error:
            status = error.response.status_code if error.response is not None else "unknown"
            raise _unreachable(self._url, f"HTTP status {status}") from None
        except requests.RequestException as error:
            raise _unreachable(self._url, type(error).__name__) from None
        except ValueError:
            raise _unreachable(self._url, "the answer is not JSON-RPC") from None
        return _checked(self._url, response)


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
        reused = self._connection is not None
        try:
            return self._exchange(request)
        except NodeUnreachableError:
            if not reused:
                raise
            return self._exchange(request)

    def close(self) -> None:
        """Drop the connection; the next request opens another."""
        self._connection = None
        with contextlib.suppress(OSError, WebSocketException):
            self._open.close()

    def _exchange(self, request: bytes) -> RPCResponse:
        identifier = json.loads(request)["id"]
        try:
            if self._connection is None:
                opening = open_websocket(
                    self._url, open_timeout=self._timeout, close_timeout=1, max_size=_LARGEST_MESSAGE
                )
                self._connection = self._open.enter_context(opening)
            self._connection.send(request.decode())
            while True:
                answer = self._connection.recv(timeout=self._timeout)
                response = self.decode_rpc_response(answer if isinstance(answer, bytes) else answer.encode())
                if not isinstance(response, dict) or response.get("id") == identifier:
                    return _checked(self._url, response)
        except NodeUnreachableError:
            self.close()
            raise
        except (OSError, WebSocketException, ValueError) as error:
            self.close()
            raise _unreachable(self._url, type(error).__name__) from None


def _checked(url: str, response: object) -> RPCResponse:
    if not isinstance(response, dict) or not ("result" in response or isinstance(response.get("error"), dict)):
        raise _unreachable(url, "the answer is not JSON-RPC")
    return cast(RPCResponse, response)
