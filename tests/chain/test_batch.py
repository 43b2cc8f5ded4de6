"""Many decisions in few transactions: every item's fate, nothing paid for in vain, nobody who spoils the others'."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import pytest
from web3.types import TxParams

from prover.chain import batch as batches
from prover.chain.batch import Fate, Outcome, Submission, submit_batch
from prover.chain.calls import GAS_CEILING
from prover.chain.decision import DecisionStatus, submit, try_decision_of
from prover.chain.issuers import suspend_issuer
from prover.chain.life import invalidate_nonce, withdraw_consent
from prover.chain.models import deprecate_model, freeze_verifier
from prover.chain.networks import Network, connect
from prover.chain.signer import Signer, development_signers
from prover.chain.transactions import Sender
from prover.errors import (
    ChainError,
    DeploymentError,
    KeyMismatchError,
    MalformedProofError,
    TransactionReverted,
    WrongChainError,
)
from tests.chain import tiny
from tests.chain.conftest import put_code
from tests.chain.test_decisions import SECRET, World, build


@pytest.fixture(scope="module")
def built(model: tiny.TinyModel, tmp_path_factory: pytest.TempPathFactory) -> World:
    return build(connect("tester"), model, tmp_path_factory.mktemp("records"))


@pytest.fixture
def world(built: World) -> Iterator[World]:
    """On a snapshot: what a test does is undone."""
    tester = cast(Any, built.network.w3.provider).ethereum_tester
    snapshot = tester.take_snapshot()
    yield built
    tester.revert_to_snapshot(snapshot)


def people(world: World, count: int) -> list[Signer]:
    return development_signers(world.network)[2 : 2 + count]


def item(world: World, who: Signer, tier: int = 2, **changes: Any) -> Submission:
    """An honest submission of somebody's."""
    signed = world.attestation(**({"subject": who.address, "person_id": bytes(who.address[:32], "ascii")} | changes))
    permission = world.consent(signed, subject_signer=who)
    proof = world.model.prove(SECRET, tier, world.context(signed, permission))
    return Submission(signed, permission, [tier], proof)


def items(world: World, count: int) -> list[Submission]:
    return [item(world, who) for who in people(world, count)]


def send(world: World, given: list[Submission], by: Sender | None = None, **options: Any) -> list[Outcome]:
    return submit_batch(by or world.owner, world.stack.decisions, world.model.key.verifying_key, given, **options)


def status(world: World, who: Signer) -> DecisionStatus:
    key = (world.model_id, world.issuer.address, who.address, world.lender.address)
    return try_decision_of(world.stack.decisions, *key).status


def sent(world: World) -> int:
    return world.network.w3.eth.get_transaction_count(world.owner.address)


def fates(outcomes: list[Outcome]) -> list[Fate]:
    assert [outcome.index for outcome in outcomes] == list(range(len(outcomes)))
    return [outcome.fate for outcome in outcomes]


@dataclass(frozen=True)
class Overtaken(Sender):
    """A sender whose transaction somebody sees and gets ahead of."""

    before: Callable[[], object] = lambda: None

    def _broadcast(self, transaction: TxParams, what: str, errors: Any) -> bytes:
        self.before()
        return super()._broadcast(transaction, what, errors)


def overtaken(world: World, before: Callable[[], object]) -> Overtaken:
    relayer = development_signers(world.network)[8]
    return Overtaken(world.network, relayer, before=before)


@pytest.mark.parametrize("backend", ["native", "reference"])
def test_several_in_one_transaction(world: World, backend: str) -> None:
    before = sent(world)
    outcomes = send(world, items(world, 3), backend=backend)
    assert fates(outcomes) == [Fate.STORED] * 3
    assert sent(world) == before + 1
    receipts = {outcome.receipt.transaction_hash for outcome in outcomes if outcome.receipt}
    assert len(receipts) == 1
    assert all(outcome.reason is None for outcome in outcomes)
    assert [status(world, who) for who in people(world, 3)] == [DecisionStatus.VALID] * 3


def test_a_false_proof_is_refused_before_anything_is_sent(world: World) -> None:
    given = items(world, 4)
    given[2] = replace(given[2], values=[1])
    outcomes = send(world, given)
    assert fates(outcomes) == [Fate.STORED, Fate.STORED, Fate.REFUSED, Fate.STORED]
    assert "does not show these outputs" in str(outcomes[2].reason)
    assert outcomes[2].receipt is None
    assert status(world, people(world, 4)[2]) is DecisionStatus.MISSING


def test_swapped_and_malformed_proofs_are_refused_by_name(world: World) -> None:
    given = items(world, 5)
    given[0], given[1] = replace(given[0], proof=given[1].proof), replace(given[1], proof=given[0].proof)
    given[2] = replace(given[2], proof=b"\xff" * 256)
    given[3] = replace(given[3], proof=given[3].proof[:-1])
    given[4] = replace(given[4], values=[1 << 63])
    before = sent(world)
    outcomes = send(world, given)
    assert fates(outcomes) == [Fate.REFUSED] * 5
    assert isinstance(outcomes[2].reason, MalformedProofError)
    assert "255" in str(outcomes[3].reason)
    assert "64 bits" in str(outcomes[4].reason)
    assert sent(world) == before


