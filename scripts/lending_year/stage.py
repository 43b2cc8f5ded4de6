"""The stage: Verdict's contracts on a chain, an issuer, a relayer, and everything that happens written down.

What real parties draw at random (salts, nonces, the blinding of proofs) is fixed here, so that a second chain gets the
same bytes. That gives the applicants' secrets away; they are in a public data set anyhow.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from eth_typing import ChecksumAddress

import prover
from lending_year.chains import START, Chain
from lending_year.people import MODELS, Applicant, applicants, some_of_each
from prover.chain.artifacts import Artifact
from prover.chain.attest import attest, consent, person_pseudonym
from prover.chain.calls import Intent, simulate
from prover.chain.contracts import BoundContract
from prover.chain.decision import domain_of, submission
from prover.chain.deploy import Stack, deploy_stack
from prover.chain.eip712 import context_for
from prover.chain.issuers import register_issuer
from prover.chain.publish import Published, publish
from prover.chain.records import Records
from prover.chain.reverts import ErrorTable
from prover.chain.signer import Signer
from prover.chain.transactions import Receipt, Sender
from prover.errors import TransactionReverted
from prover.schema import keccak256

DAY = 86_400
MAX_AGE = 90 * DAY
"""How long a decision opens loans."""

_TELL_TIME = bytes.fromhex("425f5260205ff3")
"""Creation code that answers with its block's timestamp: TIMESTAMP PUSH0 MSTORE PUSH1 32 PUSH0 RETURN."""

_SECRET = b"the issuer keeps this forever"


@dataclass(frozen=True)
class Entry:
    """One transaction, as far as it must be the same on every implementation.

    Attributes:
        what: contract and function.
        second: of the year, at which its block came.
        gas: used, intrinsic gas and calldata included.
        digest: of its calldata and its events.
    """

    what: str
    second: int
    gas: int
    digest: bytes


@dataclass(frozen=True)
class Script:
    """What all chains share: the models with their keys, and each proof, made once.

    Attributes:
        bundle: judges applicants.
        appraiser: values houses.
        proofs: by commitment and context.
    """

    bundle: prover.Bundle
    appraiser: prover.Bundle
    proofs: dict[tuple[int, int], prover.InferenceProof] = field(default_factory=dict)

    @classmethod
    def of(cls, model: str) -> Script:
        """Compile a model over the loan schema, and the one that values houses, with development keys."""
        return cls(_compiled(model, "loan_schema"), _compiled("house_price", "house_price_schema"))

    def people(self, count: int, *, mixed: bool = False) -> list[Applicant]:
        """The first applicants of the file; ``mixed``: few, chosen so that everything happens to somebody."""
        if not mixed:
            return applicants(self.bundle.schema, count)
        first = applicants(self.bundle.schema, 40 * count)
        return some_of_each(first, lambda person: self.bundle.decide(person.facts)[0] > 0, count)

    def prove(self, bundle: prover.Bundle, opening: prover.Opening, context: int) -> prover.InferenceProof:
        """A proof, or the one that an earlier chain got."""
        statement = (opening.commitment, context)
        if statement not in self.proofs:
            self.proofs[statement] = prover.prove(bundle, opening, context=context)
        return self.proofs[statement]


def _compiled(model: str, schema: str) -> prover.Bundle:
    rows = np.load(MODELS / f"{model}.npz")["X"]
    bundle = prover.compile(MODELS / f"{model}.onnx", schema=MODELS / f"{schema}.json", calibration=rows)
    return prover.setup(bundle)


@dataclass(frozen=True)
class Judge:
    """A model on chain, and whose statements about its inputs are asked for."""

    bundle: prover.Bundle
    model_id: int
    issuer: Signer


