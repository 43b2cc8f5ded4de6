"""Keys and proofs that several tests share, made once for each backend."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from prover.groth16 import Backend, Proof, ProvingKey, VerifyingKey, get_backend, prove, setup
from tests.groth16.circuits import Example, cubic, random_example

CIRCUITS: dict[str, Callable[[], Example]] = {"cubic": cubic, "random": lambda: random_example(240)}


@dataclass(frozen=True)
class Case:
    """A circuit, its key and one proof, all of one backend."""

    name: str
    backend: Backend
    example: Example
    key: ProvingKey
    proof: Proof

    @property
    def verifying_key(self) -> VerifyingKey:
        return self.key.verifying_key


@pytest.fixture(scope="session", params=["native", "reference"])
def backend(request: pytest.FixtureRequest, require_tool: Callable[[str], Path]) -> Backend:
    """Each backend in turn."""
    if request.param == "native":
        require_tool("native")
    return get_backend(request.param)


@pytest.fixture(scope="session")
def any_backend() -> Backend:
    """The fastest backend there is, for tests that are not about backends."""
    return get_backend()


@pytest.fixture(scope="session", params=sorted(CIRCUITS))
def case(request: pytest.FixtureRequest, backend: Backend, tmp_path_factory: pytest.TempPathFactory) -> Case:
    """Every circuit on every backend."""
    example = CIRCUITS[request.param]()
    path = tmp_path_factory.mktemp(f"{backend.name}-{request.param}") / "key.zkey"
    key = setup(example.r1cs, path, backend=backend)
    return Case(request.param, backend, example, key, prove(key, example.r1cs, example.witness, backend=backend))


@pytest.fixture(scope="session")
def toy(any_backend: Backend, tmp_path_factory: pytest.TempPathFactory) -> Case:
    """A dozen rows and three public signals on the fastest backend."""
    example = random_example(12)
    key = setup(example.r1cs, tmp_path_factory.mktemp("toy") / "key.zkey", backend=any_backend)
    proof = prove(key, example.r1cs, example.witness, backend=any_backend)
    return Case("toy", any_backend, example, key, proof)


@pytest.fixture(scope="session")
def snarkjs(require_tool: Callable[[str], Path]) -> Callable[..., str]:
    """``snarkjs("groth16", "verify", ...)`` -> its output; AssertionError when it exits with a failure."""
    node, script = require_tool("node"), require_tool("snarkjs")

    def run(*arguments: str | Path) -> str:
        command = [str(node), str(script), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, f"snarkjs {arguments}: {done.stdout}{done.stderr}"
        return done.stdout

    return run


@pytest.fixture(scope="session")
def anvil(require_tool: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of an anvil at fork Prague that lives as long as the session."""
    from tests.groth16.rpc import anvil_process

    with anvil_process(require_tool("anvil"), tmp_path_factory.mktemp("anvil")) as url:
        yield url
