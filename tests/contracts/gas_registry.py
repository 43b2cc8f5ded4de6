"""Gas of the registries' functions that test_gas.py does not list itself: batches, ownership, withdrawals."""

from __future__ import annotations

from web3 import Web3

from tests.contracts.lab import CONTENT, MAX_AGE, TIER_LAYOUT, Lab, encode_output
from tests.contracts.test_audits import state, statement
from tests.contracts.test_inference import VALUES


def measure_registries(lab: Lab) -> dict[str, int]:
    """One transaction of each kind, in an order in which they work."""
    gas: dict[str, int] = {}

    def send(contract: str, function: str, *args: object, by: object = None, row: str = "") -> None:
        name = f"{contract}.{function}{', ' + row if row else ''}"
        gas[name] = lab.send(contract, function, *args, by=by).gas_used  # type: ignore[arg-type]

    # Batches.
    people = [lab.alice, lab.bob, lab.mallory, lab.owner]
    items = [lab.submission(subject=who, personId=Web3.keccak(at + 1)) for at, who in enumerate(people)]
    arguments = [item.args for item in items]
    send("DecisionRegistry", "submitBatch", lab.tier_model, arguments[:1], row="one")
    send("DecisionRegistry", "submitBatch", lab.tier_model, arguments[:1], row="one, skipped")
    send("DecisionRegistry", "submitBatch", lab.tier_model, arguments[1:], row="three")
    rows = [(*VALUES[:6], at) for at in range(4)]
    inferences = [((7).to_bytes(32, "big"), encode_output(row), lab.bare_proof(row)) for row in rows]
    send("ModelRegistry", "verifyInference", lab.score_model, *inferences[0])
    send("ModelRegistry", "verifyInferences", lab.score_model, inferences[:1], row="one")
    send("ModelRegistry", "verifyInferences", lab.score_model, inferences, row="four")
    lab.deploy("InferenceStore", lab.address("ModelRegistry"))
    send("InferenceStore", "verifyAndStoreInference", lab.score_model, *inferences[0])

    # A subject's withdrawals.
    send("DecisionRegistry", "invalidateConsentNonce", 7, by=lab.alice)
    where = (lab.tier_model, lab.issuer.address, lab.address("CreditLine"))
    send("DecisionRegistry", "withdrawConsent", *where, by=lab.alice)

    # An issuer's keys.
    issuer = lab.issuer.address
    send("IssuerRegistry", "suspendIssuer", issuer, by=lab.admin)
    send("IssuerRegistry", "resumeIssuer", issuer, by=lab.admin)
    lab.send("IssuerRegistry", "registerIssuer", lab.admin.address, "", by=lab.bob)
    send("IssuerRegistry", "supersedeIssuer", issuer, lab.bob.address, True, by=lab.admin)
    send("IssuerRegistry", "retireIssuer", issuer, by=lab.admin)
    send("IssuerRegistry", "offerAdministration", lab.bob.address, lab.alice.address, by=lab.admin)
    send("IssuerRegistry", "acceptAdministration", lab.bob.address, by=lab.alice)

    # An auditor, and a model's owner.
    said = statement(lab)
    state(lab, said)
    send("AuditRegistry", "withdraw", lab.tier_model, by=lab.bob)
    commitment = lab.commitment("TierVerifier", TIER_LAYOUT, "v2")
    successor = lab.read("ModelRegistry", "modelIdOf", lab.owner.address, commitment, lab.tier_model)
    send("ModelRegistry", "registerSuccessor", commitment, lab.tier_model)
    bound = (successor, lab.address("TierVerifier"), CONTENT, TIER_LAYOUT, MAX_AGE)
    send("ModelRegistry", "bindVerifier", *bound, row="of a successor")
    send("ModelRegistry", "nameGuardian", lab.tier_model, lab.bob.address)
    send("ModelRegistry", "freezeVerifier", lab.tier_model, by=lab.bob)
    send("ModelRegistry", "transferModelOwnership", lab.tier_model, lab.bob.address)
    send("ModelRegistry", "acceptModelOwnership", lab.tier_model, by=lab.bob)
    return gas
