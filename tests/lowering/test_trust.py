"""A plan's bounds are claims: no decision rests on one; a false one costs a witness and makes no false proof."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

from prover.compiler import CompiledParts, compile_model, solve
from prover.constraint import ConstraintSystem, LinearVector
from prover.errors import MalformedCircuitError, QuantizationError, VerdictError
from prover.lowering import lower
from prover.lowering.activation import relu
from prover.lowering.functions import function
from prover.lowering.heads import tier
from prover.lowering.integers import remainder
from prover.lowering.logic import choice, compare, equal, one_hot
from prover.lowering.maximum import maximum
from prover.lowering.quantized import requantize
from prover.lowering.sure import SureStep
from prover.lowering.tree import cuts, trees
from prover.quantization import IntegerModel, LinearForms, Plan, Step
from prover.quantization.intervals import unknown
from prover.quantization.sparse import Sparse
from prover.quantization.steps import step_kind
from prover.schema import Int, Schema
from prover.testing import all_witnesses, build_circuit
from tests.lowering.conftest import Compile
from tests.lowering.test_steps import SMALL_TABLE, Lower
from tests.quantization.nets import model, samples

P = 509
Range = tuple[int, int]
TREE: dict[str, int | tuple[int, ...]] = {
    "atoms": (2,), "set_groups": (0,), "set_starts": (0, 2), "set_runs": (1, 2), "nodes": (0, -1, -2), "roots": (0,),
    "leaf_starts": (0, 1, 2), "leaf_outputs": (0, 0), "leaf_values": (5, 1), "base": (0,),
}  # fmt: skip

THREE = TREE | {
    "atoms": (3,), "set_starts": (0, 2, 4), "set_groups": (0, 0), "set_runs": (2, 3, 1, 3),
    "nodes": (0, -1, -2, 1, 0, -3), "roots": (1,), "leaf_starts": (0, 1, 2, 3),
    "leaf_outputs": (0, 0, 0), "leaf_values": (7, 3, 1),
}  # fmt: skip
"""A tree that asks twice about one group: 1, 3 or 7."""


@dataclass(frozen=True)
class Case:
    """A step over wires.

    Attributes:
        claimed: the plan's bounds of every input.
        sure: where the inputs really may lie.
    """

    kind: str
    lower: Lower
    claimed: tuple[Range, ...]
    sure: tuple[Range, ...]
    params: dict[str, int | tuple[int, ...]]
    outputs: int = 1

    def step(self) -> Step:
        n = len(self.claimed)
        low, high = np.array(self.claimed, dtype=np.int64).T
        forms = LinearForms(Sparse.selection(np.arange(n), n), np.zeros(n, np.int64), low, high)
        ends = np.full(self.outputs, -(1 << 40)), np.full(self.outputs, 1 << 40)
        return Step(self.kind, "node", forms, *ends, 0, 0, dict(self.params))

    def lies(self, ends: tuple[Range, ...] | None) -> list[tuple[int, ...]]:
        """Inputs for which some witness has other outputs than the step's semantics, when ``ends`` count as sure."""
        step, n = self.step(), len(self.claimed)
        least, most = np.array(ends, dtype=np.int64).T if ends is not None else unknown(n)
        certain = replace(SureStep.of(step, least, most), descends=np.full(n - 1, ends == self.claimed))

        def build(cs: ConstraintSystem) -> LinearVector:
            inputs = cs.private("x", n, (step.inputs.lo, step.inputs.hi))
            # Inputs that no output reads are still wires.
            return LinearVector.concat([self.lower(cs, certain, inputs), inputs])

        circuit = build_circuit(build, P)
        first, outputs = circuit.program.slots["x"].first, circuit.publics["outputs"]
        found = []
        for x in itertools.product(*(range(lo, hi + 1) for lo, hi in self.sure)):
            wanted = [int(value) % P for value in step_kind(self.kind).evaluate(step, np.array([x]))[0]]
            fixed = {first + place: value for place, value in enumerate(x)}
            for witness in itertools.islice(all_witnesses(circuit.r1cs, fixed), 50):
                if [witness[wire] for wire in outputs][: self.outputs] != wanted:
                    found.append(x)
                    break
        return found


def levels(**params: int | tuple[int, ...]) -> dict[str, int | tuple[int, ...]]:
    return {"low": 0, "bits": 2, **params}


def table(*thresholds: int) -> dict[str, int | tuple[int, ...]]:
    return levels(divisors=(0,), tables=(0,), counts=(len(thresholds),), bases=(0,), cuts=thresholds)


