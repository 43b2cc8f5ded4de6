"""A chain with Verdict deployed on it, and people who attest, consent, prove, submit and borrow."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_account.messages import encode_typed_data
from web3 import Web3

from prover.chain.artifacts import Artifact, load_artifact
from prover.chain.contracts import BoundContract
from prover.chain.networks import Network
from prover.chain.signer import Signer, development_signers
from prover.chain.transactions import Receipt, Sender
from prover.errors import TransactionReverted
from prover.field import R
from tests.contracts.circuits import LANE_OFFSET, Circuit, free_circuit, free_wires, tier_circuit, tier_wires

DAY = 86_400
START = 2_000_000_000 - 2_000_000_000 % DAY  # a midnight far ahead, so that no test depends on today's date
MAX_AGE = 30 * DAY
SCHEMA = Web3.keccak(text="test schema")
CONTENT = Web3.keccak(text="test model file and plan")
CIRCUIT = Web3.keccak(text="test circuit")
TRANSCRIPT = Web3.keccak(text="test transcript")
PROOF_SYSTEM = Web3.keccak(text="groth16-bn254-v1")[:4]
TIER_LAYOUT = (SCHEMA, [0], 1, 2, [5_000, 8_000])
SCORE_LAYOUT = (SCHEMA, [4, 4, 0, 2, 0, 0, 18], 0, 0, [])
SCORE_SIGNALS = 5  # the commitment, seven outputs in three signals, the context
PERSON = Web3.keccak(text="person 1")
UNIT = 10**18
TERM_DAYS = 90
TIERS = [(0, 0), (1_000 * UNIT, 1_500), (5_000 * UNIT, 1_000)]  # by tier: limit, annual rate in basis points
CREDIT_TERMS = (TIERS, 8_000 * UNIT, 7 * DAY, TERM_DAYS)

TYPES = {
    "EIP712Domain": [
        {"name": "name", "type": "string"},
        {"name": "version", "type": "string"},
        {"name": "chainId", "type": "uint256"},
        {"name": "verifyingContract", "type": "address"},
    ],
    "Attestation": [
        {"name": "issuer", "type": "address"},
        {"name": "subject", "type": "address"},
        {"name": "personId", "type": "bytes32"},
        {"name": "schema", "type": "bytes32"},
        {"name": "inputCommitment", "type": "bytes32"},
        {"name": "observedAt", "type": "uint64"},
        {"name": "expiresAt", "type": "uint64"},
        {"name": "sequence", "type": "uint64"},
    ],
    "Consent": [
        {"name": "attestationHash", "type": "bytes32"},
        {"name": "modelId", "type": "uint256"},
        {"name": "consumer", "type": "address"},
        {"name": "nonce", "type": "uint256"},
        {"name": "deadline", "type": "uint64"},
    ],
}


@dataclass(frozen=True)
class Attestation:
    """The Solidity struct; here so that tests can also build what the SDK refuses to."""

    issuer: str
    subject: str
    personId: bytes  # noqa: N815 - the struct's own names, they go into the typed data
    schema: bytes
    inputCommitment: bytes  # noqa: N815
    observedAt: int  # noqa: N815
    expiresAt: int  # noqa: N815
    sequence: int


@dataclass(frozen=True)
class Consent:
    """The Solidity struct."""

    attestationHash: bytes  # noqa: N815
    modelId: int  # noqa: N815
    consumer: str
    nonce: int
    deadline: int


@dataclass(frozen=True)
class Submission:
    """The six arguments of ``DecisionRegistry.submit``."""

    attestation: Attestation
    issuer_signature: bytes
    consent: Consent
    subject_signature: bytes
    output: bytes
    proof: bytes

    @property
    def args(self) -> tuple[Any, ...]:
        return (
            tuple(vars(self.attestation).values()),
            self.issuer_signature,
            tuple(vars(self.consent).values()),
            self.subject_signature,
            self.output,
            self.proof,
        )


def encode_output(values: Sequence[int]) -> bytes:
    """abi.encode(int256[])."""
    return bytes(encode(["int256[]"], [list(values)]))


def pack_outputs(values: Sequence[int]) -> list[int]:
    """Three 64-bit lanes to a signal, lane 0 lowest; written again here, independently of the package."""
    lanes = [value + LANE_OFFSET for value in values]
    return [sum(lane << 64 * i for i, lane in enumerate(lanes[at : at + 3])) for at in range(0, len(lanes), 3)]


@contextlib.contextmanager
def reverts(error: str, *args: object) -> Iterator[None]:
    """The block must end in the custom error ``error``; with arguments, exactly in these."""
    with pytest.raises(TransactionReverted) as caught:
        yield
    assert caught.value.error == error, caught.value
    if args:
        assert [_lower(arg) for arg in caught.value.args_] == [_lower(arg) for arg in args]


def word(text: str) -> bytes:
    """A short text as the bytes32 in which errors name a field."""
    return text.encode().ljust(32, b"\0")


def _lower(arg: object) -> object:
    return arg.lower() if isinstance(arg, str) else arg  # addresses compare without their checksum


@dataclass
class Lab:
    """The deployed system. One for the session; every test runs on a snapshot of it."""

    network: Network
    tier: Circuit
    free: Circuit
    signers: list[Signer]
    contracts: dict[str, BoundContract] = field(default_factory=dict)
    tier_model: int = 0
    score_model: int = 0

    @classmethod
    def build(cls, network: Network, folder: Path) -> Lab:
        """Deploy everything, register two models and one issuer, fund the credit line."""
        lab = cls(network, tier_circuit(folder), free_circuit(folder, SCORE_SIGNALS), development_signers(network))
        lab.travel(START)
        models = lab.deploy("ModelRegistry")
        issuers = lab.deploy("IssuerRegistry")
        decisions = lab.deploy("DecisionRegistry", models.address, issuers.address)
        lab.deploy("AuditRegistry", models.address)
        token = lab.deploy("DemoToken")
        lab.deploy("CreditLine", decisions.address, token.address, lab.owner.address)
        lab.deploy_as("TierVerifier", lab.tier.verifier("TierVerifier", TRANSCRIPT))
        lab.deploy_as("ScoreVerifier", lab.free.verifier("ScoreVerifier"))
        lab.tier_model = lab.register("TierVerifier", TIER_LAYOUT)
        lab.score_model = lab.register("ScoreVerifier", SCORE_LAYOUT)
        lab.send("IssuerRegistry", "registerIssuer", lab.admin.address, "https://issuer.example", by=lab.issuer)
        lab.open_credit()
        return lab

    # People, by development account.
    @property
    def owner(self) -> Signer:
        return self.signers[0]

    @property
    def issuer(self) -> Signer:
        return self.signers[1]

    @property
    def admin(self) -> Signer:
        return self.signers[2]

    @property
    def alice(self) -> Signer:
        return self.signers[3]

    @property
    def bob(self) -> Signer:
        return self.signers[4]

    @property
    def relayer(self) -> Signer:
        return self.signers[5]

    @property
    def mallory(self) -> Signer:
        return self.signers[6]

    # The chain.
    def travel(self, timestamp: int) -> None:
        """Let the next call or transaction see this block timestamp."""
        self.network.request("testing_timeTravel", [timestamp])

    def deploy(self, name: str, *args: object) -> BoundContract:
        return self.deploy_as(name, load_artifact(name), *args)

    def deploy_as(self, name: str, artifact: Artifact, *args: object) -> BoundContract:
        """Deploy ``artifact`` and call it ``name``."""
        receipt = Sender(self.network, self.owner).create(artifact, args)
        assert receipt.contract_address is not None
        self.contracts[name] = BoundContract.at(self.network, receipt.contract_address, name, artifact.abi)
        return self.contracts[name]

    def send(self, contract: str, function: str, *args: object, by: Signer | None = None) -> Receipt:
        """A transaction by ``by`` (the owner by default). Raises TransactionReverted."""
        return Sender(self.network, by or self.owner).transact(self.contracts[contract], function, *args)

    def read(self, contract: str, function: str, *args: object) -> Any:
        """A view's answer; several return values, or a struct, as a tuple."""
        answer = self.contracts[contract].read(function, *args)
        return tuple(answer) if isinstance(answer, list | tuple) else answer

    def address(self, contract: str) -> str:
        return self.contracts[contract].address

    def events(self, receipt: Receipt, contract: str, event: str) -> list[dict[str, Any]]:
        """Arguments of the events of that name and contract in a receipt."""
        bound = self.contracts[contract].web3
        logs = [log for log in receipt.logs if log["address"] == bound.address]
        found = []
        for log in logs:
            with contextlib.suppress(Exception):
                found.append(dict(bound.events[event]().process_log(log)["args"]))
        return found

    # Models and credit.
    def commitment(self, verifier: str, layout: tuple[Any, ...], uri: str = "") -> tuple[Any, ...]:
        """ModelCommitment of a layout over a deployed verifier."""
        model_hash = self.read("ModelRegistry", "modelHashOf", CONTENT, layout)
        return (model_hash, CIRCUIT, self.read(verifier, "vkHash"), PROOF_SYSTEM, uri)

    def register(self, verifier: str, layout: tuple[Any, ...], uri: str = "", max_age: int = MAX_AGE) -> int:
        """Register a model of the owner's and bind it."""
        commitment = self.commitment(verifier, layout, uri)
        model_id = int(self.read("ModelRegistry", "modelIdOf", self.owner.address, commitment, 0))
        self.send("ModelRegistry", "registerModel", commitment)
        self.send("ModelRegistry", "bindVerifier", model_id, self.address(verifier), CONTENT, layout, max_age)
        return model_id

    def open_credit(self) -> None:
        """Accept the tier model and the issuer, set caps, deposit 20,000 of the owner's."""
        line = self.address("CreditLine")
        self.send("CreditLine", "setModelTerms", self.tier_model, CREDIT_TERMS)
        self.send("CreditLine", "setIssuerDailyCap", self.issuer.address, 9_000 * UNIT)
        self.send("CreditLine", "setCaps", 4_000 * UNIT, 5_000 * UNIT)
        self.send("DemoToken", "mint", self.owner.address, 100_000 * UNIT)
        self.send("DemoToken", "approve", line, 2**256 - 1)
        self.send("CreditLine", "deposit", 20_000 * UNIT, self.owner.address)

    # Statements, signatures, proofs.
    def sign(self, signer: Signer, statement: Attestation | Consent, **domain: object) -> bytes:
        """An EIP-712 signature; ``domain`` overrides members of the registry's domain."""
        return signer.sign_typed_data(self.typed_data(statement, **domain))

    def typed_data(self, statement: Attestation | Consent, **domain: object) -> dict[str, Any]:
        kind = type(statement).__name__
        registry = {
            "name": "Verdict",
            "version": "1",
            "chainId": self.network.chain_id,
            "verifyingContract": self.address("DecisionRegistry"),
        }
        return {
            "types": {name: TYPES[name] for name in ("EIP712Domain", kind)},
            "primaryType": kind,
            "domain": registry | domain,
            "message": vars(statement),
        }

    def struct_hash(self, statement: Attestation | Consent) -> bytes:
        """EIP-712 struct hash, by eth-account."""
        return bytes(encode_typed_data(full_message=self.typed_data(statement)).body)

    def attest(self, **changes: object) -> Attestation:
        """An attestation about alice by the issuer, observed now, valid for ten days, sequence 1."""
        now = self.network.now()
        usual = Attestation(
            issuer=self.issuer.address,
            subject=self.alice.address,
            personId=PERSON,
            schema=SCHEMA,
            inputCommitment=bytes(32),
            observedAt=now,
            expiresAt=now + 10 * DAY,
            sequence=1,
        )
        return replace(usual, **changes)  # type: ignore[arg-type]

    def submission(
        self,
        tier: int = 2,
        *,
        subject: Signer | None = None,
        issuer: Signer | None = None,
        consumer: str | None = None,
        nonce: int = 0,
        model: int | None = None,
        deadline: int | None = None,
        attestation: Attestation | None = None,
        **facts: object,
    ) -> Submission:
        """An honest submission: facts of ``tier`` attested by ``issuer``, consented to by ``subject``, proven.

        ``attestation`` reuses an existing one; otherwise ``facts`` changes members of the usual one.
        """
        subject, issuer = subject or self.alice, issuer or self.issuer
        secret = secret_of(tier)
        if attestation is None:
            commitment = (secret * secret % R).to_bytes(32, "big")
            people = {"subject": subject.address, "issuer": issuer.address, "inputCommitment": commitment}
            attestation = self.attest(**(people | facts))
        consent = Consent(
            attestationHash=self.struct_hash(attestation),
            modelId=self.tier_model if model is None else model,
            consumer=consumer or self.address("CreditLine"),
            nonce=nonce,
            deadline=self.network.now() + DAY if deadline is None else deadline,
        )
        wires = tier_wires(secret, self.context(consent))
        return Submission(
            attestation,
            self.sign(issuer, attestation),
            consent,
            self.sign(subject, consent),
            encode_output([tier]),
            self.tier.prove(wires),
        )

    def context(self, consent: Consent) -> int:
        """The context by the interface's formula."""
        preimage = encode(
            ["bytes32", "uint256", "address", "uint256", "bytes32", "uint256"],
            [
                Web3.keccak(text="verdict/decision/v1"),
                self.network.chain_id,
                self.address("DecisionRegistry"),
                consent.modelId,
                consent.attestationHash,
                consent.nonce,
            ],
        )
        return int.from_bytes(Web3.keccak(preimage), "big") >> 3

    def submit(self, submission: Submission, by: Signer | None = None) -> Receipt:
        """Relay a submission."""
        return self.send("DecisionRegistry", "submit", *submission.args, by=by or self.relayer)

    def decided(self, tier: int = 2, **changes: Any) -> Submission:
        """Build and submit an honest submission."""
        submission = self.submission(tier, **changes)
        self.submit(submission)
        return submission

    def status(self, subject: Signer | None = None, consumer: str | None = None, model: int | None = None) -> int:
        """DecisionStatus of a subject's decision for the credit line."""
        return int(
            self.read(
                "DecisionRegistry",
                "tryDecisionOf",
                self.tier_model if model is None else model,
                self.issuer.address,
                (subject or self.alice).address,
                consumer or self.address("CreditLine"),
            )[0]
        )

    def draw(
        self, amount: int, by: Signer | None = None, model: int | None = None, issuer: str | None = None
    ) -> Receipt:
        """Borrow from the credit line, by alice unless another is named."""
        model_id = self.tier_model if model is None else model
        return self.send("CreditLine", "draw", model_id, issuer or self.issuer.address, amount, by=by or self.alice)

    # Bare proofs, for the model registry alone.
    def bare_proof(self, values: Sequence[int], commitment: int = 7, context: int = 9) -> bytes:
        """A proof of FREE's statement over ``values``, with its context, as verifyInference takes it."""
        signals = [commitment, *pack_outputs(values), context]
        return self.free.prove(free_wires(signals)) + context.to_bytes(32, "big")


def secret_of(tier: int) -> int:
    """An input of TIER's that has this tier."""
    return {0: 0, 1: 1, 2: 3}[tier] + 4 * 123_456_789
