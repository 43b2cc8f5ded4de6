"""The backend node tests as they ship in the onnx package, with the data of each as arrays."""

from __future__ import annotations

import functools
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from tests.backend.scope import in_scope, operators

DTYPES = ["float32", "float64", "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
"""Element types of facts and of what is revealed."""

MOST_NUMBERS = 1 << 14
"""Inputs of more elements are not proved: a quarter of a schema, and a minute for the commitment alone."""


@dataclass(frozen=True)
class NodeCase:
    """One test: a model, its inputs and the outputs that the project expects.

    Attributes:
        name: the project's name of it.
        model: as collected.
        inputs, outputs: by tensor name, in the graph's order; None where it is no tensor.
    """

    name: str
    model: onnx.ModelProto
    inputs: dict[str, Any]
    outputs: dict[str, Any]

    @property
    def op(self) -> str:
        """The operator it is about; an expanded function goes by the function's test."""
        parent = collect().get(self.name.split("_expanded")[0], self)
        return parent.model.graph.node[-1].op_type if len(parent.model.graph.node) else "Constant"

    @property
    def operators(self) -> frozenset[str]:
        return frozenset(operators(self.model.graph))


@functools.cache
def collect() -> dict[str, NodeCase]:
    """All tests of the installed package, by name. Takes seconds: their data is computed on the spot."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from onnx.backend.test.case.node import collect_testcases

        found = collect_testcases(None)
    result = {}
    for case in found:
        inputs, outputs = case.data_sets[0]
        result[case.name] = NodeCase(
            case.name,
            case.model,
            dict(zip((info.name for info in case.model.graph.input), map(_array, inputs), strict=False)),
            dict(zip((info.name for info in case.model.graph.output), map(_array, outputs), strict=False)),
        )
    return result


@functools.cache
def in_scope_cases() -> dict[str, NodeCase]:
    """Those whose every operator is in the table."""
    return {name: case for name, case in collect().items() if in_scope(case.model)}


def obstacle(case: NodeCase) -> str:
    """Why a test can be no statement about exact facts, whatever is implemented; empty when nothing is in the way."""
    for what, tensors in (("input", case.inputs), ("output", case.outputs)):
        for value in tensors.values():
            if not isinstance(value, np.ndarray):
                return f"{what} is a sequence or optional, not a tensor"
            if value.dtype.kind in "OUS":
                if what == "output":
                    return "output is text"
                continue
            if value.dtype.name not in DTYPES:
                return f"{what} of type {value.dtype.name}"
            if value.size == 0:
                return f"{what} is empty"
            if value.dtype.kind == "f" and not np.isfinite(value).all():
                return f"{what} holds NaN or infinity"
    if not case.outputs:
        return "no output"
    if case.op == "Dropout" and bool(case.inputs.get("t", False)) and case.inputs.get("r", 0.5) != 0:
        return "elements are dropped at random"
    if sum(value.size for value in case.inputs.values()) > MOST_NUMBERS:
        return f"more than {MOST_NUMBERS} numbers"
    return ""


def _array(value: Any) -> NDArray[Any] | None:
    if isinstance(value, onnx.TensorProto):
        return np.asarray(onnx.numpy_helper.to_array(value))
    if isinstance(value, np.ndarray | np.generic):
        return np.asarray(value)
    return None
