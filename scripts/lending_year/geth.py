"""geth without a consensus layer: this process plays it, block by block, through the engine API.

``geth --dev`` stamps its blocks with the machine's clock and has a chain id of its own. Here a block is built when a
transaction has arrived, at the second we name, on any chain id: what anvil and eth-tester do by themselves.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests
from web3.types import RPCEndpoint, RPCResponse

from prover.chain.providers import CheckedHTTPProvider
from prover.errors import ChainError

VERSION = "v1.16.9"
_PROGRAM = Path(__file__).resolve().parents[2] / ".venv" / "peers" / "geth"
_ZEROS = "0x" + "00" * 32
GAS_LIMIT = 30_000_000
_LATER_FORKS = ("osakaTime", "bpo1Time", "bpo2Time", "bpo3Time", "bpo4Time", "bpo5Time", "amsterdamTime", "verkleTime")


def find_geth() -> Path:
    """geth, built once by the Go that is here; no other toolchain is downloaded.

    Raises:
        ChainError: there is no Go, or the build failed.
    """
    if _PROGRAM.is_file():
        return _PROGRAM
    go = shutil.which("go")
    if go is None:
        raise ChainError("geth is built from source and go is not installed", "install Go, or leave geth out")
    _PROGRAM.parent.mkdir(parents=True, exist_ok=True)
    environment = os.environ | {"GOTOOLCHAIN": "local", "GOBIN": str(_PROGRAM.parent), "GOFLAGS": "-trimpath"}
    command = [go, "install", f"github.com/ethereum/go-ethereum/cmd/geth@{VERSION}"]
    built = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if built.returncode:
        raise ChainError(f"geth {VERSION} does not build: {built.stderr.strip()[-300:]}", "is a Go proxy within reach?")
    return _PROGRAM


def write_genesis(geth: str, folder: Path, chain_id: int, balances: Mapping[str, int]) -> Path:
    """geth's own development genesis (it holds the system contracts of Prague) under our chain id and accounts."""
    dumped = subprocess.run([geth, "--dev", "dumpgenesis"], capture_output=True, text=True, check=True).stdout
    genesis = json.loads(dumped)
    config = genesis["config"]
    for fork in _LATER_FORKS:
        config.pop(fork, None)
        config.get("blobSchedule", {}).pop(fork.removesuffix("Time"), None)
    config["chainId"] = chain_id
    genesis["gasLimit"] = hex(GAS_LIMIT)
    genesis["timestamp"] = "0x1"
    genesis["alloc"] |= {address: {"balance": hex(wei)} for address, wei in balances.items()}
    path = folder / "genesis.json"
    path.write_text(json.dumps(genesis))
    return path


class GethProvider(CheckedHTTPProvider):
    """A geth that builds a block for every transaction, and obeys anvil's two requests about the clock."""

    def __init__(self, url: str, engine: str, secret: bytes, timeout: float) -> None:
        super().__init__(url, timeout)
        self._engine, self._secret = engine, secret
        self._next: int | None = None

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """One request; raw transactions are in a block when it returns."""
        if method == "evm_setNextBlockTimestamp":
            self._next = int(params[0])
        elif method == "evm_mine":
            self._build(None)
        else:
            response = super().make_request(method, params)
            if method == "eth_sendRawTransaction" and "result" in response:
                self._build(str(response["result"]))
            return response
        return {"jsonrpc": "2.0", "id": 0, "result": None}

    def _build(self, transaction: str | None) -> None:
        """One block one second after its parent, or at the time asked for, that holds the transaction."""
        parent = self._ask("eth_getBlockByNumber", ["latest", False])
        moment = int(parent["timestamp"], 16) + 1 if self._next is None else self._next
        for attempt in range(200):
            payload = self._payload(parent["hash"], moment, attempt)
            if transaction is None or payload["executionPayload"]["transactions"]:
                break
            time.sleep(0.01)  # the pool takes a transaction up in the background
        else:
            raise ChainError(f"geth leaves transaction {transaction} out of its blocks")
        block = payload["executionPayload"]
        told = self._command("engine_newPayloadV4", [block, [], _ZEROS, payload["executionRequests"]])
        if told["status"] != "VALID":
            raise ChainError(f"geth refuses its own block: {told}")
        self._choose(block["blockHash"], None)
        self._next = None

    def _payload(self, parent: str, moment: int, attempt: int) -> Any:
        attributes = {
            "timestamp": hex(moment),
            "prevRandao": f"0x{attempt:064x}",  # another value is another payload, built anew
            "suggestedFeeRecipient": "0x" + "00" * 20,
            "withdrawals": [],
            "parentBeaconBlockRoot": _ZEROS,
        }
        identifier = self._choose(parent, attributes)["payloadId"]
        time.sleep(0.01)  # the first payload is empty, the full one follows at once
        return self._command("engine_getPayloadV4", [identifier])

    def _choose(self, head: str, attributes: Mapping[str, Any] | None) -> Any:
        state = {"headBlockHash": head, "safeBlockHash": head, "finalizedBlockHash": head}
        answer = self._command("engine_forkchoiceUpdatedV3", [state, attributes])
        if answer["payloadStatus"]["status"] != "VALID":
            raise ChainError(f"geth refuses its own head: {answer}")
        return answer

    def _ask(self, method: str, params: list[Any]) -> Any:
        return super().make_request(RPCEndpoint(method), params)["result"]

    def _command(self, method: str, params: list[Any]) -> Any:
        """One request on the engine's port, with the token it wants."""
        body: Any = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        headers = {"Authorization": "Bearer " + _token(self._secret)}
        answer = requests.post(self._engine, json=body, headers=headers, timeout=self._timeout).json()
        if "error" in answer:
            raise ChainError(f"geth refused {method}: {answer['error'].get('message')}")
        return answer["result"]


def _token(secret: bytes) -> str:
    """A JSON web token (HS256) issued now."""
    claim = {"iat": int(time.time())}
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claim)]
    signed = b".".join(part.rstrip(b"=") for part in parts)
    digest = base64.urlsafe_b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).rstrip(b"=")
    return (signed + b"." + digest).decode()
