"""The input commitment in circuit: packed offsets through Poseidon, as :mod:`prover.schema.commitment` does."""

from __future__ import annotations

import numpy as np

from prover.constraint import ConstraintSystem, LinearVector
from prover.gadgets.pack import pack
from prover.gadgets.poseidon import poseidon
from prover.lowering.facts import FactWires
from prover.schema import Schema
from prover.schema.commitment import blocks, initial_state

SALT = "salt"
"""Witness input: one field element."""


def lower_commitment(cs: ConstraintSystem, schema: Schema, facts: FactWires) -> LinearVector:
    """``inputCommitment`` of the checked facts under a private salt, as one wide form."""
    salt = cs.private(SALT, 1, None)
    plan = schema.packing
    optional = [index for index, feature in enumerate(schema.features) if feature.optional]
    wires = LinearVector.concat([facts.offsets, facts.missing]) if optional else facts.offsets
    spans = [feature.span for feature in schema.features] + [1] * len(optional)
    place = {("value", index): index for index in range(len(schema.features))}
    place |= {("missing", index): len(schema.features) + position for position, index in enumerate(optional)}
    order = np.array([place[item.kind, item.feature] for item in plan.fields], dtype=np.int64)
    values = wires[order].with_bounds(0, np.array(spans, dtype=np.int64)[order])
    with cs.scope("commitment"):
        places = np.array([(item.element, item.shift, item.width) for item in plan.fields], dtype=np.int64)
        elements = pack(cs, values, places[:, 0], places[:, 1], places[:, 2])
        state, digest = initial_state(schema.hash), salt
        for start, end in blocks(plan.n_elements):
            block = LinearVector.concat([digest, elements[slice(start, end)]])
            digest = poseidon(cs, block, state, origin=f"poseidon[{start}]")
    return digest
