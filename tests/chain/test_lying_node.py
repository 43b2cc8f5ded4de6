"""A node that answers one method as no node does: whoever asks gets a typed error, or what is true all the same."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
from web3 import Web3
from web3.types import RPCEndpoint, RPCResponse

from prover.chain import tester
from prover.chain.artifacts import load_artifact
from prover.chain.deploy import deploy_contract
from prover.chain.networks import Network
from prover.chain.records import Records
from prover.chain.signer import Signer, UnlockedSigner, development_signers
from prover.chain.transactions import Sender
from prover.errors import ChainError, SignerError

NONSENSE = [None, {}, [], 5, -1, "", "many", "0x", "0x" + "f" * 5000, {"hash": "0x1"}]
METHODS = [
    "eth_call",
    "eth_estimateGas",
    "eth_getBlockByNumber",
    "eth_getCode",
    "eth_getTransactionCount",
    "eth_getTransactionReceipt",
    "eth_maxPriorityFeePerGas",
    "eth_sendRawTransaction",
    "eth_sendTransaction",
]


class LyingProvider(tester.TesterProvider):
    """A real chain whose answers to one method are replaced."""

    def __init__(self) -> None:
        super().__init__()
        self.method, self.answer = "", None
        self.told = 0

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        response = super().make_request(method, params)
        if method != self.method:
            return response
        self.told += 1
        return {"jsonrpc": "2.0", "id": 1, "result": self.answer}


@pytest.fixture(scope="module")
def provider() -> LyingProvider:
    return LyingProvider()


@pytest.mark.parametrize("method", METHODS)
def test_nonsense_is_a_typed_error(provider: LyingProvider, method: str, tmp_path: Path) -> None:
    provider.method = ""
    network = Network(Web3(provider), int(Web3(provider).eth.chain_id), "node", "prague", "liar")
    local = development_signers(network)[0]
    signers: list[Signer] = [local, UnlockedSigner(network, local.address)]
    token = load_artifact("DemoToken")
    records = Records(network, tmp_path)
    deploy_contract(Sender(network, local), records, token)
    record = records.get("DemoToken")
    assert record is not None
    provider.method, provider.told = method, 0
    for answer in NONSENSE:
        provider.answer = answer
        for signer in signers:
            with contextlib.suppress(ChainError):
                deploy_contract(Sender(network, signer, patience=0.05), Records(network, tmp_path / "new"), token)
            for path in (tmp_path / "new").rglob("*.json"):
                path.unlink()
        with contextlib.suppress(ChainError):
            deploy_contract(Sender(network, local), records, token)
        with contextlib.suppress(ChainError):
            assert network.now() > 0
    assert provider.told >= len(NONSENSE)


def test_a_signature_that_is_none(provider: LyingProvider) -> None:
    provider.method, provider.answer = "eth_signTypedData_v4", "many"
    network = Network(Web3(provider), 1, "node", "prague", "liar")
    with pytest.raises(SignerError, match="no signature"):
        UnlockedSigner(network, network.w3.eth.accounts[0]).sign_typed_data({})
