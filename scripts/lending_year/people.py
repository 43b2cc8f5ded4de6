"""Who takes part: the real applicants of the German credit data, under wallets derived from their line's number."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eth_account import Account

from prover.chain.signer import LocalSigner, Signer
from prover.schema import Schema, keccak256

MODELS = Path(__file__).resolve().parents[2] / "tests" / "models"
UNIT = 10**18


@dataclass
class Applicant:
    """A person of the data set.

    Attributes:
        name: line of the file, as a customer number.
        facts: what the schema asks for, as the file says it.
        repaid: how the real credit ended; here, too, it decides who pays back.
        amount: what was really asked for, one mark as one unit of the token.
        months: for how long.
        signer: the wallet.
        sequence: of the last statement about this person.
    """

    name: str
    facts: Mapping[str, Any] = field(repr=False)
    repaid: bool
    amount: int
    months: int
    signer: Signer = field(repr=False)
    sequence: int = 0

    @property
    def address(self) -> str:
        return self.signer.address


def applicants(schema: Schema, count: int) -> list[Applicant]:
    """The first lines of the file."""
    with (MODELS / "germancredit.csv").open(newline="") as file:
        lines = [line for line, _ in zip(csv.DictReader(file), range(count), strict=False)]
    return [
        Applicant(
            name=f"applicant {number}",
            facts={feature.name: _value(line[feature.name]) for feature in schema.features},
            repaid=line["creditability"] == "good",
            amount=int(line["credit_amount"]) * UNIT,
            months=int(line["duration_in_month"]),
            signer=wallet(f"applicant {number}"),
        )
        for number, line in enumerate(lines, 1)
    ]


def some_of_each(people: list[Applicant], accepted: Callable[[Applicant], bool], count: int) -> list[Applicant]:
    """A small cast in the file's order: one whom the model refuses, a third who will not repay, others who do."""
    wanted = {"refused": 1, "bad": count // 3, "good": count - 1 - count // 3}
    chosen = []
    for person in people:
        kind = "refused" if not accepted(person) else "good" if person.repaid else "bad"
        if wanted[kind]:
            wanted[kind] -= 1
            chosen.append(person)
    return chosen


def wallet(name: str) -> Signer:
    """A key that is the same on every run. Play money only."""
    return LocalSigner(Account.from_key(keccak256(f"a year of lending: {name}".encode())))


def _value(text: str) -> int | str:
    return int(text) if text.isdigit() else text
