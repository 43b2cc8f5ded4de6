"""Gas of every external function of every stock contract, as a tracked file: a change shows in the diff, a missing
row fails.

Fork Prague. ``gas`` is that of whole transactions (intrinsic gas and calldata included); ``view gas`` is what a cold
call costs the contract that reads. Keys, proofs, times and addresses come from seeds, so the figures are exact.
After a wanted change: VERDICT_UPDATE_SNAPSHOTS=1 pytest tests/contracts/test_gas.py
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, cast

from prover.chain.artifacts import artifact_names, load_artifact
from tests.contracts.gas_assets import measure_assets
from tests.contracts.gas_credit import measure_credit
from tests.contracts.gas_demo import measure_demo
from tests.contracts.gas_market import measure_market
from tests.contracts.gas_registry import measure_registries
from tests.contracts.gas_rows import every_function, function_of
from tests.contracts.gas_views import measure_views
from tests.contracts.lab import CONTENT, MAX_AGE, SCHEMA, TIER_LAYOUT, Lab
from tests.contracts.test_audits import state, statement

SNAPSHOT = Path(__file__).parents[1] / "snapshots" / "contract_gas.json"
EIP170 = 24_576  # bytes


def measure(lab: Lab) -> dict[str, int]:
    """One transaction of each kind, in an order in which they work."""
    gas: dict[str, int] = {}

    def send(row: str, contract: str, function: str, *args: object, by: object = None) -> None:
        gas[row] = lab.send(contract, function, *args, by=by).gas_used  # type: ignore[arg-type]

    commitment = lab.commitment("TierVerifier", TIER_LAYOUT, "ipfs://model")
    model_id = lab.read("ModelRegistry", "modelIdOf", lab.owner.address, commitment, 0)
    send("ModelRegistry.registerModel", "ModelRegistry", "registerModel", commitment)
    verifier = lab.address("TierVerifier")
    bound = (model_id, verifier, CONTENT, TIER_LAYOUT, MAX_AGE)
    send("ModelRegistry.bindVerifier", "ModelRegistry", "bindVerifier", *bound)
    send("ModelRegistry.deprecateModel", "ModelRegistry", "deprecateModel", model_id)
    send("IssuerRegistry.registerIssuer", "IssuerRegistry", "registerIssuer", lab.admin.address, "", by=lab.bob)

    gas["DecisionRegistry.submit, first of a subject"] = lab.submit(lab.submission(tier=2)).gas_used
    gas["DecisionRegistry.submit, later one"] = lab.submit(lab.submission(tier=2, sequence=2, nonce=1)).gas_used

    minimum = ("raiseMinimumSequence", lab.issuer.address, lab.alice.address, SCHEMA, 9)
    send("IssuerRegistry.raiseMinimumSequence", "IssuerRegistry", *minimum, by=lab.issuer)
    send(
        "IssuerRegistry.revokeAttestation",
        "IssuerRegistry",
        "revokeAttestation",
        lab.issuer.address,
        CONTENT,
        by=lab.issuer,
    )
    gas["AuditRegistry.state"] = state(lab, statement(lab)).gas_used
    return gas


FAMILIES = (measure, measure_assets, measure_credit, measure_demo, measure_market, measure_registries)


def gas(lab: Lab, families: Iterable[Callable[[Lab], dict[str, int]]] = FAMILIES) -> dict[str, int]:
    """Every family of contracts on the system as it was deployed."""
    tester = cast(Any, lab.network.w3.provider).ethereum_tester
    contracts = dict(lab.contracts)
    rows: dict[str, int] = {}
    for family in families:
        snapshot = tester.take_snapshot()
        rows |= family(lab)
        tester.revert_to_snapshot(snapshot)
        lab.contracts = dict(contracts)
    return rows


def sizes() -> dict[str, int]:
    """Bytes of runtime code of every stock contract."""
    return {name: len(load_artifact(name).deployed_bytecode) for name in artifact_names()}


def test_gas_and_sizes_are_as_recorded(lab: Lab, require_tool: Callable[[str], Path]) -> None:
    require_tool("native")  # the other backend turns the seed into another key, whose bytes cost other gas
    found = {
        "fork": lab.network.fork,
        "gas": gas(lab),
        "view gas": gas(lab, [measure_views]),
        "code size": sizes(),
    }
    if os.environ.get("VERDICT_UPDATE_SNAPSHOTS"):
        SNAPSHOT.write_text(json.dumps(found, indent=2) + "\n")
    assert found == json.loads(SNAPSHOT.read_text())


def test_every_external_function_has_a_row() -> None:
    """No exemptions: a function nobody measured is missing here by name, and so is one that is no more."""
    snapshot = json.loads(SNAPSHOT.read_text())
    measured = {function_of(row) for kind in ("gas", "view gas") for row in snapshot[kind]}
    assert measured == every_function()


def test_every_contract_fits_eip170() -> None:
    assert max(sizes().values()) <= EIP170
