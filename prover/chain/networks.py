"""Which chain we talk to: the in-process tester, the local node of ``verdict node``, or any RPC URL."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, cast
from urllib.parse import urlsplit

from eth_typing import ChecksumAddress
from web3 import Web3
from web3.exceptions import Web3Exception
from web3.providers import BaseProvider
from web3.types import RPCEndpoint

from prover.chain import node
from prover.chain.providers import provider_for, public_url
from prover.chain.tester import FORK, Precompiles, TesterProvider
from prover.errors import ChainError, NodeUnreachableError, WrongChainError

DEVELOPMENT_CHAINS = frozenset({31337, 1337})
"""Chain ids that many unrelated throw-away chains share."""

_LARGEST_CHAIN_ID = (1 << 256) - 1
"""What CHAINID can push."""

MALFORMED = (Web3Exception, AttributeError, LookupError, TypeError, ValueError, OverflowError)
"""What web3.py raises on JSON-RPC answers that no node gives: fields missing, or of other types and sizes."""

Kind = Literal["tester", "node", "url"]


@dataclass(frozen=True)
class Network:
    """A chain that answered.

    Attributes:
        w3: web3.py on the checked provider.
        chain_id: asked from the node when the network was opened.
        kind: ``tester``, ``node`` (the anvil of ``verdict node``, by whatever URL) or ``url``.
        fork: name of the hard fork gas figures are labelled with, ``"unknown"`` when the node does not say.
        name: what to print; never the whole URL, whose path may hold an access key.
    """

    w3: Web3 = field(repr=False)
    chain_id: int
    kind: Kind
    fork: str
    name: str

    @property
    def persistent(self) -> bool:
        """Whether the chain outlives this process, hence whether its deployments are worth recording."""
        return self.kind != "tester"

    @property
    def development(self) -> bool:
        """Whether it is a throw-away chain, whose unlocked accounts may be used without asking."""
        return self.kind != "url" or self.chain_id in DEVELOPMENT_CHAINS

    def now(self) -> int:
        """Timestamp of the latest block, seconds since 1970.

        Raises:
            ChainError: the node does not tell one.
        """
        try:
            timestamp = int(self.w3.eth.get_block("latest")["timestamp"])
        except MALFORMED as error:
            raise ChainError(f"{self.name} does not tell its latest block: {type(error).__name__}") from error
        if not 0 <= timestamp < 1 << 64:
            raise ChainError(f"{self.name} tells a time of {timestamp.bit_length()} bits")
        return timestamp

    def code_at(self, address: ChecksumAddress) -> bytes:
        """Runtime code of a contract, empty where there is none.

        Raises:
            ChainError: the node does not tell it.
        """
        try:
            return bytes(self.w3.eth.get_code(address))
        except MALFORMED as error:
            raise ChainError(f"{self.name} does not tell the code at {address}: {type(error).__name__}") from error

    def advance_time(self, seconds: int) -> None:
        """Mine a block ``seconds`` after the latest one; development chains only.

        Raises:
            ChainError: the node is not a development node.
        """
        target = self.now() + seconds
        if self.kind == "tester":
            self.request("testing_timeTravel", [target])
        else:
            self.request("evm_setNextBlockTimestamp", [target])
            self.request("evm_mine", [])

    def request(self, method: str, params: list[object]) -> Any:
        """A raw JSON-RPC request.

        Raises:
            ChainError: the node answered with an error.
        """
        try:
            response = self.w3.provider.make_request(RPCEndpoint(method), params)
        except Web3Exception as error:
            raise ChainError(f"{self.name} refused {method}: {error}") from error
        if "error" in response:
            told = cast(Any, response["error"])
            raise ChainError(f"{self.name} refused {method}: {told.get('message', told)}")
        return response.get("result")


def connect(
    network: str, expected_chain_id: int | None = None, *, timeout: float = 30.0, precompiles: Precompiles = "auto"
) -> Network:
    """Open a network and ask it which chain it is.

    Args:
        network: ``"tester"`` (a fresh chain in this process), ``"node"`` (the local node that ``verdict node`` runs,
            at its recorded port) or an http, https, ws or wss URL.
        expected_chain_id: refuse any other chain.
        timeout: seconds each request may take.
        precompiles: whose BN254 arithmetic the tester runs; no other network looks at it.

    Raises:
        NodeUnreachableError: nobody answers JSON-RPC there.
        WrongChainError: another chain than expected.
        ChainError: ``network`` is none of the three.
    """
    if network == "tester":
        opened = _open_tester(precompiles)
    elif network == "node":
        opened = _open(node.url(), timeout)
    else:
        opened = _open(network, timeout)
    if expected_chain_id is not None and opened.chain_id != expected_chain_id:
        raise WrongChainError(
            f"{opened.name} is chain {opened.chain_id}, expected chain {expected_chain_id}",
            "point --network at the chain the deployment or the signature is for",
        )
    return opened


def _open_tester(precompiles: Precompiles) -> Network:
    w3 = _web3(TesterProvider(precompiles))
    return Network(w3, int(w3.eth.chain_id), "tester", FORK, "tester")


def _open(url: str, timeout: float) -> Network:
    w3 = _web3(provider_for(url, timeout))
    try:
        chain_id = int(w3.eth.chain_id)
        if not 0 < chain_id <= _LARGEST_CHAIN_ID:
            raise ValueError(f"a chain id of {chain_id.bit_length()} bits")
    except MALFORMED as error:
        raise NodeUnreachableError(
            f"{public_url(url)} answers, but not as an Ethereum node: {error!s:.200}", "check the URL"
        ) from error
    return Network(w3, chain_id, "node" if _is_own(url, chain_id) else "url", _fork(w3), public_url(url))


def _is_own(url: str, chain_id: int) -> bool:
    """Whether the URL is that of the node ``verdict node`` runs here; any other may hold accounts of value."""
    own, parts = node.running(), urlsplit(url)
    here = parts.hostname in ("127.0.0.1", "localhost")
    return own is not None and here and (parts.port, chain_id) == (own.port, own.chain_id)


def _web3(provider: BaseProvider) -> Web3:
    """web3.py on a provider, without its habit of fetching the URLs that a contract's error names (EIP-3668)."""
    provider.global_ccip_read_enabled = False
    return Web3(provider)


def _fork(w3: Web3) -> str:
    """What an anvil says about itself; public nodes do not tell."""
    response = w3.provider.make_request(RPCEndpoint("anvil_nodeInfo"), [])
    info = response.get("result")
    return str(info["hardFork"]).lower() if isinstance(info, dict) and "hardFork" in info else "unknown"
