"""Normalisations: numbers less their mean, over their norm."""

from __future__ import annotations

import math

import numpy as np

from prover.graph import Node
from prover.quantization.blocks.product import contract, product
from prover.quantization.blocks.quotient import quotient
from prover.quantization.blocks.root import inverse_root
from prover.quantization.blocks.sums import combined, scaled, shifted
from prover.quantization.reductions import Groups, along
from prover.quantization.rules import rule
from prover.quantization.rules.linear import integer, real
from prover.quantization.rules.reduction import magnitudes, squares
from prover.quantization.trace import Affine, Trace, Value, linear, unsupported

_ROOT = ("contract", "root")


@rule("BatchNormalization", steps=_ROOT)
def batch(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """``(x - mean) * scale / sqrt(var + epsilon) + B``, one of each a channel; linear where they are constants."""
    x, scale, bias, mean, variance = (linear(node, value, trace) for value in operands)
    spread = shifted(variance, real(node, "epsilon"))
    if spread.matrix.nnz == 0:
        if np.any(spread.bias <= 0):
            raise unsupported(node, "a variance that is not positive")
        inverse = Affine.constant((1.0 / np.sqrt(spread.bias)).reshape(spread.shape), trace.n_variables)
    else:
        inverse = inverse_root(trace, node, spread)
    factor = product(trace, node, scale, inverse)
    rest = combined(bias, product(trace, node, mean, factor), -1.0)
    return [combined(product(trace, node, x, _channels(factor, x)), _channels(rest, x))]


@rule("LayerNormalization", steps=_ROOT)
def layer(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """Over all axes from ``axis`` on; also the mean and the inverse deviation, where they are wanted."""
    x = linear(node, operands[0], trace)
    groups = along(x.shape, _from_axis(node, x))
    result, mean, inverse = _normalised(trace, node, x, groups, real(node, "epsilon"))
    return [_scaled_and_shifted(trace, node, result, operands), mean, inverse]


@rule("RMSNormalization", steps=_ROOT)
def root_mean_square(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """``x / sqrt(mean(x^2) + epsilon) * scale`` over all axes from ``axis`` on."""
    x = linear(node, operands[0], trace)
    groups = along(x.shape, _from_axis(node, x))
    result, _ = over_norm(trace, node, x, groups, real(node, "epsilon"), groups.length)
    return [_scaled_and_shifted(trace, node, result, operands)]


@rule("InstanceNormalization", steps=_ROOT)
def instance(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """Over the places of every channel, one scale and shift a channel."""
    x = linear(node, operands[0], trace)
    groups = along(x.shape, range(2, len(x.shape)))
    result, _, _ = _normalised(trace, node, x, groups, real(node, "epsilon"))
    return [_by_channel(trace, node, result, operands)]


@rule("GroupNormalization", steps=_ROOT)
def group(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """Over groups of channels, one scale and shift a channel."""
    x = linear(node, operands[0], trace)
    parts = integer(node, "num_groups")
    if x.shape[1] % parts:
        raise unsupported(node, f"{x.shape[1]} channels do not make {parts} groups")
    grouped = along((x.shape[0], parts, x.size // (x.shape[0] * parts)), (2,))
    result, _, _ = _normalised(trace, node, x, grouped, real(node, "epsilon"))
    return [_by_channel(trace, node, result, operands)]


@rule("MeanVarianceNormalization", steps=_ROOT)
def mean_variance(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """``(x - mean) / deviation`` over ``axes``."""
    x = linear(node, operands[0], trace)
    axes = node.attributes["axes"]
    assert isinstance(axes, tuple)
    groups = along(x.shape, [int(axis) % len(x.shape) for axis in axes])
    return [_normalised(trace, node, x, groups, 0.0)[0]]


@rule("LpNormalization", steps=("contract", "root", "relu", "quotient"))
def unit_length(trace: Trace, node: Node, operands: list[Value | None]) -> list[Value]:
    """``x`` over its L1 or L2 norm along ``axis``."""
    x = linear(node, operands[0], trace)
    groups = along(x.shape, (integer(node, "axis") % len(x.shape),))
    if integer(node, "p") == 2:
        return [over_norm(trace, node, x, groups, 0.0, 1)[0]]
    norms = groups.sums(magnitudes(trace, node, x))
    return [quotient(trace, node, x, norms, limit=1.25)]  # no number exceeds the sum of all magnitudes


def _normalised(trace: Trace, node: Node, x: Affine, groups: Groups, epsilon: float) -> tuple[Affine, Affine, Affine]:
    """((x - mean) / sqrt(variance + epsilon), mean, 1 / sqrt(variance + epsilon)) of every group.

    Computed on n·x - sum(x), whose weights are whole numbers: its squares sum to n^3 times the variance.
    """
    n = groups.length
    totals = groups.sums(x)
    centred = combined(scaled(x, float(n)), totals.pick(groups.of.reshape(x.shape)), -1.0)
    result, inverse = over_norm(trace, node, centred, groups, n * n * epsilon, n)
    return result, scaled(totals, 1.0 / n), scaled(inverse, float(n))


def over_norm(trace: Trace, node: Node, x: Affine, groups: Groups, epsilon: float, n: int) -> tuple[Affine, Affine]:
    """(x / sqrt(sum(x^2) / n + epsilon), the inverse of that root), one root a group.

    No number exceeds the root of the sum of squares it is part of, so that x times the inverse root lies within 1, but
    for roundings: of the inverse root, 1/8 at most, and of x, a 2^-8 at most, seen through the largest inverse root.
    """
    spread = shifted(squares(trace, node, x, groups, relative=True), n * epsilon)
    inverse = inverse_root(trace, node, spread)
    every = np.arange(x.size, dtype=np.int64)
    limit = 1.25 + 2.0**-8 / math.sqrt(n * epsilon) if epsilon > 0 else math.inf
    result = contract(trace, node, x, inverse, every, groups.of, every, x.shape, limit=limit)
    return scaled(result, math.sqrt(n)), scaled(inverse, math.sqrt(n))


def _from_axis(node: Node, x: Affine) -> range:
    return range(integer(node, "axis") % len(x.shape), len(x.shape))


def _scaled_and_shifted(trace: Trace, node: Node, x: Affine, operands: list[Value | None]) -> Affine:
    """``x * scale + B``, both broadcast; B may be absent."""
    result = product(trace, node, x, linear(node, operands[1], trace))
    if len(operands) < 3 or operands[2] is None:
        return result
    return combined(result, linear(node, operands[2], trace))


def _by_channel(trace: Trace, node: Node, x: Affine, operands: list[Value | None]) -> Affine:
    scale, bias = (_channels(linear(node, value, trace), x) for value in operands[1:3])
    return combined(product(trace, node, x, scale), bias)


def _channels(value: Affine, like: Affine) -> Affine:
    """A vector over the channels, axis 1, of ``like``, ready to broadcast."""
    numbers = np.arange(value.size, dtype=np.int64)
    return value.pick(numbers.reshape(-1, *(1,) * (len(like.shape) - 2)))
