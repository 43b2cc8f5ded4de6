"""Widths: never too small, and tighter than plain intervals where it matters."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prover.errors import QuantizationError
from prover.graph import import_model
from prover.quantization import FactSpace, IntegerModel, Settings, calibrate
from prover.quantization.bounds import Bounds
from prover.quantization.sparse import Sparse
from prover.schema import Bool, Category, Fixed, Int, Schema
from tests.quantization.nets import mlp

SMALL = Schema("small", (Int("a", -3, 5), Category("c", ("x", "y", "z")), Bool("b"), Int("o", 2, 4, optional=True)))


def every_input() -> tuple[np.ndarray, np.ndarray]:
    """All inputs SMALL admits: codes int64[n, 4], missing bool[n, 4]."""
    rows, absent = [], []
    for a, c, b, o in itertools.product(range(-3, 6), range(3), range(2), (2, 3, 4, None)):
        rows.append([a, c, b, o or 0])
        absent.append([False, False, False, o is None])
    return np.array(rows, dtype=np.int64), np.array(absent)


@given(st.lists(st.integers(-1000, 1000), min_size=7, max_size=7), st.integers(-(2**40), 2**40))
def test_linear_bounds_are_exact_over_every_admitted_fact(weights: list[int], offset: int) -> None:
    facts = FactSpace.of(SMALL)
    assert facts.n_slots == 7
    matrix = Sparse.from_dense(np.array([weights], dtype=np.int64))
    bias = np.array([offset], dtype=np.int64)
    low, high = Bounds(facts).of(matrix, bias, "test")
    values = matrix.apply(facts.expand(*every_input())) + bias
    # Exact up to one count and the float slack; an optional number also counts as 0 beside its flag.
    reach = 1.5 + 1000 * 4 * 2 + 1e-9 * abs(offset)
    assert low[0] <= values.min()
    assert values.max() <= high[0]
    assert low[0] >= values.min() - reach
    assert high[0] <= values.max() + reach


def test_a_one_hot_group_counts_its_best_member() -> None:
    schema = Schema("s", (Category("c", tuple("abcdefgh")),))
    facts = FactSpace.of(schema)
    matrix = Sparse.from_dense(np.full((1, 8), 100, dtype=np.int64))
    low, high = Bounds(facts).of(matrix, np.zeros(1, dtype=np.int64), "test")
    assert 98 <= low[0] <= 100 <= high[0] <= 102


def test_sums_beyond_61_bits_are_refused_by_name() -> None:
    facts = FactSpace.of(Schema("s", (Int("a", 0, 1 << 40),)))
    matrix = Sparse.from_dense(np.array([[1 << 21]], dtype=np.int64))
    with pytest.raises(QuantizationError, match="layer 3"):
        Bounds(facts).of(matrix, np.zeros(1, dtype=np.int64), "layer 3")


@given(st.integers(0, 10_000), st.integers(0, 3))
def test_relaxed_bounds_hold_on_random_nets_and_random_inputs(seed: int, depth: int) -> None:
    graph = import_model(mlp([5, *[6] * depth, 2], seed=seed, head=""))
    schema = Schema("s", tuple(Fixed(f"x{i}", 64, -512, 511) for i in range(5)))
    generator = np.random.default_rng(seed)
    rows = np.rint(generator.uniform(-8, 7.9, size=(16, 5)) * 64) / 64
    plan = calibrate(graph, schema, rows.astype(np.float32), settings=Settings(saturation_bits=0))
    codes = np.concatenate(
        (
            generator.integers(-512, 512, size=(400, 5)),
            generator.choice([-512, 511], size=(400, 5)),
        )
    )
    run = IntegerModel(plan, schema).run(codes.astype(np.int64))  # raises when a bound is wrong
    last = plan.steps[-1].inputs
    assert np.all(run.inputs[-1] >= last.lo)
    assert np.all(run.inputs[-1] <= last.hi)


def test_relaxation_beats_intervals_in_depth() -> None:
    graph = import_model(mlp([6, 20, 20, 20, 1], seed=8, head=""))
    schema = Schema("s", tuple(Fixed(f"x{i}", 64, -512, 511) for i in range(6)))
    rows = np.random.default_rng(1).uniform(-7, 7, size=(64, 6)).astype(np.float32)
    plan = calibrate(graph, schema, rows, settings=Settings(saturation_bits=0))
    last = plan.steps[-1]
    before = np.concatenate([FactSpace.of(schema).hi, *[step.hi for step in plan.steps[:-1]]])
    under = np.concatenate([FactSpace.of(schema).lo, *[step.lo for step in plan.steps[:-1]]])
    data, cols = last.inputs.matrix.data, last.inputs.matrix.cols
    interval = np.maximum(data * before[cols], data * under[cols]).sum() + last.inputs.bias[0]
    assert last.inputs.hi[0] < 0.8 * interval
