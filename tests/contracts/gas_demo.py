"""Gas of the play token, deed and feed, and of the mock for integrators: anybody calls them, nothing is at stake."""

from __future__ import annotations

from prover.chain.signer import Signer
from tests.contracts.lab import DAY, PERSON, UNIT, Lab

DECIDED = ([2], [0])  # values and their decimals


def measure_demo(lab: Lab) -> dict[str, int]:
    """One transaction of each kind, in an order in which they work."""
    gas: dict[str, int] = {}
    alice, bob = lab.alice.address, lab.bob.address
    lab.deploy("DemoDeed")
    lab.deploy("DemoFeed", 8, "gold / USD", 200 * 10**8)
    lab.deploy("MockDecisionRegistry")

    def send(contract: str, function: str, *args: object, by: Signer | None = None) -> None:
        gas[f"{contract}.{function}"] = lab.send(contract, function, *args, by=by or lab.alice).gas_used

    send("DemoToken", "mint", alice, 100 * UNIT)
    send("DemoToken", "transfer", bob, UNIT)
    send("DemoToken", "approve", bob, 2 * UNIT)
    send("DemoToken", "transferFrom", alice, bob, UNIT, by=lab.bob)

    for deed in (1, 2, 3):
        send("DemoDeed", "mint", alice, deed)
    send("DemoDeed", "approve", bob, 1)
    send("DemoDeed", "transferFrom", alice, bob, 1, by=lab.bob)
    send("DemoDeed", "setApprovalForAll", bob, True)
    send("DemoDeed", "safeTransferFrom(address,address,uint256)", alice, bob, 2, by=lab.bob)
    send("DemoDeed", "safeTransferFrom(address,address,uint256,bytes)", alice, bob, 3, b"", by=lab.bob)

    send("DemoFeed", "set", 180 * 10**8)
    send("DemoFeed", "setRound", 180 * 10**8, lab.network.now(), lab.network.now())

    where = (lab.issuer.address, alice, bob)
    now = lab.network.now()
    decision = (*DECIDED, lab.issuer.address, PERSON, bytes(32), now, now + DAY, 1)
    send("MockDecisionRegistry", "setTiers", 5, 3)
    send("MockDecisionRegistry", "decide", 5, *where, 2, PERSON, 10 * DAY)
    send("MockDecisionRegistry", "setStatus", 5, *where, 4)
    send("MockDecisionRegistry", "setDecision", 6, alice, bob, decision)
    return gas
