"""Contracts small enough to write in EVM assembly, and the chains they run on."""

from __future__ import annotations

import pytest

from prover.chain.networks import Network, connect
from prover.chain.signer import development_signers
from prover.chain.transactions import Sender


@pytest.fixture
def tester() -> Network:
    """A fresh in-process chain with the precompiles ``connect`` chooses by itself."""
    return connect("tester")


@pytest.fixture
def sender(tester: Network) -> Sender:
    """The first development account of ``tester``."""
    return Sender(tester, development_signers(tester)[0])
