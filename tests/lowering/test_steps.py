"""Each step's constraints in small fields: exactly the honest outputs, and a lie as soon as a rule is dropped."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from prover.constraint import ConstraintSystem, LinearVector
from prover.lowering.activation import relu
from prover.lowering.facts import lower_facts
from prover.lowering.functions import function
from prover.lowering.heads import argmax, rounding, tier
from prover.lowering.sure import SureStep
from prover.quantization import LinearForms, Step
from prover.quantization.sparse import Sparse
from prover.quantization.steps import step_kind
from prover.quantization.tables.piecewise import Spec, cheapest_table
from prover.schema import Bool, Category, Feature, Fixed, Int, Schema
from prover.testing import Tier, check_circuit, check_unique, find_lie
from tests.lowering.conftest import vouched

P = 97
Lower = Callable[[ConstraintSystem, SureStep, LinearVector], LinearVector]


def make_step(
    kind: str, ends: tuple[int, int], out: tuple[int, int], n: int = 1, **params: int | tuple[int, ...]
) -> Step:
    low, high = np.full(n, ends[0], dtype=np.int64), np.full(n, ends[1], dtype=np.int64)
    forms = LinearForms(Sparse.selection(np.arange(n), n), np.zeros(n, dtype=np.int64), low, high)
    outs = np.array([out[0]], dtype=np.int64), np.array([out[1]], dtype=np.int64)
    return Step(kind, "node", forms, *outs, 0, 0, dict(params))


def builder(lower: Lower, step: Step) -> Callable[[ConstraintSystem], LinearVector]:
    def build(cs: ConstraintSystem) -> LinearVector:
        inputs = cs.private("x", len(step.inputs), (step.inputs.lo, step.inputs.hi))
        return lower(cs, vouched(step), inputs)

    return build


def referee(step: Step, width: tuple[int, int]) -> Callable[..., list[int] | None]:
    """The step's own integer semantics, for inputs inside what the constraints can hold."""

    def reference(*x: int) -> list[int] | None:
        if not all(width[0] <= value <= width[1] for value in x):
            return None
        return [int(v) for v in step_kind(step.kind).evaluate(step, np.array([x], dtype=np.int64))[0]]

    return reference


def test_saturating_relu() -> None:
    step = make_step("relu", (-16, 15), (0, 3), shift=1, cap=3)
    circuit = check_unique(builder(relu, step), P, referee(step, (-16, 15)))
    for origin in ("relu.boolean", "relu.select", "relu.saturate"):
        assert find_lie(circuit, origin, [[x] for x in range(P)], referee(step, (-16, 15))), origin


@pytest.mark.parametrize(
    ("thresholds", "base"), [((), 2), ((1,), 0), ((-2, 1, 3), 1), ((-7, -6, 6, 7), 0)], ids=lambda value: str(value)
)
def test_tier(thresholds: tuple[int, ...], base: int) -> None:
    step = make_step("tier", (-8, 7), (base, base + len(thresholds)), base=base, thresholds=thresholds)
    if not thresholds:
        cs = ConstraintSystem(P)
        form = tier(cs, vouched(step), cs.private("x", 1, (-8, 7)))
        assert form.bounds[0] == form.bounds[1] == 2
        return
    # One threshold is a comparison, whose digits hold a little more than the proven range.
    width = (-15, 16) if len(thresholds) == 1 else (-8, 7)
    circuit = check_unique(builder(tier, step), P, referee(step, width))
    # Parts common to all intervals are "low"; where one interval holds a single value there are none, only "high".
    parts = "interval.low" if "interval.low" in circuit.r1cs.origins else "interval.high"
    origins = (parts, "interval.descending") if len(thresholds) > 1 else ("compare.boolean",)
    for origin in origins:
        assert find_lie(circuit, origin, [[x] for x in range(P)], referee(step, width)), origin


def test_tier_counts_decided_and_repeated_thresholds() -> None:
    """Those at the ends of the range are decided by it; equal ones are passed together."""
    step = make_step("tier", (-8, 7), (1, 5), base=1, thresholds=(-8, 2, 2, 5, 8))
    circuit = check_unique(builder(tier, step), P, referee(step, (-8, 7)))
    assert find_lie(circuit, "interval.descending", [[x] for x in range(P)], referee(step, (-8, 7)))
    step = make_step("tier", (-8, 7), (0, 2), base=0, thresholds=(2, 2))
    check_unique(builder(tier, step), P, referee(step, (-14, 17)))
    step = make_step("tier", (-8, 7), (2, 2), base=0, thresholds=(-9, -8, 8))
    cs = ConstraintSystem(P)
    assert [int(end[0]) for end in tier(cs, vouched(step), cs.private("x", 1, (-8, 7))).bounds] == [2, 2]


def test_argmax_looks_uneven_classes_up() -> None:
    step = make_step("argmax", (-2, 1), (2, 9), n=3, classes=(4, 9, 2))
    cases = [[a % P, b % P, c % P] for a in range(-2, 2) for b in range(-2, 2) for c in range(-2, 2)]
    circuit = check_unique(builder(argmax, step), P, referee(step, (-2, 1)), cases)
    assert find_lie(circuit, "argmax.0.boolean", cases, referee(step, (-2, 1)))


