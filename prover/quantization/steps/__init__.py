"""Step kinds of the integer program: one module each, found automatically.

A step kind says how its float step is quantised and what it computes on integers. The second is a definition: it is
what circuits prove. :mod:`prover.lowering` holds the same kinds as gadgets.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from prover.errors import QuantizationError
from prover.quantization.frame import Frame, Quantised
from prover.quantization.intervals import Ends
from prover.quantization.plan import Step
from prover.quantization.trace import FloatStep


class Quantise(Protocol):
    """Choose the integers of a step; raises QuantizationError when none fit."""

    def __call__(self, step: FloatStep, frame: Frame) -> Quantised: ...


class Evaluate(Protocol):
    """The integer semantics: inputs int64[s, m] -> outputs int64[s, k]."""

    def __call__(self, step: Step, inputs: NDArray[np.int64]) -> NDArray[np.int64]: ...


class Refuses(Protocol):
    """Which of s inputs int64[s, m] the step has no witness for: bool[s]."""

    def __call__(self, step: Step, inputs: NDArray[np.int64]) -> NDArray[np.bool_]: ...


class SureEnds(Protocol):
    """Ends int64[k] of the outputs that follow from sure ends int64[m] of the inputs and from constraints.

    No bound of the plan may be read, unless constraints of the lowering enforce it. Ends of magnitude FREE are no
    bounds: see :mod:`prover.quantization.intervals`.
    """

    def __call__(self, step: Step, lo: NDArray[np.int64], hi: NDArray[np.int64]) -> Ends: ...


@dataclass(frozen=True)
class StepKind:
    """One kind of step; ``refuses`` only where it decides nothing about inputs too close to a threshold.

    ``undefined`` says the same of inputs outside a function's domain.

    ``ends`` says what is sure of the outputs; without it nothing is.
    """

    name: str
    quantise: Quantise
    evaluate: Evaluate
    refuses: Refuses | None = None
    undefined: Refuses | None = None
    ends: SureEnds | None = None


@functools.cache
def _kinds() -> dict[str, StepKind]:
    modules = [importlib.import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__)]
    return {module.KIND.name: module.KIND for module in modules}


def step_kind(name: str) -> StepKind:
    """The kind called ``name``.

    Raises:
        QuantizationError: there is none.
    """
    found = _kinds().get(name)
    if found is None:
        raise QuantizationError(f"unknown step kind {name!r}", f"this version knows {', '.join(sorted(_kinds()))}")
    return found


__all__ = ["Evaluate", "Quantise", "Refuses", "StepKind", "SureEnds", "step_kind"]