class Stage:
    """A chain with the registries and the model on it. Transactions go through it and enter its journal."""

    def __init__(self, script: Script, chain: Chain, folder: Path) -> None:
        self.script, self.chain, self.network = script, chain, chain.network
        self.owner, self.relayer, self.issuer, *self.others = chain.signers
        self.journal: list[Entry] = []
        self.refusals: Counter[str] = Counter()
        self.records = Records(self.network, folder)
        self.deployer = self.sender(self.owner)
        self.stack: Stack = deploy_stack(self.deployer, self.records)
        self.published: Published = publish(self.deployer, self.records, self.stack, script.bundle, max_age=MAX_AGE)
        register_issuer(self.sender(self.issuer), self.stack.issuers, administrator=self.owner.address)

    @cached_property
    def model_id(self) -> int:
        return self.published.model_id

    def now(self) -> int:
        """Timestamp of the latest block, that is of the latest transaction."""
        return self.network.now()

    def view_time(self) -> int:
        """The second that views are answered for: on some nodes the latest block's, on others the next one's."""
        return self.now() + self._ahead

    @cached_property
    def _ahead(self) -> int:
        intent: Intent = {"from": self.owner.address, "data": _TELL_TIME}
        answer = simulate(self.network, intent, self.stack.models.errors, "the time")
        return int.from_bytes(answer) - self.now()

    def today(self) -> int:
        """Day of the year, from 0."""
        return (self.now() - START) // DAY

    def at(self, day: int, second: int = 0) -> None:
        """Go to a day of the year, unless it is later already."""
        moment = START + day * DAY + second
        if moment > self.now() + 1:
            self.chain.travel(moment)

    def create(self, artifact: Artifact, *args: Any) -> BoundContract:
        """Deploy a contract that is no part of Verdict."""
        receipt = self.deployer.create(artifact, args)
        assert receipt.contract_address is not None
        return BoundContract.at(self.network, receipt.contract_address, artifact.name, artifact.abi)

    def act(self, who: Signer, contract: BoundContract, function: str, *args: Any) -> Receipt:
        """One transaction; a refusal raises TransactionReverted."""
        return self.sender(who).transact(contract, function, *args)

    def give(self, who: Signer, wei: int) -> None:
        """Ether for gas."""
        self.deployer.send(who.address, b"", "ether", wei, self.stack.models.errors)

    def refused(self, error: str, act: Callable[[], object]) -> None:
        """The act must end in this error of a contract's."""
        self.refused_by((error,), act)

    def refused_by(self, errors: Sequence[str], act: Callable[[], object]) -> None:
        """The act must end in one of these errors."""
        try:
            act()
        except TransactionReverted as reverted:
            if reverted.error not in errors:
                raise AssertionError(f"refused with {reverted.error}, not with {errors}") from reverted
            self.refusals[reverted.error] += 1
            return
        raise AssertionError(f"not refused with {errors}")

    def sender(self, who: Signer) -> Sender:
        """A sender whose transactions enter the journal."""
        return _Recorded(self.network, who, journal=self.journal)

    def decide(self, person: Applicant, consumer: BoundContract) -> int:
        """Attest, consent, prove and submit for an applicant: the tier."""
        tier, arguments = self.prepare(person, consumer)
        self.submit(arguments)
        return tier

    def prepare(self, person: Applicant, consumer: BoundContract) -> tuple[int, tuple[Any, ...]]:
        """An applicant's tier, and the arguments of ``submit``: what a relayer is handed."""
        person.sequence += 1
        judge = Judge(self.script.bundle, self.model_id, self.issuer)
        about, label = person_pseudonym(_SECRET, person.name), f"{person.name}/{person.sequence}"
        return self.papers(judge, person.signer, about, person.facts, person.sequence, consumer, label)

    def papers(
        self,
        judge: Judge,
        subject: Signer,
        about: bytes,
        facts: Any,
        sequence: int,
        consumer: BoundContract,
        label: str,
    ) -> tuple[int, tuple[Any, ...]]:
        """The model's answer and the arguments of ``submit``. ``label`` stands for what is drawn at random."""
        bundle, domain, now = judge.bundle, domain_of(self.stack.decisions), self.now()
        opening = prover.Opening.of(bundle.schema, facts, salt=_number(f"salt of {label}"))
        statement = attest(
            judge.issuer,
            bundle.schema.hash,
            opening.commitment,
            subject.address,
            about,
            now,
            now + MAX_AGE,
            sequence,
            domain,
        )
        nonce = _number(f"consent of {label}") >> 128
        attested = statement.attestation.hash
        permission = consent(subject, attested, judge.model_id, consumer.address, now + 30 * DAY, domain, nonce)
        context = context_for(
            self.network.chain_id, self.stack.decisions.address, judge.model_id, attested, permission.consent.nonce
        )
        proof = self.script.prove(bundle, opening, context)
        return proof.values[0], submission(statement, permission, proof.values, proof.proof.data)

    def submit(self, arguments: tuple[Any, ...]) -> Receipt:
        """The relayer puts a decision on chain."""
        return self.act(self.relayer, self.stack.decisions, "submit", *arguments)


@dataclass(frozen=True)
class _Recorded(Sender):
    """A sender that writes down what it sent, when, and at which price."""

    journal: list[Entry] = field(default_factory=list, repr=False)

    def send(
        self, to: ChecksumAddress | None, data: bytes, what: str, value: int, errors: ErrorTable, reserve: int = 0
    ) -> Receipt:
        receipt = super().send(to, data, what, value, errors, reserve)
        events = [b"".join(map(bytes, log["topics"])) + bytes(log["data"]) for log in receipt.logs]
        second = self.network.now() - START
        self.journal.append(Entry(what, second, receipt.gas_used, keccak256(data + b"".join(events))))
        return receipt


def differences(journals: dict[str, Sequence[Entry]]) -> list[str]:
    """Transactions that are not the same on every implementation, in words."""
    names = list(journals)
    lengths = {name: len(journals[name]) for name in names}
    if len(set(lengths.values())) > 1:
        return [f"numbers of transactions differ: {lengths}"]
    return [
        _difference(index, {name: journals[name][index] for name in names})
        for index, first in enumerate(journals[names[0]])
        if any(journals[name][index] != first for name in names)
    ]


def _difference(index: int, entries: dict[str, Entry]) -> str:
    title = f"{next(iter(entries.values())).what}, transaction {index}"
    if len({(entry.what, entry.gas, entry.second) for entry in entries.values()}) == 1:
        return f"{title}: calldata or events differ"
    return f"{title}: " + "; ".join(
        f"{name} {entry.gas:,} gas at second {entry.second:,}" for name, entry in entries.items()
    )


def _number(label: str) -> int:
    """248 bits that a second run finds again."""
    return int.from_bytes(keccak256(label.encode())[1:])
