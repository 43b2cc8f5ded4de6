"""The reference's arithmetic against py_ecc's plain multiplication and against definitions."""

from __future__ import annotations

import random

import pytest
from py_ecc.optimized_bn128.optimized_curve import G1, G2, Z1, Z2, add, eq, multiply

from prover.field import R
from prover.groth16 import curve, domain
from prover.groth16.points import (
    G1_GENERATOR,
    G1_INFINITY,
    G2_GENERATOR,
    G2_INFINITY,
    g1_from_evm,
    g1_to_evm,
    g2_from_evm,
    g2_to_evm,
    is_in_g2,
    is_on_g1,
    is_on_twist,
    negate_g2,
)
from tests.groth16.calls import off_subgroup_point

EDGES = [0, 1, 2, R - 1, R - 2, 2**64 - 1, 2**64, R - 2**64, R // 2, R // 2 + 1, 255, 256]


@pytest.mark.parametrize("scalar", EDGES)
def test_fixed_base_tables(scalar: int) -> None:
    assert eq(curve.generator_g1().times(scalar), multiply(G1, scalar))
    assert eq(curve.generator_g2().times(scalar), multiply(G2, scalar))


@pytest.mark.parametrize(("base", "zero"), [(G1, Z1), (G2, Z2)])
def test_sums_of_products(base: curve.Point, zero: curve.Point) -> None:
    draw = random.Random(7)
    scalars = [*EDGES, *(draw.randrange(R) for _ in range(20)), *(draw.randrange(1 << 30) for _ in range(20))]
    points = [multiply(base, draw.randrange(1, R)) for _ in scalars]
    points[5] = points[6] = points[7]  # equal points meet in one bucket
    expected = zero
    for scalar, point in zip(scalars, points, strict=True):
        expected = add(expected, multiply(point, scalar))
    assert eq(curve.multiply_sum(points, scalars, zero), expected)
    assert eq(curve.multiply_sum([], [], zero), zero)


def test_membership() -> None:
    assert is_on_g1(G1_GENERATOR)
    assert is_on_g1(G1_INFINITY)
    assert not is_on_g1((1, 3))
    assert not is_on_g1((-1, 2))
    assert is_in_g2(G2_GENERATOR)
    assert is_in_g2(G2_INFINITY)
    assert is_in_g2(negate_g2(G2_GENERATOR))
    stray = off_subgroup_point(random.Random(1))
    assert is_on_twist(stray)
    assert not is_in_g2(stray)
    assert not is_on_twist((stray[0], (stray[1][0] ^ 1, stray[1][1])))


def test_evm_bytes_go_round() -> None:
    assert g1_from_evm(g1_to_evm((1, 2))) == (1, 2)
    assert g2_from_evm(g2_to_evm(G2_GENERATOR)) == G2_GENERATOR
    assert int.from_bytes(g2_to_evm(G2_GENERATOR)[:32], "big") == G2_GENERATOR[0][1]


def test_transform_evaluates_and_interpolates() -> None:
    draw = random.Random(3)
    coefficients = [draw.randrange(R) for _ in range(8)]
    omega = domain.root_of_unity(8)
    evaluations = domain.transform(coefficients)
    for index, value in enumerate(evaluations):
        assert value == sum(c * pow(omega, index * power, R) for power, c in enumerate(coefficients)) % R
    assert domain.transform(evaluations, inverse=True) == coefficients
    odd = domain.root_of_unity(16)
    for index, value in enumerate(domain.odd_coset(evaluations)):
        point = pow(odd, 2 * index + 1, R)
        assert value == sum(c * pow(point, power, R) for power, c in enumerate(coefficients)) % R


def test_lagrange_values_interpolate_and_a_point_of_the_domain_is_refused() -> None:
    tau = 123456789
    values = domain.lagrange(4, tau)
    samples = [pow(domain.root_of_unity(4), 3 * index, R) for index in range(4)]  # X³ on the domain
    assert sum(a * b for a, b in zip(values, samples, strict=True)) % R == pow(tau, 3, R)
    with pytest.raises(ZeroDivisionError):
        domain.lagrange(4, domain.root_of_unity(4))


@pytest.mark.parametrize(("rows", "size"), [(1, 1), (2, 2), (3, 4), (4, 4), (5, 8), (512, 512), (513, 1024)])
def test_domain_size(rows: int, size: int) -> None:
    assert domain.domain_size(rows) == size
