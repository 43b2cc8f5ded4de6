"""ModelRegistry as a book: registration, ownership, succession, retirement. No proof is asked for here."""

from __future__ import annotations

import pytest
from web3 import Web3

from tests.contracts.lab import CIRCUIT, CONTENT, MAX_AGE, PROOF_SYSTEM, SCORE_LAYOUT, TIER_LAYOUT, Lab, reverts

OPEN = (b"\x01" * 32, b"\x02" * 32, b"\x03" * 32, PROOF_SYSTEM, "ipfs://model")
UNKNOWN = 12345


def register(lab: Lab, commitment: tuple[object, ...] = OPEN) -> int:
    model_id = int(lab.read("ModelRegistry", "modelIdOf", lab.owner.address, commitment, 0))
    lab.send("ModelRegistry", "registerModel", commitment)
    return model_id


def status(lab: Lab, model_id: int) -> str:
    return ("unknown", "pending", "active", "deprecated")[lab.read("ModelRegistry", "statusOf", model_id)]


def test_registering_makes_a_pending_model_under_the_announced_id(lab: Lab) -> None:
    announced = lab.read("ModelRegistry", "modelIdOf", lab.bob.address, OPEN, 0)
    assert status(lab, announced) == "unknown"
    receipt = lab.send("ModelRegistry", "registerModel", OPEN, by=lab.bob)
    (event,) = lab.events(receipt, "ModelRegistry", "ModelRegistered")
    assert (event["modelId"], event["owner"]) == (announced, lab.bob.address)
    commitment, deprecated, owner = lab.read("ModelRegistry", "getModel", announced)
    assert (tuple(commitment), deprecated, owner) == (OPEN, False, lab.bob.address)
    assert status(lab, announced) == "pending"
    assert lab.read("ModelRegistry", "termsOf", announced) == (1, bytes(32), 0, [])
    assert lab.read("ModelRegistry", "proofSystemOf", announced) == PROOF_SYSTEM


def test_an_id_depends_on_owner_commitment_and_predecessor(lab: Lab) -> None:
    def model_id(owner: str, commitment: tuple[object, ...], supersedes: int) -> int:
        return int(lab.read("ModelRegistry", "modelIdOf", owner, commitment, supersedes))

    changed = [(*OPEN[:at], other, *OPEN[at + 1 :]) for at, other in ((0, CIRCUIT), (2, CIRCUIT), (4, "ipfs://other"))]
    ids = {model_id(lab.owner.address, commitment, 0) for commitment in (OPEN, *changed)}
    ids |= {model_id(lab.bob.address, OPEN, 0), model_id(lab.owner.address, OPEN, 1)}
    assert len(ids) == 6


@pytest.mark.parametrize("field", [0, 1, 2])
def test_a_commitment_without_a_hash_is_refused(lab: Lab, field: int) -> None:
    with reverts("InvalidCommitment"):
        lab.send("ModelRegistry", "registerModel", (*OPEN[:field], bytes(32), *OPEN[field + 1 :]))


def test_another_proof_system_is_refused(lab: Lab) -> None:
    plonk = Web3.keccak(text="plonk-bn254-v2")[:4]
    with reverts("UnsupportedProofSystem", plonk):
        lab.send("ModelRegistry", "registerModel", (*OPEN[:3], plonk, ""))


def test_the_same_model_is_not_registered_twice_by_one_owner(lab: Lab) -> None:
    model_id = register(lab)
    with reverts("ModelAlreadyRegistered", model_id):
        lab.send("ModelRegistry", "registerModel", OPEN)
    lab.send("ModelRegistry", "registerModel", OPEN, by=lab.bob)


@pytest.mark.parametrize(
    ("function", "args"),
    [
        ("updateModel", (OPEN,)),
        ("deprecateModel", ()),
        ("transferModelOwnership", ("0x" + "11" * 20,)),
        ("bindVerifier", ("0x" + "11" * 20, CONTENT, TIER_LAYOUT, 1)),
    ],
)
def test_only_the_owner_changes_a_model(lab: Lab, function: str, args: tuple[object, ...]) -> None:
    model_id = register(lab)
    with reverts("NotModelOwner", model_id, lab.mallory.address):
        lab.send("ModelRegistry", function, model_id, *args, by=lab.mallory)
    with reverts("ModelNotFound", UNKNOWN):
        lab.send("ModelRegistry", function, UNKNOWN, *args)


