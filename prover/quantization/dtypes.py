"""What a tensor's element type does to values: integer types wrap and truncate, float16 overflows.

The integer program computes with exact numbers. It stands for the model only where every tensor of a narrower type
provably holds what exact arithmetic gives, whatever the facts are.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from prover.errors import ModelShapeError
from prover.graph import Node, TensorInfo
from prover.graph.dtypes import integer_range
from prover.quantization.trace import Affine, Label, Link, Trace, Value, unsupported

_EXACT_FLOAT32 = 1 << 24
_ROUNDED = 1.0 + 2.0**-20
"""Beyond 2^24 a whole number may have been rounded to float32 on its way, several times."""

_FLOAT16 = 65504.0
_EXACT_FLOAT16 = 2048.0


def check_result(trace: Trace, node: Node, info: TensorInfo, value: Value) -> None:
    """Refuse a node whose result does not fit the shape or the element type of its tensor.

    Raises:
        UnsupportedOpError: naming the node, the range and the type.
    """
    if tuple(value.shape) != info.shape:
        raise unsupported(node, f"its result {info.name!r} has the shape {tuple(value.shape)}, not {info.shape}")
    problem = _misfit(trace, info.dtype, value)
    if problem:
        raise unsupported(node, problem, "narrow the ranges of the schema's features, or compute in float32 or int64")


def check_input(trace: Trace, info: TensorInfo, value: Affine) -> None:
    """Refuse an input whose element type does not hold the schema's features.

    Raises:
        ModelShapeError: naming the input.
    """
    problem = _misfit(trace, info.dtype, value)
    if info.dtype == np.float16 and not problem:
        inside = np.abs(np.stack(trace.interval(value))).max(initial=0.0) <= _EXACT_FLOAT16
        problem = "" if inside and is_whole(trace, value) else "float16 rounds its values"
    if problem:
        raise ModelShapeError(f"input {info.name!r}: {problem}", "give its features ranges the model's input can take")


def is_whole(trace: Trace, value: Affine) -> bool:
    """Whether every element is an integer whatever the facts are, in float32 as in exact arithmetic."""
    return bool(trace.is_whole(value).all())


def _misfit(trace: Trace, dtype: np.dtype[Any], value: Value) -> str:
    """What is wrong with ``value`` as a tensor of ``dtype``; empty when nothing is."""
    if isinstance(value, np.ndarray) or dtype in (np.float32, np.float64):
        return ""
    if dtype == np.float16:
        least, most = -_FLOAT16, _FLOAT16
    elif dtype == np.bool_:
        least, most = 0.0, 1.0
    else:
        span = integer_range(dtype)
        if span is None:
            return ""
        least, most = float(span[0]), float(span[1])
    if isinstance(value, Link):
        return "" if dtype == np.float16 else f"a probability as {dtype}"
    if isinstance(value, Label):
        low, high = (0.0, 0.0) if value.names else (float(value.classes.min()), float(value.classes.max()))
    else:
        if dtype != np.float16 and not is_whole(trace, value):
            return f"{dtype} values that are not known to be whole{_broken(trace, value)}"
        low, high = _range(trace, value)
    if least <= low and high <= most:
        return ""
    return f"its values lie in [{low:g}, {high:g}], which {dtype} does not hold"


def _broken(trace: Trace, value: Affine) -> str:
    """Names a feature that an element which may be no whole number is computed from; empty where none is."""
    columns = value.matrix.take(np.flatnonzero(~trace.is_whole(value))).cols
    units = trace.unit[columns]
    slots = columns[(columns < trace.facts.n_slots) & (units != np.rint(units))]
    return f": feature {trace.facts.feature_at(int(slots[0])).name!r} is none" if slots.size else ""


def _range(trace: Trace, value: Affine) -> tuple[float, float]:
    """Proven (smallest, largest) element over all facts, widened by what float32 may have rounded."""
    low, high = trace.interval(value)
    return _rounded(min(0.0, float(low.min(initial=0.0)))), _rounded(max(0.0, float(high.max(initial=0.0))))


def _rounded(end: float) -> float:
    return end * _ROUNDED if abs(end) > _EXACT_FLOAT32 else end
