"""Running the command the way a shell does, in this process."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

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
