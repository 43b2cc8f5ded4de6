"""Steps of plan files whose numbers make no sense: refused when read, before anything is allocated for them."""

from __future__ import annotations

import json
import tracemalloc
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from prover.errors import BundleError, QuantizationError
from prover.graph import import_model
from prover.lowering import lower
from prover.quantization import IntegerModel, Plan, Request, calibrate
from prover.quantization.plan import LinearForms, Step
from prover.quantization.sparse import Sparse
from prover.schema import Fixed, Schema
from tests.quantization.nets import mlp

SCHEMA = Schema("s", tuple(Fixed(f"x{i}", 16, -64, 63) for i in range(3)))

TREES = {
    "atoms": (3,), "set_groups": (0,), "set_starts": (0, 2), "set_runs": (1, 3), "nodes": (0, -1, -2), "roots": (0,),
    "leaf_starts": (0, 1, 2), "leaf_outputs": (0, 0), "leaf_values": (5, -5), "base": (0,),
}  # fmt: skip

HONEST: dict[str, tuple[int, int, dict[str, Any]]] = {
    "argmax": (3, 1, {"classes": (0, 1, 2)}),
    "argmax_rows": (6, 2, {"k": 3}),
    "compare": (2, 2, {}),
    "contract": (
        4, 2, {"left": (0, 1, 0), "right": (2, 3, 3), "starts": (0, 2), "split": 2, "shifts": (0, 1), "shift": 3}
    ),
    "cuts": (2, 3, {"features": (0, -1), "counts": (2, 1), "thresholds": (4, 9, 1)}),
    "floor": (2, 2, {"divisor": 8, "mode": 0}),
    "function": (2, 2, {"starts": (-4, 0), "coefficients": (1, 2, 3, 4, 5, 6), "shift": 2, "out_shift": 3}),
    "maximum": (6, 3, {"k": 2}),
    "one_hot": (2, 8, {"k": 4}),
    "quotient": (3, 2, {"divisor": (0, 0), "sign": 1, "shift": 0, "lift": 1, "clamp_lo": 1}),
    "relu": (2, 2, {"shift": 4}),
    "remainder": (2, 2, {"divisors": (3, 7)}),
    "root": (2, 2, {"shift": 1, "scale": 1 << 40, "clamp_lo": 1}),
    "select": (6, 2, {}),
    "tier": (1, 1, {"thresholds": (1, 5, 9), "base": 0, "gaps": (0, 1, 2)}),
    "topk": (6, 8, {"n": 3, "k": 2, "indices": 1}),
    "trees": (2, 1, TREES),
}  # fmt: skip

LIES: list[tuple[str, dict[str, Any]]] = [
    ("argmax", {"classes": (0, 1)}),
    ("argmax", {"margin": -1}),
    ("argmax_rows", {"k": 0}),
    ("argmax_rows", {"k": 4}),
    ("contract", {"left": (0, 1, 1 << 31)}),
    ("contract", {"right": (2, 1 << 31, 3)}),
    ("contract", {"right": (2, -1, 3)}),
    ("contract", {"right": (2, 3)}),
    ("contract", {"starts": (0, 3)}),
    ("contract", {"starts": (1, 2)}),
    ("contract", {"starts": (0, 0)}),
    ("contract", {"split": 5}),
    ("contract", {"shifts": (0, 63)}),
    ("contract", {"shifts": (0,)}),
    ("contract", {"shift": 1 << 40}),
    ("cuts", {"thresholds": (9, 4, 1)}),
    ("cuts", {"counts": (1, 1)}),
    ("cuts", {"counts": (4, -1)}),
    ("cuts", {"features": (0,)}),
    ("floor", {"divisor": 0}),
    ("function", {"starts": (0, -4)}),
    ("function", {"starts": (0, 0)}),
    ("function", {"coefficients": (1, 2, 3)}),
    ("function", {"out_shift": -1}),
    ("maximum", {"k": 4}),
    ("one_hot", {"k": 1 << 31}),
    ("one_hot", {"k": -4}),
    ("quotient", {"divisor": (0, 1)}),
    ("quotient", {"sign": 2}),
    ("quotient", {"lift": 63}),
    ("quotient", {"clamp_lo": 0}),
    ("relu", {"shift": -1}),
    ("remainder", {"divisors": (3, 0)}),
    ("remainder", {"divisors": (3,)}),
    ("root", {"scale": 0}),
    ("tier", {"thresholds": (5, 1, 9)}),
    ("tier", {"gaps": (0, 1)}),
    ("topk", {"k": 4}),
    ("topk", {"n": 1 << 31}),
    ("topk", {"indices": 2}),
    ("trees", {"set_runs": (1, 1 << 62)}),
    ("trees", {"set_runs": (1, 1 << 33)}),
    ("trees", {"atoms": (1 << 40,)}),
    ("trees", {"set_starts": (0, 1 << 40)}),
    ("trees", {"leaf_outputs": (0, 1)}),
    ("trees", {"leaf_starts": (0, 2, 1)}),
    ("trees", {"nodes": (0, -1)}),
]


