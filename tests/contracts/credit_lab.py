"""Shorthands for scenes at the credit line."""

from __future__ import annotations

from typing import Any

from prover.chain.signer import Signer
from prover.chain.transactions import Receipt
from tests.contracts.circuits import helper_contracts
from tests.contracts.lab import CREDIT_TERMS, DAY, UNIT, Lab

ALL = 2**256 - 1
VIRTUAL = 10**6  # shares nobody holds
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


def claim(lab: Lab, due_day: int, who: Signer) -> int:
    """Let somebody claim their part of a day's late payments; what came."""
    before = balance(lab, who.address)
    lab.send("CreditLine", "claim", [due_day], who.address, by=who)
    return balance(lab, who.address) - before


def due_day(lab: Lab, loan_id: int = 1) -> int:
    """The last day on which a loan is in time: its pocket's."""
    return int(loan(lab, loan_id)["dueAt"]) // DAY - 1


def open_caps(lab: Lab) -> None:
    """Terms and caps that stop nobody."""
    huge = 10**30
    lab.send("CreditLine", "setModelTerms", lab.tier_model, ([(0, 0), (huge, 1_500), (huge, 1_000)], huge, 7 * DAY, 90))
    lab.send("CreditLine", "setIssuerDailyCap", lab.issuer.address, huge)
    lab.send("CreditLine", "setCaps", huge, huge)


def free_line(lab: Lab, rate: int = 0, days: int = 1) -> None:
    """Another credit line: on made-up decisions, lending any amount of model 1 at one rate and term."""
    decisions = lab.deploy_as("OpenDecisions", helper_contracts()["OpenDecisions"])
    lab.deploy("CreditLine", decisions.address, lab.address("DemoToken"), lab.owner.address)
    lab.send("CreditLine", "setModelTerms", 1, ([(0, 0), (2**128 - 1, rate), (0, 0)], ALL, 1, days))
    lab.send("CreditLine", "setIssuerDailyCap", lab.issuer.address, ALL)
    lab.send("CreditLine", "setCaps", ALL, ALL)


def gain_interest(lab: Lab) -> None:
    """Lend all the cash of a free line, and have it paid back in the last second of its term."""
    lab.draw(value(lab, "cash"), model=1)
    number = value(lab, "loanCount")
    lab.travel(int(loan(lab, number)["dueAt"]) - 3)
    provide(lab, value(lab, "owedUp", number) + 10)
    repay(lab, number)


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
