"""One-hot vectors, built on a thermometer: g_j = (index ≥ j).

Statement: index is one of 0 .. k-1, h_j = 1 for j = index and 0 elsewhere.
Construction: g_1 boolean and g_{j+1}·(g_j - g_{j+1}) = 0, so each g_{j+1} is 0 or equal to g_j: ones, then zeros.
Their sum is the index (g_1 is not a wire but index - Σ_{j≥2} g_j), and h_j = g_j - g_{j+1} with g_0 = 1, g_k = 0.
Constraints per index: k - 1 (boolean digits and a sum row would cost k). Wires: k - 2.
Soundness: by induction every g_j is boolean and descending; k ≤ p makes their sum determine them. Nothing is assumed
about the index.
Source: thermometer (unary) codes as in Knuth's order encoding; DESIGN §3 asks for one-hots of categories.
"""

from __future__ import annotations

import numpy as np

from prover.constraint.csr import IntMatrix
from prover.constraint.linear import LinearVector
from prover.constraint.system import ConstraintSystem
from prover.errors import MalformedCircuitError
from prover.gadgets.boolean import boolean


def one_hot(cs: ConstraintSystem, index: LinearVector, k: int, origin: str) -> LinearVector:
    """Prove 0 ≤ index < k and return the one-hot forms: k per index, index after index."""
    return differences(cs, thermometer(cs, index, k, origin), len(index), k)


def thermometer(cs: ConstraintSystem, index: LinearVector, k: int, origin: str) -> LinearVector:
    """Prove 0 ≤ index < k and return g_j = (index ≥ j) for j = 1..k-1: k - 1 per index, index after index."""
    m = len(index)
    if not 1 <= k <= cs.modulus:
        raise MalformedCircuitError(f"{origin}: a one-hot of {k} places")
    if k == 1:
        cs.enforce_zero(index, f"{origin}.zero")
        return cs.constant([])
    params = {"thresholds": np.arange(2, k, dtype=np.int64)}
    wires = cs.solve("thermometer", (index,), m * (k - 2), params, (0, 1), origin=origin)
    columns = np.arange(m * (k - 2), dtype=np.int64)
    ones = np.ones(columns.size, dtype=np.int64)
    first = index - wires.matmul(IntMatrix.from_triples(columns // max(k - 2, 1), columns, ones, (m, columns.size)))
    first = first.with_bounds(0, 1) if first.lo is not None else first
    order = np.argsort(np.concatenate((np.repeat(np.arange(m), k - 2), np.arange(m) - 0.5)), kind="stable")
    steps = LinearVector.concat([wires, first])[order]
    descending(cs, steps, m, k - 1, origin)
    return steps


def descending(cs: ConstraintSystem, steps: LinearVector, m: int, n: int, origin: str) -> None:
    """Prove that each of m runs of n forms is a run of ones followed by a run of zeros."""
    places = np.arange(m * n, dtype=np.int64).reshape(m, n)
    boolean(cs, steps[places[:, 0]], f"{origin}.boolean")
    if n > 1:
        later, earlier = steps[places[:, 1:].reshape(-1)], steps[places[:, :-1].reshape(-1)]
        cs.enforce(later, earlier - later, 0, f"{origin}.descending")


def differences(cs: ConstraintSystem, steps: LinearVector, m: int, k: int) -> LinearVector:
    """h_j = g_j - g_{j+1} for j = 0..k-1, g_0 = 1, g_k = 0, of m runs of k - 1 descending booleans."""
    one, zero = m * (k - 1), m * (k - 1) + 1
    padded = LinearVector.concat([steps, cs.constant([1, 0])])
    places = np.full((m, k + 1), one, dtype=np.int64)
    places[:, 1:k] = np.arange(m * (k - 1)).reshape(m, k - 1)
    places[:, k] = zero
    return (padded[places[:, :-1].reshape(-1)] - padded[places[:, 1:].reshape(-1)]).with_bounds(0, 1)


def one_hot_of(cs: ConstraintSystem, booleans: LinearVector, origin: str) -> LinearVector:
    """Prove that forms given from outside are one-hot: every one boolean, their sum one. k + 1 constraints."""
    checked = boolean(cs, booleans, f"{origin}.boolean")
    cs.enforce_zero(booleans.sum() - 1, f"{origin}.sum")
    return checked
