"""The whole way with a real proof: attest, consent, prove, submit, read; and every refusal by its contract's name."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from prover.chain import decision as decisions
from prover.chain.attest import SignedAttestation, SignedConsent, attest, consent, person_pseudonym
from prover.chain.calls import GAS_CEILING
from prover.chain.contracts import BoundContract
from prover.chain.decision import DecisionStatus, decision_of, domain_of, submission, submit, try_decision_of
from prover.chain.deploy import Stack, deploy_credit_line, deploy_stack
from prover.chain.eip712 import Domain, context_for
from prover.chain.issuers import IssuerStatus, issuer_status, register_issuer
from prover.chain.models import deploy_verifier, deprecate_model, register_model
from prover.chain.networks import Network, connect
from prover.chain.records import Records
from prover.chain.signer import Signer, development_signers
from prover.chain.transactions import Sender
from prover.errors import ChainError, TransactionReverted, WrongChainError
from prover.field import Q, R
from tests.chain import tiny

SECRET = 987654321
PERSON = person_pseudonym(b"a secret of the bank", "customer 7")
YEAR = 365 * 86400


@dataclass
class World:
    """A stack with one model, one issuer, one borrower and one lender."""

    network: Network
    stack: Stack
    model: tiny.TinyModel
    model_id: int
    lender: BoundContract
    owner: Sender
    issuer: Signer
    subject: Signer

    @property
    def domain(self) -> Domain:
        return domain_of(self.stack.decisions)

    def attestation(self, **changes: Any) -> SignedAttestation:
        now = self.network.now()
        members: dict[str, Any] = {
            "issuer_signer": self.issuer,
            "schema_hash": tiny.LAYOUT.schema_hash,
            "commitment": tiny.commit(SECRET),
            "subject": self.subject.address,
            "person_id": PERSON,
            "observed_at": now,
            "expires_at": now + YEAR,
            "sequence": 1,
            "domain": self.domain,
        }
        return attest(**(members | changes))

    def consent(self, signed: SignedAttestation, **changes: Any) -> SignedConsent:
        members: dict[str, Any] = {
            "subject_signer": self.subject,
            "attestation_hash": signed.attestation.hash,
            "model_id": self.model_id,
            "consumer": self.lender.address,
            "deadline": self.network.now() + 600,
            "domain": self.domain,
        }
        return consent(**(members | changes))

    def context(self, signed: SignedAttestation, permission: SignedConsent) -> int:
        registry = self.stack.decisions.address
        return context_for(
            self.network.chain_id, registry, self.model_id, signed.attestation.hash, permission.consent.nonce
        )

    def proven(self, tier: int = 2) -> tuple[SignedAttestation, SignedConsent, list[int], bytes]:
        """Everything ``submit`` takes, and valid."""
        signed = self.attestation()
        permission = self.consent(signed)
        return signed, permission, [tier], self.model.prove(SECRET, tier, self.context(signed, permission))

    def read(self) -> decisions.Decision:
        return try_decision_of(
            self.stack.decisions, self.model_id, self.issuer.address, self.subject.address, self.lender.address
        )


def build(network: Network, model: tiny.TinyModel, folder: Path) -> World:
    issuer, subject, deployer = development_signers(network)[1:4]
    owner, records = Sender(network, deployer), Records(network, folder)
    stack = deploy_stack(owner, records)
    verifier = deploy_verifier(owner, records, model.verifier, model.key.verifying_key.hash)
    model_id = register_model(owner, stack.models, model.commitment, verifier.address, max_age=YEAR)
    register_issuer(Sender(network, issuer), stack.issuers, administrator=deployer.address)
    lender = deploy_credit_line(owner, records, stack)
    return World(network, stack, model, model_id, lender, owner, issuer, subject)


@pytest.fixture
def world(model: tiny.TinyModel, tmp_path: Path) -> World:
    return build(connect("tester"), model, tmp_path)


@pytest.fixture
def world_on_anvil(model: tiny.TinyModel, local_node: Network, tmp_path: Path) -> World:
    return build(local_node, model, tmp_path)


def refusal(world: World, *arguments: Any) -> TransactionReverted:
    with pytest.raises(TransactionReverted) as caught:
        world.owner.transact(world.stack.decisions, "submit", *submission(*arguments))
    assert world.read().status is DecisionStatus.MISSING
    return caught.value


@pytest.mark.parametrize("chain", ["world", "world_on_anvil"])
def test_attest_prove_submit_read(chain: str, request: pytest.FixtureRequest) -> None:
    world: World = request.getfixturevalue(chain)
    signed, permission, values, proof = world.proven()
    assert world.read().status is DecisionStatus.MISSING
    relayer = Sender(world.network, development_signers(world.network)[5])
    receipt = submit(relayer, world.stack.decisions, signed, permission, values, proof)
    assert receipt.fork == "prague"
    assert 200_000 < receipt.gas_used < 600_000
    decision = world.read()
    assert decision.valid
    assert decision == decision_of(
        world.stack.decisions, world.model_id, world.issuer.address, world.subject.address, world.lender.address
    )
    assert (decision.values, decision.decimals, decision.person_id) == ((2,), (0,), PERSON)
    assert decision.attestation_hash == signed.attestation.hash
    assert decision.valid_until == signed.attestation.expires_at
    stranger = try_decision_of(
        world.stack.decisions, world.model_id, world.issuer.address, world.subject.address, world.owner.address
    )
    assert stranger.status is DecisionStatus.MISSING

    with pytest.raises(TransactionReverted) as caught:
        submit(relayer, world.stack.decisions, signed, permission, values, proof)
    assert caught.value.error == "ConsentNonceUsed"
    assert caught.value.args_ == (world.subject.address, permission.consent.nonce)

    world.network.advance_time(YEAR + 1)
    assert world.read().status is DecisionStatus.EXPIRED
    with pytest.raises(TransactionReverted, match="DecisionExpired"):
        decision_of(
            world.stack.decisions, world.model_id, world.issuer.address, world.subject.address, world.lender.address
        )


def test_addresses_in_any_case(world: World) -> None:
    signed, permission, values, proof = world.proven()
    submit(world.owner, world.stack.decisions, signed, permission, values, proof)
    asked = (world.issuer.address, world.subject.address, world.lender.address)
    for form in (str.lower, lambda address: "0x" + address[2:].upper()):
        written = [form(address) for address in asked]
        for read in (try_decision_of, decision_of):
            assert read(world.stack.decisions, world.model_id, *written) == world.read()


@pytest.mark.parametrize("wrong", ["0x12", "", "vitalik.eth", "0x" + "zz" * 20])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_decision_of_what_is_no_address(tester: Network, wrong: str, place: int) -> None:
    registry = BoundContract.at(tester, "0x" + "11" * 20, "DecisionRegistry")
    asked = ["0x" + "22" * 20] * 3
    asked[place] = wrong
    for read in (try_decision_of, decision_of):
        with pytest.raises(ChainError) as caught:
            read(registry, 1, *asked)
        assert caught.value.message == f"{wrong!r} is not an address"


def test_py_evms_own_pairing_agrees(model: tiny.TinyModel, tmp_path: Path) -> None:
    """Without the native core anywhere on the chain's side."""
    world = build(connect("tester", precompiles="py-evm"), model, tmp_path)
    signed, permission, _, proof = world.proven(tier=1)
    assert refusal(world, signed, permission, [2], proof).error == "InvalidProof"
    submit(world.owner, world.stack.decisions, signed, permission, [1], proof)
    assert world.read().values == (1,)


