"""A deployed system for tests that act on real models' answers; every test sees it as it was deployed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from prover.chain.networks import connect
from tests.contracts.asset_lab import Estate
from tests.contracts.lab import Lab
from tests.integration.asset_models import model


@pytest.fixture(scope="session")
def deployed(require_tool: Any, tmp_path_factory: pytest.TempPathFactory) -> Lab:
    for tool in ("native", "node", "solc", "openzeppelin"):
        require_tool(tool)
    return Lab.build(connect("tester"), tmp_path_factory.mktemp("keys"))


@pytest.fixture
def lab(deployed: Lab) -> Iterator[Lab]:
    tester = deployed.network.w3.provider.ethereum_tester  # type: ignore[attr-defined]
    snapshot, contracts = tester.take_snapshot(), dict(deployed.contracts)
    yield deployed
    tester.revert_to_snapshot(snapshot)
    deployed.contracts = contracts


@pytest.fixture
def estate(lab: Lab) -> Estate:
    """A deed whose feed believes the real house model."""
    house = model("house_price")
    return Estate.of_model(lab, None, house.register(lab))
