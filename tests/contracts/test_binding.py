"""Binding a verifier: what activates a model, and everything that must not."""

from __future__ import annotations

from typing import Any

import pytest
from web3 import Web3

from tests.contracts.circuits import helper_contracts
from tests.contracts.lab import (
    CIRCUIT,
    CONTENT,
    MAX_AGE,
    PROOF_SYSTEM,
    SCHEMA,
    SCORE_LAYOUT,
    TIER_LAYOUT,
    TRANSCRIPT,
    Lab,
    reverts,
    word,
)

FALSE = bytes(32)
TRUE = (1).to_bytes(32, "big")
LIMIT = 1 << 63


def pending(lab: Lab, layout: tuple[Any, ...] = TIER_LAYOUT, vk_hash: bytes | None = None) -> int:
    """A pending model of the owner's, over the tier verifier's key unless another is given."""
    key = lab.read("TierVerifier", "vkHash") if vk_hash is None else vk_hash
    commitment = (lab.read("ModelRegistry", "modelHashOf", CONTENT, layout), CIRCUIT, key, PROOF_SYSTEM, "pending")
    lab.send("ModelRegistry", "registerModel", commitment)
    return int(lab.read("ModelRegistry", "modelIdOf", lab.owner.address, commitment, 0))


def bind(lab: Lab, model_id: int, verifier: str, layout: tuple[Any, ...] = TIER_LAYOUT, **changes: Any) -> Any:
    content, max_age = changes.get("content", CONTENT), changes.get("max_age", MAX_AGE)
    return lab.send("ModelRegistry", "bindVerifier", model_id, verifier, content, layout, max_age)


def stub(lab: Lab, answer: bytes = FALSE, *, fails: bool = False, vk_hash: bytes = CIRCUIT) -> str:
    """A stand-in verifier with a scripted answer."""
    return lab.deploy_as("Stub", helper_contracts()["StubVerifier"], vk_hash, bytes(32), answer, fails).address


def test_binding_activates_and_pins(lab: Lab) -> None:
    model_id = pending(lab)
    verifier = lab.address("TierVerifier")
    receipt = bind(lab, model_id, verifier)
    code_hash = Web3.keccak(lab.network.w3.eth.get_code(Web3.to_checksum_address(verifier)))
    layout_hash = lab.read("ModelRegistry", "layoutHashOf", TIER_LAYOUT)
    selector = Web3.keccak(text="verifyProof(uint256[2],uint256[2][2],uint256[2],uint256[3])")[:4]
    assert lab.read("ModelRegistry", "statusOf", model_id) == 2
    assert lab.read("ModelRegistry", "bindingOf", model_id) == (
        verifier,
        MAX_AGE,
        1,
        selector,
        code_hash,
        layout_hash,
        TRANSCRIPT,
    )
    (event,) = lab.events(receipt, "ModelRegistry", "VerifierBound")
    assert event == {
        "modelId": model_id,
        "verifier": verifier,
        "schemaHash": SCHEMA,
        "codeHash": code_hash,
        "layoutHash": layout_hash,
        "transcriptHash": TRANSCRIPT,
        "maxAge": MAX_AGE,
    }


def test_a_model_is_bound_once(lab: Lab) -> None:
    with reverts("ModelAlreadyBound", lab.tier_model):
        bind(lab, lab.tier_model, lab.address("TierVerifier"))


def test_decisions_need_a_life(lab: Lab) -> None:
    with reverts("InvalidMaxAge"):
        bind(lab, pending(lab), lab.address("TierVerifier"), max_age=0)


def test_layout_and_content_are_part_of_the_models_hash(lab: Lab) -> None:
    model_id = pending(lab)
    verifier = lab.address("TierVerifier")
    for layout in (
        (SCHEMA, [0], 1, 2, [5_000, 8_001]),
        (SCHEMA, [0], 2, 2, [5_000, 8_000]),
        (CIRCUIT, [0], 1, 2, [5_000, 8_000]),
        (SCHEMA, [1], 1, 1, []),
    ):
        with reverts("ModelHashMismatch"):
            bind(lab, model_id, verifier, layout)
    with reverts("ModelHashMismatch"):
        bind(lab, model_id, verifier, content=CIRCUIT)


@pytest.mark.parametrize(
    ("field", "layout"),
    [
        pytest.param("schemaHash", (bytes(32), [0], 0, 0, []), id="no schema"),
        pytest.param("decimals", (SCHEMA, [], 0, 0, []), id="no output"),
        pytest.param("decimals", (SCHEMA, [0] * 1025, 0, 0, []), id="too many outputs"),
        pytest.param("decimals", (SCHEMA, [19], 0, 0, []), id="too many decimals"),
        pytest.param("polarity", (SCHEMA, [0], 3, 0, []), id="unknown polarity"),
        pytest.param("reveal", (SCHEMA, [0], 0, 3, []), id="unknown reveal"),
        pytest.param("thresholds", (SCHEMA, [0], 0, 0, [1]), id="thresholds without tiers"),
        pytest.param("thresholds", (SCHEMA, [0], 1, 2, []), id="tiers without thresholds"),
        pytest.param("decimals", (SCHEMA, [0, 0], 1, 2, [1]), id="two tier outputs"),
        pytest.param("decimals", (SCHEMA, [1], 1, 2, [1]), id="tier with decimals"),
        pytest.param("thresholds", (SCHEMA, [0], 1, 2, [1, 1]), id="equal thresholds"),
        pytest.param("thresholds", (SCHEMA, [0], 1, 2, [2, 1]), id="falling thresholds"),
        pytest.param("thresholds", (SCHEMA, [0], 1, 2, [LIMIT]), id="threshold too high"),
        pytest.param("thresholds", (SCHEMA, [0], 1, 2, [-LIMIT - 1]), id="threshold too low"),
        pytest.param("thresholds", (SCHEMA, [0], 1, 2, list(range(256))), id="too many thresholds"),
    ],
)
def test_layouts_that_mean_nothing_are_refused(lab: Lab, field: str, layout: tuple[Any, ...]) -> None:
    with reverts("InvalidLayout", word(field)):
        bind(lab, pending(lab, layout), lab.address("TierVerifier"), layout)


