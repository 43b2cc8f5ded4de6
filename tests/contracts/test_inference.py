"""``verifyInference``: real proofs of seven outputs, and every way to bend one."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prover.field import R
from tests.contracts.lab import Lab, encode_output, reverts

Q = 21888242871839275222246405745257275088696311157297823662689037894645226208583
LIMIT = 1 << 63
VALUES = (0, -1, LIMIT - 1, -LIMIT, 42, -(10**18), 7)
COMMITMENT = 7
CONTEXT = 9


def verify(
    lab: Lab,
    proof: bytes,
    values: Sequence[int] = VALUES,
    *,
    commitment: int = COMMITMENT,
    output: bytes | None = None,
    model: int | None = None,
) -> object:
    encoded = encode_output(values) if output is None else output
    model_id = lab.score_model if model is None else model
    return lab.send("ModelRegistry", "verifyInference", model_id, commitment.to_bytes(32, "big"), encoded, proof)


@pytest.fixture(scope="module")
def proof(deployed: Lab) -> bytes:
    """A proof of VALUES, COMMITMENT and CONTEXT: 288 bytes."""
    return deployed.bare_proof(VALUES, COMMITMENT, CONTEXT)


def test_a_valid_proof_is_accepted_and_announced(lab: Lab, proof: bytes) -> None:
    receipt = verify(lab, proof)
    (event,) = lab.events(receipt, "ModelRegistry", "InferenceVerified")  # type: ignore[arg-type]
    assert event == {
        "modelId": lab.score_model,
        "inputCommitment": COMMITMENT.to_bytes(32, "big"),
        "output": encode_output(VALUES),
        "caller": lab.owner.address,
    }


@pytest.mark.parametrize("index", range(len(VALUES)))
def test_no_output_can_be_changed(lab: Lab, proof: bytes, index: int) -> None:
    changed = [value + (index == at) * (1 if value < 0 else -1) for at, value in enumerate(VALUES)]
    with reverts("InvalidProof"):
        verify(lab, proof, changed)


def test_the_commitment_and_the_context_are_bound(lab: Lab, proof: bytes) -> None:
    with reverts("InvalidProof"):
        verify(lab, proof, commitment=COMMITMENT + 1)
    with reverts("InvalidProof"):
        verify(lab, proof[:256] + (CONTEXT + 1).to_bytes(32, "big"))


def test_outputs_cannot_swap_lanes(lab: Lab, proof: bytes) -> None:
    with reverts("InvalidProof"):
        verify(lab, proof, (VALUES[1], VALUES[0], *VALUES[2:]))


@pytest.mark.parametrize("length", [0, 255, 256, 287, 289, 320])
def test_a_proof_has_one_length(lab: Lab, proof: bytes, length: int) -> None:
    with reverts("MalformedProof", length):
        verify(lab, proof.ljust(length, b"\0")[:length])


def test_signal_plus_r_is_refused(lab: Lab, proof: bytes) -> None:
    with reverts("SignalNotCanonical", 0):
        verify(lab, proof, commitment=COMMITMENT + R)
    with reverts("SignalNotCanonical", 4):
        verify(lab, proof[:256] + (CONTEXT + R).to_bytes(32, "big"))


@pytest.mark.parametrize("index", range(8))
def test_coordinate_plus_q_is_refused(lab: Lab, proof: bytes, index: int) -> None:
    word = int.from_bytes(proof[32 * index : 32 * index + 32], "big")
    bent = proof[: 32 * index] + (word + Q).to_bytes(32, "big") + proof[32 * index + 32 :]
    with reverts("CoordinateNotCanonical", index):
        verify(lab, bent)


def test_flipped_bits_are_refused(lab: Lab, proof: bytes) -> None:
    """One bit of a coordinate: off the curve, hence a precompile that fails. Bit 0 keeps it below q nearly always."""
    for index in range(8):
        at = 32 * index + 31
        with reverts("PrecompileFailed"):
            verify(lab, proof[:at] + bytes([proof[at] ^ 1]) + proof[at + 1 :])


def test_points_in_the_wrong_place_are_no_proof(lab: Lab, proof: bytes) -> None:
    with reverts("InvalidProof"):  # A and C are both on the curve
        verify(lab, proof[192:256] + proof[64:192] + proof[:64] + proof[256:])
    with reverts("InvalidProof"):  # all points at infinity
        verify(lab, bytes(256) + proof[256:])


def test_proofs_are_malleable(lab: Lab, proof: bytes) -> None:
    """(-A, -B, C) is as good as (A, B, C): proof bytes identify nothing, as the interface warns."""
    verify(lab, negated(proof))


def negated(proof: bytes) -> bytes:
    """The same proof as another 256 bytes: A and B negated."""

    def minus(word: bytes) -> bytes:
        return (-int.from_bytes(word, "big") % Q).to_bytes(32, "big")

    a, b = proof[:32] + minus(proof[32:64]), proof[64:128] + minus(proof[128:160]) + minus(proof[160:192])
    return a + b + proof[192:]


CANONICAL = encode_output(VALUES)


@pytest.mark.parametrize(
    "output",
    [
        pytest.param(b"", id="empty"),
        pytest.param(CANONICAL[:32], id="no length"),
        pytest.param(CANONICAL[:-1], id="a byte short"),
        pytest.param(CANONICAL[:-32], id="a word short"),
        pytest.param(CANONICAL + b"\0", id="a byte behind"),
        pytest.param(CANONICAL + bytes(32), id="a word behind"),
        pytest.param((64).to_bytes(32, "big") + bytes(32) + CANONICAL[32:], id="another offset"),
        pytest.param(CANONICAL[:32] + (2**256 - 1).to_bytes(32, "big") + CANONICAL[64:], id="huge length"),
        pytest.param(CANONICAL[:32] + (2**251 + 7).to_bytes(32, "big") + CANONICAL[64:], id="length that wraps"),
        pytest.param(CANONICAL[32:], id="no offset"),
    ],
)
def test_outputs_have_one_encoding(lab: Lab, proof: bytes, output: bytes) -> None:
    with reverts("OutputNotCanonical"):
        verify(lab, proof, output=output)


def test_the_number_of_outputs_is_the_models(lab: Lab, proof: bytes) -> None:
    for values in (VALUES[:-1], (*VALUES, 0), ()):
        with reverts("OutputMismatch"):
            verify(lab, proof, values)


@pytest.mark.parametrize("value", [LIMIT, -LIMIT - 1, 2**255 - 1, -(2**255), VALUES[3] + 2**64])
def test_outputs_fit_64_bits(lab: Lab, proof: bytes, value: int) -> None:
    with reverts("OutputOutOfRange", 3):
        verify(lab, proof, (*VALUES[:3], value, *VALUES[4:]))


def test_unknown_pending_and_deprecated_models_verify_nothing(lab: Lab, proof: bytes) -> None:
    with reverts("ModelNotFound", 1):
        verify(lab, proof, model=1)
    commitment = lab.commitment("ScoreVerifier", lab.read("ModelRegistry", "layoutOf", lab.score_model), "pending")
    lab.send("ModelRegistry", "registerModel", commitment)
    pending = lab.read("ModelRegistry", "modelIdOf", lab.owner.address, commitment, 0)
    with reverts("ModelPending", pending):
        verify(lab, proof, model=pending)
    lab.send("ModelRegistry", "deprecateModel", lab.score_model)
    with reverts("VerificationRefused_ModelDeprecated", lab.score_model):
        verify(lab, proof)


def test_a_proof_for_one_model_is_none_for_another(lab: Lab, proof: bytes) -> None:
    with reverts("InvalidProof"):
        verify(lab, proof, (2,), model=lab.tier_model)


@settings(max_examples=30)
@given(
    values=st.lists(st.integers(-LIMIT, LIMIT - 1), min_size=7, max_size=7),
    commitment=st.integers(0, R - 1),
    changed=st.integers(0, 6),
)
def test_packing_agrees_with_the_contract(deployed: Lab, values: list[int], commitment: int, changed: int) -> None:
    """Whatever the outputs: what is packed here is what the contract hands to the verifier, and nothing else is."""
    proof = deployed.bare_proof(values, commitment, CONTEXT)
    arguments = (deployed.score_model, commitment.to_bytes(32, "big"))
    deployed.read("ModelRegistry", "verifyInference", *arguments, encode_output(values), proof)
    values[changed] ^= 1
    with reverts("InvalidProof"):
        deployed.read("ModelRegistry", "verifyInference", *arguments, encode_output(values), proof)