CASES = {
    "dead neuron": Case("relu", relu, ((-8, 0),), ((-8, 7),), {"shift": 0}),
    "dead neuron, shifted": Case("relu", relu, ((-8, 1),), ((-8, 7),), {"shift": 1}),
    "positive neuron": Case("relu", relu, ((0, 7),), ((-8, 7),), {"shift": 0}),
    "neuron below its cap": Case("relu", relu, ((-8, 1),), ((-8, 7),), {"shift": 0, "cap": 1}),
    "positive neuron below its cap": Case("relu", relu, ((0, 1),), ((0, 7),), {"shift": 0, "cap": 1}),
    "positive neuron below its cap, shifted": Case("relu", relu, ((2, 7),), ((0, 15),), {"shift": 1, "cap": 3}),
    "comparison, true": Case("compare", compare, ((0, 7),), ((-8, 7),), {}),
    "comparison, false": Case("compare", compare, ((-8, -1),), ((-8, 7),), {}),
    "equality, true": Case("equal", equal, ((0, 0),), ((-2, 2),), {}),
    "equality, false": Case("equal", equal, ((1, 7),), ((0, 7),), {}),
    "maximum, left": Case("maximum", maximum, ((3, 4), (-2, 2)), ((-2, 4), (-2, 4)), {"k": 2}),
    "maximum, right": Case("maximum", maximum, ((-2, 2), (3, 4)), ((-2, 4), (-2, 4)), {"k": 2}),
    "maximum, then dead": Case("maximum", maximum, ((-4, 0), (-4, 0)), ((-4, 3), (-4, 3)), {"k": 2, "shift": 0}),
    "tier passed": Case("tier", tier, ((3, 7),), ((0, 7),), {"base": 0, "thresholds": (2,)}),
    "tier not passed": Case("tier", tier, ((0, 3),), ((0, 7),), {"base": 0, "thresholds": (5,)}),
    "tier beside an open one": Case("tier", tier, ((0, 5),), ((0, 15),), {"base": 0, "thresholds": (3, 6)}),
    "tiers beside open ones": Case("tier", tier, ((2, 9),), ((0, 15),), {"base": 0, "thresholds": (1, 4, 6, 11)}),
    "cut reached": Case("cuts", cuts, ((3, 7),), ((0, 7),), {"features": (-1,), "counts": (1,), "thresholds": (2,)}),
    "cut beside an open one": Case(
        "cuts", cuts, ((0, 4),), ((0, 15),), {"features": (-1,), "counts": (2,), "thresholds": (2, 6)}, 2
    ),
    "condition": Case("select", choice, ((0, 1), (3, 3), (5, 5)), ((-1, 2), (3, 3), (5, 5)), {}),
    "one-hot": Case("one_hot", one_hot, ((1, 2),), ((0, 3),), {"k": 4}, 4),
    "atom": Case("trees", trees, ((0, 1),), ((-1, 2),), TREE),
    "atoms": Case("trees", trees, ((0, 1), (0, 1)), ((0, 1), (0, 2)), THREE),
    "quotient of a remainder": Case("remainder", remainder, ((3, 5),), ((0, 8),), {"divisors": (3,)}),
    "argument of a function": Case(
        "function", function, ((2, 2),), ((-4, 7),), {"shift": 0, "out_shift": 1, **SMALL_TABLE}
    ),
    "argument of a sigmoid": Case(
        "sigmoid", function, ((4, 5),), ((-8, 7),), {"shift": 1, "out_shift": 1, **SMALL_TABLE}
    ),
    "dead level": Case("requantize", requantize, ((-8, 1),), ((-8, 7),), levels(divisors=(2,))),
    "level as it is": Case("requantize", requantize, ((0, 3),), ((-8, 7),), levels(divisors=(1,))),
    "level below the highest": Case("requantize", requantize, ((-16, 7),), ((-16, 15),), levels(divisors=(2,))),
    "quotient below the highest": Case("requantize", requantize, ((-48, 11),), ((-48, 23),), levels(divisors=(3,))),
    "level of a table": Case("requantize", requantize, ((3, 7),), ((0, 7),), table(2)),
    "levels of a table": Case("requantize", requantize, ((1, 4),), ((-3, 7),), table(0, 2, 3, 6)),
}  # fmt: skip

PROVEN = ("one-hot", "levels of a table", "tiers beside open ones", "cut beside an open one")
"""Claims that their own constraints prove: nothing rests on them being sure."""

DECIDED = [name for name in CASES if name not in PROVEN]


@pytest.mark.parametrize("name", CASES)
def test_no_witness_lies_whatever_the_plan_claims(name: str) -> None:
    case = CASES[name]
    assert case.lies(case.sure) == []
    if name not in ("condition", "atom"):  # with nothing known of them at all they are the same
        assert case.lies(None) == []


@pytest.mark.parametrize("name", DECIDED)
def test_each_of_these_decisions_would_let_a_lie_through(name: str) -> None:
    """With the claims taken for sure, as a decision needs them: the test above can fail."""
    case = CASES[name]
    assert case.lies(case.claimed)


def collapsed(forms: LinearForms, values: np.ndarray[tuple[int], np.dtype[np.int64]]) -> LinearForms:
    """The forms, said to have the values of one input always."""
    return replace(forms, lo=values, hi=values)