def test_a_replay_is_stored_already_and_costs_nothing(world: World) -> None:
    given = items(world, 2)
    assert fates(send(world, given)) == [Fate.STORED] * 2
    before = sent(world)
    again = send(world, given)
    assert fates(again) == [Fate.ALREADY_STORED] * 2
    for outcome, one in zip(again, given, strict=True):
        assert isinstance(outcome.reason, TransactionReverted)
        subject, nonce = one.attestation.attestation.subject, one.consent.consent.nonce
        assert (outcome.reason.error, outcome.reason.args_) == ("ConsentNonceUsed", (subject, nonce))
        assert outcome.receipt is None
    assert sent(world) == before


def test_a_used_nonce_alone_is_not_a_stored_decision(world: World) -> None:
    """Spent without a submission, overtaken by a later attestation, or withdrawn: this very decision is not there."""
    one, two, three = people(world, 3)
    spent, overtaken_, withdrawn = items(world, 3)
    invalidate_nonce(Sender(world.network, one), world.stack.decisions, spent.consent.consent.nonce)
    assert fates(send(world, [overtaken_, withdrawn])) == [Fate.STORED] * 2
    assert fates(send(world, [item(world, two, sequence=2)])) == [Fate.STORED]
    key = (world.model_id, world.issuer.address, world.lender.address)
    withdraw_consent(Sender(world.network, three), world.stack.decisions, *key)
    assert fates(send(world, [spent, overtaken_, withdrawn])) == [Fate.SKIPPED] * 3


def test_what_is_refused_now_does_not_hold_up_the_rest(world: World) -> None:
    one, two, three = people(world, 3)
    late = item(world, two, observed_at=world.network.now() - 20, expires_at=world.network.now() + 5)
    given = [item(world, one), late, item(world, three)]
    world.network.advance_time(10)
    outcomes = send(world, given)
    assert fates(outcomes) == [Fate.STORED, Fate.SKIPPED, Fate.STORED]
    assert isinstance(outcomes[1].reason, TransactionReverted)
    assert outcomes[1].reason.error == "AttestationExpired"
    suspend_issuer(world.owner, world.stack.issuers, world.issuer.address)
    (outcome,) = send(world, [item(world, two, sequence=2)])
    assert isinstance(outcome.reason, TransactionReverted)
    assert (outcome.reason.error, outcome.reason.args_) == ("IssuerNotActive", (world.issuer.address,))


def test_a_front_run_item_is_skipped_and_the_others_stored(world: World) -> None:
    given = items(world, 3)
    thief = given[1]

    def before() -> None:
        submit(world.owner, world.stack.decisions, thief.attestation, thief.consent, thief.values, thief.proof)

    outcomes = send(world, given, by=overtaken(world, before))
    assert fates(outcomes) == [Fate.STORED, Fate.SKIPPED, Fate.STORED]
    reason = outcomes[1].reason
    assert isinstance(reason, TransactionReverted)
    assert (reason.error, reason.args_) == (
        "ConsentNonceUsed",
        (thief.attestation.attestation.subject, thief.consent.consent.nonce),
    )
    assert outcomes[1].receipt == outcomes[0].receipt, "the registry's own report"
    assert [status(world, who) for who in people(world, 3)] == [DecisionStatus.VALID] * 3


def test_wallets_that_turn_on_the_relayer_spoil_nobody_elses_items(world: World) -> None:
    """They say yes for nothing when asked, and burn all the gas they are given once the transaction is out."""
    tester = cast(Any, world.network.w3.provider).ethereum_tester
    last = world.network.w3.eth.block_number + 10
    yes = bytes.fromhex("631626ba7e60e01b5f5260205ff3")  # returns ERC-1271's magic value
    moody = bytes([0x63, *last.to_bytes(4), 0x43, 0x11, 0x60, 0x0A + len(yes), 0x57]) + yes + b"\x5b\xfe"
    wallets = [put_code(world.network, moody) for _ in range(3)]
    (honest,) = items(world, 1)
    given = [item(world, development_signers(world.network)[6], subject=wallet) for wallet in wallets]
    outcomes = send(world, [*given, honest], by=overtaken(world, lambda: tester.mine_blocks(20)))
    assert fates(outcomes) == [Fate.SKIPPED] * 3 + [Fate.STORED]
    for outcome, wallet in zip(outcomes, wallets, strict=False):
        assert isinstance(outcome.reason, TransactionReverted)
        assert (outcome.reason.error, outcome.reason.args_) == ("InvalidSubjectSignature", (wallet,))
    assert outcomes[3].receipt is not None
    assert outcomes[3].receipt.gas_used > 1_200_000, "they burned it"


