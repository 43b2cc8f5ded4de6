"""Maxima, arg-maxima, top-k and wires as constraints: exactly the honest outputs, and the lies each rule prevents."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from prover.constraint import ConstraintSystem, LinearVector
from prover.gadgets.range import range_exact
from prover.lowering.activation import relu
from prover.lowering.maximum import maximum
from prover.lowering.order import argmax_rows, topk
from prover.lowering.sure import SureStep
from prover.lowering.wires import shortened, wire
from prover.quantization import LinearForms, Step
from prover.quantization.sparse import Sparse
from prover.quantization.steps import step_kind
from prover.testing import Tier, check_circuit, check_unique, find_lie
from tests.lowering.conftest import vouched
from tests.lowering.test_steps import Lower, builder

P = 251


def step_of(kind: str, ends: Sequence[tuple[int, int]], outputs: Sequence[tuple[int, int]], **params: int) -> Step:
    """A step over forms that are the wires themselves, each with its own range."""
    low, high = np.array(ends, dtype=np.int64).T
    out = np.array(outputs, dtype=np.int64).T
    forms = LinearForms(Sparse.selection(np.arange(low.size), low.size), np.zeros(low.size, np.int64), low, high)
    return Step(kind, "node", forms, out[0], out[1], 0, 0, dict(params))


def held(lower: Lower, step: Step) -> Callable[[ConstraintSystem], LinearVector]:
    """The step over inputs whose ranges are proven, as facts' are: what bounds decide, they decide rightly."""

    def build(cs: ConstraintSystem) -> LinearVector:
        lo, hi = step.inputs.lo, step.inputs.hi
        inputs = range_exact(cs, cs.private("x", len(step.inputs), (lo, hi)), lo, hi, "held")
        return lower(cs, vouched(step), inputs)

    return build


def check(lower: Lower, step: Step, *origins: str, modulus: int = P) -> None:
    """Every admitted input has exactly the outputs of the step's own semantics; without a rule there are others."""
    lows, highs = step.inputs.lo.tolist(), step.inputs.hi.tolist()
    admitted = list(itertools.product(*(range(lo, hi + 1) for lo, hi in zip(lows, highs, strict=True))))
    cases = [[value % modulus for value in case] for case in admitted]

    def reference(*x: int) -> list[int]:
        return [int(v) for v in step_kind(step.kind).evaluate(step, np.array([x], dtype=np.int64))[0]]

    circuit = check_unique(held(lower, step), modulus, reference, cases)
    for origin in origins:
        assert find_lie(circuit, origin, cases, reference), origin


def count(lower: Lower, step: Step) -> int:
    """Constraints of a step in the large field, without the rows that bind its outputs."""
    values = step.inputs.hi
    expected = step_kind(step.kind).evaluate(step, values[None])[0]
    circuit = check_circuit(held(lower, step), {"x": values}, expected, tiers=Tier.FAST)
    rows = circuit.r1cs.rows_by_origin()
    return sum(number for origin, number in rows.items() if not origin.startswith(("held", "check.outputs")))


def test_maximum_of_three() -> None:
    step = step_of("maximum", [(-2, 2)] * 3, [(-2, 2)], k=3)
    check(maximum, step, "max.0.0.boolean", "max.0.0.select", "max.1.0.boolean", "max.1.0.select")


def test_rectified_maximum_with_truncation_and_saturation() -> None:
    step = step_of("maximum", [(-6, 13)] * 2, [(0, 3)], k=2, shift=1, cap=3)
    check(maximum, step, "max.0.0.boolean", "max.0.0.select", "relu.boolean", "relu.select", "relu.saturate")


def test_a_pool_and_its_relu_cost_what_the_design_says() -> None:
    """3(n + 2) + (n + 1) for a window of four (DESIGN §4): a difference has one bit more, and bit 0 is substituted."""
    n = 20
    ends = [(-(1 << (n - 1)), (1 << (n - 1)) - 1)] * 4
    step = step_of("maximum", ends, [(0, (1 << 9) - 1)], k=4, shift=10)
    assert count(maximum, step) <= 3 * (n + 2) + (n + 1)


def test_pairs_whose_order_is_proven_are_free() -> None:
    assert count(maximum, step_of("maximum", [(-4, 3), (4, 9)], [(4, 9)], k=2)) == 0
    check(maximum, step_of("maximum", [(-4, 3), (3, 9), (-1, 4)], [(3, 9)], k=3), "max.1.0.boolean")


def test_a_repeated_cell_is_free() -> None:
    """Cells in a pool's padding repeat one of the window."""

    def twice(cs: ConstraintSystem, step: SureStep, x: LinearVector) -> LinearVector:
        return maximum(cs, SureStep.of(step, step.least[[0, 0]], step.most[[0, 0]]), x[np.array([0, 0])])

    step = step_of("maximum", [(-4, 3)], [(-4, 3)], k=2)
    circuit = check_circuit(builder(twice, step), {"x": [2]}, [2])
    assert circuit.r1cs.n_constraints == 1


