"""Multiplications on BN254 with py_ecc's curve: the slow half of the reference backend.

Points in and out are affine integers as in :mod:`prover.groth16.points`; inside, py_ecc's projective triples.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, TypeAlias

from py_ecc.fields import optimized_bn128_FQ as FQ
from py_ecc.fields import optimized_bn128_FQ2 as FQ2
from py_ecc.fields import optimized_bn128_FQ12 as FQ12
from py_ecc.optimized_bn128.optimized_curve import G1, G2, Z1, Z2, add, double, is_inf, neg, normalize
from py_ecc.optimized_bn128.optimized_pairing import final_exponentiate
from py_ecc.optimized_bn128.optimized_pairing import pairing as miller_pairing

from prover.field import R
from prover.groth16.points import G1_INFINITY, G2_INFINITY, G1Point, G2Point

Point: TypeAlias = Any
"""A py_ecc projective triple over FQ or FQ2."""

WINDOW = 8
_CURVE_PARAMETER = 4965661367192848881
_LIBFF_MULTIPLE = 2 * _CURVE_PARAMETER * (6 * _CURVE_PARAMETER**2 + 3 * _CURVE_PARAMETER + 1)
"""Factor by which libff's final exponent exceeds (q¹² - 1)/r: Fuentes-Castañeda, Knapp and Rodríguez-Henríquez,
"Faster Hashing to G2" (2011), section 4."""


def load_g1(point: G1Point) -> Point:
    """To py_ecc's form."""
    return Z1 if point == G1_INFINITY else (FQ(point[0]), FQ(point[1]), FQ(1))


def load_g2(point: G2Point) -> Point:
    """To py_ecc's form."""
    return Z2 if point == G2_INFINITY else (FQ2(point[0]), FQ2(point[1]), FQ2([1, 0]))


def store_g1(point: Point) -> G1Point:
    """From py_ecc's form to affine integers."""
    if is_inf(point):
        return G1_INFINITY
    x, y = normalize(point)
    return int(x.n), int(y.n)


def store_g2(point: Point) -> G2Point:
    """From py_ecc's form to affine integers."""
    if is_inf(point):
        return G2_INFINITY
    x, y = normalize(point)
    return (int(x.coeffs[0]), int(x.coeffs[1])), (int(y.coeffs[0]), int(y.coeffs[1]))


class FixedBase:
    """k·P for many k: a table of j·2^(8i)·P for every byte position i and byte j, then one addition a byte."""

    def __init__(self, base: Point) -> None:
        self._zero = (base[0].one(), base[0].one(), base[0].zero())
        self._rows: list[list[Point]] = []
        for _ in range(0, 256, WINDOW):
            row = [self._zero]
            for _ in range(1 << WINDOW):
                row.append(add(row[-1], base))
            base = row.pop()
            self._rows.append(row)

    def times(self, scalar: int) -> Point:
        """scalar·P for scalar in [0, r)."""
        total = self._zero
        for row, digit in zip(self._rows, scalar.to_bytes(32, "little"), strict=True):
            if digit:
                total = add(total, row[digit])
        return total


@cache
def generator_g1() -> FixedBase:
    """The table of G1's generator."""
    return FixedBase(G1)


@cache
def generator_g2() -> FixedBase:
    """The table of G2's generator."""
    return FixedBase(G2)


def multiply_sum(points: Iterable[Point], scalars: Sequence[int], zero: Point) -> Point:
    """Σ sᵢPᵢ by Pippenger's buckets, short scalars apart from long ones.

    Args:
        scalars: in [0, r); one above r/2 counts as -(r - s), so that small negative wires stay small.
        zero: the group's infinity.
    """
    narrow: list[tuple[int, Point]] = []
    wide: list[tuple[int, Point]] = []
    total = zero
    for scalar, point in zip(scalars, points, strict=True):
        if scalar > R // 2:
            scalar, point = R - scalar, neg(point)
        if scalar == 1:
            total = add(total, point)
        elif scalar:
            (narrow if scalar < 1 << 64 else wide).append((scalar, point))
    return add(total, add(_pippenger(narrow, zero), _pippenger(wide, zero)))


def _pippenger(terms: list[tuple[int, Point]], zero: Point) -> Point:
    if not terms:
        return zero
    width = max(2, len(terms).bit_length() - 3)
    bits = max(scalar for scalar, _ in terms).bit_length()
    mask = (1 << width) - 1
    total = zero
    for shift in reversed(range(0, bits, width)):
        for _ in range(width):
            total = double(total)
        buckets: list[Point] = [zero] * (mask + 1)
        for scalar, point in terms:
            digit = (scalar >> shift) & mask
            if digit:
                buckets[digit] = add(buckets[digit], point)
        running = zero
        for bucket in reversed(buckets[1:]):  # Σ j·bucketⱼ as a sum of suffix sums
            running = add(running, bucket)
            total = add(total, running)
    return total


def pairing_product(pairs: Iterable[tuple[Point, Point]]) -> Any:
    """Π e(Pᵢ, Qᵢ) as an FQ12, one final exponentiation for all; pairs are (G1, G2)."""
    product = FQ12.one()
    for left, right in pairs:
        product = product * miller_pairing(right, left, final_exponentiate=False)
    return final_exponentiate(product)


def pairing_is_one(pairs: Iterable[tuple[Point, Point]]) -> bool:
    """EIP-197's question."""
    return bool(pairing_product(pairs) == FQ12.one())


def pairing_tower(left: G1Point, right: G2Point) -> list[list[list[int]]]:
    """e(P, Q) in snarkjs's tower: 2 × 3 × 2 integers.

    py_ecc writes F_q¹² as F_q[w]/(w¹² - 18w⁶ + 82), snarkjs as F_q²[v, w] with v³ = 9 + u, w² = v. Both have
    u = w⁶ - 9, so the coefficient of wᵏ over F_q² is cₖ + 9cₖ₊₆ + cₖ₊₆·u. snarkjs's final exponentiation is libff's,
    whose hard part is a multiple of the exact one.
    """
    value = pairing_product([(load_g1(left), load_g2(right))]) ** _LIBFF_MULTIPLE
    c = [int(coefficient) for coefficient in value.coeffs]
    modulus = FQ.field_modulus
    powers = [[(c[k] + 9 * c[k + 6]) % modulus, c[k + 6]] for k in range(6)]
    return [powers[0::2], powers[1::2]]
