"""Compiled models, made once for all tests of this folder."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from prover.compiler import CompiledParts, compile_model
from prover.lowering.sure import SureStep
from prover.quantization import Step
from tests.quantization.nets import samples, schema_of

Compile = Callable[[str, str], CompiledParts]


def vouched(step: Step) -> SureStep:
    """The step over inputs that a test keeps inside the step's own bounds."""
    return SureStep.of(step, step.inputs.lo, step.inputs.hi)


@pytest.fixture(scope="session")
def compiled(models: Path) -> Compile:
    """``compiled(model name, reveal)``."""

    @cache
    def get(name: str, reveal: str) -> CompiledParts:
        rows, _ = samples(models, name)
        return compile_model(models / f"{name}.onnx", schema=schema_of(models, name), calibration=rows, reveal=reveal)

    return get
