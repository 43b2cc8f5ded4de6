"""The Poseidon permutation, circomlib's PoseidonEx: hash of t - 1 elements from an initial state.

Statement: out = first element of Poseidon_t([initial state, inputs]).
Construction: only S-boxes cost: x², x⁴, x⁵ are wires, everything between them (round constants, matrix) is a linear
form. In the partial rounds the forms collect one term per round; they are rebuilt from wires after every full round.
Constraints: 3·(t·R_F + R_P), minus 3 with a constant initial state (the first S-box is a constant): t = 3 costs 240.
Soundness: every wire is a function of the inputs; nothing is assumed about them.
Source: Grassi et al., USENIX Security 2021; parameters as circomlib, from ``prover.schema.poseidon.parameters``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prover.constraint.csr import Coefs, Ints, canonical
from prover.constraint.linear import LinearVector
from prover.constraint.system import ConstraintSystem
from prover.errors import MalformedCircuitError
from prover.schema.poseidon import parameters


@dataclass(frozen=True)
class PoseidonParameters:
    """Constants of one width: ``constants[round][i]``, ``matrix[i][j]``, full and partial rounds."""

    constants: tuple[tuple[int, ...], ...]
    matrix: tuple[tuple[int, ...], ...]
    full_rounds: int
    partial_rounds: int

    @staticmethod
    def circomlib(t: int) -> PoseidonParameters:
        """circomlib's parameters for BN254, 2 ≤ t ≤ 17."""
        constants, matrix, full, partial = parameters(t)
        return PoseidonParameters(constants, matrix, full, partial)


@dataclass(frozen=True, eq=False)
class _Template:
    """Forms over the local basis [1, state_0 .. state_{t-1}, S-box outputs ..].

    ``sbox`` is the input form of every S-box (object[n_boxes, basis]), ``out`` the first output element.
    """

    sbox: NDArray[Any]
    out: NDArray[Any]


def poseidon(
    cs: ConstraintSystem,
    inputs: LinearVector,
    initial_state: int | LinearVector = 0,
    *,
    parameters: PoseidonParameters | None = None,
    origin: str = "poseidon",
) -> LinearVector:
    """The hash of 1 to 16 forms, as one wide linear form.

    Args:
        inputs: t - 1 forms of any field value.
        initial_state: the capacity element: a constant (three constraints cheaper) or one form.
        parameters: other constants, for tests in small fields.
    """
    t = len(inputs) + 1
    params = parameters or PoseidonParameters.circomlib(t)
    if len(params.matrix) != t:
        raise MalformedCircuitError(f"{origin}: parameters of width {len(params.matrix)} for {t - 1} inputs")
    constant = None if isinstance(initial_state, LinearVector) else initial_state % cs.modulus
    start = initial_state if isinstance(initial_state, LinearVector) else cs.constant([initial_state % cs.modulus])
    state = LinearVector.concat([start, inputs])
    template = _template(params, cs.modulus)
    n_boxes, skipped = template.sbox.shape[0], int(constant is not None)
    wires = cs.solve("poseidon", (state,), 3 * (n_boxes - skipped), _step_params(params, skipped), origin=origin)
    square, fourth, fifth = (wires[slice(i, None, 3)] for i in range(3))
    powers = fifth
    if constant is not None:
        first = pow(constant + params.constants[0][0], 5, cs.modulus)
        powers = LinearVector.concat([cs.constant([first]), fifth])
    basis = LinearVector.concat([cs.constant([1]), state, powers])
    x = _apply(cs, template.sbox[skipped:], basis)
    cs.enforce(x, x, square, f"{origin}.square")
    cs.enforce(square, square, fourth, f"{origin}.fourth")
    cs.enforce(fourth, x, fifth, f"{origin}.fifth")
    return _apply(cs, template.out[None, :], basis)


def _step_params(params: PoseidonParameters, skipped: int) -> dict[str, Any]:
    return {
        "t": len(params.matrix),
        "full_rounds": params.full_rounds,
        "partial_rounds": params.partial_rounds,
        "constants": [c for row in params.constants for c in row],
        "matrix": [m for row in params.matrix for m in row],
        "constant": skipped,
    }


def _apply(cs: ConstraintSystem, matrix: NDArray[Any], basis: LinearVector) -> LinearVector:
    """matrix · basis for field-sized entries: object[k, len(basis)] -> k wide forms."""
    rows, columns = np.nonzero(matrix)
    starts, counts = basis.indptr[columns], basis.terms[columns]
    positions: Ints = np.repeat(starts - (np.cumsum(counts) - counts), counts) + np.arange(int(counts.sum()))
    factors: Coefs = np.repeat(matrix[rows, columns], counts)
    coefs = basis.coefs.astype(object)[positions] * factors
    merged = canonical(matrix.shape[0], np.repeat(rows, counts), basis.wires[positions], coefs, cs.modulus)
    return LinearVector(cs.table, *merged)


@lru_cache(maxsize=32)
def _template(params: PoseidonParameters, modulus: int) -> _Template:
    t, full, partial = len(params.matrix), params.full_rounds, params.partial_rounds
    rounds: Sequence[int] = [t] * (full // 2) + [1] * partial + [t] * (full - full // 2)
    n_boxes = sum(rounds)
    size = 1 + t + n_boxes
    matrix = np.array(params.matrix, dtype=object)
    state = np.zeros((t, size), dtype=object)
    for i in range(t):
        state[i, 1 + i] = 1
    sbox = np.zeros((n_boxes, size), dtype=object)
    used, box = 1 + t, 0
    for round_, boxes in enumerate(rounds):
        state[:, 0] += np.array(params.constants[round_], dtype=object)
        for i in range(boxes):
            sbox[box, :used] = state[i, :used] % modulus
            state[i, :used] = 0
            state[i, 1 + t + box] = 1
            box += 1
        used = 1 + t + box
        live = np.flatnonzero((state != 0).any(axis=0))
        state[:, live] = matrix.dot(state[:, live]) % modulus
    return _Template(sbox, state[0])
