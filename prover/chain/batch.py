"""Many decisions of one model in few transactions, with one pairing each; and what became of every single one.

A proof that does not hold reverts a whole batch, so proofs are checked here first. What is used up, overtaken or
withdrawn is found by asking the registry before anything is paid for; what somebody else does in between, the registry
skips and reports. Nobody can make a batch fail by submitting a part of it first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from web3.exceptions import Web3Exception
from web3.logs import DISCARD

from prover.chain.attest import SignedAttestation, SignedConsent
from prover.chain.calls import GAS_CEILING, Intent, simulate
from prover.chain.contracts import BoundContract, checked_address
from prover.chain.decision import check_domains, submission
from prover.chain.eip712 import context_for
from prover.chain.life import life_of
from prover.chain.models import ModelStatus, model_status
from prover.chain.networks import MALFORMED
from prover.chain.transactions import Receipt, Sender
from prover.errors import (
    ChainError,
    DeploymentError,
    KeyMismatchError,
    MalformedProofError,
    NodeUnreachableError,
    TransactionReverted,
    VerdictError,
)
from prover.groth16.batch import verify_batch
from prover.groth16.formats.proof import Proof
from prover.groth16.formats.vkey import VerifyingKey
from prover.schema.layout import Layout, Polarity, Reveal

MOST = 40
"""Submissions tried in one transaction: 40 of a quarter of a million gas are two thirds of 2^24, and their 50 kB of
calldata less than the 128 kB that nodes relay. Dearer ones (wallets with code, many outputs) are halved until they fit.
"""

WALLET_GAS = 410_000
"""What a signer that is a contract can burn in one call: Signatures.ERC1271_GAS, and a little for the call itself."""


@dataclass(frozen=True)
class Submission:
    """What anybody needs to put one decision on chain.

    Attributes:
        attestation: signed by the issuer.
        consent: signed by the subject.
        values: the revealed outputs.
        proof: 256 bytes, bound to the consent's context.
    """

    attestation: SignedAttestation
    consent: SignedConsent
    values: Sequence[int]
    proof: bytes

    @property
    def arguments(self) -> tuple[Any, ...]:
        """The Solidity struct, which is also the arguments of ``submit``."""
        return submission(self.attestation, self.consent, list(self.values), self.proof)


class Fate(StrEnum):
    """What became of a submission."""

    STORED = "stored"
    ALREADY_STORED = "already stored"
    SKIPPED = "skipped"
    REFUSED = "refused"


@dataclass(frozen=True)
class Outcome:
    """What became of one submission of a batch.

    Attributes:
        index: its place among those given.
        fate: STORED; ALREADY_STORED, when the registry holds this very decision from before; SKIPPED, when it does not
            take it; REFUSED here, for its proof.
        reason: why not; a TransactionReverted with the registry's own error when SKIPPED or ALREADY_STORED. None when
            STORED.
        receipt: the transaction that stored or skipped it; None when it was sent in none.
    """

    index: int
    fate: Fate
    reason: VerdictError | None = None
    receipt: Receipt | None = None


def submit_batch(
    sender: Sender,
    registry: BoundContract,
    key: VerifyingKey,
    items: Sequence[Submission],
    *,
    backend: str | None = None,
) -> list[Outcome]:
    """Verify and store decisions of one model, in as few transactions as 2^24 gas each allow; anybody may send them.

    Running it again is harmless, after an error in the middle too: what is stored is then ALREADY_STORED.

    Args:
        sender: who pays the gas.
        registry: the DecisionRegistry.
        key: the model's verifying key, for the check before sending.
        items: at least one, all of one model, each proven under its consent's context.
        backend: which one checks the proofs; the fastest there is when None.

    Returns:
        One outcome for each item, in their order.

    Raises:
        WrongChainError: a statement was signed for another chain.
        KeyMismatchError: the model has another key.
        DeploymentError: the model is unknown, pending, deprecated or frozen.
        ChainError: no items, items of several models, a statement for another registry, or see :meth:`Sender.send`.
    """
    model_id = _one_model(registry, items)
    layout = _layout_of(registry, model_id, key)
    batch = _Batch(sender, registry, key, model_id, backend, items)
    outcomes = batch.refused(layout)
    outcomes |= batch.foreseen([at for at in range(len(items)) if at not in outcomes])
    rest = [at for at in range(len(items)) if at not in outcomes]
    for start in range(0, len(rest), MOST):
        outcomes |= {outcome.index: outcome for outcome in batch.send(rest[start : start + MOST])}
    return [outcomes[at] for at in range(len(items))]


Statement = tuple[list[int], Proof]
"""Public signals and the proof that is to show them."""


@dataclass(frozen=True)
class _Batch:
    """The steps of :func:`submit_batch`. Submissions are named by their places among ``items``."""

    sender: Sender
    registry: BoundContract
    key: VerifyingKey
    model_id: int
    backend: str | None
    items: Sequence[Submission]

    def refused(self, layout: Layout) -> dict[int, Outcome]:
        """Items whose proof does not hold, whatever the registry would say."""
        statements: dict[int, Statement] = {}
        reasons: dict[int, VerdictError] = {}
        for at, item in enumerate(self.items):
            try:
                statements[at] = self._statement(item, layout)
            except VerdictError as reason:
                reasons[at] = reason
        reasons |= self._false(list(statements.items()))
        return {at: Outcome(at, Fate.REFUSED, reason) for at, reason in reasons.items()}

    def _statement(self, item: Submission, layout: Layout) -> Statement:
        attestation, nonce = item.attestation.attestation, item.consent.consent.nonce
        chain_id, address = self.registry.network.chain_id, self.registry.address
        context = context_for(chain_id, address, self.model_id, attestation.hash, nonce)
        return [attestation.commitment, *layout.pack_outputs(item.values), context], Proof(bytes(item.proof))

    def _false(self, statements: Sequence[tuple[int, Statement]]) -> dict[int, VerdictError]:
        """By halving: one false proof among many costs few pairings to find."""
        if not statements:
            return {}
        rows, proofs = [row for _, (row, _) in statements], [proof for _, (_, proof) in statements]
        reason: VerdictError = ChainError(
            "the proof does not show these outputs for this attestation and consent",
            "prove again, under the consent's context",
        )
        try:
            chain_id = self.registry.network.chain_id
            if verify_batch(self.key, rows, proofs, chain_id=chain_id, backend=self.backend):
                return {}
        except MalformedProofError as error:
            reason = error
        if len(statements) == 1:
            return {statements[0][0]: reason}
        middle = len(statements) // 2
        return self._false(statements[:middle]) | self._false(statements[middle:])

    def foreseen(self, places: Sequence[int]) -> dict[int, Outcome]:
        """Items that the registry refuses as things stand. Others' acceptance only ever takes away from an item."""
        found = {}
        for at in places:
            data = self.registry.encode("submit", self.items[at].arguments)
            intent: Intent = {"from": self.sender.address, "to": self.registry.address, "data": data}
            try:
                simulate(self.registry.network, intent, self.registry.errors, f"{self.registry.name}.submit")
            except TransactionReverted as reason:
                already = reason.error == "ConsentNonceUsed" and self._holds(self.items[at])
                found[at] = Outcome(at, Fate.ALREADY_STORED if already else Fate.SKIPPED, reason)
        return found

    def _holds(self, item: Submission) -> bool:
        """Whether the registry holds the decision of this attestation and this consent, not withdrawn."""
        attestation, consent = item.attestation.attestation, item.consent.consent
        key = (self.model_id, attestation.issuer, attestation.subject, consent.consumer)
        life = life_of(self.registry, *key)
        here = (life.decision.attestation_hash, life.consent_nonce) == (attestation.hash, consent.nonce)
        return here and life.withdrawn_at is None

    def send(self, places: Sequence[int]) -> Iterator[Outcome]:
        """Submit in one transaction, or in several when one has not gas enough with a margin."""
        arguments = (self.model_id, [self.items[at].arguments for at in places])
        reserve = WALLET_GAS * self._wallets(places)
        try:
            gas = self.sender.gas_for(self.registry, "submitBatch", *arguments, reserve=reserve)
        except ChainError as error:
            if isinstance(error, NodeUnreachableError) or len(places) == 1:
                raise
            gas = GAS_CEILING
        if gas >= GAS_CEILING and len(places) > 1:
            middle = len(places) // 2
            yield from self.send(places[:middle])
            yield from self.send(places[middle:])
            return
        receipt = self.sender.transact(self.registry, "submitBatch", *arguments, reserve=reserve)
        skipped = self._skipped(receipt, len(places))
        for place, at in enumerate(places):
            reason = skipped.get(place)
            yield Outcome(at, Fate.STORED if reason is None else Fate.SKIPPED, reason, receipt)

    def _wallets(self, places: Sequence[int]) -> int:
        """Signatures that a contract judges: it may answer cheaply when asked, and burn what it can in the block."""
        attestations = [self.items[at].attestation.attestation for at in places]
        signers = [signer for one in attestations for signer in (one.issuer, one.subject)]
        contracts = {signer for signer in set(signers) if self.registry.network.code_at(checked_address(signer))}
        return sum(signer in contracts for signer in signers)

    def _skipped(self, receipt: Receipt, count: int) -> dict[int, TransactionReverted]:
        """Why which items of a transaction were left out, from its events."""
        events, address = self.registry.web3.events, self.registry.address
        raw: Any = {"logs": [log for log in receipt.logs if log["address"] == address]}
        try:
            reports = events.SubmissionSkipped().process_receipt(raw, DISCARD)
            skipped = {
                report["args"]["index"]: self.registry.errors.explain(
                    bytes(report["args"]["reason"]), f"{self.registry.name}.submit"
                )
                for report in reports
            }
            stored = len(events.DecisionStored().process_receipt(raw, DISCARD))
        except (Web3Exception, *MALFORMED) as error:
            raise ChainError(f"{self._sent(receipt)} has events that do not read: {error!s:.200}") from error
        if not skipped.keys() <= set(range(count)) or stored + len(skipped) != count:
            raise ChainError(
                f"{self._sent(receipt)} reports {stored} stored and {len(skipped)} skipped of {count} submissions",
                "run it again: what is stored stays so",
            )
        return skipped

    def _sent(self, receipt: Receipt) -> str:
        return f"transaction 0x{receipt.transaction_hash.hex()} on {self.registry.network.name}"