def step(kind: str, changed: dict[str, Any] | None = None) -> Step:
    n, k, params = HONEST[kind]
    matrix = Sparse.from_dense(np.eye(n, dtype=np.int64))
    forms = LinearForms(matrix, np.zeros(n, np.int64), np.full(n, -9), np.full(n, 9))
    return Step(kind, "n", forms, np.full(k, -99), np.full(k, 99), 0, 4, {**params, **(changed or {})})


@pytest.mark.parametrize("kind", sorted(HONEST))
def test_what_makes_sense_is_read(kind: str) -> None:
    assert Step.from_dict(step(kind).to_dict()).params == HONEST[kind][2]


@pytest.mark.parametrize("kind", sorted(HONEST))
def test_outputs_are_as_many_as_the_parameters_say(kind: str) -> None:
    more = replace(step(kind), lo=np.full(99, -9), hi=np.full(99, 9))
    with pytest.raises(ValueError, match="step 'n'"):
        Step.from_dict(more.to_dict())


@pytest.mark.parametrize(("kind", "changed"), LIES, ids=[f"{kind}-{next(iter(lie.items()))}" for kind, lie in LIES])
def test_what_makes_no_sense_is_refused_at_no_cost(kind: str, changed: dict[str, Any]) -> None:
    raw = step(kind, changed).to_dict()
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="step 'n'"):
            Step.from_dict(raw)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("name", "values", "why"),
    [("cols", [1, 1, 2], "ascend"), ("cols", [2, 1, 0], "ascend"), ("coefs", [0, 1, 1], "zero")],
)
def test_forms_are_in_one_order_and_hold_no_zeros(name: str, values: list[int], why: str) -> None:
    plan = calibrate(import_model(mlp([3, 2, 1], seed=3)), SCHEMA, request=Request("score"))
    raw = json.loads(plan.to_json())
    first = raw["steps"][0]["inputs"]
    assert first["cols"][:3] == [0, 1, 2]
    first[name][:3] = values
    with pytest.raises(BundleError, match=why):
        Plan.from_json(json.dumps(raw))


def test_a_step_without_inputs_is_refused() -> None:
    nothing = np.zeros(0, np.int64)
    empty = LinearForms(Sparse.from_dense(np.zeros((0, 1), np.int64)), nothing, nothing, nothing)
    bare = replace(step("cuts", {"features": (), "counts": ()}), inputs=empty)
    with pytest.raises(ValueError, match="do not add up"):
        Step.from_dict(bare.to_dict())


def test_fact_slots_are_those_of_the_schema() -> None:
    plan = calibrate(import_model(mlp([3, 2, 1], seed=3)), SCHEMA, request=Request("tier"))
    huge = replace(plan, n_facts=3_288_334_333)
    with pytest.raises(QuantizationError, match="3,288,334,333 fact slots, its schema 3"):
        lower(SCHEMA, huge)
    with pytest.raises(QuantizationError, match="3,288,334,333 fact slots, its schema 3"):
        IntegerModel(huge, SCHEMA)


def test_a_refusal_says_once_what_to_do() -> None:
    plan = calibrate(import_model(mlp([3, 2, 1], seed=3)), SCHEMA, request=Request("score"))
    raw = json.loads(plan.to_json())
    raw["steps"][0]["inputs"]["variables"] = 1 << 40
    with pytest.raises(BundleError) as caught:
        Plan.from_json(json.dumps(raw))
    assert str(caught.value).count("hint:") == 1
