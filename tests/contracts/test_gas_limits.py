"""Gas limits that are too low: a transaction may fail, but never settle for a wrong answer."""

from __future__ import annotations

from typing import Any, cast

import pytest
from web3.types import RPCEndpoint

from tests.contracts.circuits import helper_contracts
from tests.contracts.lab import Lab, Submission
from tests.contracts.test_batches import skipped
from tests.contracts.test_signatures import for_wallet, wallet


def call(lab: Lab, item: Submission, function: str, gas: int) -> str:
    """Answer of an eth_call with that much gas: ``"done"``, or the name of the error."""
    contract = lab.contracts["DecisionRegistry"]
    arguments = item.args if function == "submit" else (lab.tier_model, [item.args])
    data = contract.web3.encode_abi(function, args=list(arguments))
    intent: Any = {"from": lab.relayer.address, "to": contract.web3.address, "data": data, "gas": gas}
    answer = lab.network.w3.provider.make_request(RPCEndpoint("eth_call"), [intent, "latest"])
    if "error" in answer:
        return str(cast(Any, answer["error"]).get("data") or "out of gas")
    return "done" if function == "submit" else f"stored {int(str(answer['result']), 16)}"


@pytest.mark.parametrize("function", ["submit", "submitBatch"])
def test_an_estimate_is_enough_and_no_trap(lab: Lab, function: str) -> None:
    """A verifier that says false for want of gas would make the least sufficient limit look like one that works."""
    item = lab.submission()
    contract = lab.contracts["DecisionRegistry"]
    arguments = item.args if function == "submit" else (lab.tier_model, [item.args])
    data = contract.web3.encode_abi(function, args=list(arguments))
    intent: Any = {"from": lab.relayer.address, "to": contract.web3.address, "data": data}
    estimate = int(lab.network.w3.eth.estimate_gas(intent))
    receipt = lab.send("DecisionRegistry", function, *arguments, by=lab.relayer)
    assert receipt.gas_used <= estimate <= 2 * receipt.gas_used
    assert lab.status() == 1


def test_no_limit_makes_a_valid_proof_false(lab: Lab) -> None:
    """From the intrinsic gas up: out of gas or a failed precompile, never InvalidProof, never a skipped item."""
    item = lab.submission()
    invalid = lab.network.w3.keccak(text="InvalidProof()")[:4].hex()
    seen = set()
    for gas in range(120_000, 620_000, 12_500):
        for function in ("submit", "submitBatch"):
            answer = call(lab, item, function, gas)
            assert invalid not in answer
            seen.add(answer if answer in ("done", "stored 1") else "failed")
            assert answer != "stored 0"
    assert seen == {"done", "stored 1", "failed"}


def test_a_wallet_that_was_not_heard_is_not_skipped(lab: Lab) -> None:
    """A batch given too little gas for a wallet's check reverts; it does not leave the wallet's item out."""
    item = for_wallet(lab, wallet(lab, "SlowWallet"), lab.alice)
    answers = {call(lab, item, "submitBatch", gas) for gas in [*range(440_000, 470_000, 500), 1_000_000]}
    assert "stored 1" in answers
    assert "stored 0" not in answers


@pytest.mark.parametrize("wallets", [1, 3])
def test_the_advised_gas_outlasts_every_wallets_mood(lab: Lab, wallets: int) -> None:
    """Wallets approve in the estimate and burn in the transaction: 400,000 more for each, and the rest is stored."""
    moods = [lab.deploy_as(f"Moody{index}", helper_contracts()["MoodyWallet"]) for index in range(wallets)]
    items = [for_wallet(lab, mood.address, lab.alice) for mood in moods]
    items.append(lab.submission(subject=lab.bob, nonce=1))
    arguments = (lab.tier_model, [item.args for item in items])
    data = lab.contracts["DecisionRegistry"].web3.encode_abi("submitBatch", args=list(arguments))
    intent: Any = {"from": lab.relayer.address, "to": lab.address("DecisionRegistry"), "data": data}
    estimate = int(lab.network.w3.eth.estimate_gas(intent))
    for mood in moods:
        lab.send(mood.name, "turn", by=lab.mallory)

    def stored(gas: int) -> str:
        answer = lab.network.w3.provider.make_request(RPCEndpoint("eth_call"), [intent | {"gas": gas}, "latest"])
        return "reverted" if "error" in answer else f"stored {int(str(answer['result']), 16)}"

    assert stored(estimate) == "reverted"
    assert stored(estimate + 400_000 * wallets) == "stored 1"


def test_a_burning_wallet_costs_its_own_item_only(lab: Lab) -> None:
    """It burns the gas it is due, and the others in the batch are stored."""
    burning = wallet(lab, "BurningWallet")
    bad = for_wallet(lab, burning, lab.alice)
    good = lab.submission(subject=lab.bob, nonce=1)
    receipt = lab.send("DecisionRegistry", "submitBatch", lab.tier_model, [bad.args, good.args], by=lab.relayer)
    assert skipped(lab, receipt) == {0: "InvalidSubjectSignature"}
    assert lab.status(lab.bob) == 1
    assert receipt.gas_used < 1_000_000