def test_argmax_of_evenly_spaced_classes_needs_no_lookup() -> None:
    step = make_step("argmax", (-2, 1), (10, 30), n=3, classes=(10, 20, 30))
    cases = [[a % P, b % P, c % P] for a in range(-2, 2) for b in range(-2, 2) for c in range(-2, 2)]
    circuit = check_unique(builder(argmax, step), P, referee(step, (-2, 1)), cases)
    assert not any("class" in origin for origin in circuit.r1cs.origins)


def test_rounding() -> None:
    step = make_step("round", (-10, 21), (-3, 5), shift=2)
    # Six digits above the least quotient hold a little more than the proven range.
    check_unique(builder(rounding, step), 251, referee(step, (-12, 51)))


SMALL_TABLE = {"starts": (-4, -1, 2), "coefficients": (0, 0, 1, 1, 2, 3, -1, 1, 20)}


def test_piecewise_quadratic_in_a_small_field() -> None:
    step = make_step("sigmoid", (-8, 7), (0, 10), shift=1, out_shift=1, error_billionths=0, **SMALL_TABLE)
    field = 509
    circuit = check_unique(builder(function, step), field, referee(step, (-8, 7)))
    for origin in ("segment.low", "segment.high", "segment.descending", "sigmoid.0", "sigmoid.1", "sigmoid.1.shift"):
        assert find_lie(circuit, origin, [[x % field] for x in range(-8, 8)], referee(step, (-8, 7))), origin


def test_the_real_sigmoid_in_bn254() -> None:
    reach = 20 << 18
    table = cheapest_table(Spec("Sigmoid", (), -reach, reach, (-reach, reach), 18, 1e6, 0.45e-6, False))
    params: dict[str, int | tuple[int, ...]] = {
        "starts": tuple(table.starts.tolist()),
        "coefficients": tuple(table.coefficients.ravel().tolist()),
    }
    reach <<= 10
    step = make_step("sigmoid", (-reach, reach), (0, 10**6), shift=10, out_shift=table.shift, **params)
    for x in (-reach, reach, 0, -1, 123456789, -(3 << 28), (14 << 28) + 5):
        expected = referee(step, (-reach, reach))(x)
        assert expected is not None
        tiers = Tier.DISHONEST if x == 123456789 else Tier.FAST
        free = ["segment.parts"]  # where two subsets of an interval's weights have one sum, both are true
        check_circuit(builder(function, step), {"x": [x]}, expected, tiers=tiers, free=free)


def facts(*features: Feature) -> Callable[[ConstraintSystem], LinearVector]:
    schema = Schema("s", features)
    return lambda cs: lower_facts(cs, schema).slots


def optional_number(low: int, span: int) -> Callable[..., Sequence[int] | None]:
    def reference(offset: int, missing: int) -> list[int] | None:
        if missing not in (0, 1) or not 0 <= offset <= span or (missing and offset):
            return None
        return [0 if missing else offset + low, missing]

    return reference


@pytest.mark.parametrize(
    ("feature", "reference"),
    [
        (Int("i", 2, 6, optional=True), optional_number(2, 4)),
        (Int("i", -3, 4, optional=True), optional_number(-3, 7)),
        (Fixed("f", 10, -5, 5, optional=True), optional_number(-5, 10)),
        (Bool("b", optional=True), optional_number(0, 1)),
    ],
    ids=["int", "negative", "fixed", "bool"],
)
def test_optional_numbers(feature: Feature, reference: Callable[..., Sequence[int] | None]) -> None:
    field = 61
    cases = [[a, b] for a in range(field) for b in range(field)]
    circuit = check_unique(facts(feature), field, reference)
    for origin in ("input/range", "input/missing.boolean", "input/missing.zero"):
        assert find_lie(circuit, origin, cases, reference), origin


def test_optional_category() -> None:
    def reference(offset: int, missing: int) -> list[int] | None:
        if missing not in (0, 1) or not 0 <= offset <= 2 or (missing and offset):
            return None
        return [int(offset == label and not missing) for label in range(3)] + [missing]

    field = 31
    circuit = check_unique(facts(Category("c", ("x", "y", "z"), optional=True)), field, reference)
    cases = [[a, b] for a in range(field) for b in range(field)]
    for origin in ("one_hot[3]", "input/missing.zero"):
        assert find_lie(circuit, origin, cases, reference), origin


def test_mandatory_facts() -> None:
    def reference(i: int, c: int) -> list[int] | None:
        return [i + 5, int(c == 0), int(c == 1)] if 0 <= i <= 4 and c in (0, 1) else None

    circuit = check_unique(facts(Int("i", 5, 9), Category("c", ("x", "y"))), 31, reference)
    cases = [[a, b] for a in range(31) for b in range(31)]
    for origin in ("input/range", "one_hot[2]"):
        assert find_lie(circuit, origin, cases, reference), origin
