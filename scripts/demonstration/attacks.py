"""Sixteen ways to get a loan without a proven decision. Each returns the contract error it must meet, and the call.

The first line of an attack's docstring is what the demonstration prints.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from forgery import rerandomise
from world import DAY, Person, World

import prover
from prover.chain.attest import SignedAttestation
from prover.chain.contracts import BoundContract
from prover.chain.eip712 import Attestation, Domain
from prover.chain.models import deprecate_model
from prover.field import R
from prover.schema import abi_encode, keccak256

Attack = Callable[[World], tuple[str, Callable[[], object]]]


def forged_score(world: World) -> tuple[str, Callable[[], object]]:
    """A forged score: Bob claims the best tier with the proof of his own"""
    bob = world.fresh(world.bad)
    return "InvalidProof", lambda: world.submit(bob, output=(len(world.bundle.layout.thresholds),))


def flipped_byte(world: World) -> tuple[str, Callable[[], object]]:
    """A proof with one bit flipped: its point is no longer on the curve"""
    alice = world.fresh(world.good)
    data = bytearray(alice.proof.proof.data)
    data[31] ^= 1
    return "PrecompileFailed", lambda: world.submit(alice, proof=bytes(data))


def rerandomised_replay(world: World) -> tuple[str, Callable[[], object]]:
    """Alice's accepted proof, re-randomised into other valid bytes, replayed"""
    other = rerandomise(world.good.proof.proof)
    again = replace(world.good.proof, proof=other)
    if other == world.good.proof.proof or not prover.verify(world.bundle, again):
        raise AssertionError("the re-randomised proof must be another valid one, or this attack shows nothing")
    return "ConsentNonceUsed", lambda: world.submit(world.good, proof=other.data)


def another_subject(world: World) -> tuple[str, Callable[[], object]]:
    """Another subject: a stranger consents to the use of Alice's attestation"""
    alice = world.fresh(world.good)
    world.consent(alice, signer=world.strangers[0])
    world.prove(alice)
    return "InvalidSubjectSignature", lambda: world.submit(alice)


def second_wallet(world: World) -> tuple[str, Callable[[], object]]:
    """The same person's second wallet, properly attested, asks for a second loan"""
    twin = Person("Alice's second wallet", world.strangers[1], world.good.identity, world.good.facts)
    world.attest(twin)
    world.consent(twin)
    world.prove(twin)
    world.submit(twin)
    return "PersonCapExceeded", lambda: world.draw(twin, 1)


def another_chain(world: World) -> tuple[str, Callable[[], object]]:
    """Another chain id: a proof made for the same contracts on chain 1, with statements signed here"""
    alice = world.fresh(world.good)
    world.prove(alice, chain_id=1)
    return "InvalidProof", lambda: world.submit(alice)


def another_chains_statements(world: World) -> tuple[str, Callable[[], object]]:
    """Another chain id: the statements signed for chain 1, too"""
    alice = world.fresh(world.good)
    elsewhere = Domain(1, world.stack.decisions.address)
    world.attest(alice, domain=elsewhere)
    world.consent(alice, domain=elsewhere)
    world.prove(alice)
    here = world.domain
    alice.attestation = replace(alice.attestation, domain=here)
    alice.permission = replace(alice.permission, domain=here)
    return "InvalidIssuerSignature", lambda: world.submit(alice)


def reused_consent(world: World) -> tuple[str, Callable[[], object]]:
    """A reused consent: a second, fresh proof for the one that was already spent"""
    alice = replace(world.good)
    alice.opening, alice.attestation = world.good.opening, world.good.attestation
    alice.permission = world.good.permission
    world.prove(alice)
    return "ConsentNonceUsed", lambda: world.submit(alice)


def older_sequence(world: World) -> tuple[str, Callable[[], object]]:
    """An older sequence: Alice brings a statement from before the one she used"""
    alice = replace(world.good, sequence=world.good.sequence - 1)
    world.attest(alice)
    world.consent(alice)
    world.prove(alice)
    return "StaleSequence", lambda: world.submit(alice)


def expired_attestation(world: World) -> tuple[str, Callable[[], object]]:
    """An expired attestation"""
    alice = world.fresh(world.good)
    signed = alice.attestation.attestation
    past = replace(signed, observed_at=signed.observed_at - 2 * DAY, expires_at=signed.observed_at - DAY)
    _sign(world, alice, past)
    return "AttestationExpired", lambda: world.submit(alice)


def unknown_issuer(world: World) -> tuple[str, Callable[[], object]]:
    """An unknown issuer: a stranger attests what Bob would like to hear"""
    bob = replace(world.bad, facts=world.good.facts)
    world.attest(bob, issuer=world.strangers[2])
    world.consent(bob)
    world.prove(bob)
    return "UnknownIssuer", lambda: world.submit(bob)


def wrong_schema(world: World) -> tuple[str, Callable[[], object]]:
    """The wrong schema: the issuer attested facts of another form"""
    alice = world.fresh(world.good)
    _sign(world, alice, replace(alice.attestation.attestation, schema_hash=keccak256(b"another schema")))
    return "SchemaMismatch", lambda: world.submit(alice)


def signal_plus_r(world: World) -> tuple[str, Callable[[], object]]:
    """A public signal plus r: the same field element under another number"""
    proof = world.good.proof
    signals = [proof.public_signals[0] + R, *proof.public_signals[1:]]
    verifier: BoundContract = world.published.verifier
    return "SignalNotCanonical", lambda: verifier.read("verifyProof", *proof.proof.calldata, signals)


def sloppy_output(world: World) -> tuple[str, Callable[[], object]]:
    """A non-canonical output: the same values, encoded with a word to spare"""
    alice = world.fresh(world.good)
    return "OutputNotCanonical", lambda: world.submit(alice, output=abi_encode(alice.proof.values) + bytes(32))


def deprecated_model(world: World) -> tuple[str, Callable[[], object]]:
    """A deprecated model: its owner retired it, so even a good proof is refused"""
    alice = world.fresh(world.good)
    deprecate_model(world.owner, world.stack.models, world.published.model_id)
    return "VerificationRefused_ModelDeprecated", lambda: world.submit(alice)


def deprecated_decision(world: World) -> tuple[str, Callable[[], object]]:
    """... and a decision stored before no longer opens a loan"""
    return "DecisionModelDeprecated", lambda: world.draw(world.good, 1)


def _sign(world: World, person: Person, statement: Attestation) -> None:
    """Put another statement, truly signed by the issuer, in a person's papers, and redo what rests on it."""
    signature = world.issuer.sign_typed_data(statement.typed_data(world.domain))
    person.attestation = SignedAttestation(statement, signature, world.domain)
    world.consent(person)
    world.prove(person)


ATTACKS: tuple[Attack, ...] = (
    forged_score,
    flipped_byte,
    rerandomised_replay,
    another_subject,
    second_wallet,
    another_chain,
    another_chains_statements,
    reused_consent,
    older_sequence,
    expired_attestation,
    unknown_issuer,
    wrong_schema,
    signal_plus_r,
    sloppy_output,
    deprecated_model,
    deprecated_decision,
)
"""In this order: the last two retire the model."""
