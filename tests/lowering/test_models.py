"""The real models as circuits: witness, reference model and public signals agree; costs stay where they were."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prover.compiler import compile_model, solve
from prover.constraint import Circuit
from prover.errors import InputError
from prover.field import R, from_limbs
from prover.lowering import lower
from prover.quantization import IntegerModel, Plan, draw
from prover.schema import EncodedInput, commit
from tests.lowering.conftest import Compile
from tests.lowering.snapshot import RECORDED, REVEALS, layers
from tests.quantization.nets import NAMES, samples

BUDGETS = {"credit_mlp": 1900, "credit_logistic": 500, "loan_logistic": 500}


@pytest.mark.parametrize("name", NAMES)
def test_budgets_hold_in_the_default_mode(compiled: Compile, name: str) -> None:
    parts = compiled(name, "tier")
    assert parts.circuit.r1cs.n_constraints <= BUDGETS.get(name, 2040)
    assert parts.report.constraints == parts.circuit.r1cs.n_constraints


def test_constraint_counts_are_the_recorded_ones(compiled: Compile, repository: Path) -> None:
    """Write the file again with ``python -m tests.lowering.snapshot`` when a change is meant."""
    recorded = json.loads((repository / "tests" / "snapshots" / "constraints.json").read_text())
    counts = {
        name: {reveal: layers(compiled(name, reveal)) for reveal in reveals} for name, reveals in RECORDED.items()
    }
    assert counts == recorded


@pytest.mark.parametrize(("name", "most"), [("digits_cnn", 24_500), ("lenet5", 190_000)])
def test_images_cost_what_was_promised_and_decide_as_the_model_does(compiled: Compile, name: str, most: int) -> None:
    report = compiled(name, "label").report
    assert report.constraints <= most
    assert report.decision_flips == 0
    assert report.max_logit_error is not None
    assert report.max_logit_error <= 0.04


@pytest.mark.parametrize(("name", "count"), [("digits_cnn", 16), ("lenet5", 1)])
def test_images_witness_and_reference_agree(compiled: Compile, models: Path, name: str, count: int) -> None:
    """On samples, and on noise from the whole range of the schema."""
    parts = compiled(name, "label")
    rows, _ = samples(models, name)
    drawn = draw(parts.schema, count)
    for batch in (parts.schema.encode_batch(rows[:count]), drawn):
        run = IntegerModel(parts.plan, parts.schema).run(batch.codes)
        for index in range(count):
            solution = solve(parts.circuit, parts.layout, batch[index], salt=index + 1, context=index)
            assert list(solution.values) == run.outputs[index].tolist()


@pytest.mark.parametrize("reveal", REVEALS)
@pytest.mark.parametrize("name", NAMES)
def test_witness_reference_and_signals_agree_on_all_samples(
    compiled: Compile, models: Path, name: str, reveal: str
) -> None:
    parts = compiled(name, reveal)
    rows, _ = samples(models, name)
    batch = parts.schema.encode_batch(rows)
    run = IntegerModel(parts.plan, parts.schema).run(batch.codes, batch.missing)
    count = 256 if reveal == "tier" else 32
    for index in range(count):
        solution = solve(parts.circuit, parts.layout, batch[index], salt=index + 1, context=index)
        assert list(solution.values) == run.outputs[index].tolist()
        assert parts.layout.slot(solution.public_signals, "context") == (index,)
        if index < 8:
            assert solution.public_signals[0] == commit(parts.schema, batch[index], index + 1)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), name=st.sampled_from(NAMES), reveal=st.sampled_from(REVEALS))
def test_witness_equals_reference_on_every_admitted_input(
    compiled: Compile, data: st.DataObject, name: str, reveal: str
) -> None:
    parts = compiled(name, reveal)
    codes = [
        data.draw(st.one_of(st.sampled_from([f.lo, f.hi]), st.integers(f.lo, f.hi))) for f in parts.schema.features
    ]
    encoded = EncodedInput(parts.schema.features, np.array(codes, dtype=np.int64), np.zeros(len(codes), dtype=np.bool_))
    salt = data.draw(st.one_of(st.integers(0, R - 1), st.sampled_from([0, R - 1])))
    run = IntegerModel(parts.plan, parts.schema).run(encoded.codes[None])
    solution = solve(parts.circuit, parts.layout, encoded, salt=salt, context=R - 1)
    assert list(solution.values) == run.outputs[0].tolist()


def test_the_circuit_follows_from_schema_and_plan_alone(compiled: Compile) -> None:
    for name in NAMES:
        parts = compiled(name, "tier")
        again = lower(parts.schema, Plan.from_json(parts.plan.to_json()))
        assert again.to_bytes() == parts.circuit.to_bytes()
        assert Circuit.from_bytes(again.to_bytes()).to_bytes() == again.to_bytes()


def test_the_same_bytes_in_another_process(compiled: Compile, models: Path) -> None:
    script = (
        "import sys, hashlib, numpy as np\n"
        "from prover.compiler import compile_model\n"
        "from prover.schema import Schema\n"
        "m = sys.argv[1]\n"
        "p = compile_model(m + '/loan_mlp.onnx', schema=Schema.from_json(m + '/loan_schema.json'),"
        " calibration=np.load(m + '/loan_mlp.npz')['X'], reveal='tier')\n"
        "print(hashlib.sha256(p.circuit.to_bytes()).hexdigest())\n"
    )
    here = hashlib.sha256(compiled("loan_mlp", "tier").circuit.to_bytes()).hexdigest()
    for seed in ("3", "4"):
        environment = {"PYTHONHASHSEED": seed, "PYTHONPATH": str(models.parent.parent)}
        command = [sys.executable, "-c", script, str(models)]
        there = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()
        assert there == here


def test_salt_and_context_must_be_field_elements(compiled: Compile, models: Path) -> None:
    parts = compiled("loan_logistic", "tier")
    encoded = parts.schema.encode(samples(models, "loan_logistic")[0][0])
    for salt, context in ((R, 0), (-1, 0), (0, R), (0, -1), (True, 0), (1.0, 0)):
        with pytest.raises(InputError, match="field element"):
            solve(parts.circuit, parts.layout, encoded, salt=salt, context=context)  # type: ignore[arg-type]


def test_inputs_of_another_schema_are_refused(compiled: Compile, models: Path) -> None:
    parts, other = compiled("loan_logistic", "tier"), compiled("credit_logistic", "tier")
    encoded = other.schema.encode(samples(models, "credit_logistic")[0][0])
    with pytest.raises(InputError):
        solve(parts.circuit, parts.layout, encoded, salt=1, context=0)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1_000_001, -1, 0.5])
def test_bad_values_name_the_feature(compiled: Compile, models: Path, value: float) -> None:
    parts = compiled("loan_logistic", "tier")
    row = samples(models, "loan_logistic")[0][0].astype(np.float64)
    row[4] = value
    with pytest.raises(InputError, match="credit_amount"):
        parts.schema.encode(row)


def test_a_derived_schema_takes_encoded_columns_as_categories(models: Path) -> None:
    rows, _ = samples(models, "loan_mlp")
    parts = compile_model(models / "loan_mlp.onnx", calibration=rows)
    kinds = [feature.kind for feature in parts.schema.features]
    assert kinds.count("category") == 11
    assert parts.report.decision_flips == 0


def test_the_last_signal_is_bound_by_a_row_of_its_own(compiled: Compile) -> None:
    parts = compiled("loan_logistic", "tier")
    assert parts.circuit.r1cs.rows_by_origin()["context"] == 1
    batch = parts.schema.encode_batch(np.zeros((1, 17)))
    solution = solve(parts.circuit, parts.layout, batch[0], salt=1, context=5)
    witness = solution.witness.copy()
    assert from_limbs(witness[3:4]) == [5]
    witness[3, 0] = 6
    assert parts.circuit.r1cs.first_violation(witness) is not None
