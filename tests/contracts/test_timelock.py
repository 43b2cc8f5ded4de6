"""OpenZeppelin's TimelockController as owner: of the credit line, whose depositors can leave first, and of a model."""

from __future__ import annotations

from typing import Any

import pytest
from web3 import Web3

from prover.chain.signer import Signer
from prover.chain.solc import compile_sources
from tests.contracts.credit_lab import balance, deposit, loan, redeem_all
from tests.contracts.lab import CREDIT_TERMS, DAY, UNIT, Lab, reverts
from tests.contracts.test_freeze import FROZEN, freeze

SOURCE = """// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;
import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
contract Timelock is TimelockController {
    constructor(address[] memory who) TimelockController(1 days, who, who, address(0)) {}
}
"""
DELAY = DAY
WORSE = ([(0, 0), (100_000 * UNIT, 0), (100_000 * UNIT, 0)], 100_000 * UNIT, *CREDIT_TERMS[2:])
"""Terms no depositor agreed to: everything for nothing."""

Operation = tuple[str, int, bytes, bytes, bytes]


@pytest.fixture
def timelock(lab: Lab) -> str:
    """A delay of a day, bob proposes, cancels and executes, nobody administrates."""
    artifact = compile_sources({"tests/Timelock.sol": SOURCE})["Timelock"]
    return lab.deploy_as("Timelock", artifact, [lab.bob.address]).address


@pytest.fixture
def owned(lab: Lab, timelock: str) -> Lab:
    """The timelock owns the credit line."""
    lab.send("CreditLine", "transferOwnership", timelock)
    run(lab, "CreditLine", "acceptOwnership")
    return lab


def schedule(lab: Lab, contract: str, function: str, *args: object, by: Signer | None = None) -> Operation:
    target = lab.contracts[contract]
    operation = (target.address, 0, target.encode(function, args), bytes(32), bytes(32))
    lab.send("Timelock", "schedule", *operation, DELAY, by=by or lab.bob)
    return operation


def execute(lab: Lab, operation: Operation, by: Signer | None = None) -> None:
    lab.send("Timelock", "execute", *operation, by=by or lab.bob)


def run(lab: Lab, contract: str, function: str, *args: object) -> None:
    operation = schedule(lab, contract, function, *args)
    lab.travel(lab.network.now() + DELAY + 1)
    execute(lab, operation)


def terms(lab: Lab) -> Any:
    return lab.read("CreditLine", "modelTermsOf", lab.tier_model)


def test_ownership_passes_in_two_steps_and_only_after_the_delay(lab: Lab, timelock: str) -> None:
    lab.send("CreditLine", "transferOwnership", timelock)
    operation = schedule(lab, "CreditLine", "acceptOwnership")
    with reverts("TimelockUnexpectedOperationState"):
        execute(lab, operation)
    assert lab.read("CreditLine", "owner") == lab.owner.address
    assert lab.read("CreditLine", "pendingOwner") == timelock
    lab.travel(lab.network.now() + DELAY + 1)
    execute(lab, operation)
    assert lab.read("CreditLine", "owner") == timelock
    for function, args in (
        ("setModelTerms", (lab.tier_model, WORSE)),
        ("setIssuerDailyCap", (lab.issuer.address, 2**128 - 1)),
        ("setCaps", (2**128 - 1, 2**128 - 1)),
        ("transferOwnership", (lab.owner.address,)),
    ):
        with reverts("OwnableUnauthorizedAccount", lab.owner.address):
            lab.send("CreditLine", function, *args)


def test_terms_change_after_the_delay_and_depositors_leave_before(owned: Lab) -> None:
    lab = owned
    deposit(lab, 1_000 * UNIT, lab.mallory)
    operation = schedule(lab, "CreditLine", "setModelTerms", lab.tier_model, WORSE)
    scheduled_at, before = lab.network.now(), terms(lab)
    with reverts("TimelockUnexpectedOperationState"):
        execute(lab, operation)
    lab.travel(scheduled_at + DELAY - 2)
    with reverts("TimelockUnexpectedOperationState"):
        execute(lab, operation)
    assert terms(lab) == before
    assert redeem_all(lab, lab.mallory) == 1_000 * UNIT, "all of it, with the change in sight"
    lab.travel(scheduled_at + DELAY + 2)
    execute(lab, operation)
    assert terms(lab) != before
    with reverts("TimelockUnexpectedOperationState"):
        execute(lab, operation)


def test_a_loan_keeps_the_terms_it_was_drawn_under(owned: Lab) -> None:
    lab = owned
    lab.decided()
    lab.draw(1_000 * UNIT)
    drawn = loan(lab)
    run(lab, "CreditLine", "setModelTerms", lab.tier_model, WORSE)
    kept = ("annualRateBps", "dueAt", "principal")
    assert [loan(lab)[name] for name in kept] == [drawn[name] for name in kept]


