"""Whether a model fits this machine's memory, told from its shapes before any work starts.

The estimate follows the compiler: linear operators fold into forms over the last nonlinearity's outputs, so a tensor
has a *reach*, the variables an element depends on, which grows by every linear operator on the way; a nonlinearity
costs some forty constraints an element and starts again at one. Recurrent layers cost by cells and turns, lookups at
private places by the places there are. What was measured on nets from a thousand to a quarter
of a million constraints is between half and all of it; models are refused by orders of magnitude, not by percents.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path

from prover.errors import ModelTooLargeError
from prover.graph import Graph, Node
from prover.graph.ops import find_spec
from prover.graph.ops.spec import Operand

MEMORY_VARIABLE = "VERDICT_MEMORY_MB"
"""Environment variable: megabytes a compilation may use, in place of what the machine has available."""

_BASE_BYTES = 300 << 20
_BYTES_PER_TERM = 320
"""Of a weight from import to the saved bundle: floats and their columns, integers, R1CS terms, witness program."""

_BYTES_PER_CONSTRAINT = 1600
"""Wires, rows and digits while a circuit is built, and the proving key beside the witness."""

_ROWS_PER_ELEMENT = 40
"""Of a nonlinearity: one decomposition of some thirty bits, and what is done with them."""

_FREE = frozenset(
    {
        "Add", "Sub", "Neg", "Identity", "Reshape", "Flatten", "Transpose", "Squeeze", "Unsqueeze", "Concat", "Split",
        "Slice", "Pad", "Gather", "GatherElements", "GatherND", "ScatterND", "ScatterElements", "Expand", "Tile",
        "Dropout", "Cast", "CastLike", "ReduceSum", "ReduceMean", "GlobalAveragePool", "AveragePool", "CumSum",
        "Trilu", "Not", "BatchNormalization", "DequantizeLinear", "Scaler", "FeatureVectorizer",
        "ArrayFeatureExtractor", "ZipMap", "Shape", "Size", "Constant", "ConstantOfShape", "DepthToSpace",
        "SpaceToDepth", "ReverseSequence", "Resize", "Upsample", "OneHotEncoder",
    }
)  # fmt: skip
"""Operators that only move or add what they read."""

_PRODUCTS = frozenset(
    {"Gemm", "MatMul", "Conv", "ConvTranspose", "Mul", "Div", "Einsum", "LinearClassifier", "LinearRegressor"}
)
"""Operators that are free while one side is constant."""


_ROWS_PER_CELL = {"RNN": 120.0, "GRU": 270.0, "LSTM": 430.0}
"""Of a recurrent layer, for each cell and turn: its gates' functions and products, as measured."""

_GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}

_LOOKUPS = frozenset({"Gather", "GatherElements", "GatherND"})
"""Operators whose second operand says places of the first. Where it depends on the input every place is a variable."""


@dataclass(frozen=True)
class Estimate:
    """What a model will take.

    Attributes:
        constraints: rows of the R1CS, commitment included.
        terms: non-zero coefficients of the integer program.
    """

    constraints: int
    terms: int

    @property
    def memory(self) -> int:
        """Bytes at the peak of compiling, saving and proving."""
        return _BASE_BYTES + self.terms * _BYTES_PER_TERM + self.constraints * _BYTES_PER_CONSTRAINT


def estimate(graph: Graph) -> Estimate:
    """The price of ``graph`` from its shapes alone; takes no time and no memory to speak of."""
    reach = {info.name: 1.0 for info in graph.inputs}
    variables = float(sum(info.size for info in graph.inputs))
    rows, terms = 20.0 * variables, 0.0
    for node in graph.nodes:
        inner = max((reach.get(name, 0.0) for name in node.inputs), default=0.0)
        if not inner:
            continue  # it reads constants only
        sizes = [graph.tensors[name].size for name in node.outputs if name]
        moving = [graph.tensors[name].size for name in node.inputs if reach.get(name)]
        if node.op in _ROWS_PER_CELL:
            cells, read = _recurrent(graph, node)
            rows += _ROWS_PER_CELL[node.op] * cells
            terms += _GATES[node.op] * cells * read
            variables += 4.0 * cells
            reach.update((name, 1.0) for name in node.outputs if name)
            continue
        if node.op in _LOOKUPS and reach.get(node.inputs[1]):
            inner = float(_places(graph, node))
            rows += inner * graph.tensors[node.inputs[1]].size
            rows += inner * sum(sizes) if reach.get(node.inputs[0]) else 0.0
            terms += inner * sum(sizes)
            variables += inner * graph.tensors[node.inputs[1]].size
            reach.update((name, inner) for name in node.outputs if name)
            continue
        work, largest = _work(graph, node), max(*sizes, *moving, 1)
        if node.op in _FREE or (node.op in _PRODUCTS and len(moving) == 1):
            joined = sum(reach.get(name, 0.0) for name in node.inputs) if node.op in ("Add", "Sub") else inner
            folded = min(max(joined * work / max(sum(sizes), 1), joined), variables)
            if node.op in _PRODUCTS:
                terms += folded * sum(sizes)
            inner = folded
        else:
            rows += _ROWS_PER_ELEMENT * max(largest, work / _ROWS_PER_ELEMENT)
            variables += sum(sizes)
            inner = 1.0
        reach.update((name, inner) for name in node.outputs if name)
    return Estimate(int(rows), int(terms))


