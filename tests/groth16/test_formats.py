"""Files go round byte for byte, and no hostile file does anything but raise FormatError."""

from __future__ import annotations

import json
import random
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prover.errors import FormatError, KeyMismatchError, StorageError
from prover.field import Q, R, to_limbs
from prover.groth16 import Backend, Proof, ProvingKey, VerifyingKey, prove, verify
from prover.groth16.formats import ZKey, load_public, read_r1cs, read_wtns, save_public, write_r1cs, write_wtns
from prover.groth16.formats.r1cs import r1cs_bytes
from prover.groth16.points import G2_GENERATOR
from prover.groth16.reference import ReferenceKey
from tests.groth16.calls import off_subgroup_point
from tests.groth16.circuits import Row, from_rows, random_example
from tests.groth16.conftest import Case

READERS: dict[str, Callable[[Path], object]] = {
    "r1cs": read_r1cs,
    "wtns": read_wtns,
    "zkey": lambda path: _whole_key(ZKey(path)),
}


def _whole_key(key: ZKey) -> None:
    """Check everything a key holds but the points' groups, which is slow."""
    key.coefficients()
    key.b2()
    for name in ("ic", "a", "b1", "c", "h"):
        key.g1(name)


@pytest.fixture(scope="module")
def files(toy: Case, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """One good file of each binary kind."""
    folder = tmp_path_factory.mktemp("files")
    return {
        "r1cs": write_r1cs(folder / "c.r1cs", toy.example.r1cs).read_bytes(),
        "wtns": write_wtns(folder / "w.wtns", toy.example.witness).read_bytes(),
        "zkey": toy.key.path.read_bytes(),
    }


def test_r1cs_goes_round(tmp_path: Path) -> None:
    for example in (random_example(240), random_example(3)):
        path = write_r1cs(tmp_path / "c.r1cs", example.r1cs)
        again = read_r1cs(path)
        again.check(example.witness)
        assert r1cs_bytes(again) == path.read_bytes() == r1cs_bytes(example.r1cs)
        assert (again.n_wires, again.n_outputs, again.n_public_inputs) == (example.r1cs.n_wires, 2, 1)


def test_an_r1cs_with_empty_lists_and_one_without_rows_go_round(tmp_path: Path) -> None:
    systems: list[list[Row]] = [[({}, {}, {}), ({1: 2}, {}, {})], []]
    for rows in systems:
        path = write_r1cs(tmp_path / "c.r1cs", from_rows(rows, 3, 1, 0))
        assert read_r1cs(path).n_constraints == len(rows)
        assert r1cs_bytes(read_r1cs(path)) == path.read_bytes()


def test_unsorted_lists_are_read_and_repeated_wires_refused(tmp_path: Path) -> None:
    example = from_rows([({1: 5, 2: 7}, {0: 1}, {1: 1})], 3, 1, 0)
    raw = r1cs_bytes(example)
    first, second = (struct.pack("<I", wire) + value.to_bytes(32, "little") for wire, value in ((1, 5), (2, 7)))
    path = tmp_path / "c.r1cs"
    path.write_bytes(raw.replace(first + second, second + first))
    assert path.read_bytes() != raw
    assert r1cs_bytes(read_r1cs(path)) == raw
    path.write_bytes(raw.replace(first + second, first + first))
    with pytest.raises(FormatError, match="twice"):
        read_r1cs(path)


def test_witness_goes_round(tmp_path: Path) -> None:
    witness = to_limbs([1, 0, -1, R // 2, 2**253])
    path = write_wtns(tmp_path / "w.wtns", witness)
    assert (read_wtns(path) == witness).all()


def test_a_value_at_the_modulus_is_refused(files: dict[str, bytes], tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(files["wtns"][:-32] + R.to_bytes(32, "little"))
    with pytest.raises(FormatError, match="below r"):
        read_wtns(path)
    coefficient = (7).to_bytes(32, "little")
    raw = r1cs_bytes(from_rows([({1: 7}, {0: 1}, {2: 1})], 3, 1, 0))
    assert raw.count(coefficient) == 1
    path.write_bytes(raw.replace(coefficient, (R + 7).to_bytes(32, "little")))
    with pytest.raises(FormatError, match="below r"):
        read_r1cs(path)


@pytest.mark.parametrize("kind", sorted(READERS))
def test_every_truncation_and_extension_is_refused(kind: str, files: dict[str, bytes], tmp_path: Path) -> None:
    raw, path = files[kind], tmp_path / f"file.{kind}"
    for length in [*range(0, min(len(raw), 400)), *range(400, len(raw), 97), len(raw) - 1]:
        path.write_bytes(raw[:length])
        with pytest.raises(FormatError):
            READERS[kind](path)
    path.write_bytes(raw + b"\0")
    with pytest.raises(FormatError, match="after the last section"):
        READERS[kind](path)


@pytest.mark.parametrize("kind", sorted(READERS))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_file_is_refused_or_still_in_order(
    kind: str, files: dict[str, bytes], tmp_path: Path, data: st.DataObject
) -> None:
    raw = bytearray(files[kind])
    for _ in range(data.draw(st.integers(1, 4))):
        # Headers and counts get most of the damage: there the lengths are.
        limit = data.draw(st.sampled_from([12, 100, len(raw) - 1]))
        raw[data.draw(st.integers(0, limit))] = data.draw(st.integers(0, 255))
    path = tmp_path / f"file.{kind}"
    path.write_bytes(raw)
    try:
        READERS[kind](path)
    except FormatError:
        return
    assert len(raw) == len(files[kind])


@pytest.mark.parametrize("kind", sorted(READERS))
def test_claimed_sizes_allocate_nothing(kind: str, files: dict[str, bytes], tmp_path: Path) -> None:
    """Every aligned word of the file in turn claims to be huge."""
    raw, path = files[kind], tmp_path / f"file.{kind}"
    tracemalloc.start()
    try:
        for position in range(4, min(len(raw) - 4, 1200), 4):
            for claim in (0xFFFFFFFF, 0x7FFFFFFF, 0x10000000):
                path.write_bytes(raw[:position] + struct.pack("<I", claim) + raw[position + 4 :])
                try:
                    READERS[kind](path)
                except FormatError:
                    continue
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def test_a_missing_file_and_a_folder_are_format_errors(tmp_path: Path) -> None:
    for reader in (*READERS.values(), Proof.load, VerifyingKey.load, load_public):
        for path in (tmp_path / "nothing", tmp_path):
            with pytest.raises(FormatError):
                reader(path)


def test_another_kind_of_file_is_named(files: dict[str, bytes], tmp_path: Path) -> None:
    path = tmp_path / "w.wtns"
    path.write_bytes(files["wtns"])
    with pytest.raises(FormatError, match=r"not a \.zkey file"):
        ZKey(path)


def test_sections_twice_or_of_another_version_are_refused(files: dict[str, bytes], tmp_path: Path) -> None:
    path, raw = tmp_path / "w.wtns", files["wtns"]
    path.write_bytes(raw[:4] + struct.pack("<I", 3) + raw[8:])
    with pytest.raises(FormatError, match="version 3"):
        read_wtns(path)
    body = raw[12:]
    path.write_bytes(raw[:8] + struct.pack("<I", 4) + body + body)
    with pytest.raises(FormatError, match="twice"):
        read_wtns(path)


def test_a_key_with_a_point_off_the_curve_is_refused(toy: Case, tmp_path: Path) -> None:
    raw = bytearray(toy.key.path.read_bytes())
    wires = ZKey(toy.key.path).header.n_wires
    section = b"\x05\0\0\0" + struct.pack("<Q", 64 * wires)
    position = raw.index(section) + len(section) + 64 * (wires - 1)
    raw[position] ^= 1
    path = tmp_path / "key.zkey"
    path.write_bytes(raw)
    with pytest.raises(FormatError, match="curve"):
        ReferenceKey.load(path)


def _section_start(raw: bytes | bytearray, wanted: int) -> int:
    position = 12
    while True:
        number, size = struct.unpack_from("<IQ", raw, position)
        position += 12
        if number == wanted:
            return position
        position += int(size)


PLUS_Q = b"the same coordinate plus q"
STORED_ONE = (1 << 512) % R  # how section 4 writes the coefficient one


@pytest.mark.parametrize(
    ("section", "offset", "value"),
    [
        (2, 84, PLUS_Q),  # alpha's x
        (3, 0, PLUS_Q),
        (5, 32, PLUS_Q),
        (6, 0, PLUS_Q),
        (7, 96, PLUS_Q),
        (8, 0, PLUS_Q),
        (9, 0, PLUS_Q),
        (4, 4, struct.pack("<I", 2)),  # matrix
        (4, 8, struct.pack("<I", 16)),  # row, in a domain of 16
        (4, 12, struct.pack("<I", 20)),  # wire
        (4, 16, (STORED_ONE + R).to_bytes(32, "little")),
        (4, 16, R.to_bytes(32, "little")),
        (1, 0, struct.pack("<I", 2)),  # protocol
        (2, 0, struct.pack("<I", 48)),  # size of a coordinate
        (2, 80, struct.pack("<I", 8)),  # domain size
    ],
)
def test_numbers_out_of_range_in_a_key_are_refused(
    section: int, offset: int, value: bytes, backend: Backend, toy: Case, tmp_path: Path
) -> None:
    header = ZKey(toy.key.path).header
    assert (header.domain_size, header.n_wires) == (16, 18)
    raw = bytearray(toy.key.path.read_bytes())
    position = _section_start(raw, section) + offset
    if value == PLUS_Q:
        value = (int.from_bytes(raw[position : position + 32], "little") + Q).to_bytes(32, "little")
    raw[position : position + len(value)] = value
    path = tmp_path / "key.zkey"
    path.write_bytes(raw)
    with pytest.raises(FormatError):
        prove(ProvingKey(path), toy.example.r1cs, toy.example.witness, backend=backend)


def test_a_damaged_key_is_refused_or_proves_all_the_same(backend: Backend, toy: Case, tmp_path: Path) -> None:
    draw = random.Random(11)
    path = tmp_path / "key.zkey"
    outcomes = []
    for _ in range(100 if backend.name == "native" else 4):
        raw = bytearray(toy.key.path.read_bytes())
        for _ in range(draw.randrange(1, 4)):
            raw[draw.randrange(draw.choice([12, 700, len(raw)]))] ^= 1 << draw.randrange(8)
        path.write_bytes(raw)
        key = ProvingKey(path)
        try:
            proof = prove(key, toy.example.r1cs, toy.example.witness, backend=backend)
            assert verify(key.verifying_key, toy.example.signals, proof, backend=backend)
            outcomes.append("proof")
        except (FormatError, KeyMismatchError) as error:
            outcomes.append(type(error).__name__)
    assert "FormatError" in outcomes


def test_a_key_goes_round_through_the_reader(toy: Case) -> None:
    file = ZKey(toy.key.path)
    assert file.verifying_key() == ProvingKey(toy.key.path).verifying_key
    assert len(list(file.g1("h"))) == file.header.domain_size
    assert len(list(file.b2())) == file.header.n_wires


def test_verifying_key_goes_round(toy: Case, tmp_path: Path) -> None:
    key = toy.verifying_key
    assert VerifyingKey.load(key.save(tmp_path / "vk.json")) == key
    assert VerifyingKey.from_bytes(key.data) == key
    assert len(key.hash) == 32
    assert VerifyingKey.from_bytes(key.data).hash == key.hash


def test_verifying_keys_with_bad_points_are_refused(toy: Case) -> None:
    key = toy.verifying_key
    stray = off_subgroup_point(random.Random(5))
    infinity = ((0, 0), (0, 0))
    for beta, gamma, delta in (
        (stray, G2_GENERATOR, key.delta2),
        (key.beta2, G2_GENERATOR, stray),
        (infinity, G2_GENERATOR, key.delta2),
        (key.beta2, G2_GENERATOR, infinity),
        (key.beta2, key.delta2, key.delta2),
    ):
        with pytest.raises(FormatError):
            VerifyingKey(key.alpha1, beta, gamma, delta, key.ic)
    for ic in ((), (key.ic[0], (0, 0)), (key.ic[0], (1, 3)), (key.ic[0], (1, Q + 2))):
        with pytest.raises(FormatError):
            VerifyingKey(key.alpha1, key.beta2, key.gamma2, key.delta2, ic)
    with pytest.raises(FormatError):
        VerifyingKey((1, 1), key.beta2, key.gamma2, key.delta2, key.ic)
    for data in (b"", key.data[:-1], key.data[:448], key.data + b"\0"):
        with pytest.raises(FormatError):
            VerifyingKey.from_bytes(data)


def test_proof_and_signals_go_round(toy: Case, tmp_path: Path) -> None:
    assert Proof.load(toy.proof.save(tmp_path / "proof.json")) == toy.proof
    at_infinity = Proof(bytes(256))
    assert Proof.load(at_infinity.save(tmp_path / "proof.json")) == at_infinity
    assert Proof.from_points(toy.proof.a, toy.proof.b, toy.proof.c) == toy.proof
    assert load_public(save_public(tmp_path / "public.json", [0, R - 1, 2**256 - 1])) == [0, R - 1, 2**256 - 1]
    with pytest.raises(FormatError):
        Proof(bytes(255))


BAD_NUMBERS: list[object] = [
    1,
    1.5,
    None,
    True,
    "",
    "-1",
    "+1",
    "01",
    "0x1",
    "1 ",
    "１",
    "1e3",
    str(2**256),
    "9" * 400,
    ["1"],
    {},
]


@pytest.mark.parametrize("bad", BAD_NUMBERS, ids=repr)
def test_only_canonical_decimals_are_numbers(bad: object, toy: Case) -> None:
    proof = toy.proof.to_json()
    proof["pi_a"][0] = bad
    with pytest.raises(FormatError):
        Proof.load(json.dumps(proof).encode())
    with pytest.raises(FormatError):
        load_public(json.dumps([bad]).encode())
    key = toy.verifying_key.to_json()
    for name in ("vk_delta_2", "vk_alphabeta_12"):
        damaged = json.loads(json.dumps(key))
        inner = damaged[name][1]
        inner[0] = [bad, inner[0][1]] if name == "vk_alphabeta_12" else bad
        with pytest.raises(FormatError):
            VerifyingKey.load(json.dumps(damaged).encode())


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b"null",
        b"\xff\xfe",
        b"NaN",
        b"[" * 100_000,
        b'{"a":1,"a":2}',
        b'{"pi_a": [], "pi_b": [], "pi_c": [], "protocol": "groth16", "curve": "bn128"}',
        b"[" + b"9" * 10_000 + b"]",
    ],
    ids=lambda text: repr(text[:20]),
)
def test_json_that_is_no_proof_or_key(text: bytes) -> None:
    for load in (Proof.load, VerifyingKey.load):
        with pytest.raises(FormatError):
            load(text)


def test_json_fields_are_exact(toy: Case) -> None:
    for name, value in (("protocol", "plonk"), ("curve", "bls12381"), ("extra", 1), ("pi_b", [["1", "2"]] * 3)):
        fields = {**toy.proof.to_json(), name: value}
        with pytest.raises(FormatError):
            Proof.load(json.dumps(fields).encode())
    for name in ("pi_a", "curve"):
        fields = toy.proof.to_json()
        del fields[name]
        with pytest.raises(FormatError, match=name):
            Proof.load(json.dumps(fields).encode())
    key = toy.verifying_key.to_json()
    for name, value in (("nPublic", 2), ("IC", []), ("vk_gamma_2", key["vk_delta_2"]), ("vk_alphabeta_12", [])):
        with pytest.raises(FormatError):
            VerifyingKey.load(json.dumps({**key, name: value}).encode())


def test_a_huge_json_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "proof.json"
    with path.open("wb") as handle:
        handle.truncate(1 << 33)
    with pytest.raises(FormatError, match="larger"):
        Proof.load(path)


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_wtns(tmp_path / "w.wtns", to_limbs([1, 2]))
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("prover.groth16.formats.binfile.section_chunks", full)
    with pytest.raises(StorageError, match="No space left"):
        write_wtns(path, np.zeros((1, 4), np.uint64))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
