"""The reference model against a second, slow one in unbounded Python integers."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from prover.graph import import_model
from prover.quantization import FactSpace, IntegerModel, LinearForms, Plan, Request, Step, calibrate, draw
from prover.schema import Category, EncodedInput, Schema
from tests.quantization.nets import NAMES, samples, schema_of


def slots_of(schema: Schema, encoded: EncodedInput) -> list[int]:
    """Fact slots, spelled out."""
    slots: list[int] = []
    for feature, code, absent in zip(schema.features, encoded.codes.tolist(), encoded.missing.tolist(), strict=True):
        if isinstance(feature, Category):
            slots += [int(label == code and not absent) for label in range(len(feature.labels))]
        else:
            slots.append(0 if absent else code)
        slots += [int(absent)] if feature.optional else []
    return slots


def forms_of(forms: LinearForms, variables: Sequence[int]) -> list[int]:
    matrix = forms.matrix
    ends, cols, data = matrix.indptr.tolist(), matrix.cols.tolist(), matrix.data.tolist()
    return [
        sum(data[k] * variables[cols[k]] for k in range(ends[i], ends[i + 1])) + int(forms.bias[i])
        for i in range(len(forms))
    ]


def outputs_of(step: Step, x: list[int]) -> list[int]:
    if step.kind == "relu":
        cap = step.params.get("cap", 1 << 200)
        assert isinstance(cap, int)
        return [min(max(value, 0) // 2 ** step.integer("shift"), cap) for value in x]
    if step.kind == "tier":
        return [step.integer("base") + bisect_right(step.integers("thresholds").tolist(), x[0])]
    assert step.kind == "sigmoid"
    z = x[0] // 2 ** step.integer("shift")
    starts, coefficients = step.integers("starts").tolist(), step.integers("coefficients").tolist()
    at, width = bisect_right(starts, z) - 1, len(coefficients) // len(starts)
    powers = reversed(coefficients[at * width : (at + 1) * width])
    return [sum(c * (z - starts[at]) ** k for k, c in enumerate(powers)) // 2 ** step.integer("out_shift")]


def run_slowly(plan: Plan, schema: Schema, encoded: EncodedInput) -> list[int]:
    variables = slots_of(schema, encoded)
    for step in plan.steps:
        variables += outputs_of(step, forms_of(step.inputs, variables))
    return forms_of(plan.outputs, variables)


@pytest.mark.parametrize("reveal", ["tier", "label", "score"])
@pytest.mark.parametrize("name", NAMES)
def test_machine_integers_never_wrap(models: Path, name: str, reveal: str) -> None:
    schema = schema_of(models, name)
    rows, _ = samples(models, name)
    plan = calibrate(import_model(models / f"{name}.onnx"), schema, rows, request=Request(reveal))
    batch = draw(schema, 20, seed=5)
    codes = batch.codes.copy()
    codes[0] = [feature.lo for feature in schema.features]
    codes[1] = [feature.hi for feature in schema.features]
    codes[2:8] = schema.encode_batch(rows[:6]).codes
    fast = IntegerModel(plan, schema).run(codes, batch.missing)
    for index, wanted in enumerate(fast.outputs.tolist()):
        encoded = EncodedInput(schema.features, codes[index], batch.missing[index])
        assert run_slowly(plan, schema, encoded) == wanted


def test_slots_of_optional_features() -> None:
    from prover.schema import Bool, Fixed, Int

    schema = Schema(
        "s",
        (
            Int("i", 3, 9, optional=True),
            Category("c", ("x", "y"), optional=True),
            Bool("b"),
            Fixed("f", 10, -5, 5, optional=True),
        ),
    )
    batch = draw(schema, 64, seed=1)
    assert batch.missing.any()
    fast = FactSpace.of(schema).expand(batch.codes, batch.missing)
    assert fast.tolist() == [slots_of(schema, encoded) for encoded in batch]
    assert np.all(fast >= FactSpace.of(schema).lo)
    assert np.all(fast <= FactSpace.of(schema).hi)
