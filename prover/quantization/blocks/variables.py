"""Which step a symbolic tensor comes from: what lets two nonlinearities become one step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from prover.graph import Node
from prover.quantization.trace import Affine, FloatStep, Trace

_REARRANGING = {"Reshape", "Flatten", "Transpose", "Squeeze", "Unsqueeze", "Pad", "Slice", "Dropout"}


@dataclass(frozen=True)
class Producer:
    """The step whose outputs are the elements of a tensor, and which ones: int64[size]."""

    step: FloatStep
    outputs: NDArray[np.int64]


def producer(trace: Trace, x: Affine) -> Producer | None:
    """The one step whose bare outputs all elements of ``x`` are; None when there is none."""
    variables = _bare(x)
    if not variables.size or variables.min() < 0:
        return None
    starts = _starts(trace)
    first = int(np.searchsorted(starts, variables.min(), side="right")) - 1
    if first < 0 or first >= len(trace.steps) or variables.max() >= starts[first + 1]:
        return None
    return Producer(trace.steps[first], variables - starts[first])


def unrectified(trace: Trace, x: Affine) -> Affine | None:
    """``x`` with rectified elements as they were before; None when no element is a ReLU's output."""
    variables, starts = _bare(x), _starts(trace)
    owners = np.searchsorted(starts, variables, side="right") - 1
    parts, place, end = [x], np.arange(x.size), x.size
    for owner in np.unique(owners[variables >= trace.facts.n_slots]).tolist():
        step = trace.steps[owner]
        if step.kind == "relu":
            chosen = np.flatnonzero((owners == owner) & (variables >= 0))
            place[chosen] = end + variables[chosen] - starts[owner]
            parts.append(step.inputs)
            end += step.inputs.size
    return Affine.stack(parts).pick(place) if len(parts) > 1 else None


def read_once(trace: Trace, node: Node) -> bool:
    """Whether only ``node`` reads its operands, and nothing else what they were rearranged from.

    Two nonlinearities become one step only then: otherwise the first would be proved once more for the others.
    """
    if trace.graph is None:
        return True
    outputs = {tensor.name for tensor in trace.graph.outputs}
    names = [name for name in node.inputs if name and name not in trace.graph.constants]
    while names:
        name = names.pop()
        if name in outputs or len(trace.graph.consumers[name]) != 1:
            return False
        maker = trace.graph.producers.get(name)
        if maker is not None and maker.op in _REARRANGING:
            names.append(maker.inputs[0])
    return True


def is_read(trace: Trace, tensor: str) -> bool:
    """Whether a node reads the tensor, or the caller of the model."""
    if trace.graph is None or not tensor:
        return bool(tensor)
    return bool(trace.graph.consumers[tensor]) or any(tensor == output.name for output in trace.graph.outputs)


def _starts(trace: Trace) -> NDArray[np.int64]:
    """First variable of every step, and the number of variables."""
    return np.cumsum([trace.facts.n_slots] + [step.n_outputs for step in trace.steps])


def _bare(x: Affine) -> NDArray[np.int64]:
    """int64[size]: the variable an element is, or -1 where it is anything else."""
    matrix = x.matrix
    variables = np.full(x.size, -1, dtype=np.int64)
    single = np.flatnonzero((np.diff(matrix.indptr) == 1) & (x.bias == 0.0))
    single = single[matrix.data[matrix.indptr[single]] == 1.0]
    variables[single] = matrix.cols[matrix.indptr[single]]
    return variables
