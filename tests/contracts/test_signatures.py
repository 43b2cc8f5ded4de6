"""Wallets that are contracts, and keys that delegate to code."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from eth_account import Account
from web3 import Web3

from prover.chain.signer import LocalSigner, Signer
from tests.contracts.circuits import helper_contracts, tier_wires
from tests.contracts.lab import DAY, Consent, Lab, Submission, encode_output, reverts, secret_of


def for_wallet(lab: Lab, wallet: str, signer: Signer, **facts: Any) -> Submission:
    """A submission whose subject is the contract ``wallet``, signed by ``signer``."""
    secret = secret_of(2)
    honest = lab.submission().attestation
    attestation = replace(honest, subject=wallet, **facts)
    consent = Consent(
        lab.struct_hash(attestation), lab.tier_model, lab.address("CreditLine"), 0, lab.network.now() + DAY
    )
    return Submission(
        attestation,
        lab.sign(lab.issuer, attestation),
        consent,
        lab.sign(signer, consent),
        encode_output([2]),
        lab.tier.prove(tier_wires(secret, lab.context(consent))),
    )


def wallet(lab: Lab, name: str, *args: object) -> str:
    return lab.deploy_as(name, helper_contracts()[name], *args).address


def test_a_contract_wallet_consents_through_erc1271(lab: Lab) -> None:
    address = wallet(lab, "OwnedWallet", lab.bob.address)
    lab.submit(for_wallet(lab, address, lab.bob))
    assert (
        lab.read(
            "DecisionRegistry", "tryDecisionOf", lab.tier_model, lab.issuer.address, address, lab.address("CreditLine")
        )[0]
        == 1
    )


def test_a_contract_wallet_refuses_a_strangers_signature(lab: Lab) -> None:
    address = wallet(lab, "OwnedWallet", lab.bob.address)
    with reverts("InvalidSubjectSignature", address):
        lab.submit(for_wallet(lab, address, lab.mallory))


def test_a_contract_can_be_the_issuer(lab: Lab) -> None:
    address = wallet(lab, "OwnedWallet", lab.bob.address)
    register = lab.contracts["IssuerRegistry"].encode("registerIssuer", (lab.admin.address, ""))
    lab.send("OwnedWallet", "execute", lab.address("IssuerRegistry"), register)
    good = lab.submission()
    facts = replace(good.attestation, issuer=address)
    consent = replace(good.consent, attestationHash=lab.struct_hash(facts))
    proof = lab.tier.prove(tier_wires(secret_of(2), lab.context(consent)))
    issued = Submission(facts, lab.sign(lab.bob, facts), consent, lab.sign(lab.alice, consent), good.output, proof)
    with reverts("InvalidIssuerSignature", address):
        lab.submit(replace(issued, issuer_signature=lab.sign(lab.issuer, facts)))
    lab.submit(issued)


def test_a_wallet_cannot_burn_the_relayers_gas(lab: Lab) -> None:
    """It gets 400,000 gas and no more: the call ends in the named error long before the limit of the transaction."""
    address = wallet(lab, "BurningWallet")
    submission = for_wallet(lab, address, lab.bob)
    registry = lab.contracts["DecisionRegistry"]
    with reverts("InvalidSubjectSignature", address):
        lab.submit(submission)
    intent = {"from": lab.relayer.address, "gas": 700_000}
    with pytest.raises(Exception, match=Web3.keccak(text="InvalidSubjectSignature(address)")[:4].hex()):
        registry.web3.functions.submit(*submission.args).call(intent)


@pytest.mark.parametrize(
    ("name", "accepted"),
    [("VerboseWallet", True), ("ShortWallet", False), ("DirtyWallet", False)],
)
def test_a_wallets_answer_is_one_word(lab: Lab, name: str, accepted: bool) -> None:
    """A long answer costs the wallet's own gas and is not copied; four bytes or dirty padding are no answer."""
    address = wallet(lab, name)
    submission = for_wallet(lab, address, lab.bob)
    if accepted:
        lab.submit(submission)
        return
    with reverts("InvalidSubjectSignature", address):
        lab.submit(submission)


def delegate(lab: Lab, key: LocalSigner, code: str) -> None:
    """Set ``key``'s account to delegate to ``code`` (EIP-7702), in a transaction of its own."""
    account = Account.from_key(lab.network.w3.provider.backend.account_keys[4].to_bytes())  # type: ignore[attr-defined]
    assert account.address == key.address
    eth = lab.network.w3.eth
    nonce = eth.get_transaction_count(key.address)
    authorization = account.sign_authorization({"chainId": lab.network.chain_id, "address": code, "nonce": nonce + 1})
    signed = account.sign_transaction(
        {
            "chainId": lab.network.chain_id,
            "nonce": nonce,
            "gas": 200_000,
            "maxFeePerGas": 10**11,
            "maxPriorityFeePerGas": 10**9,
            "to": key.address,
            "value": 0,
            "data": b"",
            "authorizationList": [authorization],
        }
    )
    eth.wait_for_transaction_receipt(eth.send_raw_transaction(signed.raw_transaction))
    assert eth.get_code(key.address) == bytes.fromhex("ef0100" + code[2:])


def test_a_delegated_key_still_signs_plainly(lab: Lab) -> None:
    """EIP-7702: the account has code that approves nothing, and its key still counts; nobody else's does."""
    code = wallet(lab, "RefusingDelegate")
    delegate(lab, lab.bob, code)  # type: ignore[arg-type]
    with reverts("InvalidSubjectSignature", lab.bob.address):
        lab.submit(for_wallet(lab, lab.bob.address, lab.mallory))
    lab.submit(lab.submission(subject=lab.bob))
    assert lab.status(lab.bob) == 1


def test_a_delegate_may_approve_what_the_key_did_not_sign(lab: Lab) -> None:
    code = wallet(lab, "OwnedWallet", lab.mallory.address)
    delegate(lab, lab.bob, code)  # type: ignore[arg-type]
    lab.submit(for_wallet(lab, lab.bob.address, lab.mallory))
    assert lab.status(lab.bob) == 1


def test_a_delegated_account_is_no_verifier(lab: Lab) -> None:
    """Its code can change with the next authorisation."""
    delegate(lab, lab.bob, lab.address("TierVerifier"))  # type: ignore[arg-type]
    layout = lab.read("ModelRegistry", "layoutOf", lab.tier_model)
    commitment = lab.commitment("TierVerifier", layout, "delegated")
    lab.send("ModelRegistry", "registerModel", commitment)
    model_id = lab.read("ModelRegistry", "modelIdOf", lab.owner.address, commitment, 0)
    content = Web3.keccak(text="test model file and plan")
    with reverts("VerifierDelegated", lab.bob.address):
        lab.send("ModelRegistry", "bindVerifier", model_id, lab.bob.address, content, layout, 1)
