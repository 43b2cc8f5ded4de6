"""Requantisation in small fields: exactly the tabulated levels, and a lie as soon as a rule is dropped."""

from __future__ import annotations

import numpy as np
import pytest

from prover.lowering.quantized import requantize
from prover.quantization import Step
from prover.testing import check_circuit, check_unique, find_lie
from tests.lowering.test_steps import builder, make_step, referee

P = 257
EVERY = [[x] for x in range(P)]


def step_of(ends: tuple[int, int], low: int, top: int, **params: int | tuple[int, ...]) -> Step:
    return make_step("requantize", ends, (low, top), low=low, **params)


SATURATING = step_of((-16, 15), -2, 1, bits=2, divisors=(2,))
CORRECTED = step_of((-16, 15), 0, 3, bits=2, divisors=(2,), corrected=(0, 0, 0), at=(3, 5, -1), by=(-1, -1, 1))
EVEN = step_of((-32, 31), 0, 3, bits=2, divisors=(4,), parities=(1,))
FLIPPED = step_of((-16, 15), -1, 3, bits=2, divisors=(2,), parities=(0,))
PLAIN = step_of((0, 31), 0, 7, bits=3, divisors=(4,), parities=(1,))
THIRDS = step_of((-24, 23), -2, 1, bits=2, divisors=(3,))
INSIDE = step_of((0, 79), 0, 15, bits=4, divisors=(5,))
TABLE = step_of((-16, 15), 1, 5, bits=3, divisors=(0,), tables=(0,), counts=(5,), bases=(0,), cuts=(-3, -3, 2, 7, 20))


@pytest.mark.parametrize(
    ("step", "origins"),
    [
        (SATURATING, ("saturate.boolean", "saturate.select", "saturate.saturate")),
        (CORRECTED, ("saturate.boolean", "saturate.select", "correct.inverse", "correct.annihilate")),
        (EVEN, ("saturate.boolean", "saturate.select", "saturate.saturate", "tie.inverse", "tie.annihilate")),
        (FLIPPED, ("saturate.boolean", "saturate.select", "tie.inverse", "tie.annihilate")),
        (PLAIN, ("truncate.boolean", "tie.inverse", "tie.annihilate", "wire")),
        (THIRDS, ("remainder.boolean", "saturate.boolean", "saturate.select", "saturate.saturate")),
        (INSIDE, ("remainder.boolean", "quotient.boolean")),
        (TABLE, ("levels.low", "levels.descending", "levels.wire")),
    ],
    ids=["saturating", "corrected", "even", "flipped", "plain", "thirds", "inside", "table"],
)
def test_exactly_the_levels(step: Step, origins: tuple[str, ...]) -> None:
    reference = referee(step, (int(step.inputs.lo[0]), int(step.inputs.hi[0])))
    circuit = check_unique(builder(requantize, step), P, reference)
    for origin in origins:
        assert find_lie(circuit, origin, EVERY, reference), origin


def test_what_bounds_decide_costs_less() -> None:
    inside = step_of((0, 15), 0, 3, bits=2, divisors=(4,))  # a truncation, and a wire
    circuit = check_unique(builder(requantize, inside), P, referee(inside, (0, 15)))
    assert circuit.r1cs.n_constraints - 1 == 4 + 1
    below = step_of((-16, 7), 0, 3, bits=2, divisors=(2,))  # cannot saturate: a ReLU, whose digits hold 15 too
    check_unique(builder(requantize, below), P, lambda x: [max(0, x >> 1)] if -16 <= x < 16 else None)


def test_elements_of_every_sort_in_one_step() -> None:
    lows, highs = np.array([-16, 0, -16, -9, -200]), np.array([15, 15, 7, 1, 200])
    step = Step(
        "requantize", "node", make_step("requantize", (0, 0), (0, 0), 5).inputs, lows, highs, 0, 0,
        {"low": -1, "bits": 2, "divisors": (2, 3, 2, 1, 0), "tables": (-1, -1, -1, -1, 0), "counts": (3,),
         "bases": (0,), "cuts": (-100, 0, 100), "corrected": (1,), "at": (9,), "by": (-1,)},
    )  # fmt: skip
    step.inputs.lo[:], step.inputs.hi[:] = lows, highs
    for values in ([15, 15, 7, -1, 200], [-16, 9, -3, -9, 100], [3, 8, 1, -5, 99]):
        wanted = referee(step, (-200, 200))(*values)
        assert wanted is not None
        check_circuit(builder(requantize, step), {"x": values}, wanted, free=("ratio", "inverse", "parts"))