def test_a_model_is_never_updated(lab: Lab) -> None:
    with reverts("ModelImmutable", lab.tier_model):
        lab.send("ModelRegistry", "updateModel", lab.tier_model, OPEN)


def test_deprecation_is_for_good(lab: Lab) -> None:
    receipt = lab.send("ModelRegistry", "deprecateModel", lab.tier_model)
    assert lab.events(receipt, "ModelRegistry", "ModelDeprecated") == [{"modelId": lab.tier_model}]
    assert status(lab, lab.tier_model) == "deprecated"
    assert lab.read("ModelRegistry", "getModel", lab.tier_model)[1] is True
    with reverts("ModelDeprecated", lab.tier_model):
        lab.send("ModelRegistry", "deprecateModel", lab.tier_model)


def test_a_deprecated_pending_model_cannot_be_bound(lab: Lab) -> None:
    model_id = register(lab, lab.commitment("TierVerifier", TIER_LAYOUT, "second"))
    lab.send("ModelRegistry", "deprecateModel", model_id)
    with reverts("VerificationRefused_ModelDeprecated", model_id):
        lab.send("ModelRegistry", "bindVerifier", model_id, lab.address("TierVerifier"), CONTENT, TIER_LAYOUT, MAX_AGE)


def test_ownership_moves_in_two_steps(lab: Lab) -> None:
    model_id = lab.tier_model
    receipt = lab.send("ModelRegistry", "transferModelOwnership", model_id, lab.bob.address)
    assert lab.events(receipt, "ModelRegistry", "ModelOwnershipOffered") == [
        {"modelId": model_id, "owner": lab.owner.address, "pendingOwner": lab.bob.address}
    ]
    assert lab.read("ModelRegistry", "pendingOwnerOf", model_id) == lab.bob.address
    assert lab.read("ModelRegistry", "getModel", model_id)[2] == lab.owner.address
    with reverts("NotPendingOwner", model_id, lab.mallory.address):
        lab.send("ModelRegistry", "acceptModelOwnership", model_id, by=lab.mallory)
    receipt = lab.send("ModelRegistry", "acceptModelOwnership", model_id, by=lab.bob)
    assert lab.events(receipt, "ModelRegistry", "ModelOwnershipTransferred") == [
        {"modelId": model_id, "previousOwner": lab.owner.address, "owner": lab.bob.address}
    ]
    with reverts("NotModelOwner", model_id, lab.owner.address):
        lab.send("ModelRegistry", "deprecateModel", model_id)
    lab.send("ModelRegistry", "deprecateModel", model_id, by=lab.bob)
    with reverts("NotPendingOwner"):
        lab.send("ModelRegistry", "acceptModelOwnership", model_id, by=lab.bob)


def test_an_offer_can_be_withdrawn(lab: Lab) -> None:
    lab.send("ModelRegistry", "transferModelOwnership", lab.tier_model, lab.bob.address)
    lab.send("ModelRegistry", "transferModelOwnership", lab.tier_model, "0x" + "00" * 20)
    with reverts("NotPendingOwner"):
        lab.send("ModelRegistry", "acceptModelOwnership", lab.tier_model, by=lab.bob)
    with reverts("ModelNotFound", UNKNOWN):
        lab.send("ModelRegistry", "acceptModelOwnership", UNKNOWN, by=lab.bob)


def successor(lab: Lab, uri: str) -> int:
    """A pending successor of the tier model."""
    commitment = lab.commitment("TierVerifier", TIER_LAYOUT, uri)
    model_id = int(lab.read("ModelRegistry", "modelIdOf", lab.owner.address, commitment, lab.tier_model))
    receipt = lab.send("ModelRegistry", "registerSuccessor", commitment, lab.tier_model)
    assert lab.events(receipt, "ModelRegistry", "SuccessorRegistered") == [
        {"modelId": model_id, "supersedes": lab.tier_model}
    ]
    return model_id


