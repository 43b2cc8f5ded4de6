"""The tools that are compared: each prepares a model once, then proves in rounds."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from benchmark.process import ToolError, measured
from benchmark.result import Result

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PROOFS = 3
"""In each process. The first pays for what is loaded on first use, so that the median is of a process that runs on."""


@dataclass(frozen=True)
class Model:
    """A model to measure.

    Attributes:
        path: the ONNX file.
        samples: .npz with ``X``, samples as the model takes them.
        schema: JSON file of the private input's features; None derives one from the samples.
    """

    path: Path
    samples: Path
    schema: Path | None

    @property
    def name(self) -> str:
        """The file's stem."""
        return self.path.stem


class Tool(Protocol):
    """One prover. ``folder`` is its own, and Verdict's files lie in ``folder.parent / "iden3"`` for all."""

    name: str

    def prepare(self, model: Model, folder: Path, result: Result) -> None:
        """Everything before the first proof. Raises ToolError."""

    def prove(self, model: Model, folder: Path, result: Result) -> None:
        """One process that proves. Raises ToolError."""


class Verdict:
    """This project, through its public API: a proof runs from raw values to a proof that was verified."""

    name = "verdict"

    def prepare(self, model: Model, folder: Path, result: Result) -> None:
        """Compile, set up, and export iden3's files for the others."""
        job = [sys.executable, HERE / "verdict_job.py"]
        schema = str(model.schema) if model.schema else "-"
        answer, _ = measured([*job, "compile", model.path, model.samples, schema, folder / "bundle"])
        result.update(answer)
        answer, result.setup_memory = measured([*job, "setup", folder / "bundle"])
        result.update(answer)
        exported = folder.parent / "iden3"
        exported.mkdir()
        measured([*job, "export", folder / "bundle", model.samples, exported])

    def prove(self, model: Model, folder: Path, result: Result) -> None:
        """Witness and proofs."""
        command = [sys.executable, HERE / "verdict_job.py", "prove", folder / "bundle", model.samples]
        _prove(command, result)


class Snarkjs:
    """snarkjs from npm, on Verdict's key and witness: the proof alone."""

    name = "snarkjs"

    def prepare(self, model: Model, folder: Path, result: Result) -> None:
        """Nothing: the files are Verdict's."""
        if not _snarkjs().exists():
            raise ToolError("tests/node_modules/snarkjs is missing")

    def prove(self, model: Model, folder: Path, result: Result) -> None:
        """The proofs."""
        files = [folder.parent / "iden3" / name for name in ("key.zkey", "witness.wtns", "verification_key.json")]
        _prove(["node", HERE / "peers" / "snarkjs_job.cjs", _snarkjs(), *files], result)


class Gnark:
    """gnark from the Go module proxy, on the same constraint system and witness, with a key of its own."""

    name = "gnark"

    def __init__(self) -> None:
        self._program: Path | None = None

    def prepare(self, model: Model, folder: Path, result: Result) -> None:
        """Build the program once, then make keys."""
        if self._program is None:
            self._program = _build_gnark()
        keys = [folder / "proving.key", folder / "verifying.key"]
        circuit = folder.parent / "iden3" / "circuit.r1cs"
        answer, result.setup_memory = measured([self._program, "setup", circuit, *keys])
        result.update(answer)

    def prove(self, model: Model, folder: Path, result: Result) -> None:
        """The proofs."""
        assert self._program is not None, "prepare comes first"
        files = [folder.parent / "iden3" / name for name in ("circuit.r1cs", "witness.wtns")]
        keys = [folder / "proving.key", folder / "verifying.key"]
        _prove([self._program, "prove", *files, *keys], result)


class Ezkl:
    """ezkl from PyPI, on the same ONNX file: halo2, so a circuit of its own; without a commitment to the input."""

    name = "ezkl"

    def prepare(self, model: Model, folder: Path, result: Result) -> None:
        """Calibrate, compile, and make keys."""
        job = HERE / "peers" / "ezkl_job.py"
        command = [sys.executable, job, "prepare", model.path, model.samples, folder]
        answer, result.setup_memory = measured(command, cwd=folder)
        result.update(answer)

    def prove(self, model: Model, folder: Path, result: Result) -> None:
        """Witness and proofs."""
        _prove([sys.executable, HERE / "peers" / "ezkl_job.py", "prove", folder], result, proofs=1, cwd=folder)


def _prove(
    command: list[str | os.PathLike[str]], result: Result, *, proofs: int = PROOFS, cwd: Path | None = None
) -> None:
    answer, peak = measured([*command, str(proofs)], cwd=cwd)
    result.update(answer)
    result.remember_peak(peak)


def _snarkjs() -> Path:
    return ROOT / "tests" / "node_modules" / "snarkjs"


def _build_gnark() -> Path:
    """Build the Go program with the Go that is here; no other toolchain is downloaded."""
    go = shutil.which("go")
    if go is None:
        raise ToolError("go is not installed")
    program = ROOT / ".venv" / "peers" / "gnark"
    command = [go, "build", "-trimpath", "-mod=readonly", "-o", str(program), "."]
    environment = os.environ | {"GOTOOLCHAIN": "local"}
    built = subprocess.run(
        command, cwd=HERE / "peers" / "gnark", env=environment, capture_output=True, text=True, check=False
    )
    if built.returncode:
        raise ToolError((built.stderr.strip().splitlines() or ["go build failed"])[-1][:200])
    return program
