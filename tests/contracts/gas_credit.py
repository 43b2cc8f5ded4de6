"""Gas of every function of the credit line."""

from __future__ import annotations

from tests.contracts.credit_lab import ALL, WRITE_OFF_DELAY, due_day, loan, provide
from tests.contracts.lab import CREDIT_TERMS, DAY, UNIT, Lab


def measure_credit(lab: Lab) -> dict[str, int]:
    """One transaction of each kind, in an order in which they work."""
    gas: dict[str, int] = {}

    def send(row: str, function: str, *args: object, by: object = None) -> None:
        gas[f"CreditLine.{row}"] = lab.send("CreditLine", function, *args, by=by).gas_used  # type: ignore[arg-type]

    owner, bob = lab.owner.address, lab.bob.address
    send("setModelTerms", "setModelTerms", lab.tier_model, CREDIT_TERMS)
    send("setIssuerDailyCap", "setIssuerDailyCap", lab.issuer.address, 9_001 * UNIT)
    send("setCaps", "setCaps", 4_001 * UNIT, 5_001 * UNIT)
    lab.send("IssuerRegistry", "registerIssuer", lab.admin.address, "", by=lab.relayer)
    lab.send("IssuerRegistry", "registerIssuer", lab.admin.address, "", by=lab.mallory)
    lab.send("IssuerRegistry", "supersedeIssuer", lab.mallory.address, lab.relayer.address, True, by=lab.admin)
    send("linkIssuer", "linkIssuer", lab.relayer.address, lab.mallory.address)
    provide(lab, 1_000 * UNIT, lab.bob)
    send("deposit, first of a depositor", "deposit", 100 * UNIT, bob, by=lab.bob)
    send("deposit, later one", "deposit", 100 * UNIT, bob, by=lab.bob)
    send("mint", "mint", 10**20, bob, by=lab.bob)
    send("transfer", "transfer", owner, 10**20, by=lab.bob)
    send("approve", "approve", owner, ALL, by=lab.bob)
    send("transferFrom", "transferFrom", bob, owner, 10**20)
    send("withdraw", "withdraw", 10 * UNIT, bob, bob, by=lab.bob)
    send("redeem", "redeem", 10**20, bob, bob, by=lab.bob)

    lab.decided(subject=lab.mallory, personId=b"\x02" * 32)
    lab.decided()
    terms = (lab.tier_model, lab.issuer.address)
    send("draw, first of a person and day", "draw", *terms, 1_000 * UNIT, by=lab.alice)
    send("draw, later one", "draw", *terms, UNIT, by=lab.alice)
    send("drawWithin", "drawWithin", *terms, UNIT, 1_000, 0, by=lab.alice)
    provide(lab, 1_000 * UNIT)
    send("repay, part, same day", "repay", 1, 10 * UNIT, by=lab.alice)
    lab.travel(lab.network.now() + DAY)
    send("repay, part, later", "repay", 1, 10 * UNIT, by=lab.alice)
    send("repay, all", "repay", 2, ALL, by=lab.alice)
    lab.draw(UNIT, by=lab.mallory)
    lab.travel(loan(lab, 1)["dueAt"])
    send("roll, one day with dues", "roll")
    send("repay, first part past due", "repay", 1, UNIT, by=lab.alice)
    send("repay, later part past due", "repay", 1, UNIT, by=lab.alice)
    send("claim, first of a day and account", "claim", [due_day(lab, 1)], owner)
    lab.travel(loan(lab, 4)["dueAt"] + WRITE_OFF_DELAY)
    send("writeOff, rolling a day", "writeOff", 4)
    send("writeOff", "writeOff", 1)
    send("repay, part of a written-off loan", "repay", 1, UNIT, by=lab.alice)
    lab.send("CreditLine", "repay", 4, UNIT // 2, by=lab.alice)
    send("claim, of two days", "claim", [due_day(lab, 1), due_day(lab, 4)], owner)
    send("transferOwnership", "transferOwnership", bob)
    send("acceptOwnership", "acceptOwnership", by=lab.bob)
    return gas
