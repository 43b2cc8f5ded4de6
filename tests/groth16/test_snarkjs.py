"""snarkjs reads our files and we read its files: the outside judge of every format and of the protocol."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from prover.errors import UnsafeKeyError
from prover.groth16 import Backend, KeyState, Proof, ProvingKey, VerifyingKey, key_state, prove, setup, verify
from prover.groth16.formats import ZKey, load_public, read_r1cs, read_wtns, save_public, write_r1cs, write_wtns
from tests.groth16.circuits import Example, random_example
from tests.groth16.conftest import CIRCUITS, Case

Snarkjs = Callable[..., str]


@pytest.mark.parametrize("name", sorted(CIRCUITS))
def test_snarkjs_reads_our_r1cs_and_witness(name: str, snarkjs: Snarkjs, tmp_path: Path) -> None:
    example = CIRCUITS[name]()
    system = example.r1cs
    r1cs = write_r1cs(tmp_path / "c.r1cs", system)
    wtns = write_wtns(tmp_path / "w.wtns", example.witness)
    told = snarkjs("r1cs", "info", r1cs)
    for what, count in (
        ("Wires", system.n_wires),
        ("Constraints", system.n_constraints),
        ("Public Inputs", system.n_public_inputs),
        ("Outputs", system.n_outputs),
    ):
        assert f"# of {what}: {count}\n" in told
    assert "WITNESS IS CORRECT" in snarkjs("wtns", "check", r1cs, wtns)
    write_wtns(wtns, example.with_wire(system.n_wires - 1, 12345))
    with pytest.raises(AssertionError, match="WITNESS IS NOT CORRECT"):
        snarkjs("wtns", "check", r1cs, wtns)


def test_snarkjs_uses_our_key(case: Case, snarkjs: Snarkjs, tmp_path: Path) -> None:
    """It exports the same verification_key.json, and proves with our key what we then verify."""
    exported = tmp_path / "vk.json"
    snarkjs("zkey", "export", "verificationkey", case.key.path, exported)
    assert json.loads(exported.read_text()) == case.verifying_key.to_json()
    assert VerifyingKey.load(exported) == case.verifying_key
    ours = case.verifying_key.save(tmp_path / "ours.json")
    assert ours.read_bytes() == exported.read_bytes()

    wtns = write_wtns(tmp_path / "w.wtns", case.example.witness)
    proof, public = tmp_path / "proof.json", tmp_path / "public.json"
    snarkjs("groth16", "prove", case.key.path, wtns, proof, public)
    assert load_public(public) == case.example.signals
    assert verify(case.verifying_key, load_public(public), Proof.load(proof), backend=case.backend)


def test_snarkjs_verifies_our_proof(case: Case, snarkjs: Snarkjs, tmp_path: Path) -> None:
    key = case.verifying_key.save(tmp_path / "vk.json")
    proof = case.proof.save(tmp_path / "proof.json")
    public = save_public(tmp_path / "public.json", case.example.signals)
    assert "OK!" in snarkjs("groth16", "verify", key, public, proof)
    save_public(public, [case.example.signals[0] + 1, *case.example.signals[1:]])
    with pytest.raises(AssertionError, match="Invalid proof"):
        snarkjs("groth16", "verify", key, public, proof)


@pytest.fixture(scope="session")
def snarkjs_keys(snarkjs: Snarkjs, tmp_path_factory: pytest.TempPathFactory) -> tuple[Example, Path, Path]:
    """A key snarkjs made from powers of tau it made itself, before and after one phase 2 contribution."""
    example = random_example(100)
    folder = tmp_path_factory.mktemp("snarkjs")
    powers = [folder / f"{index}.ptau" for index in range(3)]
    snarkjs("powersoftau", "new", "bn128", "8", powers[0])
    snarkjs("powersoftau", "contribute", powers[0], powers[1], "--name=test", "-e=one")
    snarkjs("powersoftau", "prepare", "phase2", powers[1], powers[2])
    r1cs = write_r1cs(folder / "c.r1cs", example.r1cs)
    initial, contributed = folder / "0.zkey", folder / "1.zkey"
    snarkjs("groth16", "setup", r1cs, powers[2], initial)
    snarkjs("zkey", "contribute", initial, contributed, "--name=test", "-e=two")
    assert "ZKey Ok!" in snarkjs("zkey", "verify", r1cs, powers[2], contributed)
    return example, initial, contributed


def test_we_prove_with_a_key_of_snarkjs(
    backend: Backend, snarkjs: Snarkjs, snarkjs_keys: tuple[Example, Path, Path], tmp_path: Path
) -> None:
    example, initial, contributed = snarkjs_keys
    assert key_state(ProvingKey(initial).verifying_key) is KeyState.INITIAL
    with pytest.raises(UnsafeKeyError):
        prove(ProvingKey(initial), example.r1cs, example.witness, backend=backend)
    key = ProvingKey(contributed)
    assert key_state(key.verifying_key) is KeyState.DEVELOPMENT
    proof = prove(key, example.r1cs, example.witness, backend=backend).save(tmp_path / "proof.json")
    public = save_public(tmp_path / "public.json", example.signals)
    exported = tmp_path / "vk.json"
    snarkjs("zkey", "export", "verificationkey", contributed, exported)
    assert "OK!" in snarkjs("groth16", "verify", exported, public, proof)


def test_our_keys_hold_the_same_matrices(
    backend: Backend, snarkjs_keys: tuple[Example, Path, Path], tmp_path: Path
) -> None:
    """Section 4 depends on no secret, so it is the same to the byte."""
    example, initial, _ = snarkjs_keys
    ours = setup(example.r1cs, tmp_path / "key.zkey", backend=backend)
    theirs = ZKey(initial)
    assert ZKey(ours.path).coefficients().tobytes() == theirs.coefficients().tobytes()
    assert ZKey(ours.path).header.domain_size == theirs.header.domain_size


def test_our_reader_agrees_with_snarkjs_on_its_own_files(
    snarkjs: Snarkjs, snarkjs_keys: tuple[Example, Path, Path], tmp_path: Path
) -> None:
    example, _, _ = snarkjs_keys
    path = write_r1cs(tmp_path / "c.r1cs", example.r1cs)
    snarkjs("r1cs", "export", "json", path, tmp_path / "c.json")
    rows = json.loads((tmp_path / "c.json").read_text())["constraints"]
    again = read_r1cs(path)
    assert len(rows) == again.n_constraints
    table = [int.from_bytes(row.tobytes(), "little") for row in again.table]
    for column, matrix in enumerate((again.a, again.b, again.c)):
        for row, linear in enumerate(rows):
            span = slice(int(matrix.indptr[row]), int(matrix.indptr[row + 1]))
            ours = {
                str(wire): str(table[coefficient])
                for wire, coefficient in zip(matrix.wires[span], matrix.coef_ids[span], strict=True)
            }
            assert ours == linear[column]
    wtns = write_wtns(tmp_path / "w.wtns", example.witness)
    snarkjs("wtns", "export", "json", wtns, tmp_path / "w.json")
    values = [int(value) for value in json.loads((tmp_path / "w.json").read_text())]
    assert values == [int.from_bytes(row.tobytes(), "little") for row in read_wtns(wtns)]
