"""One deployed system for the session; every test sees it as it was deployed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from prover.chain.networks import connect
from tests.contracts.lab import Lab


@pytest.fixture(scope="session")
def deployed(require_tool: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """The system; use ``lab`` in tests."""
    require_tool("node")
    require_tool("solc")
    require_tool("openzeppelin")
    return Lab.build(connect("tester"), tmp_path_factory.mktemp("keys"))


@pytest.fixture
def lab(deployed: Lab) -> Iterator[Lab]:
    """The system on a snapshot: what a test does is undone."""
    tester = cast(Any, deployed.network.w3.provider).ethereum_tester
    snapshot = tester.take_snapshot()
    contracts = dict(deployed.contracts)
    yield deployed
    tester.revert_to_snapshot(snapshot)
    deployed.contracts = contracts
