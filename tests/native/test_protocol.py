"""Keys and proofs of the native core, and its answers to bad input."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from py_ecc import optimized_bn128 as curve

from prover import errors
from prover.field import Q, R, to_limbs
from tests.native.conftest import TABLE, TRUE, A, B, C, matrix


def point1(data: bytes) -> Any:
    x, y = (curve.FQ(int.from_bytes(data[start : start + 32], "big")) for start in (0, 32))
    point = (x, y, curve.FQ.one())
    assert curve.is_on_curve(point, curve.b)
    return point


def point2(data: bytes) -> Any:
    x1, x0, y1, y0 = (int.from_bytes(data[start : start + 32], "big") for start in range(0, 128, 32))
    point = (curve.FQ2([x0, x1]), curve.FQ2([y0, y1]), curve.FQ2.one())
    assert curve.is_on_curve(point, curve.b2)
    return point


def holds(vk: bytes, signals: list[int], proof: bytes) -> bool:
    """The verification equation in py_ecc: e(A, B) = e(α, β) e(Σ x_j IC_j, γ) e(C, δ)."""
    ic = [point1(vk[start : start + 64]) for start in range(448, len(vk), 64)]
    statement = ic[0]
    for signal, base in zip(signals, ic[1:], strict=True):
        statement = curve.add(statement, curve.multiply(base, signal))
    left = curve.pairing(point2(proof[64:192]), point1(proof[:64]))
    right = (
        curve.pairing(point2(vk[64:192]), point1(vk[:64]))
        * curve.pairing(point2(vk[192:320]), statement)
        * curve.pairing(point2(vk[320:448]), point1(proof[192:]))
    )
    return bool(left == right)


def test_py_ecc_agrees_on_true_and_false_statements(native: ModuleType, key: Any) -> None:
    proof, vk = key.prove(to_limbs(TRUE)), key.verifying_key()
    assert (len(proof), len(vk)) == (256, 64 + 3 * 128 + 2 * 64)
    for signals, expected in (([35], True), ([36], False)):
        assert native.verify(vk, to_limbs(signals), proof) is expected
        assert native.verify(vk, signals[0].to_bytes(32, "big"), proof) is expected
        assert holds(vk, signals, proof) is expected
    assert not native.verify(vk, to_limbs([35]), key.prove(to_limbs([1, 35, 3, 9, 28])))


def test_gamma_and_an_initial_delta_are_the_generator(native: ModuleType, cubic: Any, tmp_path: Path) -> None:
    native.setup_initial(cubic, tmp_path / "initial.zkey")
    initial = native.ProvingKey.load(tmp_path / "initial.zkey")
    vk = initial.verifying_key()
    assert curve.eq(point2(vk[192:320]), curve.G2)
    assert vk[192:320] == vk[320:448]
    assert native.verify(vk, to_limbs([35]), initial.prove(to_limbs(TRUE)))


def test_randomness_is_fresh_unless_seeded(native: ModuleType, cubic: Any, key: Any, tmp_path: Path) -> None:
    witness = to_limbs(TRUE)
    assert key.prove(witness) != key.prove(witness)
    assert key.prove(witness, seed=b"s") == key.prove(witness, seed=b"s") != key.prove(witness, seed=b"t")
    for name, seed in (("a", None), ("b", None), ("c", b"s"), ("d", b"s")):
        native.setup(cubic, tmp_path / name, seed=seed)
    a, b, c, d = ((tmp_path / name).read_bytes() for name in "abcd")
    assert a != b
    assert c == d


def test_counts(cubic: Any, key: Any) -> None:
    assert (cubic.n_wires, cubic.n_public, cubic.n_constraints, cubic.domain_size) == (5, 1, 3, 8)
    assert (key.n_wires, key.n_public, key.domain_size) == (5, 1, 8)


def test_check_names_the_first_violated_row(cubic: Any) -> None:
    assert cubic.check(to_limbs(TRUE)) is None
    assert cubic.check(to_limbs([1, 36, 3, 9, 27])) == 2
    assert cubic.check(to_limbs([1, 35, 3, 8, 27])) == 0


def test_arrays_may_be_strided_but_not_of_another_type(native: ModuleType, cubic: Any, key: Any) -> None:
    witness = to_limbs(TRUE)
    strided = np.repeat(witness, 2, axis=0)[::2]
    assert not strided.flags.c_contiguous
    assert cubic.check(strided) is None
    assert cubic.check(np.asfortranarray(witness)) is None
    for wrong in (witness.astype(np.int64), witness.astype(">u8"), witness.astype(np.float64), TRUE, None):
        with pytest.raises(TypeError):
            cubic.check(wrong)
    for shape in (witness.reshape(-1), witness[:, :3], witness.reshape(1, 5, 4)):
        with pytest.raises(ValueError, match="witness"):
            key.prove(shape)


def test_witness_errors(cubic: Any, key: Any) -> None:
    def witness(*values: int) -> np.ndarray[Any, Any]:
        raw = b"".join(value.to_bytes(32, "little") for value in values)
        return np.frombuffer(raw, np.uint64).reshape(-1, 4)

    for use in (cubic.check, key.prove):
        for values in ([2, *TRUE[1:]], [*TRUE[:4], R], [*TRUE[:4], 2**256 - 1], []):
            with pytest.raises(errors.FormatError, match="witness"):
                use(witness(*values))
        for values in (TRUE[:4], [*TRUE, 1]):
            with pytest.raises(errors.KeyMismatchError, match="5 wires"):
                use(witness(*values))


def test_circuit_errors(native: ModuleType) -> None:
    table = to_limbs(TABLE)
    empty = matrix()
    for arguments in (
        (1, 1, A, B, C, table),
        (4, 1, A, B, C, table),
        (5, 1, A, B, empty, table),
        (5, 1, A, B, C, table[:1]),
        (5, 1, (A[0][:0], *A[1:]), B, C, table),
        (5, 1, (-A[0], *A[1:]), B, C, table),
        (5, 1, A, B, C, np.full((2, 4), 2**64 - 1, np.uint64)),
    ):
        with pytest.raises(errors.MalformedCircuitError):
            native.Circuit(*arguments)


def test_a_key_for_another_circuit_is_told(native: ModuleType, cubic: Any, key: Any) -> None:
    key.check_circuit(cubic)
    other = native.Circuit(5, 1, A, matrix({2: 1}, {2: 5}, {0: 1}), C, to_limbs(TABLE))
    with pytest.raises(errors.KeyMismatchError, match="row 1 of matrix B"):
        key.check_circuit(other)


def test_malformed_calls_raise(native: ModuleType, key: Any) -> None:
    proof, vk = key.prove(to_limbs(TRUE)), key.verifying_key()
    signal = (35).to_bytes(32, "big")
    bad_signals = [
        b"",
        signal * 2,
        signal[:31],
        signal + b"\0",
        R.to_bytes(32, "big"),
        (2**256 - 1).to_bytes(32, "big"),
    ]
    for signals in bad_signals:
        with pytest.raises(errors.MalformedProofError):
            native.verify(vk, signals, proof)
    bad_proofs = [b"", proof[:-1], proof + b"\0", proof[:255] + bytes([proof[255] ^ 1])]
    for word in range(8):
        value = int.from_bytes(proof[32 * word : 32 * word + 32], "big")
        bad_proofs.append(proof[: 32 * word] + (value + Q).to_bytes(32, "big") + proof[32 * word + 32 :])
    for bad in bad_proofs:
        with pytest.raises(errors.MalformedProofError):
            native.verify(vk, signal, bad)
    damaged = [vk[:place] + bytes([vk[place] ^ 1]) + vk[place + 1 :] for place in (0, 64)]
    for broken in (b"", vk[:-1], vk[:448], vk + b"\0", *damaged):
        with pytest.raises(errors.FormatError):
            native.verify(broken, signal, proof)
    assert native.verify(vk, signal, bytes(256)) is False


def test_files_that_are_no_keys(native: ModuleType, key_path: Path, tmp_path: Path) -> None:
    good = key_path.read_bytes()
    path = tmp_path / "k.zkey"
    for bad in (
        b"",
        b"zkey",
        good[: len(good) // 2],
        good + b"\0",
        b"wtns" + good[4:],
        good[:8] + b"\xff" * 4 + good[12:],
    ):
        path.write_bytes(bad)
        with pytest.raises(errors.FormatError):
            native.ProvingKey.load(path)
    with pytest.raises(errors.StorageError, match="nothing here"):
        native.ProvingKey.load(tmp_path / "nothing here")
    with pytest.raises(errors.FormatError):
        native.ProvingKey.load(tmp_path)
    path.write_bytes(good)
    shrunk = native.ProvingKey.load(path)
    path.write_bytes(good[:500])
    with pytest.raises(errors.FormatError, match="truncated"):
        shrunk.prove(to_limbs(TRUE))