def test_a_scheduled_change_can_be_called_off(owned: Lab) -> None:
    lab, before = owned, terms(owned)
    operation = schedule(lab, "CreditLine", "setModelTerms", lab.tier_model, WORSE)
    name = lab.read("Timelock", "hashOperation", *operation)
    with reverts("AccessControlUnauthorizedAccount"):
        lab.send("Timelock", "cancel", name, by=lab.mallory)
    lab.send("Timelock", "cancel", name, by=lab.bob)
    lab.travel(lab.network.now() + DELAY + 1)
    with reverts("TimelockUnexpectedOperationState"):
        execute(lab, operation)
    assert terms(lab) == before


def test_nobody_goes_round_the_timelock(owned: Lab) -> None:
    """Not the deployer, not strangers, and the proposer only with the delay; the delay itself has to wait for it."""
    lab = owned
    operation = schedule(lab, "CreditLine", "setCaps", 1, 1)
    lab.travel(lab.network.now() + DELAY + 1)
    for who in (lab.owner, lab.mallory):
        with reverts("AccessControlUnauthorizedAccount"):
            schedule(lab, "CreditLine", "setCaps", 2, 2, by=who)
        with reverts("AccessControlUnauthorizedAccount"):
            execute(lab, operation, by=who)
        with reverts("TimelockUnauthorizedCaller", who.address):
            lab.send("Timelock", "updateDelay", 0, by=who)
    target = lab.contracts["CreditLine"]
    call = (target.address, 0, target.encode("setCaps", (2, 2)), bytes(32), bytes(32))
    with reverts("TimelockInsufficientDelay", DELAY - 1, DELAY):
        lab.send("Timelock", "schedule", *call, DELAY - 1, by=lab.bob)
    with reverts("TimelockUnauthorizedCaller", lab.bob.address):
        lab.send("Timelock", "updateDelay", 0, by=lab.bob)


def test_the_owner_behind_the_delay_takes_nobodys_money_either(owned: Lab, timelock: str) -> None:
    lab = owned
    deposit(lab, 1_000 * UNIT, lab.mallory)
    held = balance(lab, lab.address("CreditLine"))
    for function, args in (
        ("withdraw", (1, lab.bob.address, lab.mallory.address)),
        ("redeem", (10**6, lab.bob.address, lab.mallory.address)),
        ("transferFrom", (lab.mallory.address, lab.bob.address, 1)),
    ):
        operation = schedule(lab, "CreditLine", function, *args)
        lab.travel(lab.network.now() + DELAY + 1)
        with reverts("ERC20InsufficientAllowance"):
            execute(lab, operation)
    assert balance(lab, lab.address("CreditLine")) == held


def test_the_kill_switch_of_the_model_needs_no_delay(owned: Lab) -> None:
    """A vault behind a timelock cannot stop lending today; the model's guardian can, and repayment goes on."""
    lab = owned
    lab.decided()
    lab.draw(1_000 * UNIT)
    lab.send("ModelRegistry", "nameGuardian", lab.tier_model, lab.mallory.address)
    freeze(lab, by=lab.mallory)
    with reverts("DecisionModelFrozen", lab.tier_model):
        lab.draw(1)
    lab.send("DemoToken", "mint", lab.alice.address, UNIT)
    lab.send("DemoToken", "approve", lab.address("CreditLine"), 2**256 - 1, by=lab.alice)
    lab.send("CreditLine", "repay", 1, 2**256 - 1, by=lab.alice)
    assert loan(lab)["principal"] == 0


def test_the_timelock_hands_the_credit_line_on_in_two_steps(owned: Lab) -> None:
    lab = owned
    run(lab, "CreditLine", "transferOwnership", lab.alice.address)
    assert lab.read("CreditLine", "owner") == lab.address("Timelock")
    with reverts("OwnableUnauthorizedAccount", lab.mallory.address):
        lab.send("CreditLine", "acceptOwnership", by=lab.mallory)
    lab.send("CreditLine", "acceptOwnership", by=lab.alice)
    assert lab.read("CreditLine", "owner") == lab.alice.address


def test_a_timelock_owns_a_model_and_a_guardian_needs_no_delay(lab: Lab, timelock: str) -> None:
    lab.send("ModelRegistry", "transferModelOwnership", lab.tier_model, timelock)
    operation = schedule(lab, "ModelRegistry", "acceptModelOwnership", lab.tier_model)
    with reverts("TimelockUnexpectedOperationState"):
        execute(lab, operation)
    lab.travel(lab.network.now() + DELAY + 1)
    execute(lab, operation)
    assert lab.read("ModelRegistry", "getModel", lab.tier_model)[2] == timelock
    with reverts("NotModelOwner", lab.tier_model, lab.owner.address):
        lab.send("ModelRegistry", "deprecateModel", lab.tier_model)
    run(lab, "ModelRegistry", "nameGuardian", lab.tier_model, lab.alice.address)
    freeze(lab, by=lab.alice)
    assert lab.read("ModelRegistry", "statusOf", lab.tier_model) == FROZEN
    code_hash = Web3.keccak(lab.network.w3.eth.get_code(Web3.to_checksum_address(lab.address("TierVerifier"))))
    assert lab.read("ModelRegistry", "isCodeFrozen", timelock, code_hash)
