"""Products, quotients, roots: exactly the honest outputs in small fields, and a lie as soon as a rule is gone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prover.constraint import ConstraintSystem, LinearVector
from prover.errors import UndefinedError
from prover.lowering.product import contract
from prover.lowering.quotient import quotient
from prover.lowering.root import root
from prover.quantization import LinearForms, Step
from prover.quantization.sparse import Sparse
from prover.quantization.steps import step_kind
from prover.testing import Tier, check_circuit, check_unique, find_lie

Lower = Callable[[ConstraintSystem, Step, LinearVector], LinearVector]


def step_of(kind: str, ends: Sequence[tuple[int, int]], n_outputs: int, **params: Any) -> Step:
    """A step whose inputs are variables within ``ends``; its outputs' bounds are as wide as they can be."""
    low, high = (np.array(column, dtype=np.int64) for column in zip(*ends, strict=True))
    n = low.size
    forms = LinearForms(Sparse.selection(np.arange(n), n), np.zeros(n, dtype=np.int64), low, high)
    outs = np.full(n_outputs, -(1 << 40)), np.full(n_outputs, 1 << 40)
    return Step(kind, "node", forms, *outs, 0, 0, params)


def builder(lowering: Lower, step: Step) -> Callable[[ConstraintSystem], LinearVector]:
    return lambda cs: lowering(cs, step, cs.private("x", len(step.inputs), (step.inputs.lo, step.inputs.hi)))


def referee(step: Step, inside: Callable[..., bool] = lambda *x: True) -> Callable[..., list[int] | None]:
    """The step's integer semantics, for inputs inside what the digits hold."""

    def reference(*x: int) -> list[int] | None:
        if not inside(*x):
            return None
        return [int(v) for v in step_kind(step.kind).evaluate(step, np.array([x], dtype=np.int64))[0]]

    return reference


def pairs(left: Sequence[int], right: Sequence[int], starts: Sequence[int], split: int, **more: Any) -> dict[str, Any]:
    known = {"left": tuple(left), "right": tuple(right), "starts": tuple(starts), "split": split}
    return {"shifts": (0, 0), "shift": 0, **known, **more}


def test_products_that_fit_cost_one_constraint_each() -> None:
    step = step_of("contract", [(-4, 3)] * 4, 2, **pairs([0, 1, 0], [2, 3, 3], [0, 2], 2))
    check_circuit(builder(contract, step), {"x": [-4, 3, 2, 1]}, [-8 + 3, -4], n_constraints=3)


def test_a_product_is_counted_once_whichever_side_comes_first() -> None:
    """x x' has four entries and three distinct products."""
    step = step_of("contract", [(-4, 3)] * 2, 4, **pairs([0, 0, 1, 1], [0, 1, 0, 1], [0, 1, 2, 3], 2))
    check_circuit(builder(contract, step), {"x": [-3, 2]}, [9, -6, -6, 4], n_constraints=3)


def test_sums_are_rounded_once() -> None:
    step = step_of("contract", [(-3, 3)] * 4, 1, **pairs([0, 1], [2, 3], [0], 2, shift=2))
    field = 251

    def inside(*x: int) -> bool:
        return -18 <= x[0] * x[2] + x[1] * x[3] <= 18

    cases = [[a % field, b % field, 3, 2] for a in range(-3, 4) for b in range(-3, 4)]
    circuit = check_unique(builder(contract, step), field, referee(step, inside), cases)
    for origin in ("product", "round.boolean"):
        assert find_lie(circuit, origin, cases, referee(step, inside)), origin


def test_operands_are_rounded_where_sums_would_not_fit() -> None:
    step = step_of("contract", [(-8, 7), (-3, 3)], 1, **pairs([0], [1], [0], 1, shifts=(2, 0)))
    field = 251
    cases = [[a % field, b % field] for a in range(-8, 8) for b in range(-3, 4)]
    circuit = check_unique(builder(contract, step), field, referee(step), cases)
    for origin in ("product", "operand.boolean"):
        assert find_lie(circuit, origin, cases, referee(step)), origin


def test_operands_of_many_terms_become_wires_where_they_are_read_often() -> None:
    def build(cs: ConstraintSystem) -> LinearVector:
        x = cs.private("x", 12, (-4, 4))
        dense = LinearVector.concat([x.sum(), x])
        step = step_of("contract", [(-48, 48)] + [(-4, 4)] * 12, 12, **pairs([0] * 12, range(1, 13), range(12), 1))
        return contract(cs, step, dense)

    values = np.arange(12) - 5
    clipped = np.clip(values, -4, 4)
    circuit = check_circuit(build, {"x": clipped}, clipped * clipped.sum(), n_constraints=13)
    assert circuit.r1cs.rows_by_origin()["reused"] == 1


def division(*ends: tuple[int, int], **params: Any) -> Step:
    return step_of("quotient", ends, 1, **{"divisor": (0,), "shift": 0, "lift": 0, "sign": 1, **params})


