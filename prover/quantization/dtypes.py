"""What a tensor's element type does to values: integer types wrap and truncate, float16 overflows.

The integer program computes with exact numbers. It stands for the model only where every tensor of a narrower type
provably holds what exact arithmetic gives, whatever the facts are.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from prover.errors import ModelShapeError
from prover.graph import Node, TensorInfo
from prover.quantization.facts import FactSpace
from prover.quantization.trace import Affine, Label, Value, unsupported

_EXACT_FLOAT32 = 1 << 24
_ROUNDED = 1.0 + 2.0**-20
"""Beyond 2^24 a whole number may have been rounded to float32 on its way, several times."""

_CELLS = 1 << 22
"""Dense cells of one block of rows while ranges are computed (32 MB)."""


def check_result(facts: FactSpace, node: Node, info: TensorInfo, value: Value) -> None:
    """Refuse a node whose result does not fit the element type of its tensor.

    Raises:
        UnsupportedOpError: naming the node, the range and the type.
    """
    problem = _misfit(facts, info.dtype, value)
    if problem:
        raise unsupported(node, problem, "narrow the ranges of the schema's features, or compute in float32 or int64")


def check_input(facts: FactSpace, info: TensorInfo, value: Affine) -> None:
    """Refuse an input whose element type does not hold the schema's features.

    Raises:
        ModelShapeError: naming the input.
    """
    problem = _misfit(facts, info.dtype, value)
    if problem:
        raise ModelShapeError(f"input {info.name!r}: {problem}", "give its features ranges the model's input can take")


def is_whole(facts: FactSpace, value: Affine) -> bool:
    """Whether every element is an integer whatever the facts are, in float32 as in exact arithmetic."""
    if value.matrix.nnz and value.matrix.cols.max() >= facts.n_slots:
        return False
    units = facts.unit[value.matrix.cols]
    if np.any(np.frexp(units)[0] != 0.5):
        return False  # 0.29 is no float32, and a hundred of it not 29
    steps = value.matrix.data * units
    return bool(np.all(steps == np.rint(steps)) and np.all(value.bias == np.rint(value.bias)))


def _misfit(facts: FactSpace, dtype: np.dtype[Any], value: Value) -> str:
    """What is wrong with ``value`` as a tensor of ``dtype``; empty when nothing is."""
    if isinstance(value, np.ndarray):
        return ""
    if dtype == np.float16:
        return "float16 values that depend on the input are not proved: they overflow at 65504"
    if dtype.kind not in "iu":
        return ""
    limits = np.iinfo(dtype)
    if isinstance(value, Label):
        low, high = (0.0, 0.0) if value.names else (float(value.classes.min()), float(value.classes.max()))
    elif isinstance(value, Affine):
        if not is_whole(facts, value):
            return f"{dtype} values that are not known to be whole"
        low, high = _range(facts, value)
    else:
        return f"a probability as {dtype}"
    if limits.min <= low and high <= limits.max:
        return ""
    return f"its values lie in [{low:g}, {high:g}], which {dtype} does not hold"


def _range(facts: FactSpace, value: Affine) -> tuple[float, float]:
    """Proven (smallest, largest) element over all facts, widened by what float32 may have rounded."""
    low, high = 0.0, 0.0
    block = max(_CELLS // facts.n_slots, 1)
    for start in range(0, value.size, block):
        rows = np.arange(start, min(start + block, value.size))
        weights = value.matrix.take(rows).widen(facts.n_slots).dense() * facts.unit
        bias: NDArray[np.float64] = value.bias[rows]
        high = max(high, float((facts.extreme(weights) + bias).max()))
        low = min(low, float((bias - facts.extreme(-weights)).min()))
    return _rounded(low), _rounded(high)


def _rounded(end: float) -> float:
    return end * _ROUNDED if abs(end) > _EXACT_FLOAT32 else end
