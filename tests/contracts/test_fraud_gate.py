"""The fraud gate: small transfers pass, large ones only as far as a fresh proven non-fraud decision covers them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prover.chain.signer import Signer
from prover.chain.transactions import Receipt
from tests.contracts.asset_lab import Estate
from tests.contracts.circuits import helper_contracts
from tests.contracts.lab import DAY, TIER_LAYOUT, UNIT, Lab, Submission, reverts, word

ZERO = "0x" + "00" * 20
FREE, WINDOW, FRESH = 100 * UNIT, DAY, 3_600
ALLOWANCES = [0, 1_000 * UNIT, 5_000 * UNIT]


def deploy_gate(lab: Lab, **changes: Any) -> None:
    usual = {
        "registry": lab.address("DecisionRegistry"),
        "model": lab.tier_model,
        "issuer": lab.issuer.address,
        "free": FREE,
        "window": WINDOW,
        "max_age": FRESH,
        "allowances": ALLOWANCES,
    }
    lab.deploy("FraudGate", *(usual | changes).values())


@pytest.fixture
def gated(lab: Lab) -> Lab:
    """A gated token, of which alice has a lot."""
    deploy_gate(lab)
    lab.deploy_as("GatedToken", helper_contracts()["GatedToken"], lab.address("FraudGate"))
    lab.send("GatedToken", "mint", lab.alice.address, 10**6 * UNIT)
    return lab


def pay(lab: Lab, amount: int, by: Signer | None = None) -> Receipt:
    return lab.send("GatedToken", "transfer", lab.bob.address, amount, by=by or lab.alice)


def clear(lab: Lab, tier: int = 2, **changes: Any) -> Submission:
    """A decision about alice's payment, for the gate."""
    return lab.decided(tier, consumer=lab.address("FraudGate"), **changes)


def clearance(lab: Lab, gated: str | None = None) -> tuple[int, ...]:
    return tuple(lab.read("FraudGate", "clearanceOf", gated or lab.address("GatedToken"), lab.alice.address))


# Small amounts.


def test_small_transfers_pass_unseen(gated: Lab) -> None:
    receipt = pay(gated, FREE)
    assert gated.read("GatedToken", "balanceOf", gated.bob.address) == FREE
    assert gated.events(receipt, "FraudGate", "FreeTransfer") == [
        {"gated": gated.address("GatedToken"), "sender": gated.alice.address, "amount": FREE, "spent": FREE}
    ]
    assert clearance(gated) == (0, 0, 0)
    pay(gated, 0)


