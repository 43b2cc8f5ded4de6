"""Tree ensembles as circuits: costs, witnesses, and lies about intervals, branches, leaves and near ties."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from prover.compiler import CompiledParts, compile_model, solve
from prover.errors import UndecidedError
from prover.field import from_limbs, to_limbs
from prover.quantization import IntegerModel
from prover.schema import Bool, EncodedBatch
from prover.schema.schema import Schema
from prover.testing import omit
from prover.testing.lying import surviving_mutations
from tests.lowering.conftest import Compile
from tests.quantization.forests import MODES, aimed, features, model, trees, votes
from tests.quantization.nets import TREES, samples

BUDGETS = {"credit_forest": 1100, "credit_xgboost": 900, "loan_xgboost": 700, "loan_forest": 1810}
VALUES = [-2.5, 0.0, 0.5, 1.0, 2.0]

Small = Callable[[int], CompiledParts]


@pytest.fixture(scope="module")
def small() -> Small:
    """A random classifier over every kind of feature; the seed's parity says whether it has two or three classes."""

    @cache
    def get(seed: int) -> CompiledParts:
        draw = np.random.default_rng(seed)
        schema = features(draw, ["int?", "float32?", "category?", "bool", "fixed"])
        classes = [0] if seed % 2 == 0 else [0, 1, 2]
        nodes = trees(draw, 5, 5, 4, VALUES, MODES)
        labels = {"classlabels_int64s": [3, 8] if seed % 2 == 0 else [5, 1, 7]}
        attributes = {**nodes, **votes(draw, nodes, "class", classes, [0.1, 0.0, 0.23, 0.3]), **labels}
        data = model("TreeEnsembleClassifier", 5, attributes, len(labels["classlabels_int64s"]))
        return compile_model(data, schema=schema, reveal="label")

    return get


@pytest.mark.parametrize("name", TREES)
def test_the_real_models_cost_no_more(compiled: Compile, name: str) -> None:
    for reveal in ("tier", "label"):
        parts = compiled(name, reveal)
        assert parts.circuit.r1cs.n_constraints <= BUDGETS[name]
        assert parts.report.decision_flips == 0
        assert parts.report.exactness.startswith("trees: guarded")


@pytest.mark.parametrize("name", TREES)
def test_witness_and_reference_agree(compiled: Compile, models: Path, name: str) -> None:
    parts = compiled(name, "tier")
    batch = parts.schema.encode_batch(samples(models, name)[0])
    run = IntegerModel(parts.plan, parts.schema).run(batch.codes, batch.missing)
    for index in range(0, 256, 16):
        solution = solve(parts.circuit, parts.layout, batch[index], salt=index + 1, context=index)
        assert list(solution.values) == run.outputs[index].tolist()


@pytest.mark.parametrize("seed", range(8))
def test_witness_and_reference_agree_at_thresholds(small: Small, seed: int) -> None:
    parts = small(seed)
    batch = aimed(np.random.default_rng(seed), parts.schema, VALUES, 60)
    run = IntegerModel(parts.plan, parts.schema).run(batch.codes, batch.missing)
    for index in range(len(batch)):
        if run.refused[index]:
            with pytest.raises(UndecidedError):
                solve(parts.circuit, parts.layout, batch[index], salt=1, context=2)
        else:
            solution = solve(parts.circuit, parts.layout, batch[index], salt=1, context=2)
            assert list(solution.values) == run.outputs[index].tolist()


@pytest.mark.parametrize("seed", range(4))
def test_every_wire_is_pinned(small: Small, seed: int) -> None:
    parts = small(seed)
    witness = decided_witness(parts, seed)
    wires = range(1, parts.circuit.r1cs.n_wires)
    assert list(surviving_mutations(parts.circuit.r1cs, witness, wires)) == []


def decided_witness(parts: CompiledParts, seed: int) -> list[int]:
    """An honest witness of an input that is not refused."""
    batch = aimed(np.random.default_rng(seed + 50), parts.schema, VALUES, 40)
    run = IntegerModel(parts.plan, parts.schema).run(batch.codes, batch.missing)
    index = int(np.argmax(~run.refused & ~batch.missing.any(axis=1)))
    return from_limbs(solve(parts.circuit, parts.layout, batch[index], salt=3, context=4).witness)


@pytest.mark.parametrize("name", ["credit_xgboost", "loan_xgboost"])
def test_sampled_wires_of_real_models_are_pinned(compiled: Compile, models: Path, name: str) -> None:
    parts = compiled(name, "tier")
    encoded = parts.schema.encode(samples(models, name)[0][5])
    witness = from_limbs(solve(parts.circuit, parts.layout, encoded, salt=9, context=7).witness)
    wires = random.Random(3).sample(range(1, parts.circuit.r1cs.n_wires), 120)
    assert list(surviving_mutations(parts.circuit.r1cs, witness, wires)) == []


