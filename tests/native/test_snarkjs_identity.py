"""Our initial key is snarkjs's to the byte: same secrets in, same file out, circuit hash included.

snarkjs makes keys from a powers-of-tau file only. The seed tells us the secrets the core draws, so we write the file a
ceremony with those secrets would have left.
"""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from py_ecc import optimized_bn128 as curve

from prover.field import Q, R
from prover.groth16.formats import write_r1cs
from tests.groth16.circuits import Example, random_example
from tests.native.test_precompiles import g1, g2, words

POWER = 7
"""One above the circuit's: at its own power snarkjs computes H without the missing last power of τ, which gives other
points that serve as well."""

SEED = b"identity"
Snarkjs = Callable[..., str]


def secrets() -> tuple[int, int, int]:
    """τ, α, β in the order the core draws them."""

    def draw(counter: int) -> int:
        digest = blake2b(b"verdict/seed" + struct.pack("<Q", counter) + SEED).digest()
        return int.from_bytes(digest, "little") % R

    return draw(0), draw(1), draw(2)


def montgomery(point: bytes) -> bytes:
    """iden3's form of a point in EVM order: little-endian Montgomery residues, real part first."""
    coordinates = [int.from_bytes(point[start : start + 32], "big") for start in range(0, len(point), 32)]
    if len(coordinates) == 4:
        coordinates = [coordinates[index] for index in (1, 0, 3, 2)]
    return b"".join((value * 2**256 % Q).to_bytes(32, "little") for value in coordinates)


def write_powers(path: Path, native: ModuleType) -> None:
    """A .ptau after a ceremony with our secrets, without its transcript."""
    tau, alpha, beta = secrets()
    size = 2**POWER
    powers = [pow(tau, exponent, R) for exponent in range(2 * size - 1)]
    generator = g1(1)

    def first(scalars: list[int]) -> bytes:
        return b"".join(montgomery(native.ecmul(generator + words(scalar))) for scalar in scalars)

    def second(scalars: list[int]) -> bytes:
        return b"".join(montgomery(g2(curve.multiply(curve.G2, scalar))) for scalar in scalars)

    sections = [
        struct.pack("<I", 32) + Q.to_bytes(32, "little") + struct.pack("<II", POWER, POWER),
        first(powers),
        second(powers[:size]),
        first([alpha * power % R for power in powers[:size]]),
        first([beta * power % R for power in powers[:size]]),
        second([beta]),
        struct.pack("<I", 0),
    ]
    head = b"ptau" + struct.pack("<II", 1, len(sections))
    parts = (struct.pack("<IQ", index, len(data)) + data for index, data in enumerate(sections, start=1))
    path.write_bytes(head + b"".join(parts))


@pytest.fixture(scope="module")
def snarkjs(require_tool: Callable[[str], Path]) -> Snarkjs:
    """``snarkjs("zkey", "verify", ...)`` -> its output."""
    node, script = require_tool("node"), require_tool("snarkjs")

    def run(*arguments: str | Path) -> str:
        command = [str(node), str(script), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


@pytest.fixture(scope="module")
def powers(native: ModuleType, snarkjs: Snarkjs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, prepared for phase 2."""
    folder = tmp_path_factory.mktemp("powers")
    write_powers(folder / "raw.ptau", native)
    snarkjs("powersoftau", "prepare", "phase2", folder / "raw.ptau", folder / "powers.ptau")
    return folder / "powers.ptau"


@pytest.fixture(scope="module")
def example() -> Example:
    """Rows enough to leave the domain's last rows empty."""
    return random_example(40)


@pytest.fixture(scope="module")
def circuit(native: ModuleType, example: Example) -> Any:
    """The same in native memory."""
    system = example.r1cs
    arrays = [(matrix.indptr, matrix.wires, matrix.coef_ids) for matrix in (system.a, system.b, system.c)]
    return native.Circuit(system.n_wires, system.n_public, *arrays, system.table)


def test_initial_key_is_snarkjs_s(
    native: ModuleType, snarkjs: Snarkjs, powers: Path, example: Example, circuit: Any, tmp_path: Path
) -> None:
    r1cs = write_r1cs(tmp_path / "c.r1cs", example.r1cs)
    snarkjs("groth16", "setup", r1cs, powers, tmp_path / "theirs.zkey")
    native.setup_initial(circuit, tmp_path / "ours.zkey", seed=SEED)
    assert (tmp_path / "ours.zkey").read_bytes() == (tmp_path / "theirs.zkey").read_bytes()


def test_snarkjs_contributes_to_our_initial_key(
    native: ModuleType, snarkjs: Snarkjs, powers: Path, example: Example, circuit: Any, tmp_path: Path
) -> None:
    """Its contribution starts from our circuit hash, and we prove with the outcome."""
    initial, final = tmp_path / "initial.zkey", tmp_path / "final.zkey"
    native.setup_initial(circuit, initial, seed=SEED)
    snarkjs("zkey", "contribute", initial, final, "--name=test", "-e=two")
    r1cs = write_r1cs(tmp_path / "c.r1cs", example.r1cs)
    assert "ZKey Ok!" in snarkjs("zkey", "verify", r1cs, powers, final)
    key = native.ProvingKey.load(final)
    key.check_circuit(circuit)
    signals = example.witness[1 : 1 + example.r1cs.n_public]
    assert native.verify(key.verifying_key(), signals, key.prove(example.witness))
