"""Numbers multiplied with a function of themselves: exported SiLU, Gelu and Mish become one table again.

``x * sigmoid(k x)``, ``x * (1 + erf(k x))`` and the like are functions of x alone. As a product of two rounded numbers
they would cost a table, a product and a rounding; recognised, they cost a table.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from prover.graph import Node
from prover.quantization.blocks.function import apply
from prover.quantization.blocks.sums import combined, scaled
from prover.quantization.blocks.variables import producer
from prover.quantization.trace import Affine, FloatStep, Trace

_SAME = 2.0**-20
"""Relative distance at which two coefficients are one: 1 / sqrt(2) passes through float32 on its way."""


def gated(trace: Trace, node: Node, a: Affine, b: Affine) -> Affine | None:
    """``a * b`` where one of them is a known function of the other, or None."""
    if a.shape != b.shape or not a.size:
        return None
    return _gated(trace, node, a, b) or _gated(trace, node, b, a)


def _gated(trace: Trace, node: Node, x: Affine, gate: Affine) -> Affine | None:
    """``gate = slope * f(u) + offset`` of a table's results f(u), with u a multiple of x."""
    data = gate.matrix.data
    if data.size != gate.size or np.ptp(data) or np.ptp(gate.bias):
        return None
    slope, offset = float(data[0]), float(gate.bias[0])
    bare = Affine(gate.shape, gate.matrix.with_data(np.ones(data.size)), np.zeros(gate.size), gate.optional)
    source = producer(trace, bare)
    if source is None or source.step.kind != "function":
        return None
    product = _product(trace, node, x, source.step, source.outputs)
    return None if product is None else combined(scaled(product, slope), x, offset)


def _product(trace: Trace, node: Node, x: Affine, step: FloatStep, outputs: NDArray[np.int64]) -> Affine | None:
    """``x * f(u)``."""
    name, inputs = step.params["function"], step.inputs.pick(outputs)
    if name == "Tanh":
        inner = producer(trace, inputs)
        if inner is not None and inner.step.kind == "function" and inner.step.params["function"] == "Softplus":
            same = _ratio(inner.step.inputs.pick(inner.outputs), x)
            return apply(trace, node, "Mish", x) if same is not None and abs(same - 1.0) <= _SAME else None
    k = _ratio(inputs, x)
    if not k:
        return None
    if name == "Sigmoid":
        return scaled(apply(trace, node, "Silu", scaled(x, k)), 1 / k)
    if name == "Tanh":  # tanh(u) = 2 sigmoid(2 u) - 1
        return combined(scaled(apply(trace, node, "Silu", scaled(x, 2 * k)), 1 / k), x, -1.0)
    if name == "Erf":  # t (1 + erf(t / sqrt(2))) = 2 gelu(t)
        root = math.sqrt(2.0) * k
        return combined(scaled(apply(trace, node, "Gelu", scaled(x, root)), 2 / root), x, -1.0)
    return None


def _ratio(u: Affine, x: Affine) -> float | None:
    """The number k with ``u = k * x`` element by element, or None."""
    same = np.array_equal(u.matrix.indptr, x.matrix.indptr) and np.array_equal(u.matrix.cols, x.matrix.cols)
    ours, theirs = (np.concatenate((side.matrix.data, side.bias)) for side in (u, x))
    if not same or not x.matrix.nnz or not np.isfinite(ours).all():
        return None
    k = float(ours[0] / theirs[0])
    return k if bool(np.all(np.abs(ours - k * theirs) <= _SAME * np.abs(ours))) else None
