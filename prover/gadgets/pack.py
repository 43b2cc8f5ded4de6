"""Packing of range-checked integers into field elements.

Statement: element = Σ value·2^shift over values of known widths that do not overlap, at most 252 bits in all.
Constraints: none; an element is a linear form. Its value is an integer in 0 .. 2^252 - 1 < r, so packing is injective
on range-checked values and never wraps.
Contract: the caller's constraints make each value lie in 0 .. 2^width - 1 (its own range check, digits or one-hot);
the proven bounds are compared with the widths here.
Source: the contract of ``schema/packing.py`` and of the public outputs (DESIGN §3).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from prover.constraint.csr import Ints, canonical, row_numbers
from prover.constraint.linear import LinearVector
from prover.constraint.system import ConstraintSystem
from prover.errors import MalformedCircuitError
from prover.gadgets.bits import MAX_BITS

OUTPUT_OFFSET = 1 << 63
OUTPUT_BITS = 64
OUTPUT_LANES = 3


def pack(
    cs: ConstraintSystem,
    values: LinearVector,
    elements: Sequence[int] | Ints,
    shifts: Sequence[int] | Ints,
    widths: Sequence[int] | Ints,
    origin: str = "pack",
) -> LinearVector:
    """Wide forms, one per element: value i is added to element ``elements[i]`` at bit ``shifts[i]``.

    Raises:
        MalformedCircuitError: places overlap or pass bit 252, or a value's proven bounds leave its width.
    """
    places = [np.asarray(column, dtype=np.int64) for column in (elements, shifts, widths)]
    if any(column.size != len(values) for column in places):
        raise MalformedCircuitError(f"{origin}: {len(values)} values for {[c.size for c in places]} places")
    element, shift, width = places
    lo, hi = values.bounds
    fits = (lo >= 0) & (hi >> np.minimum(width, 62) == 0)
    if not bool(fits.all()):
        i = int(np.flatnonzero(~fits)[0])
        raise MalformedCircuitError(f"{origin}: value {i} lies in [{lo[i]}, {hi[i]}], its place has {width[i]} bits")
    order = np.lexsort((shift, element))
    ends = shift[order] + width[order]
    overlaps = (element[order][1:] == element[order][:-1]) & (shift[order][1:] < ends[:-1])
    if bool(overlaps.any()) or bool((ends > min(MAX_BITS, cs.modulus.bit_length() - 1)).any()):
        raise MalformedCircuitError(f"{origin}: places overlap or pass bit {MAX_BITS}")
    powers = np.array([1 << int(s) for s in shift], dtype=object)
    rows = element[row_numbers(values.indptr)]
    coefs = values.coefs.astype(object) * np.repeat(powers, values.terms)
    n = int(element.max()) + 1 if element.size else 0
    return LinearVector(cs.table, *canonical(n, rows, values.wires, coefs, cs.modulus))


def pack_outputs(cs: ConstraintSystem, values: LinearVector, origin: str = "outputs") -> LinearVector:
    """The public output elements: value + 2^63 in 64-bit lanes, three to an element, unused lanes zero.

    Contract: the caller's constraints keep each value inside its proven bounds, which lie inside [-2^62, 2^62).

    Raises:
        MalformedCircuitError: a value has no proven machine-integer bounds.
    """
    values.bounds  # noqa: B018  (raises when there are none)
    n = -(-len(values) // OUTPUT_LANES)
    lane = np.arange(len(values), dtype=np.int64)
    powers = np.array([1 << (OUTPUT_BITS * int(i)) for i in lane % OUTPUT_LANES], dtype=object)
    rows = lane // OUTPUT_LANES
    term_rows = np.concatenate((rows[row_numbers(values.indptr)], rows))
    wires = np.concatenate((values.wires, np.zeros(len(values), dtype=np.uint32)))
    coefs = np.concatenate((values.coefs.astype(object) * np.repeat(powers, values.terms), powers * OUTPUT_OFFSET))
    return LinearVector(cs.table, *canonical(n, term_rows, wires, coefs, cs.modulus))
