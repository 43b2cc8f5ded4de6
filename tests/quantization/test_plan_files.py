"""Plan files somebody tampered with: read back, refused, or run to a typed error, never to a crash."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prover.errors import VerdictError
from prover.graph import import_model
from prover.lowering import lower
from prover.quantization import IntegerModel, Plan, Request, calibrate
from prover.schema import Fixed, Schema
from tests.quantization.nets import mlp

SCHEMA = Schema("s", tuple(Fixed(f"x{i}", 16, -64, 63) for i in range(3)))


@cache
def document(reveal: str) -> str:
    plan = calibrate(import_model(mlp([3, 2, 1], seed=3)), SCHEMA, request=Request(reveal))
    return plan.to_json()


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths of every value in a JSON document."""
    found = [path] if path else []
    if isinstance(value, dict):
        for key, inner in value.items():
            found += places(inner, (*path, key))
    if isinstance(value, list):
        for index, inner in enumerate(value):
            found += places(inner, (*path, index))
    return found


STRANGE = st.one_of(
    st.integers(-(2**70), 2**70),
    st.integers(-3, 70),
    st.sampled_from([None, True, "", "relu", "tier", [], [1], {}, [[1]], 0.5, 2**63, -(2**63)]),
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), reveal=st.sampled_from(["tier", "score"]))
def test_any_change_is_harmless_or_a_typed_error(data: st.DataObject, reveal: str) -> None:
    raw = json.loads(document(reveal))
    path = data.draw(st.sampled_from(places(raw)))
    target = raw
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = data.draw(STRANGE)
    try:
        plan = Plan.from_json(json.dumps(raw))
        IntegerModel(plan, SCHEMA).run(np.array([[0, 5, -64], [63, 63, 63]], dtype=np.int64))
        lower(SCHEMA, plan)
    except VerdictError:
        pass


def test_plans_hold_no_floats_and_sorted_keys() -> None:
    for reveal in ("tier", "score"):
        text = document(reveal)
        assert json.dumps(json.loads(text), sort_keys=True, separators=(",", ":")) == text
        json.loads(text, parse_float=lambda number: (_ for _ in ()).throw(AssertionError(number)))
