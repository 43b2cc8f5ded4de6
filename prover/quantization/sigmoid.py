"""The logistic function on integers: a piecewise quadratic whose error is proven by trying every argument.

An argument z counts 2^-POSITION_BITS. Each segment [start_i, start_{i+1}) has integer coefficients and

    score = ((c2 * t + c1) * t + c0) >> shift,      t = z - start_i

is the probability at the decimal scale, rounded. The outermost segments are constant: there the function is within
half a count of 0 or 1. Interpolation is at Chebyshev nodes; a segment is as long as the error allows, so segments are
short where the third derivative is large.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from prover.errors import QuantizationError

I64 = NDArray[np.int64]

POSITION_BITS = 18
"""Fraction bits of an argument. Rounding to them moves a probability by at most 2^-19 / 4 = 4.8e-7."""

_VALUE_BITS = 60
"""Bits of a value before the final shift, so that all arithmetic stays in int64."""

_SEGMENT_ERROR = 0.8
"""Largest error of a segment in counts of the score, before the final rounding."""

MAX_DECIMALS = 7
"""More decimals would be finer than the argument."""


@dataclass(frozen=True)
class SigmoidTable:
    """Segments in ascending order; ``starts[0]`` is the smallest argument.

    Attributes:
        starts, c0, c1, c2: int64[m].
        shift: bits dropped at the end; the rounding half is part of c0.
        error_billionths: proven bound over every real argument, its rounding included, in 10^-9 of probability.
    """

    starts: I64
    c0: I64
    c1: I64
    c2: I64
    shift: int
    error_billionths: int


def sigmoid_table(low: int, high: int, decimals: int) -> SigmoidTable:
    """The table for arguments low..high, probability at 10^-decimals.

    Raises:
        QuantizationError: more decimals than the arithmetic carries.
    """
    if decimals > MAX_DECIMALS:
        raise QuantizationError(
            f"a probability is revealed with at most {MAX_DECIMALS} decimals, not {decimals}", "6 are the default"
        )
    scale = 10**decimals
    shift = _VALUE_BITS - scale.bit_length()
    edge = math.ceil(math.log(2 * scale) * 2**POSITION_BITS)
    rows: list[tuple[int, int, int, int]] = []
    worst = 0.5
    if low < -edge:
        rows.append((low, 1 << (shift - 1), 0, 0))  # score 0
    start, stop = max(low, -edge), min(high + 1, edge)
    while start < stop:
        end, coefficients, error = _longest(start, stop, scale, shift)
        rows.append((start, *coefficients))
        worst, start = max(worst, error), end
    if high >= edge:
        rows.append((max(low, edge), (scale << shift) + (1 << (shift - 1)), 0, 0))  # score 1
    table = np.array(rows, dtype=np.int64)
    moved = 0.25 * 2.0 ** -(POSITION_BITS + 1) * scale
    bound = math.ceil((worst + moved) / scale * 1e9) + 1
    return SigmoidTable(table[:, 0], table[:, 1], table[:, 2], table[:, 3], shift, bound)


def evaluate(z: I64, starts: I64, c0: I64, c1: I64, c2: I64, shift: int) -> I64:
    """Scores of integer arguments, each at or above ``starts[0]``."""
    segment = np.searchsorted(starts, z, side="right") - 1
    t = z - starts[segment]
    return np.asarray(((c2[segment] * t + c1[segment]) * t + c0[segment]) >> shift, dtype=np.int64)


def _longest(start: int, stop: int, scale: int, shift: int) -> tuple[int, tuple[int, int, int], float]:
    """The longest segment at ``start`` within the error: (end, (c0, c1, c2), its error in counts, rounded).

    A length is found bit by bit on 64 arguments, then tried on every argument and shortened until all agree.
    """
    length, bit = 0, 1 << (POSITION_BITS + 2)
    while bit > max(length >> 5, 1):
        end = min(start + length + bit, stop)
        stride = max(1, (end - start) // 64)
        if _error(start, end, stride, _quadratic(start, end, scale, shift), scale, shift)[0] <= _SEGMENT_ERROR:
            length += bit
        bit >>= 1
    while True:
        end = min(start + max(length, 1), stop)
        coefficients = _quadratic(start, end, scale, shift)
        error, rounded = _error(start, end, 1, coefficients, scale, shift)
        if error <= _SEGMENT_ERROR:
            return end, coefficients, rounded
        length -= (length + 31) // 32


def _quadratic(start: int, end: int, scale: int, shift: int) -> tuple[int, int, int]:
    """Integer (c0, c1, c2) of the interpolating quadratic; c0 includes the rounding half."""
    span = float(end - start)
    nodes = (1.0 + np.cos(np.pi * np.array([1.0, 3.0, 5.0]) / 6.0)) / 2.0
    values = _sigmoid((start + nodes * span) / 2.0**POSITION_BITS)
    q2, q1, q0 = np.polyfit(nodes, values, 2)
    factor = scale * 2.0**shift
    return (
        round(q0 * factor) + (1 << (shift - 1)),
        round(q1 * factor / span),
        round(q2 * factor / span**2),
    )


def _error(
    start: int, end: int, stride: int, coefficients: tuple[int, int, int], scale: int, shift: int
) -> tuple[float, float]:
    """(largest error before, largest error after the final rounding) over every stride-th argument, in counts."""
    t = np.arange(0, end - start, stride, dtype=np.int64)
    c0, c1, c2 = coefficients
    values = (c2 * t + c1) * t + c0
    exact = _sigmoid((start + t) / 2.0**POSITION_BITS) * scale
    before = np.abs((values - (1 << (shift - 1))) / 2.0**shift - exact).max()
    scores = values >> shift
    if scores.min() < 0 or scores.max() > scale:
        return math.inf, math.inf
    return float(before), float(np.abs(scores - exact).max())


def _sigmoid(x: NDArray[np.float64]) -> NDArray[np.float64]:
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0, small) / (1.0 + small)