@pytest.mark.parametrize(
    ("ends", "params"),
    [
        ([(-6, 6), (1, 3)], {}),
        ([(-6, 6), (-3, -1)], {"sign": -1}),
        ([(0, 3), (0, 3)], {"clamp_lo": 2}),
        ([(-3, 3), (-2, 2)], {"sign": 0, "clamp_lo": 1}),
        ([(-3, 3), (4, 11)], {"shift": 2}),
        ([(-6, 6), (1, 3)], {"lift": 1}),
        ([(-6, 6), (1, 3)], {"truncates": 1}),
        ([(-6, 6), (-3, 3)], {"truncates": 1, "sign": 0, "clamp_lo": 1}),
    ],
    ids=str,
)
def test_a_quotient_is_unique(ends: list[tuple[int, int]], params: dict[str, int]) -> None:
    step = division(*ends, **params)
    field = 1021
    cases = [
        [a % field, b % field] for a in range(ends[0][0], ends[0][1] + 1) for b in range(ends[1][0], ends[1][1] + 1)
    ]
    circuit = check_unique(builder(quotient, step), field, referee(step), cases)
    for origin in ("divide.quotient", "divide.remainder", "divide.below", "divide.product"):
        assert find_lie(circuit, origin, cases, referee(step)), origin
    for origin in ("saturate.select", "divisor.sign", "divisor.magnitude", "divisor.boolean", "signed"):
        if any(origin in name for name in circuit.r1cs.origins):
            assert find_lie(circuit, origin, cases, referee(step)), origin


def test_a_quotient_that_wraps_around_the_field_is_refused() -> None:
    """q = a / d over the field satisfies q * d = a with no remainder: only the quotient's digits say no."""
    step = division((-6, 6), (1, 3))
    field = 1021
    a, d = 5, 3
    wrapped = a * pow(d, -1, field) % field
    assert wrapped * d % field == a
    circuit = check_unique(builder(quotient, step), field, referee(step), [[a, d]])
    lie = find_lie(circuit, "divide.quotient", [[a, d]], referee(step))
    assert lie is not None
    assert lie[1][0] not in range(-8, 9)


@given(
    st.integers(-(2**40), 2**40), st.integers(-(2**18), 2**18).filter(bool), st.sampled_from([0, 1, 4]), st.booleans()
)
@settings(max_examples=40, deadline=None)
def test_quotients_of_any_sign(a: int, b: int, lift: int, truncates: bool) -> None:
    """Rounded half up of |b|'s sign, or the fraction dropped."""
    more = {"truncates": 1} if truncates else {}
    step = division((-(2**40), 2**40), (-(2**18), 2**18), sign=0, clamp_lo=1, lift=lift, **more)
    divisor = abs(b) << lift
    top = a if b > 0 else -a
    wanted = (abs(a) // divisor) * (1 if top >= 0 else -1) if truncates else (2 * top + divisor) // (2 * divisor)
    check_circuit(builder(quotient, step), {"x": [a, b]}, [wanted], tiers=Tier.FAST)


@pytest.mark.parametrize(
    ("ends", "params"), [((0, 15), {}), ((-8, 15), {"clamp_lo": 0}), ((0, 31), {"shift": 1})], ids=str
)
def test_a_root_is_unique(ends: tuple[int, int], params: dict[str, int]) -> None:
    step = step_of("root", [ends], 1, **{"shift": 0, **params})
    field = 1021
    cases = [[x % field] for x in range(ends[0], ends[1] + 1)]
    circuit = check_unique(builder(root, step), field, referee(step), cases)
    for origin in ("root.rest", "root.below", "root.square"):
        assert find_lie(circuit, origin, cases, referee(step)), origin


@pytest.mark.parametrize(("shift", "high"), [(0, 15), (1, 31)])
def test_a_root_of_negative_numbers_has_no_witness(shift: int, high: int) -> None:
    """But of those that rounding makes of 0, it has."""
    step = step_of("root", [(-12, high)], 1, shift=shift, refuse_lo=-2)
    field, least = 1021, -2 << shift

    def reference(x: int) -> list[int] | None:
        return referee(step)(x) if x >= least else None

    cases = [[x % field] for x in range(-12, high + 1)]
    circuit = check_unique(builder(root, step), field, reference, cases)
    for origin in ("domain", "root.rest", "rectified"):
        assert find_lie(circuit, origin, cases, reference), origin
    with pytest.raises(UndefinedError, match="domain"):
        circuit.program.run({"x": [least - 1]})


@given(st.integers(-(2**10), 2**30))
@settings(max_examples=30, deadline=None)
def test_inverse_roots_saturate(x: int) -> None:
    step = step_of("root", [(-(2**10), 2**30)], 1, shift=3, clamp_lo=5, scale=1 << 50)
    wanted = step_kind("root").evaluate(step, np.array([[x]]))[0]
    check_circuit(builder(root, step), {"x": [x]}, wanted, tiers=Tier.FAST)


def test_no_wire_of_a_rounded_batch_can_change() -> None:
    step = step_of(
        "contract", [(-100, 100)] * 6, 2, **pairs([0, 1, 2, 2], [3, 4, 5, 3], [0, 3], 3, shifts=(1, 0), shift=3)
    )
    x = [99, -100, 7, -3, 50, 100]
    check_circuit(builder(contract, step), {"x": x}, step_kind("contract").evaluate(step, np.array([x]))[0])
    step = step_of(
        "quotient", [(-90, 90)] * 3 + [(-9, 9)] * 2, 3, divisor=(0, 1, 1), shift=0, lift=2, sign=0, clamp_lo=2
    )
    x = [-90, 31, 8, -1, 7]
    check_circuit(builder(quotient, step), {"x": x}, step_kind("quotient").evaluate(step, np.array([x]))[0])
