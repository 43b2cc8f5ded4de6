"""Step functions of integers: every level where the real function has it, on lines wherever lines do."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from prover.quantization.steps.requantize import rounded_product, rounded_quotient
from prover.quantization.tables.staircase import Line, Stairs, line, nearly, simplest, stairs

I64 = NDArray[np.int64]


def drawn(x: I64, found: Line, cap: int) -> I64:
    return found.at_arguments(x, cap)


def product(factor: float, zero: int, low: int, cap: int):  # type: ignore[no-untyped-def]
    scale = np.float64(np.float32(factor))
    return lambda x: rounded_product(x.astype(np.float64), scale, np.float64(zero), low, low + cap) - low


@given(st.floats(1e-4, 3.0), st.sampled_from([(0, 255), (-128, 255), (-8, 15)]), st.data())
@settings(max_examples=60, deadline=None)
def test_levels_of_a_requantisation_are_found_exactly(
    factor: float, kind: tuple[int, int], data: st.DataObject
) -> None:
    low, cap = kind
    zero = data.draw(st.integers(low, low + cap))
    reach = data.draw(st.integers(1, 20_000))
    function = product(factor, zero, low, cap)
    every = np.arange(-reach, reach + 1, dtype=np.int64)
    wanted = function(every)
    table = stairs(function, -reach, reach)
    assert np.array_equal(table.base + np.searchsorted(table.cuts, every, side="right"), wanted)
    for found in (line(table, cap), nearly(table, cap, float(np.float32(factor))) if table.cuts.size else None):
        if found is not None:
            assert np.array_equal(drawn(every, found, cap), wanted)


def test_most_scales_give_lines() -> None:
    generator = np.random.default_rng(0)
    lines = 0
    for factor in generator.uniform(1e-4, 1e-2, 100):
        function = product(float(factor), 3, -128, 255)
        table = stairs(function, -(1 << 20), 1 << 20)
        found = line(table, 255) or nearly(table, 255, float(np.float32(factor)))
        assert found is not None
        lines += not found.at
        near = (table.cuts[:, None] + np.arange(-2, 3)).ravel()
        assert np.array_equal(drawn(near, found, 255), function(near))
    assert lines > 60


def test_a_line_has_the_smallest_divisor() -> None:
    for slope in (0.07, 0.2137, 0.3719, 0.6181):
        table = stairs(lambda x, slope=slope: np.floor(x * slope + 0.3).astype(np.int64), 0, 30)
        found = line(table, 255)
        assert found is not None
        every = np.arange(31)
        wanted = table.base + np.searchsorted(table.cuts, every, side="right")
        assert np.array_equal(found.at_arguments(every, 255), wanted)
        smaller = [
            divisor
            for divisor in range(1, found.divisor)
            for factor in range(1, divisor + 1)
            for offset in range(divisor)
            if np.array_equal((factor * every + offset) // divisor, wanted)
        ]
        assert smaller == []


@given(st.fractions(0, 5, max_denominator=60), st.fractions(0, 5, max_denominator=60))
def test_simplest_fractions(first: Fraction, second: Fraction) -> None:
    low, high = sorted((first, second))
    if low == high:
        return
    found = simplest(low, high)
    assert low < found < high
    for denominator in range(1, found.denominator):
        numerator = (low * denominator).__floor__() + 1
        assert Fraction(numerator, denominator) >= high


def test_ties_to_even_lie_on_no_line() -> None:
    # Thresholds of round(x / 4): 3, 6, 11, 14, 19, ...: steps of 3 and 5.
    function = product(0.25, 0, 0, 255)
    table = stairs(function, 0, 2000)
    assert np.diff(table.cuts[:5]).tolist() == [3, 5, 3, 5]
    assert line(table, 255) is None
    few = stairs(function, 0, 30)
    found = nearly(few, 255, 0.25)
    assert found is not None
    assert found.at
    assert np.array_equal(drawn(np.arange(31), found, 255), function(np.arange(31)))


def test_a_constant_is_a_line() -> None:
    assert line(stairs(lambda x: np.full_like(x, 7), -5, 5), 255) == Line(0, 7, 1)
    assert line(Stairs(0, np.array([4], dtype=np.int64), 0, 9), 255) is not None


@pytest.mark.parametrize("scale", [0.1, 0.3, 2.0, 1e-3])
@pytest.mark.parametrize("zero", [0, 128, 7])
def test_quotients_are_float32s(scale: float, zero: int) -> None:
    """Against the definition of the standard: a division in float32, halves to even."""
    x = np.arange(-40_000, 40_000).astype(np.float64) / 64
    single = x.astype(np.float32) / np.float32(scale)
    wanted = np.clip(np.rint(single).astype(np.int64) + zero, 0, 255)
    assert np.array_equal(rounded_quotient(x, np.float64(np.float32(scale)), np.float64(zero), 0, 255), wanted)
