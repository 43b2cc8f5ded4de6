"""Tables of functions: their proven bound against the function itself, in extended precision where it matters."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from prover.errors import QuantizationError
from prover.quantization.steps.sigmoid import POSITION_BITS
from prover.quantization.tables.functions import function, names
from prover.quantization.tables.piecewise import Spec, Table, cheapest_table, evaluate, extremes

I64 = NDArray[np.int64]

ARGUMENTS: dict[str, tuple[tuple[str, float], ...]] = {
    "Selu": (("alpha", 1.67326), ("gamma", 1.0507)),
    "Elu": (("alpha", 0.7),),
    "Celu": (("alpha", 2.0),),
    "HardSigmoid": (("alpha", 0.2), ("beta", 0.5)),
}

DOMAINS = {
    "Probit": (0.02, 0.98),
    "Log": (2.0**-6, 8.0),
    "Asin": (-1.0, 1.0),
    "Acos": (-1.0, 1.0),
    "Acosh": (1.0, 8.0),
    "Atanh": (-0.96875, 0.96875),
    "Tan": (-1.5, 1.5),
}


def spec_of(name: str, bits: int, position: int, ends: tuple[float, float] = (-8.0, 8.0)) -> Spec:
    low, high = (int(end * 2**position) for end in ends)
    tolerance = 0.3 * 2.0**-bits
    return Spec(name, ARGUMENTS.get(name, ()), low, high, (low, high), position, 2.0**bits, tolerance, False)


def results(table: Table, z: I64) -> I64:
    return evaluate(z, table.starts, table.coefficients, table.shift)


@pytest.mark.parametrize("name", names())
def test_every_function_is_within_its_bound_at_every_argument(name: str) -> None:
    spec = spec_of(name, 10, 12, DOMAINS.get(name, (-8.0, 8.0)))
    table = cheapest_table(spec)
    z = np.arange(spec.low, spec.high + 1, dtype=np.int64)
    x = z * 2.0**-spec.position_bits
    shape = function(name, spec.arguments)
    exact = shape.evaluate(x)
    size = np.maximum(np.abs(exact), 1.0)
    got = results(table, z) / spec.scale
    assert float((np.abs(got - exact) / size).max()) <= 0.8 / spec.scale + 1e-12
    assert float((np.abs(got - exact) / size).max()) <= table.error
    # Real arguments that were rounded to z, too.
    between = np.clip(x + np.random.default_rng(0).uniform(-0.5, 0.5, x.size) * 2.0**-spec.position_bits, x[0], x[-1])
    exact = shape.evaluate(between)
    assert float((np.abs(got - exact) / np.maximum(np.abs(exact), 1.0)).max()) <= table.error


@pytest.mark.parametrize("name", names())
def test_curvature_and_tails_hold(name: str) -> None:
    """Second differences on a fine grid stay below the bound; lines are as near as they say."""
    low, high = DOMAINS.get(name, (-8.0, 8.0))
    shape = function(name, ARGUMENTS.get(name, ()))
    edges = [low, *(place for place in shape.breaks if low < place < high), high]
    for a, b in itertools.pairwise(edges):
        x = np.linspace(a, b, 4001)[1:-1]
        h = x[1] - x[0]
        second = np.abs(np.diff(shape.evaluate(x), 2)) / h**2
        for part in range(0, second.size, 500):
            limit = shape.curvature(float(x[part]), float(x[min(part + 501, x.size - 1)]))
            assert float(second[part : part + 500].max()) <= limit * (1 + 1e-3) + 1e-6
    x = np.linspace(2.0, 30.0, 2000)
    for tail, places in ((shape.low, -x), (shape.high, x)):
        if tail is not None:
            distance = np.abs(shape.evaluate(places) - (tail.slope * places + tail.intercept))
            assert all(d <= tail.error(p) + 1e-12 for d, p in zip(distance.tolist(), places.tolist(), strict=True))


@pytest.mark.parametrize(("name", "bits"), [("Tanh", 16), ("Gelu", 20), ("Exp", 16), ("Log", 18)])
def test_the_error_shrinks_with_the_bits(name: str, bits: int) -> None:
    spec = spec_of(name, bits, bits + 1, DOMAINS.get(name, (-8.0, 8.0)))
    table = cheapest_table(spec)
    z = np.random.default_rng(2).integers(spec.low, spec.high + 1, 200_000)
    exact = function(name).evaluate(z * 2.0**-spec.position_bits)
    error = np.abs(results(table, z) / spec.scale - exact) / np.maximum(np.abs(exact), 1.0)
    assert float(error.max()) <= 0.81 * 2.0**-bits


@pytest.mark.parametrize(("decimals", "bound"), [(0, 1.0e9), (2, 1.0e7), (4, 1.01e5), (6, 1480), (7, 620)])
def test_probabilities_at_a_decimal_scale(decimals: int, bound: float) -> None:
    reach = 20 << POSITION_BITS
    scale = 10.0**decimals
    spec = Spec("Sigmoid", (), -reach, reach, (-reach, reach), POSITION_BITS, scale, 0.45 / scale, False)
    table = cheapest_table(spec)
    assert table.error * 1e9 <= bound
    generator = np.random.default_rng(1)
    real = np.concatenate([generator.uniform(-20, 20, 200_000), generator.normal(size=200_000), [0.0, -20.0, 20.0]])
    scores = results(table, np.floor(real * 2**POSITION_BITS + 0.5).astype(np.int64))
    exact = 1.0 / (1.0 + np.exp(-real.astype(np.longdouble)))
    assert float(np.abs(scores / scale - exact).max()) <= table.error
    assert scores.min() >= 0
    assert scores.max() <= scale
    assert np.diff(results(table, np.arange(-reach, reach, 9973, dtype=np.int64))).min() >= -1


@given(
    st.sampled_from(["Sigmoid", "Gelu", "Exp", "Softplus", "Elu", "Sin"]),
    st.integers(-(1 << 30), 1 << 30),
    st.integers(0, 1 << 34),
    st.integers(4, 16),
)
@settings(max_examples=40, deadline=None)
def test_any_range(name: str, start: int, length: int, bits: int) -> None:
    """One-point ranges, ranges on one side, huge ones: the table covers them, and saturates outside its clamp."""
    position = bits + 1
    low, high = start, start + length
    reach = 6 << position
    clamp = min(max(-reach, low), high), max(min(reach, high), low)
    spec = Spec(name, ARGUMENTS.get(name, ()), low, high, clamp, position, 2.0**bits, 0.3 * 2.0**-bits, True)
    shape = function(name, spec.arguments)
    with np.errstate(over="ignore"):
        if not np.abs(shape.evaluate(np.array(clamp) * 2.0**-position)).max() < 2.0**20:
            return
    table = cheapest_table(spec)
    assert table.starts[0] == low
    z = np.unique(
        np.concatenate((np.linspace(low, high, 50), np.linspace(*clamp, 200))).astype(np.int64).clip(low, high)
    )
    exact = shape.evaluate(np.clip(z, *clamp) * 2.0**-position)
    got = results(table, z)
    assert float((np.abs(got / spec.scale - exact) / np.maximum(np.abs(exact), 1.0)).max()) <= 0.81 / spec.scale
    least, most = extremes(np.array([low]), np.array([high]), table.starts, table.coefficients, table.shift)
    assert least[0] <= got.min()
    assert got.max() <= most[0]


@given(st.lists(st.tuples(st.integers(-600, 600), st.integers(0, 400)), min_size=1, max_size=5))
@settings(max_examples=60, deadline=None)
def test_extremes_are_exact(ranges: list[tuple[int, int]]) -> None:
    table = cheapest_table(spec_of("Gelu", 6, 7))
    low = np.array([start for start, _ in ranges])
    high = np.array([start + length for start, length in ranges])
    least, most = extremes(low, high, table.starts, table.coefficients, table.shift)
    for i, (a, b) in enumerate(zip(low, high, strict=True)):
        every = results(table, np.arange(a, b + 1))
        assert (least[i], most[i]) == (every.min(), every.max())


def test_an_error_that_cannot_be_reached_is_refused() -> None:
    spec = Spec("Sin", (), -(1 << 40), 1 << 40, (-(1 << 40), 1 << 40), 10, 2.0**10, 2.0**-12, True)
    with pytest.raises(QuantizationError, match="segments"):
        cheapest_table(spec)


def test_a_small_domain_is_linear() -> None:
    spec = Spec("Sigmoid", (), 0, 100, (0, 100), POSITION_BITS, 1e6, 0.45e-6, False)
    assert cheapest_table(spec).coefficients.shape[1] == 2


def test_ranges_of_values() -> None:
    """Extrema inside an interval count; infinite ends have limits."""
    inf = math.inf
    low, high = function("Silu").range(np.array([-inf, -1.0, 0.0]), np.array([inf, 1.0, inf]))
    assert low[0] == pytest.approx(-0.2784645, abs=1e-6)
    assert high[0] == high[2] == inf
    assert low[1] == pytest.approx(-1.0 / (1.0 + math.e), abs=1e-9)
    low, high = function("Cos").range(np.array([-1.0, 2.0]), np.array([1.0, 4.0]))
    assert (high[0], low[1]) == (1.0, -1.0)
    low, high = function("Sigmoid").range(np.array([-inf]), np.array([inf]))
    assert (low[0], high[0]) == (0.0, 1.0)


@pytest.mark.parametrize("name", names())
def test_slopes_are_bounded(name: str) -> None:
    low, high = DOMAINS.get(name, (-8.0, 8.0))
    spec = spec_of(name, 8, 10, (low, high))
    table = cheapest_table(spec)
    x = np.linspace(low, high, 100_001)
    steepest = np.abs(np.diff(function(name, spec.arguments).evaluate(x))).max() / (x[1] - x[0])
    assert steepest <= table.slope * (1 + 1e-9)
    if name not in ("Asin", "Acos", "Acosh"):  # vertical at an end of their domain
        assert table.slope <= 1.25 * steepest + 0.02
