"""Tree ensembles as circuits: costs, witnesses, and lies about intervals, branches, leaves and near ties."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from prover.compiler import CompiledParts, compile_model, solve
from prover.errors import UndecidedError
from prover.field import from_limbs, to_limbs
from prover.graph import import_model
from prover.lowering import selection
from prover.lowering.selection import Form, Selection, accumulate
from prover.quantization import IntegerModel, calibrate
from prover.quantization.steps.trees import LISTS
from prover.quantization.trees.forest import Forest
from prover.schema import Bool, EncodedBatch, Int
from prover.schema.schema import Schema
from prover.testing import omit
from prover.testing.lying import surviving_mutations
from tests.lowering.conftest import Compile
from tests.quantization.forests import MODES, aimed, answers, ballots, features, model, one_vote, session, trees, votes
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
    weights = [float(np.float32((1 + (i // 2) / 997) / 91)) for i in range(n)]
    data = ballots(n, [[0, weight] for weight in weights], 0.5 - sum(weights[::2]))
    schema = Schema("votes", tuple(Bool(f"b{i}") for i in range(n)))
    rows = np.zeros((3, n))
    rows[:, ::2] = 1.0
    rows[0, 0], rows[2, 1] = 0.0, 1.0
    parts = compile_model(data, schema=schema, calibration=rows, reveal="label")
    assert (parts.report.refused, parts.report.decision_flips) == (1, 0)
    assert ("samples refused", "1") in parts.report.summary()
    for row, label in ((0, 0), (2, 1)):
        assert solve(parts.circuit, parts.layout, schema.encode(rows[row]), salt=1, context=2).values == (label,)
    with pytest.raises(UndecidedError, match="too close to a threshold"):
        solve(parts.circuit, parts.layout, schema.encode(rows[1]), salt=1, context=2)


def test_vote_ties_are_proved_as_onnxruntime_decides_them() -> None:
    draw = np.random.default_rng(6)
    schema = features(draw, ["int", "int"])
    nodes = trees(draw, 2, 6, 3, VALUES, MODES)
    data = model("TreeEnsembleClassifier", 2, {**nodes, **one_vote(draw, nodes, 3, 1 / 6)}, 3)
    batch = aimed(draw, schema, VALUES, 200)
    parts = compile_model(data, schema=schema, calibration=batch.to_model_rows(), reveal="label")
    assert (parts.report.refused, parts.report.decision_flips) == (0, 0)
    labels, scores = answers(session(data), batch.to_model_rows())
    best = np.sort(scores, axis=1)
    tied = np.flatnonzero(best[:, 2] == best[:, 1])[:5]
    assert tied.size == 5
    for place in tied.tolist():
        encoded = schema.encode(batch.to_model_rows()[place])
        assert solve(parts.circuit, parts.layout, encoded, salt=1, context=2).values == (labels[place],)


def test_the_work_grows_with_the_trees_and_not_with_their_square() -> None:
    """Every leaf counts for three outputs, from above: operations, counted by terms added, are linear in the trees."""
    sizes = []
    for count in (30, 120):
        draw = np.random.default_rng(7)
        nodes = trees(draw, 12, count, 5, VALUES, MODES[:1])
        data = model("TreeEnsembleClassifier", 12, {**nodes, **one_vote(draw, nodes, 3, 1.0)}, 3)
        schema = Schema("many", tuple(Int(f"i{i}", min=-3, max=3) for i in range(12)))
        step = next(step for step in calibrate(import_model(data), schema).steps if step.kind == "trees")
        forest = Forest.read({name: step.integers(name) for name in LISTS})
        added = 0

        def counted(total: Form, form: Form, factor: int = 1) -> None:
            nonlocal added
            added += len(form)
            accumulate(total, form, factor)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(selection, "accumulate", counted)
            Selection(forest).sums(3)
        sizes.append(added)
    assert sizes[1] < 8 * sizes[0]
