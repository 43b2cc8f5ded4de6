"""One chain on three implementations: eth-tester's py-evm, anvil's revm and geth, told apart by nothing but their code.

Chain id, funded accounts, fork and clock are the same everywhere, hence so are addresses, signatures, proofs and
calldata, and a transaction has to cost the same gas to the last unit.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from eth_account import Account
from web3 import Web3
from web3.providers import JSONBaseProvider

from lending_year.geth import GAS_LIMIT, GethProvider, find_geth, write_genesis
from prover.chain.networks import Network, connect
from prover.chain.node import find_anvil
from prover.chain.providers import provider_for
from prover.chain.signer import LocalSigner, Signer
from prover.chain.tester import FORK, TESTER_CHAIN_ID
from prover.errors import ChainError, NodeUnreachableError

Implementation = Literal["tester", "anvil", "geth"]
IMPLEMENTATIONS: tuple[Implementation, ...] = ("tester", "anvil", "geth")

START = 2_051_222_400
"""Midnight of 1 January 2035 (UTC): ahead of every machine's clock, which the implementations then leave alone."""

ACCOUNTS = 10
BALANCE = 10**24
_HOST = "127.0.0.1"
_PATIENCE = 30.0


@dataclass(frozen=True)
class Chain:
    """A fresh chain whose clock we hold.

    Attributes:
        name: which implementation runs it.
        network: it, as the package's code takes it.
        signers: ten funded accounts, the same on every implementation.
    """

    name: Implementation
    network: Network
    signers: Sequence[Signer]

    def travel(self, timestamp: int) -> None:
        """Let the next transaction's block have this timestamp; each block after it comes one second later."""
        if self.name == "tester":
            self.network.request("testing_timeTravel", [timestamp])
        elif timestamp > self.network.now() + 1:
            self.network.request("evm_setNextBlockTimestamp", [timestamp - 1])
            self.network.request("evm_mine", [])


def require_installed(name: Implementation) -> None:
    """Find the program, or build it. Raises ChainError when that cannot be done here."""
    if name == "anvil":
        find_anvil()
    elif name == "geth":
        find_geth()


@contextlib.contextmanager
def open_chain(name: Implementation) -> Iterator[Chain]:
    """A fresh chain that ends with the block.

    Raises:
        ChainError: the implementation is not installed, or does not start.
    """
    if name == "tester":
        network = connect("tester")
        keys = [bytes(key.to_bytes()) for key in network.w3.provider.backend.account_keys[:ACCOUNTS]]  # type: ignore[attr-defined]
        yield _started(name, network, keys)
        return
    keys = [number.to_bytes(32, "big") for number in range(1, ACCOUNTS + 1)]  # eth-tester's
    opened = _anvil if name == "anvil" else _geth
    with tempfile.TemporaryDirectory(prefix="verdict-chain-") as folder, opened(Path(folder), keys) as provider:
        provider.global_ccip_read_enabled = False
        w3 = Web3(provider)
        if w3.eth.chain_id != TESTER_CHAIN_ID:
            raise ChainError(f"{name} runs chain {w3.eth.chain_id}, not {TESTER_CHAIN_ID}")
        yield _started(name, Network(w3, TESTER_CHAIN_ID, "url", FORK, name), keys)


def _started(name: Implementation, network: Network, keys: Sequence[bytes]) -> Chain:
    chain = Chain(name, network, [LocalSigner(Account.from_key(key)) for key in keys])
    chain.travel(START)
    return chain


@contextlib.contextmanager
def _anvil(folder: Path, keys: Sequence[bytes]) -> Iterator[JSONBaseProvider]:
    port = _free_port()
    command = [str(find_anvil()), "--host", _HOST, "--port", str(port), "--chain-id", str(TESTER_CHAIN_ID)]
    command += ["--hardfork", FORK, "--accounts", "1"]
    with _process(command, folder) as child:
        provider = provider_for(f"http://{_HOST}:{port}", _PATIENCE)
        _wait(child, provider, folder)
        for key in keys:
            provider.make_request("anvil_setBalance", [Account.from_key(key).address, hex(BALANCE)])  # type: ignore[arg-type]
        provider.make_request("anvil_setBlockTimestampInterval", [1])  # type: ignore[arg-type]
        yield provider


@contextlib.contextmanager
def _geth(folder: Path, keys: Sequence[bytes]) -> Iterator[JSONBaseProvider]:
    geth = str(find_geth())
    genesis = write_genesis(geth, folder, TESTER_CHAIN_ID, {Account.from_key(key).address: BALANCE for key in keys})
    secret = folder / "jwt"
    secret.write_text("0x" + bytes(range(32)).hex())
    data = ["--datadir", str(folder / "data")]
    subprocess.run([geth, *data, "--state.scheme", "hash", "init", str(genesis)], check=True, capture_output=True)
    port, engine = _free_port(), _free_port()
    command = [geth, *data, "--http", "--http.addr", _HOST, "--http.port", str(port)]
    command += ["--authrpc.addr", _HOST, "--authrpc.port", str(engine), "--authrpc.jwtsecret", str(secret)]
    command += ["--port", "0", "--nodiscover", "--maxpeers", "0", "--nat", "none", "--ipcdisable"]
    command += [
        "--miner.gaslimit",
        str(GAS_LIMIT),
        "--syncmode",
        "full",
        "--gcmode",
        "archive",
        "--state.scheme",
        "hash",
        "--cache",
        "64",
    ]
    with _process(command, folder) as child:
        provider = GethProvider(f"http://{_HOST}:{port}", f"http://{_HOST}:{engine}", bytes(range(32)), _PATIENCE)
        _wait(child, provider, folder)
        yield provider


@contextlib.contextmanager
def _process(command: Sequence[str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A child whose output goes to ``folder/log``; ended with the block."""
    with (folder / "log").open("wb") as log:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
    try:
        yield child
    finally:
        child.terminate()
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _wait(child: subprocess.Popen[bytes], provider: JSONBaseProvider, folder: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        if child.poll() is not None:
            raise ChainError(f"the node ended: {(folder / 'log').read_text(errors='replace').strip()[-500:]}")
        with contextlib.suppress(NodeUnreachableError):
            provider.make_request("eth_chainId", [])  # type: ignore[arg-type]
            return
        time.sleep(0.05)
    raise NodeUnreachableError(f"the node did not answer within {_PATIENCE:.0f} s")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        return int(probe.getsockname()[1])
