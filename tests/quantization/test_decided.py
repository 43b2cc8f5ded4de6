"""What ranges decide costs nothing: neurons that never fire or always do, maxima whose winner is known."""

from __future__ import annotations

import numpy as np
import pytest

from prover.graph import Node
from prover.quantization import FactSpace
from prover.quantization.blocks.maximum import maximum, minimum
from prover.quantization.blocks.relu import relu
from prover.quantization.trace import Affine, Trace
from tests.quantization.spatial import schema_of

NODE = Node("node", "Relu", "ai.onnx", 17, ("x",), ("y",), {})


@pytest.fixture
def trace() -> Trace:
    """Four facts from -8 to 7."""
    return Trace(FactSpace.of(schema_of(4)))


def shifted(trace: Trace, *offsets: float) -> Affine:
    """Fact i plus the i-th offset."""
    facts = Affine.variables((len(offsets),), 0, len(offsets))
    return Affine(facts.shape, facts.matrix, np.array(offsets, dtype=np.float64), facts.optional)


def values(trace: Trace, x: Affine, facts: np.ndarray) -> np.ndarray:
    """Of a tensor that reads no step."""
    assert not x.matrix.nnz or x.matrix.cols.max() < trace.facts.n_slots
    return np.asarray(x.matrix.widen(trace.facts.n_slots).apply(facts[None])[0] + x.bias)


def test_neurons_that_never_fire_and_those_that_always_do(trace: Trace) -> None:
    """Decided at the very ends of the ranges: -8 + 8 is not below 0, 7 - 7 not above."""
    x = shifted(trace, 8.0, -7.0, 9.5, -100.0)
    y = relu(trace, NODE, x)
    assert trace.steps == []
    facts = np.array([-8.0, 7.0, 3.0, 0.0])
    np.testing.assert_array_equal(values(trace, y, facts), [0, 0, 12.5, 0])


def test_only_undecided_neurons_are_in_the_step(trace: Trace) -> None:
    y = relu(trace, NODE, shifted(trace, 8.0, 0.0, -7.0, 7.0))
    (step,) = trace.steps
    assert step.n_outputs == 2
    assert y.matrix.cols.tolist() == [0, 4, 5]  # the first fact itself, nothing, and the step's two outputs between
    lo, hi = trace.interval(y)
    np.testing.assert_array_equal(lo, 0)
    np.testing.assert_array_equal(hi, [15, 7, 0, 14])


def test_a_rectified_neuron_is_not_rectified_again(trace: Trace) -> None:
    once = relu(trace, NODE, shifted(trace, 0.0, 1.0))
    twice = relu(trace, NODE, once)
    assert len(trace.steps) == 1
    np.testing.assert_array_equal(once.matrix.cols, twice.matrix.cols)


def test_a_maximum_whose_winner_is_known(trace: Trace) -> None:
    """15 apart, no value of one reaches the other; a tie at the ends is still decided."""
    x = shifted(trace, 0.0, 15.0, -15.0, 0.0).pick(np.array([[0, 1], [2, 3]]))
    facts = np.array([7.0, -8.0, 7.0, -8.0])
    np.testing.assert_array_equal(values(trace, maximum(trace, NODE, x), facts), [7, -8])
    np.testing.assert_array_equal(values(trace, minimum(trace, NODE, x), facts), [7, -8])
    assert trace.steps == []


def test_only_open_rows_are_in_the_step(trace: Trace) -> None:
    x = shifted(trace, 0.0, 15.0, 0.0, 1.0).pick(np.array([[0, 1], [2, 3], [0, 0]]))
    y = maximum(trace, NODE, x)
    (step,) = trace.steps
    assert step.n_outputs == 2  # of the last row, two equal facts, ranges alone decide nothing; lowering sees it
    assert y.matrix.cols[0] == 1
    lo, hi = trace.interval(y)
    np.testing.assert_array_equal(lo, [7, -7, -8])
    np.testing.assert_array_equal(hi, [22, 8, 7])
