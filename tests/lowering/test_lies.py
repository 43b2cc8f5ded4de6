"""Dishonest witnesses of whole models: no wire can be changed, no stage can be dropped unnoticed."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from prover.compiler import CompiledParts, solve
from prover.constraint import R1CS
from prover.field import R, from_limbs, to_limbs
from prover.testing import omit
from prover.testing.lying import surviving_mutations
from tests.lowering.conftest import Compile
from tests.quantization.nets import samples


def honest(parts: CompiledParts, models: Path, name: str, row: int = 0) -> list[int]:
    encoded = parts.schema.encode(samples(models, name)[0][row])
    return from_limbs(solve(parts.circuit, parts.layout, encoded, salt=9, context=77).witness)


@pytest.mark.parametrize("reveal", ["tier", "label", "score"])
def test_every_wire_of_loan_logistic_is_pinned(compiled: Compile, models: Path, reveal: str) -> None:
    parts = compiled("loan_logistic", reveal)
    witness = honest(parts, models, "loan_logistic")
    wires = range(1, parts.circuit.r1cs.n_wires)
    assert list(surviving_mutations(parts.circuit.r1cs, witness, wires)) == []


def test_sampled_wires_of_loan_mlp_are_pinned(compiled: Compile, models: Path) -> None:
    parts = compiled("loan_mlp", "tier")
    witness = honest(parts, models, "loan_mlp", 3)
    wires = random.Random(1).sample(range(1, parts.circuit.r1cs.n_wires), 300)
    assert list(surviving_mutations(parts.circuit.r1cs, witness, wires)) == []


def lie_about(r1cs: R1CS, program_wires: dict[int, int], witness: list[int]) -> bool:
    """Whether the witness with some wires replaced satisfies every constraint."""
    values = list(witness)
    for wire, value in program_wires.items():
        values[wire] = value % R
    return r1cs.first_violation(to_limbs(values)) is None


def test_another_tier_needs_the_interval_checks(compiled: Compile, models: Path) -> None:
    """With both range checks gone a forged tier passes; with either in place it does not."""
    parts = compiled("loan_logistic", "tier")
    r1cs, program = parts.circuit.r1cs, parts.circuit.program
    witness = honest(parts, models, "loan_logistic")
    assert parts.layout.unpack_outputs([witness[2]]) == [0]
    step = next(step for step in program.steps if step.origin == "probabilities/interval")
    forged = {step.first: 1, step.first + 1: 1, step.first + 2: 1, 2: parts.layout.pack_outputs([3])[0]}
    assert not lie_about(r1cs, forged, witness)
    both = omit(omit(r1cs, "interval.low"), "interval.high")
    assert lie_about(both, forged, witness)
    assert not lie_about(omit(r1cs, "interval.high"), forged, witness)


@pytest.mark.parametrize(
    ("origin", "input_wire", "change"),
    [("input/range", 4, 1_000_001), ("input/range", 1, 127), ("one_hot[10]", 3, 10), ("one_hot[4]", 0, R - 1)],
)
def test_facts_outside_the_schema_violate_their_own_check(
    compiled: Compile, models: Path, origin: str, input_wire: int, change: int
) -> None:
    """The value comes with honest auxiliary wires; test_steps.py shows by exhaustion that no others help."""
    parts = compiled("loan_logistic", "tier")
    r1cs = parts.circuit.r1cs
    witness = honest(parts, models, "loan_logistic")
    witness[parts.circuit.program.slots["offsets"].first + input_wire] = change
    violated = r1cs.first_violation(to_limbs(witness))
    assert violated is not None
    assert origin in r1cs.origin(violated)


def test_another_commitment_does_not_pass(compiled: Compile, models: Path) -> None:
    parts = compiled("loan_logistic", "tier")
    witness = honest(parts, models, "loan_logistic")
    assert not lie_about(parts.circuit.r1cs, {1: 1234567}, witness)
    assert lie_about(omit(parts.circuit.r1cs, "commitment"), {1: 1234567}, witness)


def test_another_context_does_not_pass(compiled: Compile, models: Path) -> None:
    parts = compiled("loan_logistic", "tier")
    witness = honest(parts, models, "loan_logistic")
    assert not lie_about(parts.circuit.r1cs, {3: 78}, witness)
    assert lie_about(omit(parts.circuit.r1cs, "context"), {3: 78}, witness)