def test_extreme_thresholds_are_allowed(lab: Lab) -> None:
    layout = (SCHEMA, [0], 2, 2, [-LIMIT, 0, LIMIT - 1])
    bind(lab, pending(lab, layout), lab.address("TierVerifier"), layout)


def test_a_verifier_of_another_key_is_refused(lab: Lab) -> None:
    expected, actual = lab.read("TierVerifier", "vkHash"), lab.read("ScoreVerifier", "vkHash")
    with reverts("VerifyingKeyMismatch", expected, actual):
        bind(lab, pending(lab), lab.address("ScoreVerifier"))


def test_a_verifier_of_another_number_of_signals_is_refused(lab: Lab) -> None:
    layout = (SCHEMA, [0] * 4, 0, 0, [])  # four outputs take two signals, the tier circuit has one
    with reverts("VerifierProbeFailed", lab.address("TierVerifier")):
        bind(lab, pending(lab, layout), lab.address("TierVerifier"), layout)


def test_an_account_without_code_is_no_verifier(lab: Lab) -> None:
    for address in (lab.bob.address, "0x" + "00" * 19 + "08"):  # a key's account; the pairing precompile
        with reverts("VerifierWithoutCode", address):
            bind(lab, pending(lab, vk_hash=Web3.keccak(text=address)), address)


def test_a_contract_without_a_verifiers_getters_is_refused(lab: Lab) -> None:
    nothing = lab.deploy_as("Nothing", helper_contracts()["NoVerifier"]).address
    with reverts("VerifierCallFailed", nothing):
        bind(lab, pending(lab), nothing)


@pytest.mark.parametrize(
    ("answer", "fails"),
    [
        pytest.param(TRUE, False, id="accepts the all-zero proof"),
        pytest.param(b"", False, id="answers nothing"),
        pytest.param(FALSE + b"\0", False, id="answers too much"),
        pytest.param(b"", True, id="reverts"),
    ],
)
def test_the_probe_refuses_verifiers_that_do_not_say_false(lab: Lab, answer: bytes, fails: bool) -> None:
    verifier = stub(lab, answer, fails=fails)
    with reverts("VerifierProbeFailed", verifier):
        bind(lab, pending(lab, vk_hash=CIRCUIT), verifier)


def test_a_verifier_that_vanishes_is_noticed(lab: Lab) -> None:
    owner = lab.deploy_as("Metamorphic", helper_contracts()["MetamorphicOwner"])
    commitment = (
        lab.read("ModelRegistry", "modelHashOf", CONTENT, TIER_LAYOUT),
        CIRCUIT,
        CIRCUIT,
        PROOF_SYSTEM,
        "meta",
    )
    lab.send("Metamorphic", "run", lab.address("ModelRegistry"), commitment, CONTENT, TIER_LAYOUT)
    model_id = owner.read("modelId")
    verifier = lab.read("ModelRegistry", "bindingOf", model_id)[0]
    assert lab.network.w3.eth.get_code(verifier) == b""
    with reverts("VerifierCodeChanged", model_id, verifier):
        lab.send("ModelRegistry", "verifyInference", model_id, bytes(32), b"", bytes(288))


@pytest.mark.parametrize(
    ("answer", "fails", "error", "args"),
    [
        pytest.param(b"", False, "VerifierCallFailed", None, id="nothing"),
        pytest.param((2).to_bytes(32, "big"), False, "VerifierCallFailed", None, id="no boolean"),
        pytest.param(TRUE + b"\0", False, "VerifierCallFailed", None, id="too much"),
        pytest.param(b"\x01\x02\x03", False, "VerifierCallFailed", None, id="three bytes"),
        pytest.param(FALSE, False, "InvalidProof", (), id="false"),
    ],
)
def test_only_the_word_one_is_a_yes(
    lab: Lab, answer: bytes, fails: bool, error: str, args: tuple[object, ...] | None
) -> None:
    verifier = stub(lab)
    model_id = pending(lab, vk_hash=CIRCUIT)
    bind(lab, model_id, verifier)
    lab.send("Stub", "setAnswer", answer)
    output = (32).to_bytes(32, "big") + (1).to_bytes(32, "big") + bytes(32)
    with reverts(error, *((verifier,) if args is None else args)):
        lab.send("ModelRegistry", "verifyInference", model_id, bytes(32), output, bytes(288))
    lab.send("Stub", "setAnswer", TRUE)
    lab.send("ModelRegistry", "verifyInference", model_id, bytes(32), output, bytes(288))


def test_scores_are_bound_with_their_own_selector(lab: Lab) -> None:
    selector = Web3.keccak(text="verifyProof(uint256[2],uint256[2][2],uint256[2],uint256[5])")[:4]
    binding = lab.read("ModelRegistry", "bindingOf", lab.score_model)
    assert (binding[2], binding[3]) == (len(SCORE_LAYOUT[1]), selector)
    assert binding[6] == bytes(32)  # a development key: no transcript