def test_splitting_does_not_help(gated: Lab) -> None:
    for _ in range(4):
        pay(gated, FREE // 4)
    with reverts("DecisionMissing"):
        pay(gated, 1)
    assert clearance(gated) == (0, 0, 0)


def test_a_window_begins_with_a_transfer_and_ends(gated: Lab) -> None:
    pay(gated, FREE - 1)
    start = gated.network.now()
    gated.travel(start + WINDOW - 2)
    pay(gated, 1)
    with reverts("DecisionMissing"):
        pay(gated, 1)  # a second before the window ends
    gated.travel(start + WINDOW)
    assert clearance(gated)[0] == FREE
    pay(gated, FREE)


def test_small_transfers_need_no_issuer_and_no_model(gated: Lab) -> None:
    gated.send("IssuerRegistry", "suspendIssuer", gated.issuer.address, by=gated.admin)
    gated.send("ModelRegistry", "deprecateModel", gated.tier_model)
    pay(gated, FREE)


# Large amounts.


def test_a_large_transfer_needs_a_clearance(gated: Lab) -> None:
    with reverts("DecisionMissing"):
        pay(gated, FREE + 1)
    submission = clear(gated)
    observed, digest = submission.attestation.observedAt, submission.consent.attestationHash
    assert clearance(gated) == (FREE, 5_000 * UNIT, observed + FRESH + 1)
    receipt = pay(gated, 3_000 * UNIT)
    assert gated.events(receipt, "FraudGate", "ClearedTransfer") == [
        {
            "gated": gated.address("GatedToken"),
            "sender": gated.alice.address,
            "attestationHash": digest,
            "amount": 3_000 * UNIT,
            "used": 3_000 * UNIT,
        }
    ]
    assert clearance(gated)[:2] == (FREE, 2_000 * UNIT)  # a covered transfer leaves the window alone
    pay(gated, FREE)
    pay(gated, 2_000 * UNIT)
    assert clearance(gated)[:2] == (0, 0)
    with reverts("AllowanceExceeded", digest, 5_000 * UNIT, 1, 5_000 * UNIT):
        pay(gated, 1)


def test_tiers_have_allowances(gated: Lab) -> None:
    digest = clear(gated, tier=1).consent.attestationHash
    assert [gated.read("FraudGate", "allowanceOf", tier) for tier in range(3)] == ALLOWANCES
    with reverts("AllowanceExceeded", digest, 0, 1_000 * UNIT + 1, 1_000 * UNIT):
        pay(gated, 1_000 * UNIT + 1)
    pay(gated, 1_000 * UNIT)


def test_fraud_is_refused(gated: Lab) -> None:
    clear(gated, tier=0)
    assert clearance(gated) == (FREE, 0, 0)
    with reverts("SenderRefused", gated.alice.address):
        pay(gated, FREE + 1)
    pay(gated, FREE)


def test_an_attestation_covers_once_however_often_it_is_submitted(gated: Lab) -> None:
    submission = clear(gated)
    pay(gated, 5_000 * UNIT)
    again = gated.submission(2, attestation=submission.attestation, consumer=gated.address("FraudGate"), nonce=1)
    gated.submit(again)
    with reverts("AllowanceExceeded", submission.consent.attestationHash, 5_000 * UNIT, 200 * UNIT, 5_000 * UNIT):
        pay(gated, 200 * UNIT)
    clear(gated, sequence=2, nonce=2)  # another statement of the issuer's
    pay(gated, 5_000 * UNIT)


def test_a_lower_tier_later_does_not_free_what_was_used(gated: Lab) -> None:
    """Another model over the same attestation cannot be mixed in: the gate has one model."""
    clear(gated, tier=2)
    pay(gated, 4_000 * UNIT)
    other = clear(gated, tier=1, sequence=2, nonce=1)
    with reverts("AllowanceExceeded", other.consent.attestationHash, 0, 1_001 * UNIT, 1_000 * UNIT):
        pay(gated, 1_001 * UNIT)


def test_a_stale_decision_clears_nothing(gated: Lab) -> None:
    observed = clear(gated).attestation.observedAt
    gated.travel(observed + FRESH)
    pay(gated, 200 * UNIT)
    gated.travel(observed + FRESH + 1)
    assert clearance(gated) == (FREE, 0, 0)
    with reverts("ClearanceStale", observed, FRESH):
        pay(gated, 200 * UNIT)


def test_withdrawn_and_foreign_decisions_clear_nothing(gated: Lab) -> None:
    gated.decided(2, nonce=5)  # for another consumer
    with reverts("DecisionMissing"):
        pay(gated, 200 * UNIT)
    submission = clear(gated, sequence=2)
    digest = submission.consent.attestationHash
    with reverts("DecisionMissing"):  # about alice, not about mallory
        gated.send("GatedToken", "mint", gated.mallory.address, 200 * UNIT)
        pay(gated, 200 * UNIT, by=gated.mallory)
    gated.send("IssuerRegistry", "revokeAttestation", gated.issuer.address, digest, by=gated.issuer)
    with reverts("DecisionRevoked", digest):
        pay(gated, 200 * UNIT)
    assert clearance(gated) == (FREE, 0, 0)


def test_an_expired_decision_clears_nothing(gated: Lab) -> None:
    until = clear(gated, expiresAt=gated.network.now() + 60).attestation.expiresAt
    assert clearance(gated)[2] == until
    gated.travel(until)
    with reverts("DecisionExpired", until):
        pay(gated, 200 * UNIT)


def test_a_spender_uses_up_the_owners_limits(gated: Lab) -> None:
    """transferFrom counts for whose money moves, not for who moves it."""
    gated.send("GatedToken", "approve", gated.mallory.address, 2**256 - 1, by=gated.alice)
    args = (gated.alice.address, gated.bob.address, FREE)
    gated.send("GatedToken", "transferFrom", *args, by=gated.mallory)
    with reverts("DecisionMissing"):
        pay(gated, 1)


def test_nobody_uses_up_anothers_limits(gated: Lab) -> None:
    """The books are per calling contract: mallory calls the gate herself, about alice."""
    clear(gated)
    args = (gated.alice.address, gated.bob.address)
    gated.send("FraudGate", "beforeTransfer", *args, FREE, by=gated.mallory)
    gated.send("FraudGate", "beforeTransfer", *args, 5_000 * UNIT, by=gated.mallory)
    assert clearance(gated, gated.mallory.address)[:2] == (0, 0)
    assert clearance(gated)[:2] == (FREE, 5_000 * UNIT)


def test_huge_amounts_do_not_wrap(gated: Lab) -> None:
    digest = clear(gated).consent.attestationHash
    pay(gated, 1)
    args = (gated.alice.address, gated.bob.address)
    for huge in (2**192, 2**192 + 5, 2**256 - 1):
        with reverts("AllowanceExceeded", digest, 0, huge, 5_000 * UNIT):
            gated.send("FraudGate", "beforeTransfer", *args, huge, by=gated.mallory)


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("issuer", {"issuer": ZERO}),
        ("window", {"window": 0}),
        ("maxAge", {"max_age": 0}),
        ("allowances", {"allowances": []}),
        ("allowances", {"allowances": [0, 1]}),
        ("allowances", {"allowances": [0, 1, 2, 3]}),
        ("allowances", {"allowances": [1, 2, 3]}),  # fraud would pass
        ("allowances", {"allowances": [0, 3, 2]}),
    ],
)
def test_limits_that_make_no_sense(lab: Lab, field: str, change: dict[str, Any]) -> None:
    with reverts("InvalidLimits", word(field)):
        deploy_gate(lab, **change)