@pytest.mark.parametrize(
    ("name", "reveal"),
    [("loan_mlp", "tier"), ("loan_xgboost", "tier"), ("credit_forest", "label"), ("loan_logistic", "score")],
)
def test_a_plan_that_claims_one_answer_for_all_proves_none_that_is_false(
    compiled: Compile, models: Path, name: str, reveal: str
) -> None:
    """Step by step: its forms are said to be what one sample makes them; the other samples have their own answer or no
    proof."""
    parts = compiled(name, reveal)
    batch = parts.schema.encode_batch(samples(models, name)[0][:40])
    run = IntegerModel(parts.plan, parts.schema).run(batch.codes, batch.missing)
    others = [int(np.flatnonzero((run.outputs != run.outputs[0]).any(axis=1))[0]), 1, 2]
    refused = 0
    for place, step in enumerate(parts.plan.steps):
        claimed = replace(step, inputs=collapsed(step.inputs, run.inputs[place][0]))
        steps = (*parts.plan.steps[:place], claimed, *parts.plan.steps[place + 1 :])
        try:
            circuit = lower(parts.schema, replace(parts.plan, steps=steps))
        except (QuantizationError, MalformedCircuitError):
            refused += 1
            continue
        for row in others:
            try:
                values = solve(circuit, parts.layout, batch[row], salt=1, context=2).values
            except VerdictError:
                refused += 1
                continue
            assert list(values) == run.outputs[row].tolist(), (step.kind, row)
    assert refused


def small() -> CompiledParts:
    """y = relu(a + b) + relu(b - a)."""
    nodes = [
        helper.make_node("MatMul", ["X", "W"], ["h"], "first"),
        helper.make_node("Relu", ["h"], ["r"], "relu"),
        helper.make_node("MatMul", ["r", "V"], ["y"], "second"),
    ]
    weights = {"W": np.float32([[1, -1], [1, 1]]), "V": np.float32([[1], [1]])}
    schema = Schema("s", (Int("a", -10, 10), Int("b", -10, 10)))
    rows = np.random.default_rng(1).integers(-10, 11, (60, 2)).astype(np.float32)
    onnx = model(nodes, weights, 2, {"y": (TensorProto.FLOAT, [1, 1])})
    return compile_model(onnx, schema=schema, calibration=rows)


def with_step(plan: Plan, kind: str, **changes: object) -> Plan:
    """The plan with fields of its first step of a kind replaced; ``inputs`` by a dict of fields of its own."""
    place = next(place for place, step in enumerate(plan.steps) if step.kind == kind)
    step = plan.steps[place]
    if isinstance(changes.get("inputs"), dict):
        changes["inputs"] = replace(step.inputs, **changes["inputs"])
    return replace(plan, steps=(*plan.steps[:place], replace(step, **changes), *plan.steps[place + 1 :]))  # type: ignore[arg-type]


def test_neurons_claimed_dead_are_alive() -> None:
    parts = small()
    step = next(step for step in parts.plan.steps if step.kind == "relu")
    circuit = lower(parts.schema, with_step(parts.plan, "relu", inputs={"hi": np.zeros_like(step.inputs.hi)}))
    batch = parts.schema.encode_batch(np.float32([[7, 3], [-7, 3], [-9, -1]]))
    wanted = IntegerModel(parts.plan, parts.schema).run(batch.codes).outputs
    assert wanted[0] > 0
    for row in range(3):  # digits wide enough for the negative numbers hold the positive ones too
        assert list(solve(circuit, parts.layout, batch[row], salt=1, context=2).values) == wanted[row].tolist()


def test_bounds_that_contradict_the_schema_are_refused() -> None:
    parts = small()
    step = next(step for step in parts.plan.steps if step.kind == "relu")
    far = np.full_like(step.inputs.lo, 1 << 50)
    for changes in (
        {"inputs": {"lo": far, "hi": far}},
        {"inputs": {"lo": -far, "hi": -far}},
        {"inputs": {"lo": step.inputs.hi, "hi": step.inputs.lo}},
        {"lo": -far, "hi": -far},
        {"lo": far, "hi": far},
    ):
        with pytest.raises(QuantizationError, match="contradict"):
            lower(parts.schema, with_step(parts.plan, "relu", **changes))


def test_a_form_that_names_a_fact_twice_is_refused() -> None:
    """Two terms of one label would look like two labels of a category, of which one always counts."""
    parts = small()
    step = next(step for step in parts.plan.steps if step.kind == "relu")
    matrix = step.inputs.matrix
    twice = Sparse(matrix.indptr, np.zeros_like(matrix.cols), matrix.data, matrix.n_cols)
    with pytest.raises(QuantizationError, match="ascend"):
        lower(parts.schema, with_step(parts.plan, "relu", inputs={"matrix": twice}))


def test_a_value_that_is_said_to_be_small_does_not_reach_into_the_next_lane() -> None:
    parts = small()
    outputs = parts.plan.outputs
    wide = replace(
        outputs,
        matrix=outputs.matrix.with_data(outputs.matrix.data << 45),
        lo=np.zeros_like(outputs.lo),
        hi=np.full_like(outputs.hi, 100),
    )
    circuit = lower(parts.schema, replace(parts.plan, outputs=wide))
    encoded = parts.schema.encode_batch(np.float32([[7, 3], [-7, 0]]))
    with pytest.raises(VerdictError):
        solve(circuit, parts.layout, encoded[0], salt=1, context=2)
