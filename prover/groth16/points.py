"""Points of BN254's two groups: affine coordinates, their EVM bytes, and membership.

A G1 point is ``(x, y)`` on y² = x³ + 3 over F_q. A G2 point is ``((x0, x1), (y0, y1))`` on the sextic twist
y² = x³ + 3/(9 + u) over F_q² = F_q[u]/(u² + 1), real part first. All-zero coordinates are the point at infinity, as in
EIP-196 and EIP-197. Group arithmetic that proving needs lives in the backends; here is only what reading a key needs.
"""

from __future__ import annotations

from typing import TypeAlias

from prover.field import Q, R

G1Point: TypeAlias = tuple[int, int]
Fq2: TypeAlias = tuple[int, int]
G2Point: TypeAlias = tuple[Fq2, Fq2]

G1_INFINITY: G1Point = (0, 0)
G2_INFINITY: G2Point = ((0, 0), (0, 0))
G1_GENERATOR: G1Point = (1, 2)
G2_GENERATOR: G2Point = (
    (
        10857046999023057135944570762232829481370756359578518086990519993285655852781,
        11559732032986387107991004021392285783925812861821192530917403151452391805634,
    ),
    (
        8495653923123431417604973247489272438418190587263600148770280649306958101930,
        4082367875863433681332203403145435568316851327593401208105741076214120093531,
    ),
)
"""EIP-197's P2, the generator every iden3 key uses as gamma."""


def _mul(a: Fq2, b: Fq2) -> Fq2:
    return (a[0] * b[0] - a[1] * b[1]) % Q, (a[0] * b[1] + a[1] * b[0]) % Q


def _sub(a: Fq2, b: Fq2) -> Fq2:
    return (a[0] - b[0]) % Q, (a[1] - b[1]) % Q


def _inverse(a: Fq2) -> Fq2:
    norm = pow(a[0] * a[0] + a[1] * a[1], -1, Q)
    return a[0] * norm % Q, -a[1] * norm % Q


_TWIST_B = _mul((3, 0), _inverse((9, 1)))


def is_on_g1(point: G1Point) -> bool:
    """Whether coordinates are canonical and the point is on the curve (infinity is). G1 has cofactor 1."""
    x, y = point
    if not (0 <= x < Q and 0 <= y < Q):
        return False
    return point == G1_INFINITY or (y * y - x * x * x - 3) % Q == 0


def is_on_twist(point: G2Point) -> bool:
    """Whether coordinates are canonical and the point is on the twist (infinity is), in whatever subgroup."""
    x, y = point
    if not all(0 <= value < Q for value in (*x, *y)):
        return False
    return point == G2_INFINITY or _sub(_mul(y, y), _mul(_mul(x, x), x)) == _TWIST_B


def is_in_g2(point: G2Point) -> bool:
    """Whether the point is on the twist and in its subgroup of order r, which EIP-197 demands. About 15 ms."""
    return is_on_twist(point) and (point == G2_INFINITY or _times(point, R) is None)


def _times(point: G2Point, scalar: int) -> G2Point | None:
    """Double and add in affine coordinates; None is infinity. For membership only: not constant time."""
    total: G2Point | None = None
    for bit in bin(scalar)[2:]:
        total = _add(total, total)
        if bit == "1":
            total = _add(total, point)
    return total


def _add(left: G2Point | None, right: G2Point | None) -> G2Point | None:
    if left is None or right is None:
        return left if right is None else right
    (x1, y1), (x2, y2) = left, right
    if x1 == x2:
        if y1 != y2 or y1 == (0, 0):
            return None
        square = _mul(x1, x1)
        slope = _mul((3 * square[0], 3 * square[1]), _inverse((2 * y1[0], 2 * y1[1])))
    else:
        slope = _mul(_sub(y2, y1), _inverse(_sub(x2, x1)))
    x3 = _sub(_sub(_mul(slope, slope), x1), x2)
    return x3, _sub(_mul(slope, _sub(x1, x3)), y1)


def negate_g2(point: G2Point) -> G2Point:
    """-P; infinity stays infinity."""
    x, (y0, y1) = point
    return x, (-y0 % Q, -y1 % Q)


def g1_to_evm(point: G1Point) -> bytes:
    """64 bytes, big-endian x then y."""
    return b"".join(value.to_bytes(32, "big") for value in point)


def g2_to_evm(point: G2Point) -> bytes:
    """128 bytes, big-endian, imaginary part first as EIP-197 has it: x1 x0 y1 y0."""
    (x0, x1), (y0, y1) = point
    return b"".join(value.to_bytes(32, "big") for value in (x1, x0, y1, y0))


def g1_from_evm(data: bytes) -> G1Point:
    """The inverse of :func:`g1_to_evm`. No range or curve check."""
    return int.from_bytes(data[:32], "big"), int.from_bytes(data[32:64], "big")


def g2_from_evm(data: bytes) -> G2Point:
    """The inverse of :func:`g2_to_evm`. No range or curve check."""
    x1, x0, y1, y0 = (int.from_bytes(data[start : start + 32], "big") for start in range(0, 128, 32))
    return (x0, x1), (y0, y1)
