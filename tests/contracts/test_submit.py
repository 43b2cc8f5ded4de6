"""Submitting a decision: the honest way."""

from __future__ import annotations

from tests.contracts.lab import MAX_AGE, PERSON, Lab


def test_an_honest_decision_is_stored_and_read(lab: Lab) -> None:
    submission = lab.submission(tier=2)
    receipt = lab.submit(submission)
    attestation = submission.attestation
    assert lab.status() == 1
    decision = lab.read(
        "DecisionRegistry", "decisionOf", lab.tier_model, lab.issuer.address, lab.alice.address, lab.address("CreditLine")
    )
    print(receipt.gas_used)
    assert decision.values == [2] if hasattr(decision, "values") else decision[0] == [2]
