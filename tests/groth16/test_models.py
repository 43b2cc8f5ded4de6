"""A real model's circuit through both backends: the reference must stay usable where no Rust can be built."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

import prover
from prover.groth16 import Backend, get_backend, verify


@pytest.fixture(scope="module")
def loan(models: Path) -> tuple[prover.Bundle, np.ndarray]:
    """loan_logistic compiled on its samples, and the samples."""
    rows = np.load(models / "loan_logistic.npz")["X"]
    return prover.compile(models / "loan_logistic.onnx", schema=models / "loan_schema.json", calibration=rows), rows


def test_loan_logistic_proves_and_every_backend_agrees(
    loan: tuple[prover.Bundle, np.ndarray], backend: Backend
) -> None:
    bundle, rows = loan
    started = time.process_time()
    keyed = prover.setup(bundle, backend=backend.name)
    proof = prover.prove(keyed, rows[0], context=77, backend=backend.name)
    assert time.process_time() - started < 60
    for other in {get_backend().name, "reference"}:
        assert verify(keyed.verifying_key, proof.public_signals, proof.proof, backend=other)
        forged = [*proof.public_signals[:1], proof.public_signals[1] + 1, *proof.public_signals[2:]]
        assert not verify(keyed.verifying_key, forged, proof.proof, backend=other)
    assert proof.public_signals[-1] == 77
