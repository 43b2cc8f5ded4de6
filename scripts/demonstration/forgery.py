"""What a forger can do to a Groth16 proof without knowing its witness: turn it into another valid one."""

from __future__ import annotations

import secrets

from py_ecc import optimized_bn128 as curve

from prover.field import R
from prover.groth16 import Proof


def rerandomise(proof: Proof) -> Proof:
    """A proof of the same statement in other bytes: (A, B, C) becomes (A·s⁻¹, B·s, C) for a random s.

    e(A·s⁻¹, B·s) = e(A, B), so the verification equation still holds. This is why proof bytes are never a nonce.
    """
    scalar = 1 + secrets.randbelow(R - 1)
    a = curve.multiply(_g1(proof.a), pow(scalar, -1, R))
    b = curve.multiply(_g2(proof.b), scalar)
    ax, ay = curve.normalize(a)
    bx, by = curve.normalize(b)
    return Proof.from_points((int(ax), int(ay)), (tuple(map(int, bx.coeffs)), tuple(map(int, by.coeffs))), proof.c)


def _g1(point: tuple[int, int]) -> tuple[curve.FQ, curve.FQ, curve.FQ]:
    return curve.FQ(point[0]), curve.FQ(point[1]), curve.FQ(1)


def _g2(point: tuple[tuple[int, int], tuple[int, int]]) -> tuple[curve.FQ2, curve.FQ2, curve.FQ2]:
    return curve.FQ2(list(point[0])), curve.FQ2(list(point[1])), curve.FQ2([1, 0])
