"""Completeness and the checks around proving, on both backends."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from py_ecc.optimized_bn128.optimized_curve import Z1, neg

from prover.errors import Cancelled, InputError, KeyMismatchError, UnsafeKeyError, UnsatisfiedError
from prover.field import R, to_limbs
from prover.groth16 import (
    Backend,
    KeyState,
    Proof,
    ProvingKey,
    VerifyingKey,
    curve,
    get_backend,
    key_state,
    prove,
    public_signals,
    setup,
    setup_initial,
    verify,
)
from tests.groth16.circuits import cubic, random_example
from tests.groth16.conftest import Case


def test_a_proof_verifies_and_another_statement_does_not(case: Case) -> None:
    signals = public_signals(case.example.r1cs, case.example.witness)
    assert verify(case.verifying_key, signals, case.proof, backend=case.backend)
    for index in range(len(signals)):
        other = [*signals]
        other[index] = (other[index] + 1) % R
        assert not verify(case.verifying_key, other, case.proof, backend=case.backend)


def test_both_backends_accept_each_others_keys_and_proofs(case: Case, require_tool: Callable[[str], Path]) -> None:
    require_tool("native")
    other = get_backend("reference" if case.backend.name == "native" else "native")
    assert verify(case.verifying_key, case.example.signals, case.proof, backend=other)
    key = ProvingKey(case.key.path)
    proof = prove(key, case.example.r1cs, case.example.witness, backend=other)
    assert verify(case.verifying_key, case.example.signals, proof, backend=case.backend)


def test_blinding_is_fresh_unless_seeded(cubic_case: Case) -> None:
    r1cs, witness = cubic_case.example.r1cs, cubic_case.example.witness
    assert prove(cubic_case.key, r1cs, witness, backend=cubic_case.backend) != cubic_case.proof
    seeded = [prove(cubic_case.key, r1cs, witness, backend=cubic_case.backend, seed=b"s") for _ in range(2)]
    assert seeded[0] == seeded[1]
    assert prove(cubic_case.key, r1cs, witness, backend=cubic_case.backend, seed=b"t") != seeded[0]


def test_a_seeded_setup_is_reproducible_and_an_unseeded_one_is_not(backend: Backend, tmp_path: Path) -> None:
    r1cs = cubic().r1cs
    paths = [tmp_path / f"{index}.zkey" for index in range(4)]
    for path, seed in zip(paths, (b"a", b"a", b"b", None), strict=True):
        setup(r1cs, path, backend=backend, seed=seed)
    files = [path.read_bytes() for path in paths]
    assert files[0] == files[1]
    assert len(set(files)) == 3


def test_every_changed_wire_is_refused_before_proving(backend: Backend, tmp_path: Path) -> None:
    example = cubic()
    key = setup(example.r1cs, tmp_path / "key.zkey", backend=backend)
    for wire in range(1, example.r1cs.n_wires):
        with pytest.raises(UnsatisfiedError) as error:
            prove(key, example.r1cs, example.with_wire(wire, 1234), backend=backend)
        assert error.value.origin == "toy"


def test_the_violated_row_is_the_first_and_the_same_in_the_array_check(backend: Backend) -> None:
    example = random_example(40)
    for wire in range(1, example.r1cs.n_wires):
        witness = example.with_wire(wire, 99)
        assert backend.first_violation(example.r1cs, witness) == example.r1cs.first_violation(witness)
    assert backend.first_violation(example.r1cs, example.witness) is None


def test_a_witness_of_the_wrong_form_is_refused(case: Case) -> None:
    r1cs, witness = case.example.r1cs, case.example.witness
    not_canonical = witness.copy()
    not_canonical[2] = np.frombuffer((R + 3).to_bytes(32, "little"), dtype="<u8")
    signed: NDArray[Any] = witness.astype(np.int64)
    for bad in (witness[:-1], signed, not_canonical, case.example.with_wire(0, 2)):
        with pytest.raises(InputError):
            prove(case.key, r1cs, bad, backend=case.backend)


def test_a_key_for_another_circuit_is_refused(cubic_case: Case) -> None:
    other = random_example(30)
    with pytest.raises(KeyMismatchError, match="wires"):
        prove(cubic_case.key, other.r1cs, other.witness, backend=cubic_case.backend)


def test_a_key_for_a_circuit_of_the_same_size_is_refused(backend: Backend, tmp_path: Path) -> None:
    one, other = random_example(12, seed=1), random_example(12, seed=2)
    assert one.r1cs.n_wires == other.r1cs.n_wires
    key = setup(one.r1cs, tmp_path / "key.zkey", backend=backend)
    with pytest.raises(KeyMismatchError):
        prove(key, other.r1cs, other.witness, backend=backend)


def test_an_initial_key_is_recognised_and_refused(backend: Backend, tmp_path: Path) -> None:
    example = cubic()
    key = setup_initial(example.r1cs, tmp_path / "initial.zkey", backend=backend)
    assert key_state(key.verifying_key) is KeyState.INITIAL
    with pytest.raises(UnsafeKeyError, match="prove"):
        prove(key, example.r1cs, example.witness, backend=backend)


def test_anybody_can_forge_under_an_initial_key(backend: Backend, tmp_path: Path) -> None:
    """Why initial keys are refused: A = α, B = β, C = -(IC₀ + Σ sᵢICᵢ₊₁) satisfies the equation when γ = δ."""
    vk: VerifyingKey = setup_initial(cubic().r1cs, tmp_path / "initial.zkey", backend=backend).verifying_key
    lie = [666]
    statement = curve.multiply_sum([curve.load_g1(point) for point in vk.ic], [1, *lie], Z1)
    forged = Proof.from_points(vk.alpha1, vk.beta2, curve.store_g1(neg(statement)))
    assert verify(vk, lie, forged, backend=backend)


@pytest.mark.parametrize("allowed", [0, 1])
def test_cancelling_setup_leaves_no_file(backend: Backend, tmp_path: Path, allowed: int) -> None:
    calls: list[float] = []

    def progress(stage: str, fraction: float) -> bool:
        calls.append(fraction)
        return len(calls) <= allowed

    with pytest.raises(Cancelled):
        setup(random_example(240).r1cs, tmp_path / "key.zkey", backend=backend, progress=progress)
    assert len(calls) == allowed + 1
    assert not list(tmp_path.iterdir())


def test_cancelling_a_proof(cubic_case: Case) -> None:
    example, backend = cubic_case.example, cubic_case.backend
    with pytest.raises(Cancelled):
        prove(cubic_case.key, example.r1cs, example.witness, backend=backend, progress=lambda *_: False)


def test_progress_is_reported_in_fractions(backend: Backend, tmp_path: Path) -> None:
    seen: list[float] = []
    example = cubic()

    def progress(stage: str, fraction: float) -> bool:
        assert stage
        assert 0 <= fraction <= 1
        seen.append(fraction)
        return True

    key = setup(example.r1cs, tmp_path / "key.zkey", backend=backend, progress=progress)
    assert seen[0] == 0
    assert seen[-1] == 1
    seen.clear()
    prove(key, example.r1cs, example.witness, backend=backend, progress=progress)
    assert seen[0] == 0
    assert len(seen) > 2


def test_wires_that_are_zero_one_minus_one_or_wide_all_prove(backend: Backend, tmp_path: Path) -> None:
    key = setup(cubic().r1cs, tmp_path / "key.zkey", backend=backend)
    for x in (0, R - 1, 2**64) if backend.name == "reference" else (0, 1, R - 1, 2**64 - 1, 2**64, R - 2**64, R // 2):
        example = cubic(x)
        proof = prove(key, example.r1cs, example.witness, backend=backend)
        assert verify(key.verifying_key, [(x**3 + x + 5) % R], proof, backend=backend)


def test_public_signals_are_the_first_wires() -> None:
    example = random_example(12)
    assert public_signals(example.r1cs, to_limbs(range(example.r1cs.n_wires))) == [1, 2, 3]
