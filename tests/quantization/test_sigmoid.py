"""The piecewise sigmoid: its proven bound against the function itself, in extended precision."""

from __future__ import annotations

import math

import numpy as np
import pytest

from prover.errors import QuantizationError
from prover.quantization.sigmoid import POSITION_BITS, evaluate, sigmoid_table


@pytest.mark.parametrize(("decimals", "bound"), [(0, 5.1e8), (2, 1.3e7), (4, 1.3e5), (6, 1800), (7, 620)])
def test_error_is_within_the_stated_bound(decimals: int, bound: float) -> None:
    reach = 20 << POSITION_BITS
    table = sigmoid_table(-reach, reach, decimals)
    assert table.error_billionths <= bound
    generator = np.random.default_rng(1)
    real = np.concatenate([generator.uniform(-20, 20, 200_000), generator.normal(size=200_000), [0.0, -20.0, 20.0]])
    z = np.floor(real * 2**POSITION_BITS + 0.5).astype(np.int64)
    scores = evaluate(z, table.starts, table.c0, table.c1, table.c2, table.shift)
    exact = 1.0 / (1.0 + np.exp(-real.astype(np.longdouble)))
    assert float(np.abs(scores / 10.0**decimals - exact).max()) <= table.error_billionths / 1e9


def test_scores_stay_in_range_and_are_symmetric_within_a_count() -> None:
    table = sigmoid_table(-(30 << POSITION_BITS), 30 << POSITION_BITS, 6)
    z = np.arange(-(16 << POSITION_BITS), 16 << POSITION_BITS, 97, dtype=np.int64)
    scores = evaluate(z, table.starts, table.c0, table.c1, table.c2, table.shift)
    assert scores.min() == 0
    assert scores.max() == 1_000_000
    mirrored = evaluate(-z, table.starts, table.c0, table.c1, table.c2, table.shift)
    assert np.abs(scores + mirrored - 1_000_000).max() <= 2
    assert np.diff(scores).min() >= -1


def test_the_ends_are_constant_and_a_narrow_range_is_one_segment() -> None:
    wide = sigmoid_table(-(1000 << POSITION_BITS), 1000 << POSITION_BITS, 6)
    assert wide.c1[0] == wide.c2[0] == wide.c1[-1] == wide.c2[-1] == 0
    ends = np.array([wide.starts[0], 1000 << POSITION_BITS])
    assert evaluate(ends, wide.starts, wide.c0, wide.c1, wide.c2, wide.shift).tolist() == [0, 1_000_000]
    narrow = sigmoid_table(0, 100, 6)
    assert narrow.starts.tolist() == [0]


def test_arithmetic_fits_machine_integers() -> None:
    for decimals in range(8):
        table = sigmoid_table(-(40 << POSITION_BITS), 40 << POSITION_BITS, decimals)
        lengths = np.diff(np.append(table.starts, (40 << POSITION_BITS) + 1)) - 1
        slope = np.abs(table.c2.astype(object) * lengths) + np.abs(table.c1)
        assert max(slope * lengths + table.c0) < 1 << 62


def test_too_many_decimals() -> None:
    with pytest.raises(QuantizationError, match="at most 7"):
        sigmoid_table(0, 1, 8)
    assert math.isclose(10**7, 1e7)