def spliced(parts: CompiledParts, batch: EncodedBatch, mine: int, theirs: int, origins: tuple[str, ...]) -> np.ndarray:
    """The witness of one input with the wires of some steps taken from another's."""
    honest, other = (solve(parts.circuit, parts.layout, batch[i], salt=3, context=4).witness for i in (mine, theirs))
    forged = honest.copy()
    for step in parts.circuit.program.steps:
        if any(origin in step.origin for origin in origins):
            forged[step.first : step.first + step.count] = other[step.first : step.first + step.count]
    assert not np.array_equal(forged, honest)
    return forged


def test_the_intervals_of_another_applicant_do_not_pass(compiled: Compile, models: Path) -> None:
    """Other intervals and all that follows from them violate the cuts, and nothing else but categories' one-hots."""
    parts = compiled("loan_xgboost", "tier")
    rows = samples(models, "loan_xgboost")[0][:24].copy()
    numeric = [place for place, feature in enumerate(parts.schema.features) if feature.kind == "int"]
    rows[:, [place for place in range(17) if place not in numeric]] = 0.0  # applicants that differ in numbers only
    batch = parts.schema.encode_batch(rows)
    run = IntegerModel(parts.plan, parts.schema).run(batch.codes, batch.missing)
    theirs = int(np.argmax(run.outputs[:, 0] != run.outputs[0, 0]))
    assert theirs > 0
    forged = spliced(parts, batch, 0, theirs, ("cuts", "TreeEnsemble", "probabilities", "outputs"))
    violated = parts.circuit.r1cs.first_violation(forged)
    assert violated is not None
    assert "cuts/interval" in parts.circuit.r1cs.origin(violated)
    assert omit(parts.circuit.r1cs, "cuts/interval").first_violation(forged) is None


@pytest.mark.parametrize("origin", ["select", "guard"])
def test_another_branch_or_tier_does_not_pass(compiled: Compile, models: Path, origin: str) -> None:
    parts = compiled("loan_xgboost", "tier")
    batch = parts.schema.encode_batch(samples(models, "loan_xgboost")[0])
    run = IntegerModel(parts.plan, parts.schema).run(batch.codes, batch.missing)
    theirs = int(np.argmax(run.outputs[:, 0] != run.outputs[0, 0]))
    violated = parts.circuit.r1cs.first_violation(spliced(parts, batch, 0, theirs, (origin,)))
    assert violated is not None


def test_a_number_outside_its_range_violates_its_interval(compiled: Compile, models: Path) -> None:
    """Cut features have no range check of their own: their intervals bound them."""
    parts = compiled("loan_forest", "tier")
    program, r1cs = parts.circuit.program, parts.circuit.r1cs
    encoded = parts.schema.encode(samples(models, "loan_forest")[0][0])
    witness = from_limbs(solve(parts.circuit, parts.layout, encoded, salt=9, context=7).witness)
    amount = program.slots["offsets"].first + 4
    for value in (1_000_001, 1 << 40):
        witness[amount] = value
        broken = to_limbs(witness)
        without = omit(omit(r1cs, "commitment"), "outputs")
        violated = without.first_violation(broken)
        assert violated is not None
        assert "cuts/interval" in without.origin(violated)


def test_near_ties_have_no_witness_and_say_so() -> None:
    n = 90
    nodes: dict[str, Any] = {
        "nodes_treeids": [tree for tree in range(n) for _ in range(3)],
        "nodes_nodeids": [0, 1, 2] * n,
        "nodes_modes": ["BRANCH_LEQ", "LEAF", "LEAF"] * n,
        "nodes_featureids": [number for tree in range(n) for number in (tree, 0, 0)],
        "nodes_values": [0.5, 0.0, 0.0] * n,
        "nodes_truenodeids": [1, 0, 0] * n,
        "nodes_falsenodeids": [2, 0, 0] * n,
        "class_treeids": [tree for tree in range(n) for _ in range(2)],
        "class_nodeids": [1, 2] * n,
        "class_ids": [0] * 2 * n,
        "class_weights": [0.0, 1 / n] * n,
        "classlabels_int64s": [0, 1],
    }
    schema = Schema("votes", tuple(Bool(f"b{i}") for i in range(n)))
    rows = np.tril(np.ones((n + 1, n)), -1)  # row i has i votes
    data = model("TreeEnsembleClassifier", n, nodes, 2)
    parts = compile_model(data, schema=schema, calibration=rows, reveal="label")
    assert (parts.report.refused, parts.report.decision_flips) == (1, 0)
    assert ("samples refused", "1") in parts.report.summary()
    for count in (44, 46):
        row = rows[count]
        assert solve(parts.circuit, parts.layout, schema.encode(row), salt=1, context=2).values == (int(count > 45),)
    with pytest.raises(UndecidedError, match="too close to a threshold"):
        solve(parts.circuit, parts.layout, schema.encode(rows[45]), salt=1, context=2)
