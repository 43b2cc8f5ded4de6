"""Bundles put together by somebody who can write a manifest: consistent hashes are not enough."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import prover
from prover.chain.publish import verifier_artifact
from prover.errors import BundleError, KeyMismatchError, UnsafeKeyError
from prover.groth16 import setup_initial
from prover.lowering import lower

Tamper = Callable[[Path], None]


@pytest.fixture
def saved(keyed: prover.Bundle, tmp_path: Path) -> Path:
    return keyed.save(tmp_path / "loan")


@pytest.fixture(scope="module")
def lenient(keyed: prover.Bundle, rows: np.ndarray) -> prover.Bundle:
    """The same model with thresholds anybody passes, and a key of its own."""
    bundle = prover.compile(keyed.onnx, schema=keyed.schema, calibration=rows, name="loan", tiers=[0.001, 0.002, 0.003])
    return prover.setup(bundle)


def rehash(folder: Path) -> None:
    """Make the manifest's file hashes true again, as the attacker would."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    for name in manifest["files"]:
        manifest["files"][name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    path.write_text(json.dumps(manifest))


def test_a_circuit_that_the_plan_does_not_lower_to_is_refused(keyed: prover.Bundle, saved: Path) -> None:
    """It could reveal a private fact under the name of a tier."""
    forms = keyed.plan.outputs
    matrix = replace(forms.matrix, cols=np.zeros_like(forms.matrix.cols))
    leaking = lower(keyed.schema, replace(keyed.plan, outputs=replace(forms, matrix=matrix)))
    (saved / "circuit.bin").write_bytes(leaking.to_bytes())
    rehash(saved)
    with pytest.raises(BundleError, match=r"circuit\.bin"):
        prover.load(saved)


PARTS = ("plan.json", "layout.json", "circuit.bin", "proving_key.zkey", "verification_key.json")


@pytest.mark.parametrize("name", PARTS)
def test_a_part_of_another_bundle_is_refused(saved: Path, lenient: prover.Bundle, tmp_path: Path, name: str) -> None:
    other = lenient.save(tmp_path / "lenient")
    (saved / name).write_bytes((other / name).read_bytes())
    rehash(saved)
    with pytest.raises(BundleError):
        prover.load(saved)


def test_another_onnx_file_is_refused(saved: Path) -> None:
    (saved / "model.onnx").write_bytes(b"anything")
    rehash(saved)
    with pytest.raises(BundleError, match=r"model\.onnx"):
        prover.load(saved)


@pytest.mark.parametrize("field", ["contentHash", "layoutHash", "modelHash", "circuitHash"])
def test_a_lying_manifest_is_refused(saved: Path, field: str) -> None:
    path = saved / "manifest.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps({**manifest, field: "0x" + "00" * 32}))
    with pytest.raises(BundleError, match=field):
        prover.load(saved)


def test_a_foreign_key_is_neither_exported_nor_deployed(keyed: prover.Bundle, lenient: prover.Bundle) -> None:
    """Both files of the key swapped, all hashes true: only the circuit itself can tell."""
    forged = keyed.with_key(lenient.proving_key)
    with pytest.raises(KeyMismatchError):
        prover.export_solidity(forged)
    with pytest.raises(KeyMismatchError):
        verifier_artifact(forged)


def test_an_initial_key_is_refused_everywhere(keyed: prover.Bundle, rows: np.ndarray, tmp_path: Path) -> None:
    proof = prover.prove(keyed, rows[0])
    initial = keyed.with_key(setup_initial(keyed.circuit.r1cs, tmp_path / "initial.zkey"))
    forged = replace(proof, vk_hash=initial.verifying_key.hash)
    for action in (
        lambda: prover.prove(initial, rows[0]),
        lambda: prover.verify(initial, forged),
        lambda: prover.export_solidity(initial),
        lambda: verifier_artifact(initial),
    ):
        with pytest.raises(UnsafeKeyError):
            action()


def _link(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize("tamper", [_link, _pipe])
@pytest.mark.parametrize("name", ["manifest.json", "model.onnx", "plan.json", "proving_key.zkey"])
def test_what_is_not_a_regular_file_is_not_opened(saved: Path, name: str, tamper: Tamper) -> None:
    tamper(saved / name)
    with pytest.raises(BundleError, match=name):
        prover.load(saved)


@pytest.mark.parametrize("name", ["schema.json", "layout.json", "plan.json", "report.json"])
@pytest.mark.parametrize("data", [b"\xff\xfe", b"{}", b"[]", b"{", b"[" * 100_000])
def test_parts_that_do_not_parse_are_typed_errors(saved: Path, name: str, data: bytes) -> None:
    (saved / name).write_bytes(data)
    rehash(saved)
    with pytest.raises(prover.VerdictError):
        prover.load(saved)
