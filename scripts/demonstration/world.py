"""The stage: an embedded chain with Verdict's contracts, a lender, an issuer, and people who want loans."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

import prover
from prover.chain.attest import SignedAttestation, SignedConsent, attest, consent, person_pseudonym
from prover.chain.contracts import BoundContract
from prover.chain.decision import Decision, domain_of, submit, try_decision_of
from prover.chain.deploy import Stack, deploy_credit_line, deploy_stack
from prover.chain.eip712 import Domain, context_for
from prover.chain.issuers import register_issuer
from prover.chain.networks import Network, connect
from prover.chain.publish import Published, publish
from prover.chain.records import Records
from prover.chain.signer import Signer, development_signers
from prover.chain.transactions import Receipt, Sender

MODELS = Path(__file__).resolve().parents[2] / "tests" / "models"
DAY = 86_400
TOKEN = 10**18
LIMITS = (0, 500 * TOKEN, 2_000 * TOKEN, 5_000 * TOKEN)
"""Most a person may owe, by tier."""

RATES = (0, 1_800, 1_200, 900)
"""Interest a year in basis points, by tier."""

TERM_DAYS = 365

MAX_AGE = 30 * DAY


@dataclass
class Person:
    """An applicant with a wallet, and the papers collected on the way."""

    name: str
    signer: Signer
    identity: str
    facts: np.ndarray = field(repr=False)
    sequence: int = 10
    opening: prover.Opening = field(init=False, repr=False)
    attestation: SignedAttestation = field(init=False, repr=False)
    permission: SignedConsent = field(init=False, repr=False)
    proof: prover.InferenceProof = field(init=False, repr=False)

    @property
    def address(self) -> str:
        return self.signer.address

    @property
    def tier(self) -> int:
        return self.proof.values[0]


@dataclass
class World:
    """Everything the acts need."""

    bundle: prover.Bundle
    network: Network
    stack: Stack
    published: Published
    lender: BoundContract
    token: BoundContract
    owner: Sender
    relayer: Sender
    issuer: Signer
    good: Person
    bad: Person
    strangers: list[Signer]
    secret: bytes = b"the issuer keeps this forever"

    @property
    def domain(self) -> Domain:
        """Where statements to this registry count."""
        return domain_of(self.stack.decisions)

    def attest(self, person: Person, *, issuer: Signer | None = None, domain: Domain | None = None) -> None:
        """The issuer commits to a person's facts and signs; the opening goes to the person."""
        person.opening = prover.Opening.of(self.bundle.schema, person.facts)
        now = self.network.now()
        person.attestation = attest(
            issuer or self.issuer,
            self.bundle.schema.hash,
            person.opening.commitment,
            person.address,
            person_pseudonym(self.secret, person.identity),
            now,
            now + MAX_AGE,
            person.sequence,
            domain or self.domain,
        )

    def consent(self, person: Person, *, signer: Signer | None = None, domain: Domain | None = None) -> None:
        """The person allows the model to judge the attestation, for the lender."""
        person.permission = consent(
            signer or person.signer,
            person.attestation.attestation.hash,
            self.published.model_id,
            self.lender.address,
            self.network.now() + DAY,
            domain or self.domain,
        )

    def prove(self, person: Person, *, chain_id: int | None = None) -> None:
        """Prove the model's decision on the attested facts, bound to the consent."""
        context = context_for(
            chain_id or self.network.chain_id,
            self.stack.decisions.address,
            self.published.model_id,
            person.attestation.attestation.hash,
            person.permission.consent.nonce,
        )
        person.proof = prover.prove(self.bundle, person.opening, context=context)

    def submit(
        self, person: Person, *, output: tuple[int, ...] | bytes | None = None, proof: bytes | None = None
    ) -> Receipt:
        """A relayer, who need not be trusted, sends the decision."""
        return submit(
            self.relayer,
            self.stack.decisions,
            person.attestation,
            person.permission,
            person.proof.values if output is None else output,
            person.proof.proof.data if proof is None else proof,
        )

    def decision(self, person: Person) -> Decision:
        """What the lender reads."""
        return try_decision_of(
            self.stack.decisions, self.published.model_id, self.issuer.address, person.address, self.lender.address
        )

    def draw(self, person: Person, amount: int) -> Receipt:
        """Borrow on one's own decision."""
        sender = Sender(self.network, person.signer)
        return sender.transact(self.lender, "draw", self.published.model_id, self.issuer.address, amount)

    def secrets_on_chain(self) -> list[str]:
        """Names of the applicants whose packed facts or salt occur in any transaction so far; to be empty."""
        latest = self.network.w3.eth.block_number
        blocks = (self.network.w3.eth.get_block(number, full_transactions=True) for number in range(latest + 1))
        # eth-tester says "data" where nodes say "input".
        calldata = b"".join(
            bytes(transaction.get("input") or transaction["data"])
            for block in blocks
            for transaction in block["transactions"]
        )
        found = []
        for person in (self.good, self.bad):
            elements = self.bundle.schema.packing.pack(person.opening.encoded)
            if any(secret.to_bytes(32, "big") in calldata for secret in (*elements, person.opening.salt)):
                found.append(person.name)
        return found

    def fresh(self, person: Person, **changes: object) -> Person:
        """A copy of a person at the issuer's next statement, attested, consenting and proven."""
        copy = replace(person, **changes)  # type: ignore[arg-type]
        copy.sequence = person.sequence + 1
        self.attest(copy)
        self.consent(copy)
        self.prove(copy)
        return copy


def open_world(bundle: prover.Bundle) -> World:
    """Deploy everything on a new embedded chain and introduce the parties."""
    network = connect("tester")
    signers = development_signers(network)
    owner, relayer = Sender(network, signers[0]), Sender(network, signers[1])
    issuer = signers[2]
    records = Records(network)
    stack = deploy_stack(owner, records)
    published = publish(owner, records, stack, bundle, max_age=MAX_AGE)
    lender = deploy_credit_line(owner, records, stack)
    token = BoundContract.at(network, lender.read("asset"), "DemoToken")
    register_issuer(Sender(network, issuer), stack.issuers, administrator=owner.address)
    pool = 1_000_000 * TOKEN
    owner.transact(token, "mint", owner.address, pool)
    owner.transact(token, "approve", lender.address, pool)
    owner.transact(lender, "deposit", pool, owner.address)
    tiers = list(zip(LIMITS, RATES, strict=True))[: len(bundle.layout.thresholds) + 1]
    owner.transact(lender, "setModelTerms", published.model_id, (tiers, pool, MAX_AGE, TERM_DAYS))
    owner.transact(lender, "setIssuerDailyCap", issuer.address, pool)
    owner.transact(lender, "setCaps", max(LIMITS), max(LIMITS))
    good, bad = _applicants(bundle)
    return World(
        bundle,
        network,
        stack,
        published,
        lender,
        token,
        owner,
        relayer,
        issuer,
        Person("Alice", signers[3], "customer 1", good),
        Person("Bob", signers[4], "customer 2", bad),
        signers[5:],
    )


def _applicants(bundle: prover.Bundle) -> tuple[np.ndarray, np.ndarray]:
    """Two real applicants of the German credit data: the first of the best tier there is, and one of tier 0."""
    rows = np.load(MODELS / "loan_mlp.npz")["X"]
    tiers = [bundle.decide(row)[0] for row in rows]
    return rows[int(np.argmax(tiers))], rows[int(np.argmin(tiers))]
