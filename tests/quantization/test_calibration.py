"""Calibration on the real models: exact decisions, small errors, proven widths, deterministic plans."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from prover.errors import BundleError, InputError, QuantizationError
from prover.graph import import_model
from prover.quantization import IntegerModel, Plan, Request, Settings, calibrate, draw
from prover.quantization.accuracy import compare
from prover.quantization.calibration import probe
from prover.schema import Bool, Fixed, Int, Schema
from tests.quantization.nets import NAMES, mlp, samples, schema_of


@pytest.mark.parametrize("reveal", ["tier", "label", "score"])
@pytest.mark.parametrize("name", NAMES)
def test_no_decision_flips_on_any_sample(models: Path, name: str, reveal: str) -> None:
    rows, expected = samples(models, name)
    schema = schema_of(models, name)
    plan = calibrate(import_model(models / f"{name}.onnx"), schema, rows, request=Request(reveal))
    batch = schema.encode_batch(rows)
    run = IntegerModel(plan, schema).run(batch.codes, batch.missing)
    accuracy = compare(plan, run, expected)
    assert accuracy.samples == 256
    assert (accuracy.decision_flips, accuracy.label_flips, accuracy.tier_flips) == (0, 0, 0)
    assert accuracy.max_logit_error is not None
    assert accuracy.max_abs_error is not None
    assert accuracy.max_logit_error <= (0.01 if name.endswith("mlp") else 0.0006)
    assert accuracy.max_abs_error <= 0.002
    probability = expected[:, -1].astype(np.float64)
    wanted = {
        "tier": np.searchsorted([0.5, 0.65, 0.8], probability, side="right"),
        "label": (probability > 0.5).astype(np.int64),
        "score": np.rint(probability * 1e6).astype(np.int64),
    }[reveal]
    slack = 2000 if reveal == "score" else 0
    assert np.abs(run.outputs[:, 0] - wanted).max() <= slack


@pytest.mark.parametrize("name", NAMES)
def test_widths_hold_far_from_the_samples(models: Path, name: str) -> None:
    """Every admitted input stays inside the proven bounds, the corners of the ranges included."""
    rows, _ = samples(models, name)
    schema = schema_of(models, name)
    plan = calibrate(import_model(models / f"{name}.onnx"), schema, rows)
    model = IntegerModel(plan, schema)
    codes = draw(schema, 2000, seed=7).codes
    generator = np.random.default_rng(3)
    lows, highs = (np.array([getattr(f, end) for f in schema.features]) for end in ("lo", "hi"))
    corners = np.where(generator.random((2000, len(schema))) < 0.5, lows, highs).astype(np.int64)
    for inputs in (codes, corners):
        assert np.all(model.run(inputs).outputs >= 0)  # run() itself checks the bounds of every step


def test_plan_is_the_same_in_another_process(models: Path) -> None:
    script = (
        "import sys, numpy as np\n"
        "from prover.graph import import_model\n"
        "from prover.quantization import calibrate\n"
        "from prover.schema import Schema\n"
        "m = sys.argv[1]\n"
        "plan = calibrate(import_model(m + '/loan_mlp.onnx'), Schema.from_json(m + '/loan_schema.json'),"
        " np.load(m + '/loan_mlp.npz')['X'])\n"
        "sys.stdout.write(plan.to_json())\n"
    )
    plans = []
    for seed in ("1", "77"):
        command = [sys.executable, "-c", script, str(models)]
        environment = {"PYTHONHASHSEED": seed, "PYTHONPATH": str(models.parent.parent)}
        plans.append(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)
    assert plans[0] == plans[1]
    assert "." not in plans[0].replace('"model":', "")  # no float anywhere
    assert Plan.from_json(plans[0]).to_json() == plans[0]


def test_saturation_narrows_a_deep_net_and_is_reported() -> None:
    graph = import_model(mlp([6, 24, 24, 24, 24, 1], seed=4, gain=1.3))
    rows = np.random.default_rng(0).normal(size=(128, 6)).astype(np.float32)
    from prover.schema import Fixed, Schema

    schema = Schema("wide", tuple(Fixed(f"x{i}", 1024, -(1 << 20), (1 << 20) - 1) for i in range(6)))
    free = calibrate(graph, schema, rows, settings=Settings(saturation_bits=0))
    capped = calibrate(graph, schema, rows, settings=Settings(saturation_bits=8))
    assert not any("cap" in step.params for step in free.steps)
    assert any("cap" in step.params for step in capped.steps)
    assert capped.steps[-1].inputs.width < free.steps[-1].inputs.width
    batch = schema.encode_batch(rows)
    results = [IntegerModel(plan, schema).run(batch.codes).outputs for plan in (free, capped)]
    assert np.array_equal(*results)  # nothing saturates on the calibration rows
    extreme = np.full((1, 6), (1 << 20) - 1, dtype=np.int64)
    IntegerModel(capped, schema).run(extreme)


def test_without_samples_the_ranges_are_drawn_from(models: Path) -> None:
    schema = schema_of(models, "loan_logistic")
    graph = import_model(models / "loan_logistic.onnx")
    assert calibrate(graph, schema).to_json() == calibrate(graph, schema).to_json()


def test_samples_outside_the_schema_are_named(models: Path) -> None:
    schema = schema_of(models, "loan_logistic")
    graph = import_model(models / "loan_logistic.onnx")
    rows, _ = samples(models, "loan_logistic")
    for column, value in ((1, 121), (4, np.nan), (0, 7), (4, np.inf)):
        wrong = rows.copy()
        wrong[3, column] = value
        with pytest.raises(InputError, match=schema.features[column].name):
            calibrate(graph, schema, wrong)
    with pytest.raises(InputError, match="shape"):
        calibrate(graph, schema, rows[:0])


def test_reference_model_refuses_foreign_codes(models: Path) -> None:
    schema = schema_of(models, "loan_logistic")
    rows, _ = samples(models, "loan_logistic")
    model = IntegerModel(calibrate(import_model(models / "loan_logistic.onnx"), schema, rows), schema)
    codes = schema.encode_batch(rows).codes
    beyond = codes.copy()
    beyond[0, 4] = 1_000_001
    with pytest.raises(InputError, match="credit_amount"):
        model.run(beyond)
    with pytest.raises(InputError, match="int64"):
        model.run(codes[:, :5])
    absent = np.zeros(codes.shape, dtype=np.bool_)
    absent[0, 2] = True
    with pytest.raises(InputError, match="credit_history"):
        model.run(codes, absent)
    with pytest.raises(QuantizationError, match="another schema"):
        IntegerModel(model.plan, schema_of(models, "credit_mlp"))


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[:-1],
        lambda text: text.replace("verdict-integer/1", "verdict-integer/9"),
        lambda text: text.replace('"shift":', '"shift":1.5,"x":', 1) if '"shift":' in text else "[]",
        lambda text: text.replace('"facts":', '"facts":1,"faces":'),
        lambda text: text.replace('"kind":"verdict/v1"', '"kind":"verdict/v9"'),
        lambda text: "{}",
        lambda text: "[" * 100_000,
    ],
)
def test_damaged_plans_are_refused(models: Path, damage: object) -> None:
    schema = schema_of(models, "loan_mlp")
    text = calibrate(import_model(models / "loan_mlp.onnx"), schema, samples(models, "loan_mlp")[0]).to_json()
    with pytest.raises(BundleError):
        Plan.from_json(damage(text))  # type: ignore[operator]


def test_probes_are_random_at_the_ends_and_beside_the_samples() -> None:
    schema = Schema("s", (Int("a", -5, 900), Bool("b"), Fixed("c", 10, 0, 5000, optional=True)))
    near = schema.encode_batch(np.array([[100, 1, 20.0], [300, 0, np.nan]]))
    found = probe(schema, near, 64, seed=3)
    assert found.codes.shape == (64, 3)
    assert np.array_equal(found.codes, probe(schema, near, 64, seed=3).codes)
    ends = np.array([[-5, 0, 0], [900, 1, 5000]])
    assert np.array_equal(found.codes[:32], draw(schema, 32, seed=3).codes)
    assert np.array_equal(found.codes[32:34], ends)
    corners, beside = found.codes[32:48], found.codes[48:]
    assert ((corners == ends[0]) | (corners == ends[1])).all()
    assert len(np.unique(corners, axis=0)) > 4
    distance = np.abs(beside[:, None] - near.codes)[:, :, :2].max(axis=2).min(axis=1)
    assert set(distance.tolist()) <= {0, 1}
    assert distance.any()
    assert found.missing[48:, 2].any()
    assert not found.codes[found.missing].any()