def test_several_rows_at_once() -> None:
    ends = [(-1, 1), (-1, 1), (0, 1), (-1, 0)]
    check(maximum, step_of("maximum", ends, [(-1, 1), (0, 1)], k=2), "max.0.0.boolean")


def test_argmax_ties_go_to_the_first_of_the_row() -> None:
    """All ties of two rows of three are among the inputs."""
    step = step_of("argmax_rows", [(-1, 1)] * 6, [(0, 2)] * 2, k=3)
    check(argmax_rows, step, "argmax.0.boolean", modulus=31)


def test_top_k_counts_every_element_as_often_as_it_is_there() -> None:
    """Values and indices of equal elements: among all witnesses there is only the stable order."""
    step = step_of("topk", [(-1, 1)] * 3, [(-1, 1)] * 2 + [(0, 2)] * 2, n=3, k=2, indices=1)
    check(topk, step, "top.0.select", "top.0.boolean", "index.boolean")


def test_all_of_a_row_in_order() -> None:
    step = step_of("topk", [(0, 1)] * 4, [(0, 1)] * 4 + [(0, 3)] * 4, n=4, k=4, indices=1)
    check(topk, step)


def test_values_alone_are_sorted_without_their_places() -> None:
    step = step_of("topk", [(-1, 1)] * 3, [(-1, 1)] * 2, n=3, k=2, indices=0)
    check(topk, step, "top.0.select", "top.0.boolean")
    both = step_of("topk", [(-1, 1)] * 3, [(-1, 1)] * 2 + [(0, 2)] * 2, n=3, k=2, indices=1)
    assert count(topk, step) < count(topk, both)


def test_one_of_one() -> None:
    step = step_of("topk", [(0, 5)] * 2, [(0, 5)] * 2 + [(0, 0)] * 2, n=1, k=1, indices=1)
    assert count(topk, step) == 0


@pytest.mark.parametrize("k", [1, 3, 8])
def test_many_rows_of_top_k(k: int) -> None:
    rows = np.random.default_rng(k).integers(-50, 51, (5, 8))
    step = step_of("topk", [(-50, 50)] * 40, [(-50, 50)] * 5 * k + [(0, 7)] * 5 * k, n=8, k=k, indices=1)
    expected = step_kind("topk").evaluate(step, rows.reshape(1, -1))[0]
    order = np.argsort(-rows, axis=1, kind="stable")[:, :k]
    np.testing.assert_array_equal(expected[5 * k :], order.ravel())
    check_circuit(builder(topk, step), {"x": rows.ravel()}, expected)


def test_wires_are_bound_to_their_forms() -> None:
    step = step_of("wire", [(-2, 2)], [(-2, 2)])
    assert count(wire, step) == 0

    def summed(cs: ConstraintSystem, step: Step, x: LinearVector) -> LinearVector:
        return wire(cs, step, x.sum())

    circuit = check_unique(builder(summed, step_of("wire", [(-2, 2)] * 2, [(-4, 4)])), P, lambda a, b: [a + b])
    assert find_lie(circuit, "wire", [[1, 2]], lambda a, b: [a + b])


def test_results_become_wires_where_that_saves_more_than_a_row() -> None:
    """A sum of three: with r readers, 2r - 3 terms less against one row and wire."""
    cs = ConstraintSystem()
    total = cs.private("x", 3, (0, 9)).sum()
    rows = len(cs.blocks)
    assert shortened(cs, total, np.array([65])).terms.tolist() == [3]
    assert len(cs.blocks) == rows
    assert shortened(cs, total, np.array([66])).terms.tolist() == [1]
    assert [len(block.a) for block in cs.blocks[rows:]] == [1]


def test_dead_and_positive_neurons() -> None:
    """A neuron that bounds keep at zero costs nothing, one that they keep positive no sign, nor digits if unrounded."""
    assert count(relu, step_of("relu", [(-9, 0), (-9, 1)], [(0, 0), (0, 0)], shift=1)) == 0
    assert count(relu, step_of("relu", [(0, 9), (-9, 0)], [(0, 9), (0, 0)], shift=0)) == 0
    positive = count(relu, step_of("relu", [(0, 1023)], [(0, 255)], shift=2))
    assert positive < count(relu, step_of("relu", [(-1, 1023)], [(0, 255)], shift=2))
    check(relu, step_of("relu", [(0, 15), (-8, 7), (-8, 1)], [(0, 7), (0, 3), (0, 0)], shift=1), "truncate.boolean")
