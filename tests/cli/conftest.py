"""Running the command the way a shell does, in this process."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from prover.chain import node
from prover.cli import main


@dataclass(frozen=True)
class Outcome:
    """What a command did."""

    code: int
    stdout: str
    stderr: str

    @property
    def document(self) -> Any:
        return json.loads(self.stdout)


Verdict = Callable[..., Outcome]


@pytest.fixture
def verdict(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Verdict:
    """``verdict("compile", model, "-o", folder)`` runs the command line."""

    def run(*arguments: object) -> Outcome:
        monkeypatch.setattr("sys.argv", ["verdict", *map(str, arguments)])
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else 1
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return run


@pytest.fixture(scope="session")
def loan(models: Path, tmp_path_factory: pytest.TempPathFactory, require_tool: Callable[[str], Path]) -> Path:
    """A bundle directory of loan_logistic with its key."""
    import numpy as np

    import prover

    require_tool("native")
    rows = np.load(models / "loan_logistic.npz")["X"]
    bundle = prover.compile(models / "loan_logistic.onnx", schema=models / "loan_schema.json", calibration=rows)
    return prover.setup(bundle).save(tmp_path_factory.mktemp("cli") / "loan")


ACCOUNTS = (
    "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
    "0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
    "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC",
)
"""anvil's first development accounts: owner, issuer, subject."""


@pytest.fixture(scope="module")
def chain(require_tool: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a node of our own."""
    for tool in ("anvil", "node", "solc", "native"):
        require_tool(tool)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    patch = pytest.MonkeyPatch()
    patch.setenv("VERDICT_HOME", str(tmp_path_factory.mktemp("home")))
    patch.delenv("VERDICT_PRIVATE_KEY", raising=False)
    process = node.start(port)
    yield process.url
    node.stop()
    patch.undo()


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("deployments")
