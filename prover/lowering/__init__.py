"""From an integer program to a circuit: one module per family of steps, found automatically.

:func:`lower` is a pure integer function of schema and plan. Each module that lowers step kinds has a table
``LOWERINGS`` from kind to function; adding a kind is adding a module here and its semantics in
:mod:`prover.quantization.steps`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from prover.lowering.circuit import assignments, lower
    from prover.lowering.cost import Report, build_report

_HOME = {"Report": "cost", "build_report": "cost", "assignments": "circuit", "lower": "circuit"}

__all__ = ["Report", "assignments", "build_report", "lower"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