def _one_model(registry: BoundContract, items: Sequence[Submission]) -> int:
    """The model all items are for, after checking where they were signed for."""
    for item in items:
        check_domains(registry, item.attestation, item.consent)
    models = {item.consent.consent.model_id for item in items}
    if len(models) != 1:
        raise ChainError(f"a batch is of one model, not of {len(models)}", "submit those of each model apart")
    return models.pop()


def _layout_of(registry: BoundContract, model_id: int, key: VerifyingKey) -> Layout:
    """What the model's signals mean, by the registry; the model is active and the key is its own."""
    models = BoundContract.at(registry.network, registry.read("modelRegistry"), "ModelRegistry")
    status = model_status(models, model_id)
    if status is not ModelStatus.ACTIVE:
        raise DeploymentError(f"model {model_id:#x} is {status.name.lower()}", "it takes no decisions")
    (_, _, vk_hash, *_), _, _ = models.read("getModel", model_id)
    if bytes(vk_hash) != key.hash:
        raise KeyMismatchError(f"model {model_id:#x} is not of this verifying key", "give the key of its bundle")
    schema, decimals, polarity, reveal, thresholds = models.read("layoutOf", model_id)
    return Layout(bytes(schema), tuple(decimals), Polarity(polarity), Reveal(reveal), tuple(thresholds))