def test_the_same_item_twice_is_stored_once(world: World) -> None:
    (one,) = items(world, 1)
    outcomes = send(world, [one, one])
    assert fates(outcomes) == [Fate.STORED, Fate.SKIPPED]
    assert isinstance(outcomes[1].reason, TransactionReverted)
    assert outcomes[1].reason.error == "ConsentNonceUsed"


def test_more_than_a_transaction_holds_goes_in_several(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a ceiling a sixteenth of the real one, two at a time fit with a margin."""
    for name in ("prover.chain.calls", "prover.chain.transactions", "prover.chain.batch"):
        monkeypatch.setattr(f"{name}.GAS_CEILING", GAS_CEILING // 16)
    before = sent(world)
    outcomes = send(world, items(world, 5))
    assert fates(outcomes) == [Fate.STORED] * 5
    receipts = {outcome.receipt.transaction_hash: outcome.receipt for outcome in outcomes if outcome.receipt}
    assert sent(world) == before + len(receipts)
    assert 3 <= len(receipts) <= 5
    for digest in receipts:
        assert world.network.w3.eth.get_transaction(digest)["gas"] <= GAS_CEILING // 16  # type: ignore[arg-type]


def test_no_more_are_tried_at_once_than_nodes_relay(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "MOST", 2)
    before = sent(world)
    assert fates(send(world, items(world, 5))) == [Fate.STORED] * 5
    assert sent(world) == before + 3


def test_the_most_in_one_transaction_is_far_from_both_limits(world: World) -> None:
    """By the gas and the bytes of a further one of the smallest model; larger ones are halved."""
    pair = items(world, 2)
    encoded = [
        len(world.stack.decisions.encode("submitBatch", (world.model_id, [one.arguments for one in pair[:count]])))
        for count in (1, 2)
    ]
    assert batches.MOST * (encoded[1] - encoded[0]) < 2**17 * 2 // 3
    gas = [
        world.owner.gas_for(
            world.stack.decisions, "submitBatch", world.model_id, [one.arguments for one in pair[:count]]
        )
        for count in (1, 2)
    ]
    assert gas[0] + (batches.MOST - 1) * (gas[1] - gas[0]) < GAS_CEILING


def test_batches_that_are_none(world: World, model: tiny.TinyModel, tmp_path: Path) -> None:
    (one,) = items(world, 1)
    with pytest.raises(ChainError, match="not of 0"):
        send(world, [])
    other = replace(one, consent=world.consent(one.attestation, subject_signer=people(world, 1)[0], model_id=7))
    with pytest.raises(ChainError, match="not of 2"):
        send(world, [one, other])
    with pytest.raises(DeploymentError, match="is unknown"):
        send(world, [other])
    elsewhere = replace(one.attestation, domain=replace(world.domain, chain_id=1))
    with pytest.raises(WrongChainError):
        send(world, [replace(one, attestation=elsewhere)])
    stranger = tiny.make(tmp_path, "OtherVerifier").key.verifying_key
    with pytest.raises(KeyMismatchError):
        submit_batch(world.owner, world.stack.decisions, stranger, [one])


@pytest.mark.parametrize("end", [deprecate_model, freeze_verifier])
def test_a_model_that_decides_no_more(world: World, end: Callable[..., object]) -> None:
    given = items(world, 2)
    end(world.owner, world.stack.models, world.model_id)
    before = sent(world)
    with pytest.raises(DeploymentError, match=r"is (deprecated|frozen)"):
        send(world, given)
    assert sent(world) == before


def test_a_model_frozen_between_asking_and_sending_is_told_as_a_revert(world: World) -> None:
    given = items(world, 2)

    def before() -> None:
        freeze_verifier(world.owner, world.stack.models, world.model_id)

    with pytest.raises(TransactionReverted) as caught:
        send(world, given, by=overtaken(world, before))
    assert (caught.value.error, caught.value.args_) == ("VerifierIsFrozen", (world.model_id,))


def test_events_that_do_not_add_up_are_not_believed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    given = items(world, 2)
    transact = Sender.transact

    def forgetful(self: Sender, *args: Any, **kwargs: Any) -> Any:
        receipt = transact(self, *args, **kwargs)
        return replace(receipt, logs=receipt.logs[1:])

    monkeypatch.setattr(Sender, "transact", forgetful)
    with pytest.raises(ChainError, match="of 2 submissions") as caught:
        send(world, given)
    assert "run it again" in caught.value.hint
    monkeypatch.undo()
    assert fates(send(world, given)) == [Fate.ALREADY_STORED] * 2


def test_on_anvil(model: tiny.TinyModel, local_node: Network, tmp_path: Path) -> None:
    world = build(local_node, model, tmp_path)
    given = items(world, 3)
    given[0] = replace(given[0], values=[0])
    assert fates(send(world, given)) == [Fate.REFUSED, Fate.STORED, Fate.STORED]
    assert fates(send(world, given[1:])) == [Fate.ALREADY_STORED] * 2
