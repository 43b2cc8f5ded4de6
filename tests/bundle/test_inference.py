"""Proof files and openings: what they hold, and what they must not."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import numpy as np
import pytest

import prover
from prover.errors import FormatError, InputError, KeyMismatchError, MalformedProofError
from prover.field import R


@pytest.fixture(scope="module")
def opening(keyed: prover.Bundle, rows: np.ndarray) -> prover.Opening:
    return prover.Opening.of(keyed.schema, rows[5])


@pytest.fixture(scope="module")
def proof(keyed: prover.Bundle, opening: prover.Opening) -> prover.InferenceProof:
    return prover.prove(keyed, opening, context=11)


def test_a_proof_file_round_trips_and_holds_nothing_private(
    keyed: prover.Bundle, proof: prover.InferenceProof, opening: prover.Opening, tmp_path: Path
) -> None:
    path = proof.save(tmp_path / "proof.json")
    assert prover.InferenceProof.load(path, keyed.layout) == proof
    text = path.read_text()
    secrets = [opening.salt, *keyed.schema.packing.pack(opening.encoded)]
    assert not any(str(secret) in text or hex(secret)[2:] in text for secret in secrets)


def test_the_commitment_is_the_openings(proof: prover.InferenceProof, opening: prover.Opening) -> None:
    assert proof.commitment == opening.commitment
    assert proof.commitment != prover.Opening.of(opening.schema, opening.encoded).commitment, "salts are fresh"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("publicSignals", None),
        ("publicSignals", ["x"]),
        ("publicSignals", [1]),
        ("publicSignals", ["9" * 200]),
        ("vkHash", "0x12"),
        ("vkHash", "0x" + "g" * 64),
        ("pi_a", ["1", "2"]),
        ("protocol", "plonk"),
    ],
)
def test_a_damaged_proof_file_is_refused(
    keyed: prover.Bundle, proof: prover.InferenceProof, tmp_path: Path, field: str, value: object
) -> None:
    path = tmp_path / "proof.json"
    path.write_text(json.dumps({**json.loads(proof.to_json()), field: value}))
    with pytest.raises(FormatError):
        prover.InferenceProof.load(path, keyed.layout)


@pytest.mark.parametrize("text", ["", "{", "[]", "7", "[" * 100_000])
def test_what_is_no_proof_file_is_refused(keyed: prover.Bundle, tmp_path: Path, text: str) -> None:
    path = tmp_path / "proof.json"
    path.write_text(text)
    with pytest.raises(FormatError):
        prover.InferenceProof.load(path, keyed.layout)


def test_lies_about_a_proof_do_not_verify(keyed: prover.Bundle, proof: prover.InferenceProof) -> None:
    for index in range(len(proof.public_signals)):
        signals = list(proof.public_signals)
        signals[index] = (signals[index] + 1) % R
        lie = prover.InferenceProof(proof.proof, tuple(signals), proof.layout, proof.vk_hash)
        assert not prover.verify(keyed, lie), f"signal {index} is not bound"


def test_a_signal_plus_r_is_malformed(keyed: prover.Bundle, proof: prover.InferenceProof) -> None:
    signals = (proof.public_signals[0] + R, *proof.public_signals[1:])
    with pytest.raises(MalformedProofError):
        prover.verify(keyed, prover.InferenceProof(proof.proof, signals, proof.layout, proof.vk_hash))


def test_a_proof_for_another_key_is_refused_by_name(keyed: prover.Bundle, proof: prover.InferenceProof) -> None:
    other = prover.setup(keyed)
    assert other.verifying_key.hash != keyed.verifying_key.hash, "every setup draws its own secrets"
    with pytest.raises(KeyMismatchError):
        prover.verify(other, proof)


def test_an_opening_round_trips_and_is_private(opening: prover.Opening, tmp_path: Path) -> None:
    path = opening.save(tmp_path / "alice.opening")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again = prover.Opening.load(path, opening.schema)
    assert (again.commitment, again.salt) == (opening.commitment, opening.salt)
    assert np.array_equal(again.encoded.codes, opening.encoded.codes)
    assert str(opening.salt) not in repr(opening)


def test_an_altered_opening_is_refused(opening: prover.Opening, tmp_path: Path) -> None:
    path = opening.save(tmp_path / "alice.opening")
    document = json.loads(path.read_text())
    for field, value in (("salt", "0x5"), ("commitment", "0x5"), ("elements", []), ("schema", "0x00"), ("kind", "x")):
        path.write_text(json.dumps({**document, field: value}))
        with pytest.raises((FormatError, InputError)):
            prover.Opening.load(path, opening.schema)


def test_an_opening_brings_its_own_salt(keyed: prover.Bundle, opening: prover.Opening) -> None:
    with pytest.raises(InputError, match="salt"):
        prover.prove(keyed, opening, salt=5)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -1, 10**9, 1.5, "many", None])
def test_an_input_outside_its_feature_is_named(keyed: prover.Bundle, rows: np.ndarray, bad: object) -> None:
    values = {feature.name: value for feature, value in zip(keyed.schema.features, rows[0].tolist(), strict=True)}
    values["duration_in_month"] = bad
    with pytest.raises(InputError, match="duration_in_month"):
        prover.prove(keyed, values)
