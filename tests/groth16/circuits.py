"""Small constraint systems written by hand, with their witnesses."""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from prover.constraint.r1cs import R1CS, Matrix
from prover.field import R, from_limbs, to_limbs

Row = tuple[dict[int, int], dict[int, int], dict[int, int]]


@dataclass(frozen=True)
class Example:
    """A system and a witness that satisfies it."""

    r1cs: R1CS
    witness: NDArray[np.uint64]

    @property
    def signals(self) -> list[int]:
        return from_limbs(self.witness[1 : 1 + self.r1cs.n_public])

    def with_wire(self, wire: int, value: int) -> NDArray[np.uint64]:
        """The witness with one wire changed."""
        changed = self.witness.copy()
        changed[wire] = to_limbs([value])[0]
        return changed


def from_rows(rows: list[Row], n_wires: int, n_outputs: int, n_public_inputs: int) -> R1CS:
    """An R1CS from rows of {wire: coefficient}."""
    ids: dict[int, int] = {}
    matrices = []
    for column in range(3):
        indptr, wires, coefs = [0], [], []
        for row in rows:
            for wire, value in sorted(row[column].items()):
                wires.append(wire)
                coefs.append(ids.setdefault(value % R, len(ids)))
            indptr.append(len(wires))
        matrices.append(Matrix(np.array(indptr, np.int64), np.array(wires, np.uint32), np.array(coefs, np.uint32)))
    a, b, c = matrices
    starts = np.zeros(1, np.int64)
    return R1CS(n_wires, n_outputs, n_public_inputs, a, b, c, to_limbs(ids), ("toy",), starts)


def cubic(x: int = 3) -> Example:
    """y = x³ + x + 5 with y public."""
    rows: list[Row] = [
        ({2: 1}, {2: 1}, {3: 1}),
        ({3: 1}, {2: 1}, {4: 1}),
        ({4: 1, 2: 1, 0: 5}, {0: 1}, {1: 1}),
    ]
    return Example(from_rows(rows, 5, 1, 0), to_limbs([1, x**3 + x + 5, x, x * x, x**3]))


def random_example(n_constraints: int, n_outputs: int = 2, seed: int = 1, context: int | None = None) -> Example:
    """Random sparse rows over zero, small, negative and field-sized wires; the last public signal is an input.

    Another ``context``, that input's value, gives the same system with another solution.

    Wires: one, outputs, one public input, four private inputs, then a product a row; each output is a sum of products.
    """
    draw = random.Random(seed)
    n_public = n_outputs + 1
    inputs = [draw.choice([0, 1, -1, 7, draw.randrange(R)]) for _ in range(3)] + [draw.randrange(R)]
    values = [1, *[0] * n_outputs, draw.randrange(R), *inputs]
    if context is not None:
        values[n_public] = context
    rows: list[Row] = []

    def form(terms: int) -> dict[int, int]:
        known = [0, *range(n_outputs + 1, len(values))]
        return {draw.choice(known): draw.choice([1, -1, 3, 1 << 40, draw.randrange(1, R)]) for _ in range(terms)}

    def value(linear: dict[int, int]) -> int:
        return sum(coefficient * values[wire] for wire, coefficient in linear.items()) % R

    while len(rows) < n_constraints - n_outputs:
        left, right = form(draw.randrange(1, 4)), form(draw.randrange(1, 4))
        rows.append((left, right, {len(values): 1}))
        values.append(value(left) * value(right) % R)
    for output in range(1, n_outputs + 1):
        linear = {**form(3), n_public: 1}
        rows.append((linear, {0: 1}, {output: 1}))
        values[output] = value(linear)
    return Example(from_rows(rows, len(values), n_outputs, 1), to_limbs(values))
