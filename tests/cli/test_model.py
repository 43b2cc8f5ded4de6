"""compile, report, setup, prove, verify, export: what they print, write and return."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from .conftest import Verdict


def test_the_whole_path(verdict: Verdict, models: Path, tmp_path: Path, require_tool: object) -> None:
    require_tool("native")  # type: ignore[operator]
    folder, samples = tmp_path / "mlp", models / "loan_mlp.npz"
    made = verdict(
        "compile", models / "loan_mlp.onnx", "-o", folder, "--schema", models / "loan_schema.json",
        "--calibration", samples, "--json",
    )  # fmt: skip
    assert made.code == 0, made.stderr
    report = verdict("report", folder, "--json").document
    assert report == made.document
    assert {"constraints", "domain", "max_abs_error", "decision_flips", "gas"} <= report.keys()
    assert report["decision_flips"] == 0
    assert verdict("setup", folder, "--json").document["state"] == "development"
    proof = tmp_path / "proof.json"
    made = verdict("prove", folder, "--input", samples, "--index", 3, "-o", proof, "--context", "0x2a", "--json")
    assert made.code == 0, made.stderr
    assert made.document["context"] == "0x2a"
    checked = verdict("verify", folder, proof, "--json")
    assert (checked.code, checked.document["valid"]) == (0, True)
    source = tmp_path / "V.sol"
    assert verdict("export", folder, "-o", source).code == 0
    assert "verifyProof" in source.read_text()


def test_default_tiers_are_called_defaults(verdict: Verdict, models: Path, tmp_path: Path) -> None:
    arguments = ("compile", models / "loan_logistic.onnx", "--schema", models / "loan_schema.json", "--calibration",
                 models / "loan_logistic.npz", "-o")  # fmt: skip
    assert "scores 0.5,0.65,0.8: the defaults" in verdict(*arguments, tmp_path / "a").stdout
    assert "the defaults" not in verdict(*arguments, tmp_path / "b", "--tiers", "0.5,0.65,0.8").stdout
    assert "the defaults" not in verdict(*arguments, tmp_path / "c", "--reveal", "score").stdout


def test_without_a_schema_one_is_derived_and_saved(verdict: Verdict, models: Path, tmp_path: Path) -> None:
    folder = tmp_path / "credit"
    made = verdict(
        "compile", models / "credit_logistic.onnx", "-o", folder, "--calibration", models / "credit_logistic.npz"
    )
    assert made.code == 0, made.stderr
    assert len(json.loads((folder / "schema.json").read_text())["features"]) == 61


def test_a_false_proof_exits_with_1(verdict: Verdict, loan: Path, models: Path, tmp_path: Path) -> None:
    proof = tmp_path / "proof.json"
    verdict("prove", loan, "--input", models / "loan_logistic.npz", "--index", 0, "-o", proof)
    document = json.loads(proof.read_text())
    document["publicSignals"][-1] = "1"
    proof.write_text(json.dumps(document))
    outcome = verdict("verify", loan, proof, "--json")
    assert (outcome.code, outcome.document["valid"]) == (1, False)
    document["publicSignals"][-1] = str(2**255)
    proof.write_text(json.dumps(document))
    outcome = verdict("verify", loan, proof, "--json")
    assert (outcome.code, outcome.document["valid"]) == (1, False)
    assert "[0, r)" in outcome.document["reason"]


@pytest.mark.parametrize("as_json", [False, True])
def test_what_cannot_be_done_exits_with_2_and_says_why(verdict: Verdict, tmp_path: Path, as_json: bool) -> None:
    arguments = ["compile", tmp_path / "nowhere.onnx", "-o", tmp_path / "x", *(["--json"] if as_json else [])]
    outcome = verdict(*arguments)
    assert outcome.code == 2
    assert outcome.stdout == ""
    assert "nowhere.onnx" in outcome.stderr
    assert not (tmp_path / "x").exists()
    if as_json:
        assert json.loads(outcome.stderr)["error"] == "ModelFileError"


def test_json_inputs(verdict: Verdict, loan: Path, models: Path, tmp_path: Path) -> None:
    features = json.loads((models / "loan_schema.json").read_text())["features"]
    applicant = {f["name"]: f["labels"][0] if f["type"] == "category" else f["min"] for f in features}
    files = {"one.json": applicant, "many.json": [applicant, applicant], "row.json": [0] * len(features)}
    for name, document in files.items():
        (tmp_path / name).write_text(json.dumps(document))
    proof = tmp_path / "proof.json"
    assert verdict("prove", loan, "--input", tmp_path / "one.json", "-o", proof).code == 0
    assert verdict("prove", loan, "--input", tmp_path / "row.json", "-o", proof).code == 0
    assert verdict("prove", loan, "--input", tmp_path / "many.json", "--index", 1, "-o", proof).code == 0
    unclear = verdict("prove", loan, "--input", tmp_path / "many.json", "-o", proof)
    assert unclear.code == 2
    assert "--index" in unclear.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--index", "256"], "no number 256"),
        (["--index", "0", "--context", "-1"], "--context"),
        (["--index", "0", "--context", str(1 << 253)], "context"),
        ([], "--index"),
    ],
)
def test_bad_arguments_name_themselves(
    verdict: Verdict, loan: Path, models: Path, tmp_path: Path, arguments: list[str], said: str
) -> None:
    proof = tmp_path / "proof.json"
    outcome = verdict("prove", loan, "--input", models / "loan_logistic.npz", "-o", proof, *arguments)
    assert outcome.code == 2
    assert said in outcome.stderr
    assert not proof.exists()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 nonsense", b"\x93NUMPY junk", b"[1, 2"])
@pytest.mark.parametrize("suffix", [".npz", ".npy", ".json"])
def test_a_damaged_input_file_is_an_error_not_a_crash(
    verdict: Verdict, loan: Path, tmp_path: Path, content: bytes, suffix: str
) -> None:
    path = tmp_path / f"input{suffix}"
    path.write_bytes(content)
    outcome = verdict("prove", loan, "--input", path, "-o", tmp_path / "proof.json")
    assert outcome.code == 2
    assert path.name in outcome.stderr


def test_pickles_are_never_opened(verdict: Verdict, loan: Path, tmp_path: Path) -> None:
    path = tmp_path / "input.npz"
    np.savez(path, X=np.array([{"a": 1}], dtype=object))
    assert verdict("prove", loan, "--input", path, "-o", tmp_path / "proof.json").code == 2


def test_usage_errors_exit_with_2(verdict: Verdict) -> None:
    assert verdict("no-such-command").code == 2
    assert verdict("report").code == 2


def test_the_doctor_lists_what_is_there(verdict: Verdict) -> None:
    outcome = verdict("doctor", "--json")
    assert outcome.code in (0, 1)
    assert {"python", "node", "cargo"} <= {check["name"] for check in outcome.document["checks"]}


def test_a_key_is_not_lost_unasked(verdict: Verdict, loan: Path, models: Path, tmp_path: Path) -> None:
    folder = tmp_path / "loan"
    shutil.copytree(loan, folder)
    key = (folder / "proving_key.zkey").read_bytes()
    again = verdict("setup", folder)
    assert again.code == 2
    assert "--force" in again.stderr
    arguments = ("compile", models / "loan_logistic.onnx", "-o", folder, "--schema", models / "loan_schema.json")
    samples = ("--calibration", models / "loan_logistic.npz")
    assert verdict(*arguments, *samples, "--name", "loan_logistic").code == 0
    assert (folder / "proving_key.zkey").read_bytes() == key, "the same circuit keeps its key"
    other = verdict(*arguments, *samples, "--reveal", "label")
    assert other.code == 2
    assert "another circuit" in other.stderr
    assert (folder / "proving_key.zkey").read_bytes() == key
    assert verdict(*arguments, *samples, "--reveal", "label", "--force").code == 0
    assert not (folder / "proving_key.zkey").exists()


def test_a_proof_file_that_says_other_values_is_false(
    verdict: Verdict, loan: Path, models: Path, tmp_path: Path
) -> None:
    proof = tmp_path / "proof.json"
    verdict("prove", loan, "--input", models / "loan_logistic.npz", "--index", 0, "-o", proof)
    document = json.loads(proof.read_text())
    document["values"] = [99]
    proof.write_text(json.dumps(document))
    outcome = verdict("verify", loan, proof, "--json")
    assert (outcome.code, outcome.document["valid"]) == (1, False)


def test_a_bug_does_not_look_like_an_answer(verdict: Verdict, loan: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def surprise(*_: object) -> None:
        raise ZeroDivisionError("boom")

    monkeypatch.setattr("prover.load", surprise, raising=False)
    outcome = verdict("report", loan, "--json")
    assert outcome.code == 2
    assert "ZeroDivisionError" in outcome.stderr
