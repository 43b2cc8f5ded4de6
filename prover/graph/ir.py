"""The typed graph: nodes in topological order, every tensor with a static shape and dtype."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prover.errors import InputError

Array = NDArray[Any]


@dataclass(frozen=True)
class TensorInfo:
    """Name, dtype and shape of one tensor; strings have dtype object."""

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """Number of elements."""
        return prod(self.shape)


@dataclass(frozen=True, eq=False)
class Node:
    """One operator.

    Attributes:
        name: the ONNX node's name, or its first output when it has none.
        op: operator type, for example ``"Gemm"``.
        domain: ``"ai.onnx"`` or ``"ai.onnx.ml"``.
        opset: version of the domain, which decides what the operator means.
        inputs: tensor names; an absent optional input is ``""``.
        outputs: tensor names; an unused optional output is ``""``.
        attributes: all attributes of the operator, defaults filled in, None for an optional one that is absent:
            int, float, str, tuple[int, ...], float32[n], tuple[str, ...] or an array.
    """

    name: str
    op: str
    domain: str
    opset: int
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, object]

    def __str__(self) -> str:
        return f"node {self.name!r} ({self.domain}:{self.op})"

    @property
    def reads(self) -> tuple[str, ...]:
        """All tensors it depends on."""
        return self.inputs


@dataclass(frozen=True, eq=False)
class Graph:
    """A model: tensors flow from ``inputs`` and ``constants`` through ``nodes`` to ``outputs``.

    Constant folding has been done, Identity and ZipMap are gone, and nothing is left that no output needs.

    Attributes:
        name: the ONNX graph's name.
        inputs: in the order in which a row of features is cut into them.
        outputs: in the model's order, under the model's names.
        nodes: each after the producers of its inputs.
        constants: read-only arrays by tensor name.
        tensors: every input, constant and node output.
        opsets: version by domain.
        labels: texts by column of a feature row, for the columns that text inputs read; see :meth:`labelled`.
    """

    name: str
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    nodes: tuple[Node, ...]
    constants: Mapping[str, Array]
    tensors: Mapping[str, TensorInfo]
    opsets: Mapping[str, int]
    labels: Mapping[int, Sequence[str]] = field(default_factory=dict)

    def labelled(self, labels: Mapping[int, Sequence[str]]) -> Graph:
        """The same graph, whose text inputs read ``labels[column][number]`` of a row of numbers."""
        return replace(self, labels=dict(labels))

    @property
    def n_features(self) -> int:
        """Elements of all inputs together: the width of a feature row."""
        return sum(info.size for info in self.inputs)

    @cached_property
    def producers(self) -> Mapping[str, Node]:
        """Node that computes each tensor; inputs and constants have none."""
        return {name: node for node in self.nodes for name in node.outputs if name}

    @cached_property
    def consumers(self) -> Mapping[str, tuple[Node, ...]]:
        """Nodes that read each tensor, in order; empty for a tensor only the caller reads."""
        readers: dict[str, list[Node]] = {name: [] for name in self.tensors}
        for node in self.nodes:
            for name in dict.fromkeys(filter(None, node.inputs)):
                readers[name].append(node)
        return {name: tuple(nodes) for name, nodes in readers.items()}

    def feed(self, row: Array) -> dict[str, Array]:
        """Cut one row of features into the inputs, in order.

        Args:
            row: real numbers [d], d = :attr:`n_features`; the index of its label for a text.

        Raises:
            InputError: wrong length, a value an integer input cannot hold, or a text that has no label.
        """
        if row.shape != (self.n_features,):
            raise InputError(f"a row has shape {row.shape}, the model takes ({self.n_features},)")
        result: dict[str, Array] = {}
        start = 0
        for info in self.inputs:
            piece = row[start : start + info.size]
            if info.dtype.kind == "O":
                texts = [self._text(start + offset, value) for offset, value in enumerate(piece)]
                result[info.name] = np.array(texts, dtype=object).reshape(info.shape)
                start += info.size
                continue
            start += info.size
            with np.errstate(invalid="ignore", over="ignore"):
                typed = piece.astype(info.dtype)
            if info.dtype.kind != "f" and not np.array_equal(typed, piece):
                raise InputError(f"input {info.name!r} holds {info.dtype}, which cannot take {piece.tolist()[:8]}")
            result[info.name] = typed.reshape(info.shape)
        return result

    def run(self, inputs: Mapping[str, Array], fetch: Iterable[str] | None = None) -> dict[str, Array]:
        """Evaluate in floating point, as the ONNX specification says.

        Args:
            inputs: array of the declared shape and dtype for each input.
            fetch: names of the tensors to return; by default the outputs.

        Raises:
            InputError: an input that is missing, unknown, or of another shape or dtype, or that leads to a value an
                operator is not defined for.
        """
        from prover.graph.ops import find_spec

        wanted = [info.name for info in self.outputs] if fetch is None else list(fetch)
        values: dict[str, Array] = dict(self.constants)
        for unknown in inputs.keys() - {info.name for info in self.inputs}:
            raise InputError(f"the model has no input {unknown!r}", self._inputs_hint())
        for info in self.inputs:
            if info.name not in inputs:
                raise InputError(f"no value for input {info.name!r}", self._inputs_hint())
            array = np.asarray(inputs[info.name])
            if array.shape != info.shape or array.dtype != info.dtype:
                raise InputError(
                    f"input {info.name!r} is {array.dtype}{list(array.shape)}, expected {info.dtype}{list(info.shape)}"
                )
            values[info.name] = array
        for node in self.nodes:
            arrays = [values[name] if name else None for name in node.inputs]
            try:
                with np.errstate(all="ignore"):
                    results = find_spec(node.domain, node.op, node.opset).evaluate(node, arrays)
            except (ValueError, LookupError, ArithmeticError) as error:  # an index computed from the input, for example
                raise InputError(f"{node} cannot take these inputs: {error}") from error
            values.update((name, result) for name, result in zip(node.outputs, results, strict=False) if name)
        for name in wanted:
            if name not in values:
                raise InputError(f"the graph has no tensor {name!r}")
        return {name: values[name] for name in wanted}

    def run_rows(self, rows: Array, fetch: Sequence[str] | None = None) -> dict[str, Array]:
        """Evaluate n rows of features [n, d], one at a time; the results are stacked, [n, *shape].

        Raises:
            InputError: see :meth:`feed`; or no rows.
        """
        if rows.ndim != 2 or len(rows) == 0:
            raise InputError(f"rows have shape {rows.shape}, expected (n, {self.n_features}) with n > 0")
        results = [self.run(self.feed(row), fetch) for row in rows]
        return {name: np.stack([result[name] for result in results]) for name in results[0]}

    def _text(self, column: int, value: float) -> str:
        """The text a number stands for; a missing one is empty."""
        labels = self.labels.get(column)
        if labels is None:
            raise InputError(f"column {column} is a text, and no labels are known for it", "compile with a schema")
        if np.isnan(value):
            return ""
        if value not in range(len(labels)):
            raise InputError(f"column {column} is a text with {len(labels)} labels: its number is none of them")
        return labels[int(value)]

    def _inputs_hint(self) -> str:
        return "inputs: " + ", ".join(f"{info.name} {info.dtype}{list(info.shape)}" for info in self.inputs)
