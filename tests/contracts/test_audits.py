"""AuditRegistry: statements by auditors that a consumer may choose to trust."""

from __future__ import annotations

from typing import Any

import pytest
from eth_account.messages import encode_typed_data

from prover.chain.signer import Signer
from tests.contracts.lab import CIRCUIT, CONTENT, TIER_LAYOUT, TRANSCRIPT, TYPES, Lab, reverts

FIELDS = [
    {"name": "auditor", "type": "address"},
    {"name": "modelId", "type": "uint256"},
    {"name": "vkHash", "type": "bytes32"},
    {"name": "circuitHash", "type": "bytes32"},
    {"name": "transcriptHash", "type": "bytes32"},
    {"name": "verifierCodeHash", "type": "bytes32"},
    {"name": "evidenceHash", "type": "bytes32"},
    {"name": "signedAt", "type": "uint64"},
]


def statement(lab: Lab, **changes: Any) -> dict[str, Any]:
    """What bob, an auditor, found about the tier model."""
    return {
        "auditor": lab.bob.address,
        "modelId": lab.tier_model,
        "vkHash": lab.read("TierVerifier", "vkHash"),
        "circuitHash": CIRCUIT,
        "transcriptHash": TRANSCRIPT,
        "verifierCodeHash": lab.read("ModelRegistry", "bindingOf", lab.tier_model)[4],
        "evidenceHash": CONTENT,
        "signedAt": lab.network.now(),
    } | changes


def typed(lab: Lab, message: dict[str, Any]) -> dict[str, Any]:
    return {
        "types": {"EIP712Domain": TYPES["EIP712Domain"], "Statement": FIELDS},
        "primaryType": "Statement",
        "domain": {
            "name": "Verdict Audit",
            "version": "1",
            "chainId": lab.network.chain_id,
            "verifyingContract": lab.address("AuditRegistry"),
        },
        "message": message,
    }


def state(lab: Lab, message: dict[str, Any], by: Signer | None = None) -> Any:
    signature = (by or lab.bob).sign_typed_data(typed(lab, message))
    return lab.send("AuditRegistry", "state", tuple(message.values()), signature, by=lab.relayer)


def is_production(lab: Lab) -> bool:
    return bool(lab.read("AuditRegistry", "isProduction", lab.tier_model, lab.bob.address))


def test_a_statement_counts_for_its_auditor_alone(lab: Lab) -> None:
    assert not is_production(lab)
    message = statement(lab)
    receipt = state(lab, message)
    assert is_production(lab)
    assert not lab.read("AuditRegistry", "isProduction", lab.tier_model, lab.alice.address)
    assert not lab.read("AuditRegistry", "isProduction", lab.score_model, lab.bob.address)
    assert lab.read("AuditRegistry", "statementOf", lab.tier_model, lab.bob.address) == (CONTENT, message["signedAt"])
    (event,) = lab.events(receipt, "AuditRegistry", "ProductionStated")
    assert (event["auditor"], event["modelId"]) == (lab.bob.address, lab.tier_model)


def test_the_struct_hash_is_eip712s(lab: Lab) -> None:
    message = statement(lab)
    expected = bytes(encode_typed_data(full_message=typed(lab, message)).body)
    assert lab.read("AuditRegistry", "hashStatement", tuple(message.values())) == expected


def test_nobody_signs_for_an_auditor(lab: Lab) -> None:
    with reverts("InvalidAuditorSignature", lab.bob.address):
        state(lab, statement(lab), by=lab.mallory)


@pytest.mark.parametrize("field", ["vkHash", "circuitHash", "transcriptHash", "verifierCodeHash"])
def test_a_statement_about_something_else_is_refused(lab: Lab, field: str) -> None:
    with reverts("StatementMismatch", lab.tier_model):
        state(lab, statement(lab, **{field: b"\x01" * 32}))


def test_development_keys_are_never_production(lab: Lab) -> None:
    with reverts("StatementForDevelopmentKey", lab.tier_model):
        state(lab, statement(lab, transcriptHash=bytes(32)))


def test_only_active_models(lab: Lab) -> None:
    with reverts("ModelNotFound", 1):
        state(lab, statement(lab, modelId=1))
    state(lab, statement(lab))
    lab.send("ModelRegistry", "deprecateModel", lab.tier_model)
    assert not is_production(lab)
    lab.network.advance_time(10)
    with reverts("StatementMismatch", lab.tier_model):
        state(lab, statement(lab))


def test_pending_models_have_nothing_to_audit(lab: Lab) -> None:
    commitment = lab.commitment("TierVerifier", TIER_LAYOUT, "pending")
    lab.send("ModelRegistry", "registerModel", commitment)
    pending = lab.read("ModelRegistry", "modelIdOf", lab.owner.address, commitment, 0)
    with reverts("StatementMismatch", pending):
        state(lab, statement(lab, modelId=pending))


def test_withdrawing_voids_what_was_signed_before(lab: Lab) -> None:
    message = statement(lab)
    receipt = lab.send("AuditRegistry", "withdraw", lab.tier_model, by=lab.bob)  # signed, not yet relayed
    assert lab.events(receipt, "AuditRegistry", "ProductionWithdrawn") == [
        {"auditor": lab.bob.address, "modelId": lab.tier_model}
    ]
    withdrawn_at = lab.network.now()
    with reverts("StatementNotNewer", withdrawn_at, message["signedAt"]):
        state(lab, message)
    lab.network.advance_time(10)
    state(lab, statement(lab))
    assert is_production(lab)
    lab.send("AuditRegistry", "withdraw", lab.tier_model, by=lab.bob)
    assert not is_production(lab)
    assert lab.read("AuditRegistry", "statementOf", lab.tier_model, lab.bob.address) == (bytes(32), 0)


def test_statements_are_dated(lab: Lab) -> None:
    message = statement(lab)
    state(lab, message)
    with reverts("StatementNotNewer", message["signedAt"], message["signedAt"]):
        state(lab, message)
    later = lab.network.now() + 1_000
    with reverts("StatementFromFuture", later):
        state(lab, statement(lab, signedAt=later))
