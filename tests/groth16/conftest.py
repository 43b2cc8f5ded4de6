"""Keys and proofs that several tests share, made once for each backend."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from prover.groth16 import Backend, Proof, ProvingKey, VerifyingKey, get_backend, prove, setup
from tests.groth16.circuits import Example, cubic, random_example
from tests.groth16.rpc import anvil_process

CIRCUITS: dict[str, Callable[[], Example]] = {
    "cubic": cubic,
    "toy": lambda: random_example(12),
    "random": lambda: random_example(240),
}


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


class Workshop:
    """Makes each case once a session. A parametrised session fixture would make it again at every switch."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._cases: dict[tuple[str, str], Case] = {}

    def case(self, name: str, backend: Backend) -> Case:
        """A circuit's key and proof on a backend."""
        label = (name, backend.name)
        if label not in self._cases:
            example = CIRCUITS[name]()
            key = setup(example.r1cs, self._folder / f"{backend.name}-{name}.zkey", backend=backend)
            proof = prove(key, example.r1cs, example.witness, backend=backend)
            self._cases[label] = Case(name, backend, example, key, proof)
        return self._cases[label]


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """Where keys and proofs are made."""
    return Workshop(tmp_path_factory.mktemp("keys"))


@pytest.fixture(params=["native", "reference"])
def backend(request: pytest.FixtureRequest, require_tool: Callable[[str], Path]) -> Backend:
    """Each backend in turn."""
    if request.param == "native":
        require_tool("native")
    return get_backend(request.param)


@pytest.fixture(params=["cubic", "random"])
def case(request: pytest.FixtureRequest, backend: Backend, workshop: Workshop) -> Case:
    """Both circuits on every backend."""
    return workshop.case(request.param, backend)


@pytest.fixture
def cubic_case(backend: Backend, workshop: Workshop) -> Case:
    """The small circuit on every backend, for what does not depend on size."""
    return workshop.case("cubic", backend)


@pytest.fixture(scope="session")
def toy(workshop: Workshop) -> Case:
    """A dozen rows and three public signals on the fastest backend, for what is not about backends."""
    return workshop.case("toy", get_backend())


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
    with anvil_process(require_tool("anvil"), tmp_path_factory.mktemp("anvil")) as url:
        yield url