def require_memory(graph: Graph, available: int | None = None) -> Estimate:
    """Refuse a model that needs more memory than there is.

    Args:
        graph: the imported model.
        available: bytes; by default :func:`available_memory`.

    Raises:
        ModelTooLargeError: naming the estimate and what is available.
    """
    expected = estimate(graph)
    limit = available_memory() if available is None else available
    if limit is not None and expected.memory > limit:
        raise ModelTooLargeError(
            f"the model would take about {expected.constraints:,} constraints and {_gigabytes(expected.memory)} of "
            f"memory; {_gigabytes(limit)} are available",
            f"make the model smaller, use a machine with more memory, or set {MEMORY_VARIABLE} to what may be used",
            estimate=expected.memory,
            available=limit,
        )
    return expected


def available_memory(environment: Mapping[str, str] | None = None, root: Path = Path("/")) -> int | None:
    """Bytes this process may still take: :data:`MEMORY_VARIABLE`, else the least of the machine's available memory
    and its control group's room; None where neither is known.

    Args:
        environment: by default the process's own.
        root: where ``proc`` and ``sys`` are.
    """
    given = (os.environ if environment is None else environment).get(MEMORY_VARIABLE, "")
    if given.isascii() and given.isdecimal():
        return int(given) << 20
    found = [_machine(root), *_groups(root)]
    return min((room for room in found if room is not None), default=None)


def _machine(root: Path) -> int | None:
    text = _read(root / "proc/meminfo")
    fields = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    value = fields.get("MemAvailable", "").split()
    return int(value[0]) << 10 if value and value[0].isdecimal() else None


def _groups(root: Path) -> list[int]:
    """Room in the control group, versions 2 and 1; the page cache it holds can be given back and counts as room."""
    rooms = []
    for folder, limit, used, cache in (
        ("sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"),
        ("sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ):
        most, current = (_read(root / folder / name).strip() for name in (limit, used))
        if most.isdecimal() and current.isdecimal():
            lines = (line.split() for line in _read(root / folder / "memory.stat").splitlines())
            cached = next((int(line[1]) for line in lines if len(line) == 2 and line[0] == cache), 0)
            rooms.append(max(int(most) - int(current) + cached, 0))
    return rooms


def _work(graph: Graph, node: Node) -> float:
    """Multiplications of one evaluation; at least its elements."""
    shapes = [graph.tensors[name].shape if name else () for name in node.inputs]
    elements = sum(graph.tensors[name].size for name in node.outputs if name)
    if node.op == "Conv":
        return float(elements * prod(shapes[1][1:]))
    if node.op == "ConvTranspose":
        return float(prod(shapes[0]) * prod(shapes[1][1:]))
    spec = find_spec(node.domain, node.op, node.opset, node.name)
    if spec.work is None:
        return float(elements)
    infos = [graph.tensors[name] if name else None for name in node.inputs]
    operands = [None if info is None else Operand(info.name, info.dtype, info.shape) for info in infos]
    return float(max(spec.work(node, operands), elements))


def _recurrent(graph: Graph, node: Node) -> tuple[float, float]:
    """Cells of all turns and directions, and what a gate of one reads: the state and a turn's input."""
    x, _, recurrent = (graph.tensors[name].shape for name in node.inputs[:3])
    return float(prod(x[:-1]) * recurrent[0] * recurrent[2]), float(recurrent[2] + x[-1])


def _places(graph: Graph, node: Node) -> int:
    """Entries among which one index of a lookup chooses."""
    data, indices = (graph.tensors[name].shape for name in node.inputs[:2])
    first = node.attributes.get("batch_dims" if node.op == "GatherND" else "axis")
    start = first if isinstance(first, int) else 0
    return prod(data[start : start + indices[-1]]) if node.op == "GatherND" else data[start]


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def _gigabytes(size: int) -> str:
    return f"{size / 2**30:,.1f} GB"