def bind(lab: Lab, model_id: int) -> None:
    lab.send("ModelRegistry", "bindVerifier", model_id, lab.address("TierVerifier"), CONTENT, TIER_LAYOUT, MAX_AGE)


def test_a_successor_shows_once_it_is_bound(lab: Lab) -> None:
    second = successor(lab, "v2")
    assert lab.read("ModelRegistry", "supersedesOf", second) == lab.tier_model
    assert lab.read("ModelRegistry", "successorOf", lab.tier_model) == 0
    bind(lab, second)
    assert lab.read("ModelRegistry", "successorOf", lab.tier_model) == second
    assert status(lab, lab.tier_model) == "active"


def test_a_model_has_one_successor(lab: Lab) -> None:
    second, third = successor(lab, "v2"), successor(lab, "v3")
    bind(lab, second)
    with reverts("ModelAlreadySuperseded", lab.tier_model, second):
        bind(lab, third)
    with reverts("ModelAlreadySuperseded", lab.tier_model, second):
        lab.send("ModelRegistry", "registerSuccessor", OPEN, lab.tier_model)


def test_nobody_succeeds_another_owners_model(lab: Lab) -> None:
    with reverts("NotModelOwner", lab.tier_model, lab.mallory.address):
        lab.send("ModelRegistry", "registerSuccessor", OPEN, lab.tier_model, by=lab.mallory)
    with reverts("ModelNotFound", UNKNOWN):
        lab.send("ModelRegistry", "registerSuccessor", OPEN, UNKNOWN)
    second = successor(lab, "v2")
    lab.send("ModelRegistry", "transferModelOwnership", lab.tier_model, lab.bob.address)
    lab.send("ModelRegistry", "acceptModelOwnership", lab.tier_model, by=lab.bob)
    with reverts("NotModelOwner", lab.tier_model, lab.owner.address):
        bind(lab, second)


def test_views_of_an_unknown_model(lab: Lab) -> None:
    for function in ("getModel", "proofSystemOf"):
        with reverts("ModelNotFound", UNKNOWN):
            lab.read("ModelRegistry", function, UNKNOWN)
    assert status(lab, UNKNOWN) == "unknown"
    assert lab.read("ModelRegistry", "termsOf", UNKNOWN) == (0, bytes(32), 0, [])
    assert lab.read("ModelRegistry", "layoutOf", UNKNOWN) == (bytes(32), [], 0, 0, [])


def test_bound_models_tell_their_terms(lab: Lab) -> None:
    assert lab.read("ModelRegistry", "termsOf", lab.score_model) == (2, SCORE_LAYOUT[0], MAX_AGE, SCORE_LAYOUT[1])
    assert lab.read("ModelRegistry", "layoutOf", lab.tier_model) == TIER_LAYOUT


def interface_id(*signatures: str) -> bytes:
    value = 0
    for signature in signatures:
        value ^= int.from_bytes(Web3.keccak(text=signature)[:4], "big")
    return value.to_bytes(4, "big")


def test_erc165_announces_both_interfaces_of_erc7992(lab: Lab) -> None:
    commitment = "(bytes32,bytes32,bytes32,bytes4,string)"
    registry = interface_id(
        f"registerModel({commitment})",
        f"updateModel(uint256,{commitment})",
        "deprecateModel(uint256)",
        "getModel(uint256)",
    )
    verifier = interface_id("verifyInference(uint256,bytes32,bytes,bytes)", "proofSystemOf(uint256)", "registry()")
    for wanted in (registry, verifier, interface_id("supportsInterface(bytes4)")):
        assert lab.read("ModelRegistry", "supportsInterface", wanted)
    assert not lab.read("ModelRegistry", "supportsInterface", b"\xff" * 4)
    assert lab.read("ModelRegistry", "registry") == lab.address("ModelRegistry")


def test_proof_system_id_is_the_hash_of_its_name(lab: Lab) -> None:
    assert lab.read("ModelRegistry", "PROOF_SYSTEM_ID") == PROOF_SYSTEM
