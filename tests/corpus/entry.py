"""One model of the corpus: how it is made, exported, compiled and compared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prover.compiler import CompiledParts, compile_model, solve
from prover.errors import VerdictError
from prover.schema import Schema

ROWS = 96
"""Rows a model is calibrated with and compared on."""

OPSETS = {"": 19, "ai.onnx.ml": 3}
"""What the exporters are asked to write."""


@dataclass(frozen=True)
class Exported:
    """A trained model in ONNX, the schema of its facts, and rows to compare on (objects where it reads texts)."""

    onnx: bytes
    schema: Schema
    rows: NDArray[np.generic]
    output: str | None = None
    reveal: str | None = None


@dataclass(frozen=True)
class Entry:
    """One model.

    Attributes:
        name: of the estimator and what is particular of it.
        build: trains and exports it.
    """

    name: str
    build: Callable[[], Exported]


@dataclass(frozen=True)
class Result:
    """What became of an entry; errors are in the score that is revealed, or its logit where there is one.

    Attributes:
        reveal: score, label or tier; empty when refused.
        constraints: of the circuit.
        flips: rows whose decision differs from onnxruntime's.
        error: largest difference of a score.
        refused: why the model is not proved; empty when it is.
    """

    reveal: str = ""
    constraints: int = 0
    flips: int = 0
    error: float | None = None
    refused: str = ""

    def to_dict(self) -> dict[str, Any]:
        if self.refused:
            return {"refused": self.refused}
        known = asdict(self)
        del known["refused"]
        return {key: value for key, value in known.items() if value is not None}


def compiled(exported: Exported) -> CompiledParts:
    """Through the compiler, with the circuit's witness checked on one row."""
    parts = compile_model(
        exported.onnx,
        schema=exported.schema,
        calibration=exported.rows,
        output=exported.output,
        reveal=exported.reveal,
    )
    first = exported.schema.encode_batch(exported.rows[:1])[0]
    solution = solve(parts.circuit, parts.layout, first, salt=1, context=2)
    assert solution.values == run_outputs(parts, exported)[0]
    return parts


def run_outputs(parts: CompiledParts, exported: Exported) -> list[tuple[int, ...]]:
    """What the integer reference reveals of every row."""
    from prover.quantization import IntegerModel

    batch = exported.schema.encode_batch(exported.rows)
    outputs = IntegerModel(parts.plan, exported.schema).run(batch.codes, batch.missing).outputs
    return [tuple(row) for row in outputs.tolist()]


def measure(entry: Entry) -> Result:
    """Train, export, compile, compare with onnxruntime."""
    try:
        exported = entry.build()
    except (ValueError, RuntimeError, NotImplementedError, KeyError, AttributeError, TypeError) as error:
        return Result(refused=f"not exported: {type(error).__name__}: {str(error).splitlines()[0]}"[:160])
    try:
        report = compiled(exported).report
    except VerdictError as error:
        return Result(refused=f"{type(error).__name__}: {error.message}"[:200])
    error = report.max_abs_error if report.max_abs_error is not None else report.max_logit_error
    rounded = None if error is None else float(f"{error:.1e}")
    return Result(report.reveal, report.constraints, report.decision_flips, rounded)
