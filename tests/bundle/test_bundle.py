"""A bundle directory is whole, self-contained and refuses to be changed."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import prover
from prover.errors import BundleError, KeyMismatchError, VerdictError


@pytest.fixture
def saved(keyed: prover.Bundle, tmp_path: Path) -> Path:
    return keyed.save(tmp_path / "loan")


def test_a_saved_bundle_proves_what_the_original_proves(keyed: prover.Bundle, saved: Path, rows: np.ndarray) -> None:
    loaded = prover.load(saved)
    assert (loaded.name, loaded.model_hash, loaded.circuit_hash) == ("loan", keyed.model_hash, keyed.circuit_hash)
    proof = prover.prove(loaded, rows[3], context=7)
    assert prover.verify(keyed, proof)
    assert proof.values == keyed.decide(rows[3])
    assert proof.context == 7


def test_saving_twice_gives_the_same_bytes(saved: Path, tmp_path: Path) -> None:
    again = prover.load(saved).save(tmp_path / "again")
    names = sorted(path.name for path in saved.iterdir())
    assert names == sorted(path.name for path in again.iterdir())
    for name in names:
        assert (saved / name).read_bytes() == (again / name).read_bytes(), name


def test_saving_into_its_own_directory_keeps_it(saved: Path) -> None:
    before = {path.name: path.read_bytes() for path in saved.iterdir()}
    prover.load(saved).save(saved)
    assert before == {path.name: path.read_bytes() for path in saved.iterdir()}


@pytest.mark.parametrize(
    "name",
    [
        "model.onnx",
        "schema.json",
        "plan.json",
        "layout.json",
        "report.json",
        "circuit.bin",
        "proving_key.zkey",
        "verification_key.json",
    ],
)
def test_a_changed_or_missing_file_is_named(saved: Path, name: str) -> None:
    path = saved / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(BundleError, match=name):
        prover.load(saved)
    path.unlink()
    with pytest.raises(BundleError, match=name):
        prover.load(saved)


@pytest.mark.parametrize(
    "change",
    [
        {"format": "verdict-bundle/99"},
        {"semantics": "another"},
        {"files": {}},
        {"files": {"../../etc/passwd": "00"}},
        {"files": []},
        {"name": 3},
    ],
)
def test_a_foreign_manifest_is_refused(saved: Path, change: dict[str, object]) -> None:
    path = saved / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(BundleError):
        prover.load(saved)


@pytest.mark.parametrize("text", ["", "[]", "{", "null", "[" * 100_000])
def test_a_damaged_manifest_is_refused(saved: Path, text: str) -> None:
    (saved / "manifest.json").write_text(text)
    with pytest.raises(BundleError):
        prover.load(saved)


def test_what_is_no_bundle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="not a bundle"):
        prover.load(tmp_path)
    with pytest.raises(BundleError, match="not a bundle"):
        prover.load(tmp_path / "nowhere")


def test_a_bundle_never_overwrites_what_is_not_one(compiled: prover.Bundle, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(BundleError, match=r"thesis\.tex"):
        compiled.save(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
    with pytest.raises(BundleError, match="is a file"):
        compiled.save(tmp_path / "thesis.tex")


def test_an_interrupted_save_is_refused_not_misread(compiled: prover.Bundle, saved: Path) -> None:
    """Another model's files under the old manifest: what a crash in the middle of a save leaves behind."""
    other = prover.compile(compiled.onnx, schema=compiled.schema, calibration=None, name="loan", tiers=[0.3])
    (saved / "plan.json").write_text(other.plan.to_json())
    with pytest.raises(BundleError, match=r"plan\.json"):
        prover.load(saved)


def test_a_key_of_another_circuit_does_not_prove(keyed: prover.Bundle, rows: np.ndarray, models: Path) -> None:
    other = prover.compile(keyed.onnx, schema=keyed.schema, calibration=rows, reveal="label")
    assert keyed.key is not None
    with pytest.raises(KeyMismatchError):
        prover.prove(other.with_key(keyed.key), rows[0])


def test_proving_without_a_key_says_what_to_do(compiled: prover.Bundle, rows: np.ndarray) -> None:
    with pytest.raises(BundleError, match="run setup first"):
        prover.prove(compiled, rows[0])


def test_a_full_disk_leaves_the_old_bundle(saved: Path, tmp_path: Path) -> None:
    """A process that may write only a little: the key does not fit, the file that stood there stays whole."""
    script = (
        "import resource, signal, sys, prover\n"
        "from prover.errors import StorageError\n"
        "bundle = prover.load(sys.argv[1])\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
        "try:\n"
        "    bundle.save(sys.argv[2])\n"
        "except StorageError as error:\n"
        "    print('refused', error.message)\n"
    )
    target = tmp_path / "target"
    shutil.copytree(saved, target)
    key = (target / "proving_key.zkey").read_bytes()
    (target / "proving_key.zkey").unlink()
    result = subprocess.run(
        [sys.executable, "-c", script, str(saved), str(target)], capture_output=True, text=True, check=False
    )
    assert result.stdout.startswith("refused"), result.stderr
    assert not list(target.glob(".*.part"))
    assert key == (saved / "proving_key.zkey").read_bytes()


@pytest.mark.parametrize("context", [-1, 1 << 253])
def test_a_context_out_of_range_is_refused(keyed: prover.Bundle, rows: np.ndarray, context: int) -> None:
    with pytest.raises(VerdictError, match="context"):
        prover.prove(keyed, rows[0], context=context)
