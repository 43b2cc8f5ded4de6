"""Schema and plan to circuit: input, commitment, program, packed outputs, bound context."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

import prover.lowering
from prover.constraint import Circuit, ConstraintSystem, IntMatrix, LinearVector
from prover.constraint.csr import Ints
from prover.errors import InputError, MalformedCircuitError, QuantizationError
from prover.field import R
from prover.gadgets.bits import unsigned_widths
from prover.gadgets.pack import pack_outputs
from prover.gadgets.range import range_bits
from prover.gadgets.wires import as_wires
from prover.lowering.commitment import SALT, lower_commitment
from prover.lowering.facts import MISSING, OFFSETS, lower_facts
from prover.lowering.sure import SureRanges, SureStep
from prover.lowering.tree import ranged_by_cuts
from prover.lowering.wires import readers, shortened
from prover.quantization import FactSpace, LinearForms, Plan, Step
from prover.quantization.intervals import known
from prover.schema import EncodedInput, Schema

Lowering = Callable[[ConstraintSystem, SureStep, LinearVector], LinearVector]
"""Constraints of one step: linear inputs in, outputs out, equal to the step's integer semantics.

The inputs' bounds are the plan's, claims that may choose widths; what costs no constraint is decided by the sure ones
of the step."""

CONTEXT = "context"
"""Public input: the 253-bit value a proof is bound to."""


def lower(schema: Schema, plan: Plan) -> Circuit:
    """The circuit of a plan. The same bytes for the same arguments, on every machine.

    Raises:
        QuantizationError: the plan belongs to another schema, has a step kind nothing lowers, or claims bounds that
            contradict what the schema and the steps' semantics make sure.
        MalformedCircuitError: the plan's bounds contradict each other.
    """
    if plan.layout.schema_hash != schema.hash:
        raise QuantizationError("the plan was made for another schema", "compile the model again")
    space = FactSpace.of(schema)
    plan.require_facts(space.n_slots)
    cs = ConstraintSystem()
    publics = _public_wires(cs, plan)
    facts, ranges = lower_facts(cs, schema, ranged_by_cuts(plan, space)), SureRanges(space)
    cs.bind(publics["inputCommitment"], lower_commitment(cs, schema, facts), "commitment")
    variables, read = facts.slots, readers(plan)
    for step in plan.steps:
        # Exporters put slashes into node names; in an origin they separate scopes.
        with cs.scope(step.node.strip("/").replace("/", ".") or step.kind):
            try:
                sure = ranges.step(step)
                outputs = _lowering(step)(cs, sure, _forms(cs, variables, step.inputs))
                ranges.append(sure)
                outputs = outputs.with_bounds(step.lo, step.hi)
            except (ValueError, IndexError, OverflowError) as error:
                raise QuantizationError(
                    f"{step.node}: parameters that make no sense: {error}", "compile again"
                ) from error
            outputs = shortened(cs, outputs, read[len(variables) : len(variables) + step.n_outputs])
        variables = LinearVector.concat([variables, outputs])
    revealed = _in_lanes(cs, _forms(cs, variables, plan.outputs), *ranges.of(plan.outputs, "outputs"))
    cs.bind(publics["outputs"], pack_outputs(cs, revealed), "outputs")
    # A row of its own makes the proof depend on the context: rows an iden3 key adds prove nothing about it. A square
    # would be satisfied by -context as well; times one, the context is the only root.
    context = publics[CONTEXT]
    cs.enforce(context, 1, cs.solve("linear", (context,), 1, origin="context"), "context")
    return cs.compile()


def assignments(encoded: EncodedInput, *, salt: int, context: int) -> dict[str, list[int] | NDArray[np.int64]]:
    """Witness inputs of one proof.

    Raises:
        InputError: a salt or context that is not a field element.
    """
    for name, value in ((SALT, salt), (CONTEXT, context)):
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < R:
            raise InputError(f"the {name} is not a field element", "it must be an integer in [0, r)")
    lows = np.array([feature.lo for feature in encoded.features], dtype=np.int64)
    optional = [feature.optional for feature in encoded.features]
    given: dict[str, list[int] | NDArray[np.int64]] = {
        OFFSETS: np.where(encoded.missing, 0, encoded.codes - lows),
        SALT: [salt],
        CONTEXT: [context],
    }
    if any(optional):
        given[MISSING] = encoded.missing[optional].astype(np.int64)
    return given


def _public_wires(cs: ConstraintSystem, plan: Plan) -> Mapping[str, LinearVector]:
    from prover.schema.layout import KINDS

    slots = KINDS[plan.layout.kind]
    return {slot.name: cs.public(slot.name, len(plan.layout.slots[slot.name]), output=slot.computed) for slot in slots}


def _forms(cs: ConstraintSystem, variables: LinearVector, forms: LinearForms) -> LinearVector:
    """The forms over wires. Where large weights meet large coefficients of the variables, those become wires first."""
    matrix = forms.matrix
    weights = IntMatrix(matrix.indptr, matrix.cols, matrix.data, matrix.n_cols)
    known = variables[slice(0, matrix.n_cols)]
    try:
        found = known.matmul(weights)
    except MalformedCircuitError:
        read = np.isin(np.arange(matrix.n_cols), matrix.cols)
        found = as_wires(cs, known, read & (known.terms > 1), "wire").matmul(weights)
    return (found + forms.bias).with_bounds(forms.lo, forms.hi)


def _in_lanes(cs: ConstraintSystem, revealed: LinearVector, least: Ints, most: Ints) -> LinearVector:
    """The revealed values; those that may leave 62 bits are proven not to, or they would reach into other lanes."""
    loose = np.flatnonzero(~known(least, most))
    if loose.size:
        lo, hi = revealed[loose].bounds
        range_bits(cs, revealed[loose] - lo, unsigned_widths(hi - lo), "outputs.range")
    return revealed


def _lowering(step: Step) -> Lowering:
    found = _lowerings().get(step.kind)
    if found is None:
        raise QuantizationError(f"step {step.node!r} has the kind {step.kind!r}, which nothing lowers", "compile again")
    return found


@functools.cache
def _lowerings() -> Mapping[str, Lowering]:
    table: dict[str, Lowering] = {}
    for module in pkgutil.iter_modules(prover.lowering.__path__):
        table |= getattr(importlib.import_module(f"prover.lowering.{module.name}"), "LOWERINGS", {})
    return table