def test_models_that_do_not_tell_fraud(lab: Lab) -> None:
    lower_is_better = lab.register("TierVerifier", (*TIER_LAYOUT[:2], 2, *TIER_LAYOUT[3:]), "lower")
    for model in (lab.score_model, lower_is_better, 5):
        with reverts("InvalidLimits", word("modelId")):
            deploy_gate(lab, model=model)


def test_what_the_gate_says_about_itself(gated: Lab) -> None:
    names = ("decisionRegistry", "modelId", "issuer", "freeLimit", "window", "maxAge")
    found = [gated.read("FraudGate", name) for name in names]
    expected = [gated.address("DecisionRegistry"), gated.tier_model, gated.issuer.address, FREE, WINDOW, FRESH]
    assert found == expected


def test_tiers_that_there_are_not_clear_nothing(lab: Lab, tmp_path: Path) -> None:
    """A model on a development key proves any answer: no clearance and a refusal by name, never a panic."""
    estate = Estate.build(lab, tmp_path)  # whose verifier takes any value
    estate.model = lab.register("PriceVerifier", TIER_LAYOUT, "loose")
    deploy_gate(lab, model=estate.model)
    lab.contracts["AppraisalFeed"] = lab.contracts["FraudGate"]  # whom the subject consents to
    people = (lab.bob.address, lab.alice.address)
    for tier in (3, 2**31, -1, -(2**31)):
        lab.travel(lab.network.now() + 1)
        estate.surveyed(tier / 10**6)
        assert lab.read("FraudGate", "clearanceOf", lab.relayer.address, lab.bob.address) == (FREE, 0, 0)
        with reverts("SenderRefused", lab.bob.address):
            lab.send("FraudGate", "beforeTransfer", *people, FREE + 1, by=lab.relayer)
    assert lab.read("FraudGate", "allowanceOf", 3) == lab.read("FraudGate", "allowanceOf", 2**256 - 1) == 0


def test_one_attestation_covers_once_for_each_gated_contract(gated: Lab) -> None:
    """As the interface says: what one contract's transfers used up is not taken from another's."""
    lab = gated
    digest = clear(lab).consent.attestationHash
    lab.deploy_as("SecondToken", helper_contracts()["GatedToken"], lab.address("FraudGate"))
    lab.send("SecondToken", "mint", lab.alice.address, 10**6 * UNIT)
    pay(lab, 5_000 * UNIT)
    assert clearance(lab)[1] == 0
    assert clearance(lab, lab.address("SecondToken"))[1] == 5_000 * UNIT
    lab.send("SecondToken", "transfer", lab.bob.address, 5_000 * UNIT, by=lab.alice)
    for token in ("GatedToken", "SecondToken"):
        with reverts("AllowanceExceeded", digest, 5_000 * UNIT, FREE + 1, 5_000 * UNIT):
            lab.send(token, "transfer", lab.bob.address, FREE + 1, by=lab.alice)


# Any sequence of payments, against independent books.

steps = st.lists(
    st.tuples(st.sampled_from([0, 1, 20, 60, 100, 101, 400, 900, 1_000]), st.sampled_from([0, 1, 30_000, DAY])),
    min_size=1,
    max_size=12,
)


@settings(max_examples=25, deadline=None)
@given(steps=steps)
def test_no_more_passes_than_limits_and_allowance(deployed: Lab, steps: list[tuple[int, int]]) -> None:
    """One attestation; whatever the order of payments, the gate agrees with these books to the unit."""
    tester = deployed.network.w3.provider.ethereum_tester  # type: ignore[attr-defined]
    snapshot, contracts = tester.take_snapshot(), dict(deployed.contracts)
    try:
        _replay(deployed, steps)
    finally:
        tester.revert_to_snapshot(snapshot)
        deployed.contracts = contracts


def _replay(lab: Lab, steps: list[tuple[int, int]]) -> None:
    deploy_gate(lab, max_age=10 * DAY)
    clear(lab, tier=1)
    observed = lab.network.now()
    start, spent, used = None, 0, 0
    free_log: list[tuple[int, int]] = []
    for tokens, wait in steps:
        amount = tokens * UNIT
        lab.travel(lab.network.now() + wait + 1)
        passed = True
        try:
            lab.send("FraudGate", "beforeTransfer", lab.alice.address, lab.bob.address, amount, by=lab.bob)
        except Exception:  # why is the other tests' business
            passed = False
        now = lab.network.now()
        if start is None or now >= start + WINDOW:
            fresh = (now, 0)
        else:
            fresh = (start, spent)
        if amount <= FREE - fresh[1]:
            assert passed
            start, spent = fresh[0], fresh[1] + amount
            free_log.append((now, amount))
        else:
            assert passed == (amount <= 1_000 * UNIT - used and now < observed + 10 * DAY)
            used += amount if passed else 0
        assert used <= 1_000 * UNIT
        assert sum(value for when, value in free_log if when > now - WINDOW) <= 2 * FREE