def test_the_same_gas_on_both_chains(world: World, world_on_anvil: World) -> None:
    """Within what zero bytes of random signatures and proofs make: 12 gas a byte."""
    used = [submit(w.owner, w.stack.decisions, *w.proven()).gas_used for w in (world, world_on_anvil)]
    assert abs(used[0] - used[1]) < 12 * 20


def test_forged_and_broken_proofs(world: World) -> None:
    signed, permission, _, proof = world.proven(tier=1)
    assert refusal(world, signed, permission, [2], proof).error == "InvalidProof"
    assert refusal(world, signed, permission, [1], bytes(256)).error == "InvalidProof"
    assert refusal(world, signed, permission, [1], proof[:-1]).error == "MalformedProofLength"
    off_curve = proof[:31] + bytes([proof[31] ^ 1]) + proof[32:]
    assert refusal(world, signed, permission, [1], off_curve).error == "PrecompileFailed"
    too_large = (int.from_bytes(proof[:32]) + Q).to_bytes(32) + proof[32:]
    error = refusal(world, signed, permission, [1], too_large)
    assert (error.error, error.args_) == ("CoordinateNotCanonical", (0,))


def test_a_proof_counts_once_for_one_consent(world: World) -> None:
    signed, permission, values, proof = world.proven()
    other = world.consent(signed)
    assert refusal(world, signed, other, values, proof).error == "InvalidProof"
    elsewhere = world.attestation(sequence=2)
    assert refusal(world, elsewhere, permission, values, proof).error == "ConsentMismatch"


def test_outputs_are_canonical(world: World) -> None:
    signed, permission, values, proof = world.proven()
    encoded = decisions.encode_output(values)
    assert refusal(world, signed, permission, encoded + bytes(32), proof).error == "OutputNotCanonical"
    assert refusal(world, signed, permission, [2**63], proof).error == "OutputOutOfRange"


def test_a_signal_beyond_the_field(world: World) -> None:
    """The dataclass refuses it, so the struct is written by hand and properly signed."""
    signed, permission, values, proof = world.proven()
    with pytest.raises(ChainError, match="commitment"):
        world.attestation(commitment=tiny.commit(SECRET) + R)
    forged = replace(signed.attestation)
    object.__setattr__(forged, "commitment", tiny.commit(SECRET) + R)
    resigned = SignedAttestation(forged, world.issuer.sign_typed_data(forged.typed_data(world.domain)), world.domain)
    allowed = world.consent(resigned, nonce=permission.consent.nonce)
    error = refusal(world, resigned, allowed, values, proof)
    assert (error.error, error.args_) == ("SignalNotCanonical", (0,))


