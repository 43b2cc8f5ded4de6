"""The private input in circuit: one wire per feature, checked to be an admitted code, and taken apart into slots.

A wire holds the packed offset, code - lo (0 when missing), so that the commitment reads the same wires. Statement:
every offset is in 0 .. hi - lo; every missing flag is boolean and a missing feature has offset 0; a category's slots
are its one-hot. Costs: a bool 1 constraint, a number the bit length of its range, a category of k labels k - 1, an
optional feature 2 more. A number that a later step cuts into intervals is bounded there, and costs nothing here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from prover.constraint import ConstraintSystem, LinearVector
from prover.gadgets.boolean import boolean
from prover.gadgets.one_hot import one_hot
from prover.gadgets.range import range_exact
from prover.quantization import FactSpace
from prover.schema import Schema

OFFSETS = "offsets"
"""Witness input: int64[d], code - lo of every feature, 0 where missing."""

MISSING = "missing"
"""Witness input: int64[number of optional features], 1 where missing."""


@dataclass(frozen=True)
class FactWires:
    """The checked private input.

    Attributes:
        slots: one form per fact slot, in the integer program's order.
        offsets: one form per feature.
        missing: one form per optional feature, in schema order.
    """

    slots: LinearVector
    offsets: LinearVector
    missing: LinearVector


def lower_facts(cs: ConstraintSystem, schema: Schema, ranged: frozenset[int] = frozenset()) -> FactWires:
    """Allocate and check the private input of ``schema``.

    Args:
        ranged: numeric features whose offset a later step proves to lie in its range; they are not checked here.
    """
    features = schema.features
    space = FactSpace.of(schema)
    spans = np.array([feature.span for feature in features], dtype=np.int64)
    optional = np.flatnonzero([feature.optional for feature in features])
    sizes = np.array([fact.count if fact.is_category else 0 for fact in space.features], dtype=np.int64)
    with cs.scope("input"):
        offsets = cs.private(OFFSETS, len(features), (np.zeros_like(spans), spans))
        missing = cs.constant([])
        if optional.size:
            missing = boolean(cs, cs.private(MISSING, optional.size, (0, 1)), "missing.boolean")
            cs.enforce(missing, offsets[optional], 0, "missing.zero")
        numbers = np.flatnonzero(sizes == 0)
        forms: list[LinearVector] = []
        places: list[int] = []
        if numbers.size:
            own = numbers[~np.isin(numbers, list(ranged))]
            if own.size:
                range_exact(cs, offsets[own], 0, spans[own], "range")
            checked = offsets[numbers].with_bounds(0, spans[numbers])
            forms.append(_codes(space, checked, numbers, optional, missing))
            places += [space.features[index].start for index in numbers.tolist()]
        for size in np.unique(sizes[sizes > 0]).tolist():
            members = np.flatnonzero(sizes == size)
            hot = one_hot(cs, offsets[members], size, f"one_hot[{size}]")
            forms.append(_present(hot, size, members, optional, missing))
            places += [space.features[i].start + label for i in members.tolist() for label in range(size)]
        if optional.size:
            forms.append(missing)
            places += [space.features[index].missing for index in optional.tolist()]
    slots = LinearVector.concat(forms)[np.argsort(np.array(places), kind="stable")]
    return FactWires(slots.with_bounds(space.lo, space.hi), offsets, missing)


def _codes(
    space: FactSpace,
    offsets: LinearVector,
    numbers: np.ndarray[tuple[int], np.dtype[np.int64]],
    optional: np.ndarray[tuple[int], np.dtype[np.int64]],
    missing: LinearVector,
) -> LinearVector:
    """``offset + lo`` where present, 0 where missing."""
    lows = np.array([space.features[index].feature.lo for index in numbers.tolist()], dtype=np.int64)
    codes = offsets + lows
    both = np.flatnonzero(np.isin(numbers, optional))
    if both.size:
        weights = np.zeros((numbers.size, len(missing)), dtype=np.int64)
        weights[both, np.searchsorted(optional, numbers[both])] = -lows[both]
        codes = codes + missing.matmul(weights)
    return codes


def _present(
    hot: LinearVector,
    size: int,
    members: np.ndarray[tuple[int], np.dtype[np.int64]],
    optional: np.ndarray[tuple[int], np.dtype[np.int64]],
    missing: LinearVector,
) -> LinearVector:
    """A missing category has offset 0: its flag takes label 0's slot back."""
    both = np.flatnonzero(np.isin(members, optional))
    if both.size == 0:
        return hot
    weights = np.zeros((len(hot), len(missing)), dtype=np.int64)
    weights[both * size, np.searchsorted(optional, members[both])] = -1
    return hot + missing.matmul(weights)
