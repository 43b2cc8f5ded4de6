"""Remainders in small fields: exactly the honest outputs, and a lie as soon as a rule is dropped."""

from __future__ import annotations

import numpy as np

from prover.constraint import ConstraintSystem, LinearVector
from prover.lowering.integers import remainder
from prover.quantization.steps import step_kind
from prover.testing import check_circuit, check_unique, find_lie
from tests.lowering.conftest import vouched
from tests.lowering.test_logic import ranged
from tests.lowering.test_steps import builder, referee

FIELD = 509


def test_remainder() -> None:
    step = ranged("remainder", [-7], [8], 1, divisors=(3,))
    # The quotient's digits hold a little more than the proven range.
    circuit = check_unique(builder(remainder, step), FIELD, referee(step, (-9, 14)))
    for origin in ("divide.quotient", "divide.remainder"):
        assert find_lie(circuit, origin, [[x % FIELD] for x in range(-7, 9)], referee(step, (-9, 14))), origin


def test_remainders_by_several_divisors() -> None:
    step = ranged("remainder", [-7, 3, 0, -9], [8, 5, 20, -8], 4, divisors=(3, 6, 4, 3))

    def build(cs: ConstraintSystem) -> LinearVector:
        inputs = cs.private("x", 4, (step.inputs.lo, step.inputs.hi))
        return LinearVector.concat([remainder(cs, vouched(step), inputs), inputs])

    for x in ([-7, 3, 0, -9], [8, 5, 20, -8], [2, 4, 7, -9]):
        check_circuit(build, {"x": x}, [*step_kind("remainder").evaluate(step, np.array([x]))[0], *x])
