"""Comparisons and one-hot vectors in small fields: exactly the honest outputs, and a lie once a rule is dropped."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from prover.compiler import compile_model, solve
from prover.constraint import ConstraintSystem, LinearVector
from prover.field import from_limbs
from prover.lowering.logic import choice, compare, equal, one_hot
from prover.quantization import LinearForms, Step
from prover.quantization.sparse import Sparse
from prover.quantization.steps import step_kind
from prover.testing import Tier, check_circuit, check_unique, find_lie
from prover.testing.lying import surviving_mutations
from tests.lowering.conftest import vouched
from tests.lowering.test_steps import Lower, P, builder, make_step, referee
from tests.quantization.exact import INT64, MIXED, column, one
from tests.quantization.nets import model


def ranged(kind: str, lows: list[int], highs: list[int], outputs: int, **params: int | tuple[int, ...]) -> Step:
    n = len(lows)
    forms = LinearForms(Sparse.selection(np.arange(n), n), np.zeros(n, np.int64), np.array(lows), np.array(highs))
    return Step(kind, "node", forms, np.zeros(outputs, np.int64), np.ones(outputs, np.int64), 0, 0, dict(params))


def beside(lower: Lower, step: Step) -> Callable[[ConstraintSystem], LinearVector]:
    """The step's outputs and then its inputs, so that inputs whose outcome is known occur in a constraint."""

    def build(cs: ConstraintSystem) -> LinearVector:
        inputs = cs.private("x", len(step.inputs), (step.inputs.lo, step.inputs.hi))
        return LinearVector.concat([lower(cs, vouched(step), inputs), inputs])

    return build


def test_comparison() -> None:
    step = make_step("compare", (-8, 7), (0, 1))
    circuit = check_unique(builder(compare, step), P, referee(step, (-8, 7)))
    assert find_lie(circuit, "compare.boolean", [[x] for x in range(P)], referee(step, (-8, 7)))


def test_comparisons_that_bounds_decide_cost_nothing() -> None:
    step = ranged("compare", [0, -4, -5], [9, 3, -1], 3)
    cs = ConstraintSystem(P)
    result = compare(cs, vouched(step), cs.private("x", 3, (step.inputs.lo, step.inputs.hi)))
    assert [int(low) for low in result.bounds[0]] == [1, 0, 0]
    assert [int(high) for high in result.bounds[1]] == [1, 1, 0]
    for x in ([0, -4, -5], [9, 3, -1], [4, 0, -2], [4, -1, -2]):
        expected = step_kind("compare").evaluate(step, np.array([x]))[0]
        check_circuit(beside(compare, step), {"x": x}, [*expected, *x], n_constraints=3)


def test_equality() -> None:
    step = make_step("equal", (-8, 7), (0, 1))
    circuit = check_unique(builder(equal, step), P, lambda x: [int(x == 0)])
    for origin in ("equal.inverse", "equal.annihilate"):
        assert find_lie(circuit, origin, [[x] for x in range(P)], lambda x: [int(x == 0)]), origin


def test_equalities_that_bounds_decide_cost_nothing() -> None:
    step = ranged("equal", [0, -4, 1, -9], [0, 3, 5, -3], 4)
    for x in ([0, 0, 3, -4], [0, 2, 5, -3]):
        expected = step_kind("equal").evaluate(step, np.array([x]))[0]
        # The inverse of a form that is zero is free, and read by nobody.
        check_circuit(beside(equal, step), {"x": x}, [*expected, *x], n_constraints=2, free=("inverse",))


@pytest.mark.parametrize(("k", "low", "high"), [(5, 0, 4), (5, 1, 3), (4, 2, 3), (3, 1, 1), (1, 0, 0)])
def test_one_hot(k: int, low: int, high: int) -> None:
    step = ranged("one_hot", [low], [high], k, k=k)
    circuit = check_unique(builder(one_hot, step), P, referee(step, (low, high)))
    lie = find_lie(circuit, "one_hot", [[x] for x in range(P)], referee(step, (low, high)))
    assert lie or low == high


def test_one_hot_vectors_of_several_numbers() -> None:
    step = ranged("one_hot", [0, 1], [2, 3], 8, k=4)

    def build(cs: ConstraintSystem) -> LinearVector:
        return one_hot(cs, vouched(step), cs.private("x", 2, (step.inputs.lo, step.inputs.hi)))

    for x in ([0, 1], [2, 3], [1, 2]):
        check_circuit(build, {"x": x}, step_kind("one_hot").evaluate(step, np.array([x]))[0], tiers=Tier.DISHONEST)


def test_choice() -> None:
    step = ranged("select", [0, -4, -2], [1, 3, 5], 1)

    def build(cs: ConstraintSystem) -> LinearVector:
        return choice(cs, vouched(step), cs.private("x", 3, (step.inputs.lo, step.inputs.hi)))

    cases = [[c, a % P, b % P] for c in (0, 1) for a in (-4, 0, 3) for b in (-2, 3, 5)]
    circuit = check_unique(build, P, lambda c, a, b: [a if c else b], cases)
    assert find_lie(circuit, "select", cases, lambda c, a, b: [a if c else b])
    expected = step_kind("select").evaluate(step, np.array([[1, -4, 5]]))[0]
    check_circuit(build, {"x": [1, -4, 5]}, expected, n_constraints=1)


def test_every_wire_of_a_model_that_looks_up_compares_and_chooses_is_pinned() -> None:
    """An embedding, a comparison, an equality, a choice and a remainder, one after another."""
    nodes = [
        *column(5, "c", INT64),
        *column(0, "a", INT64),
        one("Gather", ["table", "c"], "t", axis=0),
        one("Greater", ["a", "two"], "g"),
        one("Where", ["g", "t", "a"], "w"),
        one("Equal", ["w", "seven"], "e"),
        one("Cast", ["e"], "n", to=INT64),
        one("Add", ["w", "n"], "s"),
        one("Mod", ["s", "three"], "y"),
    ]
    weights = {name: np.array([value]) for name, value in (("two", 2), ("seven", 7), ("three", 3))}
    proto = model(nodes, {**weights, "table": np.array([7, 11, 2, 5])}, 6, {"y": (INT64, [1, 1])})
    parts = compile_model(proto, schema=MIXED, reveal="score")
    kinds = [step.kind for step in parts.plan.steps]
    assert {"one_hot", "compare", "select", "equal", "remainder"} <= set(kinds)
    for row in ([5, 1, 0, 0.5, 0.5, 0], [-3, 0, 1, 0.25, -1, 2]):  # w = 7, and w = -3
        encoded = MIXED.encode(np.array(row))
        witness = from_limbs(solve(parts.circuit, parts.layout, encoded, salt=9, context=77).witness)
        wires = [wire for wire in range(1, len(witness)) if "inverse" not in parts.circuit.wire_name(wire)]
        assert list(surviving_mutations(parts.circuit.r1cs, witness, wires)) == []
