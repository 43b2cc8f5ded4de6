"""The circuit file: deterministic, complete, and harmless when somebody tampered with it."""

from __future__ import annotations

import contextlib
import json
import random
from pathlib import Path

import numpy as np
import pytest

from prover.constraint import Circuit, ConstraintSystem, LinearVector
from prover.constraint.container import read_container, write_container
from prover.constraint.serialise import MAGIC
from prover.errors import FormatError, InputError, UnsatisfiedError
from prover.gadgets import argmax, is_zero, pack, poseidon, range_exact, relu_truncate


def circuit() -> Circuit:
    """Every kind of step, parameter and coefficient."""
    cs = ConstraintSystem()
    commitment, label = cs.public("commitment", 1), cs.public("label", 1)
    context = cs.public("context", 1, output=False)
    x = range_exact(cs, cs.private("x", 3, (0, 100)), 0, 100, "range")
    salt = cs.private("salt", 1, None)
    element = pack(cs, x, [0, 0, 0], [0, 7, 14], [7, 7, 7])
    cs.bind(commitment, poseidon(cs, LinearVector.concat([salt, element]), 2**200), "commitment")
    y = relu_truncate(cs, x.matmul(np.array([[1, -2, 3], [4, 0, -1]])), 1, 1)
    cs.bind(label, argmax(cs, [y[0], y[1]]) + is_zero(cs, x[0]), "label")
    cs.product(context, context, "context")
    return cs.compile()


INPUTS = {"x": [0, 50, 100], "salt": [2**247 + 1], "context": [3]}


def test_round_trip_through_a_file(tmp_path: Path) -> None:
    original = circuit()
    path = original.save(tmp_path / "circuit.bin")
    copy = Circuit.load(path)
    assert copy.to_bytes() == path.read_bytes() == original.to_bytes() == circuit().to_bytes()
    assert np.array_equal(copy.witness(INPUTS), original.witness(INPUTS))
    assert copy.r1cs.rows_by_origin() == original.r1cs.rows_by_origin()
    assert list(copy.publics) == sorted(original.publics)


def test_numbers_in_the_file_do_not_depend_on_the_machine() -> None:
    assert write_container(b"12345678", {"b": 1, "a": "ü"}, [np.array([1, -1]), np.array([7], np.uint32)]) == (
        b"12345678"
        + (64).to_bytes(8, "little")
        + b'{"arrays":[["<i8",[2]],["<u4",[1]]],"body":{"a":"\\u00fc","b":1}}'.ljust(64)
        + (1).to_bytes(8, "little")
        + b"\xff" * 8
        + (7).to_bytes(8, "little")
    )


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: b"", "not a VERDICT"),
        (lambda data: b"PK\x03\x04" + data[4:], "not a VERDICT"),
        (lambda data: data[:12], "truncated"),
        (lambda data: data[:-8], "truncated|describes"),
        (lambda data: data + b"\0" * 8, "its header describes"),
        (lambda data: data[:8] + (2**63).to_bytes(8, "little") + data[16:], "truncated"),
        (lambda data: MAGIC + (2**20).to_bytes(8, "little") + b"[" * 2**20, "nested deeper"),
        (lambda data: MAGIC + (2**20).to_bytes(8, "little") + b'{"a":' * 2**18, "nested deeper"),
    ],
)
def test_damaged_files_are_refused(damage, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        Circuit.from_bytes(damage(circuit().to_bytes()))


def reheader(data: bytes, change) -> bytes:
    body, arrays = read_container(MAGIC, data)
    change(body)
    return write_container(MAGIC, body, arrays)


@pytest.mark.parametrize(
    "change",
    [
        lambda b: b.pop("steps"),
        lambda b: b.update(modulus="0"),
        lambda b: b.update(modulus="x"),
        lambda b: b.update(wires=[10, 3, 1]),
        lambda b: b.update(wires=[2**40, 3, 1]),
        lambda b: b.update(wires=[True, 0, 0]),
        lambda b: b.update(origins=[]),
        lambda b: b.update(table=-1),
        lambda b: b.update(table=10**6),
        lambda b: b.update(field_wires=b["phase"]),
        lambda b: b["slots"].update(x=[0, 3]),
        lambda b: b["slots"].update(x=[4, 3, 0, 0]),
        lambda b: b["steps"][0].update(writes=[0, 4]),
        lambda b: b["steps"][0].update(writes=[-1, 4]),
        lambda b: b["steps"][0]["inputs"].append([0, 1, 2, 1]),
        lambda b: b["steps"].reverse(),
        lambda b: b["publics"].update(label=b["origin_starts"]),
        lambda b: b.update(matrices=b["matrices"][:2]),
    ],
)
def test_a_header_that_lies_is_refused(change) -> None:
    with pytest.raises(FormatError):
        Circuit.from_bytes(reheader(circuit().to_bytes(), change))


def test_arrays_of_unknown_type_or_absurd_size_are_refused() -> None:
    for arrays in ('[["|O",[1]]]', '[["<f8",[1]]]', '[["<u8",[1,2,3]]]', '[["<u8",[99999999999,99999999999]]]'):
        text = f'{{"arrays":{arrays},"body":0}}'.encode()
        with pytest.raises(FormatError):
            read_container(MAGIC, MAGIC + len(text).to_bytes(8, "little") + text + b"\0" * 64)


@pytest.mark.parametrize("seed", range(6))
def test_random_damage_never_escapes_the_error_tree(seed: int) -> None:
    """A flipped byte is refused, or gives a program that fails with a typed error, or changes nothing that is run."""
    data, draw = circuit().to_bytes(), random.Random(seed)
    for _ in range(60):
        hostile = bytearray(data)
        for _ in range(draw.randrange(1, 4)):
            hostile[draw.randrange(len(hostile))] = draw.randrange(256)
        with contextlib.suppress(FormatError, UnsatisfiedError, InputError):
            Circuit.from_bytes(bytes(hostile)).witness(INPUTS)


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s.update(kind="eval"),
        lambda s: s.update(params={}),
        lambda s: s["params"].update(widths=3),
        lambda s: s["params"].update(widths=s["params"]["skip"]),
        lambda s: s.update(inputs=[]),
    ],
)
def test_a_hostile_step_fails_with_a_typed_error(change) -> None:
    data = reheader(circuit().to_bytes(), lambda body: change(body["steps"][0]))
    with pytest.raises((FormatError, UnsatisfiedError)):
        Circuit.from_bytes(data).witness(INPUTS)


def test_a_missing_file_is_a_format_error(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="cannot read"):
        Circuit.load(tmp_path / "absent.bin")


def test_the_body_is_plain_json() -> None:
    body, _ = read_container(MAGIC, circuit().to_bytes())
    assert json.loads(json.dumps(body)) == body
