"""One small compiled model with a key, shared by the bundle's tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import prover


@pytest.fixture(scope="session")
def rows(models: Path) -> np.ndarray:
    return np.load(models / "loan_logistic.npz")["X"]


@pytest.fixture(scope="session")
def compiled(models: Path, rows: np.ndarray) -> prover.Bundle:
    return prover.compile(
        models / "loan_logistic.onnx", schema=models / "loan_schema.json", calibration=rows, name="loan"
    )


@pytest.fixture(scope="session")
def keyed(compiled: prover.Bundle, require_tool: object) -> prover.Bundle:
    require_tool("native")  # type: ignore[operator]
    return prover.setup(compiled)
