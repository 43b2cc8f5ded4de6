"""Gas of every view of every stock contract, as a contract that reads it cold pays it.

Getters without arguments come from the ABI by themselves; every other view has its arguments in ``gas_view_calls``.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from prover.chain.artifacts import artifact_names
from tests.contracts.circuits import helper_contracts
from tests.contracts.credit_lab import loan, repay
from tests.contracts.gas_rows import SEPARATOR, function_of, functions
from tests.contracts.gas_view_calls import CALLS, Calls, late_credit
from tests.contracts.gas_view_scene import Scene
from tests.contracts.lab import UNIT, Lab

DEPLOYED_AS = {"DemoFeed": "GoldFeed"}
REFUSED = {"ModelRegistry.updateModel", "CreditLine.renounceOwnership"}
"""Views by their ABI, for all they do is to refuse: the row is what the refusal costs."""


def measure_views(lab: Lab) -> dict[str, int]:
    """Every view once, in the ABI's order, and some of the credit line's when a loan is late."""
    with TemporaryDirectory() as folder:
        scene = Scene.build(lab, Path(folder))
    lab.deploy_as("Gauge", helper_contracts()["Gauge"])
    rows: dict[str, int] = {}
    for contract in artifact_names():
        getters: Calls = {name: () for name, entry in functions(contract, views=True).items() if not entry["inputs"]}
        with_arguments = CALLS[contract](scene) if contract in CALLS else {}
        rows |= _measure(lab, contract, getters | with_arguments)
    lab.travel(loan(lab)["dueAt"])
    rows |= _measure(lab, "CreditLine", {"totalAssets, a day to roll": ()})
    repay(lab, amount=10 * UNIT)
    return rows | _measure(lab, "CreditLine", late_credit(scene))


def _measure(lab: Lab, contract: str, calls: Calls) -> dict[str, int]:
    """Rows of one contract, sorted as its ABI is."""
    order = list(functions(contract, views=True))
    in_order = sorted(calls, key=lambda call: (order.index(function_of(call)), call))
    return dict(_row(lab, contract, call, calls[call]) for call in in_order)


def _row(lab: Lab, contract: str, call: str, args: tuple[object, ...]) -> tuple[str, int]:
    bound = lab.contracts[DEPLOYED_AS.get(contract, contract)]
    row = f"{contract}.{call}"
    success, used = lab.read("Gauge", "gasOf", bound.address, bound.encode(function_of(call), args))
    assert success is (row not in REFUSED), row
    return row if success else f"{row}{SEPARATOR}refused", int(used)
