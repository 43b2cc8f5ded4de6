"""From a float graph to an integer program, and the reference model that defines what is proved.

:func:`calibrate` folds the linear parts of a graph over the schema's raw facts, chooses integer weights and proven
widths, and returns a :class:`Plan`; :class:`IntegerModel` runs it. A new operator is one rule in ``rules/``; a new
nonlinearity is one module in ``steps/``.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from prover.quantization.calibration import calibrate, draw, encode_samples
    from prover.quantization.facts import FactSpace
    from prover.quantization.frame import Settings
    from prover.quantization.head import DEFAULT_TIERS, Request
    from prover.quantization.model import IntegerModel, Run
    from prover.quantization.plan import SEMANTICS, LinearForms, Plan, Step

_HOME = {
    "calibrate": "calibration",
    "draw": "calibration",
    "encode_samples": "calibration",
    "FactSpace": "facts",
    "Settings": "frame",
    "DEFAULT_TIERS": "head",
    "Request": "head",
    "IntegerModel": "model",
    "Run": "model",
    "SEMANTICS": "plan",
    "LinearForms": "plan",
    "Plan": "plan",
    "Step": "plan",
}

__all__ = [
    "DEFAULT_TIERS",
    "SEMANTICS",
    "FactSpace",
    "IntegerModel",
    "LinearForms",
    "Plan",
    "Request",
    "Run",
    "Settings",
    "Step",
    "calibrate",
    "draw",
    "encode_samples",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
