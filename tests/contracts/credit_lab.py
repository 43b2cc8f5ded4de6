"""Shorthands for scenes at the credit line."""

from __future__ import annotations

from typing import Any

from prover.chain.signer import Signer
from prover.chain.transactions import Receipt
from tests.contracts.lab import CREDIT_TERMS, DAY, UNIT, Lab

ALL = 2**256 - 1
VIRTUAL = 10**6  # shares nobody holds
VESTING = 7 * DAY
WRITE_OFF_DELAY = 30 * DAY
LOAN = (
    "borrower",
    "accruedAt",
    "annualRateBps",
    "issuer",
    "openedAt",
    "dueAt",
    "writtenOff",
    "personId",
    "modelId",
    "principal",
    "interest",
)


def balance(lab: Lab, who: str) -> int:
    return int(lab.read("DemoToken", "balanceOf", who))


def loan(lab: Lab, loan_id: int = 1) -> dict[str, Any]:
    return dict(zip(LOAN, lab.read("CreditLine", "loanOf", loan_id), strict=True))


def provide(lab: Lab, amount: int, by: Signer | None = None) -> None:
    """Give somebody tokens, allowed to the credit line."""
    by = by or lab.alice
    lab.send("DemoToken", "mint", by.address, amount)
    lab.send("DemoToken", "approve", lab.address("CreditLine"), ALL, by=by)


def set_terms(lab: Lab, at: int, value: object) -> None:
    """The usual terms with one member changed."""
    lab.send("CreditLine", "setModelTerms", lab.tier_model, (*CREDIT_TERMS[:at], value, *CREDIT_TERMS[at + 1 :]))


def value(lab: Lab, view: str, *args: object) -> int:
    """A number the credit line shows."""
    return int(lab.read("CreditLine", view, *args))


def deposit(lab: Lab, amount: int, by: Signer) -> int:
    """Mint somebody tokens and deposit them; the shares received."""
    provide(lab, amount, by)
    (event,) = lab.events(lab.send("CreditLine", "deposit", amount, by.address, by=by), "CreditLine", "Deposit")
    return int(event["shares"])


def redeem_all(lab: Lab, by: Signer) -> int:
    """Redeem everything somebody holds; the assets received."""
    receipt = lab.send("CreditLine", "redeem", value(lab, "balanceOf", by.address), by.address, by.address, by=by)
    (event,) = lab.events(receipt, "CreditLine", "Withdraw")
    return int(event["assets"])


def repay(lab: Lab, loan_id: int = 1, amount: int = ALL, by: Signer | None = None) -> Receipt:
    return lab.send("CreditLine", "repay", loan_id, amount, by=by or lab.alice)


def past_due(lab: Lab, amount: int = 1_000 * UNIT) -> int:
    """Alice's loan, and the chain at its first second past due; the time."""
    lab.decided()
    lab.draw(amount)
    due = int(loan(lab)["dueAt"])
    lab.travel(due)
    return due


def written_off(lab: Lab, amount: int = 1_000 * UNIT) -> int:
    """Alice's loan, written off at the first second allowed; that time."""
    at = past_due(lab, amount) + WRITE_OFF_DELAY
    lab.travel(at)
    lab.send("CreditLine", "writeOff", 1, by=lab.mallory)
    return at
