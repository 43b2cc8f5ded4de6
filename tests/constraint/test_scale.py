"""A convolutional network's worth of constraints is built, run, checked and stored."""

from __future__ import annotations

import numpy as np

from prover.constraint import Circuit, ConstraintSystem, IntMatrix, LinearVector
from prover.gadgets import argmax, maximum, range_bits, relu_truncate

Shape = tuple[int, int, int]


def convolution(shape: Shape, filters: int, rng: np.random.Generator) -> tuple[IntMatrix, Shape]:
    """5 × 5, stride one, no padding: as lenet5."""
    channels, height, width = shape
    out = (filters, height - 4, width - 4)
    weights = rng.integers(-2000, 2000, (filters, channels, 5, 5))
    o, y, x, c, i, j = np.meshgrid(*(np.arange(n) for n in (*out, channels, 5, 5)), indexing="ij")
    rows, columns = (o * out[1] + y) * out[2] + x, (c * height + y + i) * width + x + j
    size = int(np.prod(out)), int(np.prod(shape))
    return IntMatrix.from_triples(rows.ravel(), columns.ravel(), weights[o, c, i, j].ravel(), size), out


def pooled(v: LinearVector, shape: Shape) -> list[LinearVector]:
    places = np.arange(len(v)).reshape(shape)
    return [v[places[:, i::2, j::2].ravel()] for i in (0, 1) for j in (0, 1)]


def lenet(seed: int) -> Circuit:
    rng = np.random.default_rng(seed)
    cs = ConstraintSystem()
    label = cs.public("label", 1)
    v: LinearVector = range_bits(cs, cs.private("pixels", 784, (0, 255)), 8, "pixels")
    shape: Shape = (1, 28, 28)
    for name, filters in (("conv1", 6), ("conv2", 16)):
        with cs.scope(name):
            matrix, shape = convolution(shape, filters, rng)
            v = relu_truncate(cs, v.matmul(matrix), 10, 512)
            v = cs.materialise(maximum(cs, pooled(v, shape)), "pooled")
            shape = (shape[0], shape[1] // 2, shape[2] // 2)
    for width in (120, 84):
        with cs.scope(f"dense{width}"):
            v = relu_truncate(cs, v.matmul(rng.integers(-2000, 2000, (width, len(v)))), 12)
    scores = v.matmul(rng.integers(-2000, 2000, (10, len(v))))
    cs.bind(label, argmax(cs, [scores[i] for i in range(10)]), "label")
    return cs.compile()


def test_a_network_of_two_hundred_thousand_constraints() -> None:
    circuit = lenet(1)
    pixels = np.random.default_rng(2).integers(0, 256, 784)
    witness = circuit.witness({"pixels": pixels})
    data = circuit.to_bytes()
    copy = Circuit.from_bytes(data)
    assert 150_000 < circuit.r1cs.n_constraints < 250_000
    assert np.array_equal(copy.program.run({"pixels": pixels}), witness)
    assert lenet(1).to_bytes() == data