def test_who_may_attest_and_consent(world: World) -> None:
    signed, permission, values, proof = world.proven()
    stranger = development_signers(world.network)[6]
    unknown = world.attestation(issuer_signer=stranger)
    assert refusal(world, unknown, world.consent(unknown), values, proof).error == "UnknownIssuer"
    stolen = replace(signed, signature=world.subject.sign_typed_data(signed.attestation.typed_data(world.domain)))
    assert refusal(world, stolen, permission, values, proof).error == "InvalidIssuerSignature"
    forced = world.consent(signed, subject_signer=stranger)
    assert refusal(world, signed, forced, values, proof).error == "InvalidSubjectSignature"
    late = world.consent(signed, deadline=world.network.now() - 10)
    assert refusal(world, signed, late, values, proof).error == "ConsentExpired"
    expired = world.attestation(observed_at=world.network.now() - 100, expires_at=world.network.now() - 50)
    assert refusal(world, expired, world.consent(expired), values, proof).error == "AttestationExpired"
    other_schema = world.attestation(schema_hash=bytes(31) + b"\1")
    assert refusal(world, other_schema, world.consent(other_schema), values, proof).error == "SchemaMismatch"


def test_statements_for_elsewhere_are_refused_before_any_gas(world: World) -> None:
    signed, permission, values, proof = world.proven()
    abroad = Domain(1, world.stack.decisions.address)
    with pytest.raises(WrongChainError, match="chain 1"):
        submit(world.owner, world.stack.decisions, world.attestation(domain=abroad), permission, values, proof)
    beside = Domain(world.network.chain_id, world.stack.models.address)
    with pytest.raises(ChainError, match="signed for the registry"):
        submit(world.owner, world.stack.decisions, signed, world.consent(signed, domain=beside), values, proof)
    there = world.attestation(domain=abroad)
    assert refusal(world, there, world.consent(there), values, proof).error == "InvalidIssuerSignature"


def test_withdrawn_models_and_issuers_stop_counting(world: World) -> None:
    submit(world.owner, world.stack.decisions, *world.proven())
    world.owner.transact(world.stack.issuers, "suspendIssuer", world.issuer.address)
    assert issuer_status(world.stack.issuers, world.issuer.address) is IssuerStatus.SUSPENDED
    assert world.read().status is DecisionStatus.ISSUER_INACTIVE
    world.owner.transact(world.stack.issuers, "resumeIssuer", world.issuer.address)
    assert world.read().valid
    deprecate_model(world.owner, world.stack.models, world.model_id)
    assert world.read().status is DecisionStatus.MODEL_DEPRECATED
    with pytest.raises(TransactionReverted) as caught:
        deprecate_model(world.owner, world.stack.models, world.model_id)
    assert (caught.value.error, caught.value.args_) == ("ModelDeprecated", (world.model_id,))
    signed = world.attestation(sequence=2)
    with pytest.raises(TransactionReverted, match="ModelDeprecated"):
        submit(world.owner, world.stack.decisions, signed, world.consent(signed), [2], bytes(256))


def test_a_tier_draws_a_loan(world: World) -> None:
    token = BoundContract.at(world.network, world.lender.read("asset"), "DemoToken")
    world.owner.transact(token, "mint", world.owner.address, 10**6)
    world.owner.transact(token, "approve", world.lender.address, 10**6)
    world.owner.transact(world.lender, "deposit", 10**6, world.owner.address)
    world.owner.transact(world.lender, "setCaps", 10**6, 10**6)
    terms = ([(0, 0), (1000, 500), (5000, 500)], 10**6, YEAR, 90)
    world.owner.transact(world.lender, "setModelTerms", world.model_id, terms)
    world.owner.transact(world.lender, "setIssuerDailyCap", world.issuer.address, 10**6)
    borrower = Sender(world.network, world.subject)
    with pytest.raises(TransactionReverted) as caught:
        borrower.transact(world.lender, "draw", world.model_id, world.issuer.address, 100)
    assert caught.value.error == "DecisionMissing"
    submit(world.owner, world.stack.decisions, *world.proven(tier=2))
    borrower.transact(world.lender, "draw", world.model_id, world.issuer.address, 5000)
    assert token.read("balanceOf", world.subject.address) == 5000
    with pytest.raises(TransactionReverted, match="PersonCapExceeded"):
        borrower.transact(world.lender, "draw", world.model_id, world.issuer.address, 1)


def test_a_submission_is_sent_with_room_and_below_the_ceiling(world: World) -> None:
    receipt = submit(world.owner, world.stack.decisions, *world.proven())
    sent = world.network.w3.eth.get_transaction(receipt.transaction_hash)
    assert receipt.gas_used * 1.05 < sent["gas"] < GAS_CEILING
    assert sent["type"] == 2
