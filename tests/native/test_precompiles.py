"""ecadd, ecmul and ecpairing against py-evm's own precompiles (py_ecc underneath)."""

from __future__ import annotations

import random
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from eth.precompiles.ecadd import _ecadd
from eth.precompiles.ecmul import _ecmull
from eth.precompiles.ecpairing import _ecpairing
from eth_utils import ValidationError
from py_ecc import optimized_bn128 as curve

from prover.field import Q, R

WORD_EDGES = [0, 1, 2, 3, Q - 1, Q, Q + 1, R - 1, R, R + 1, (1 << 256) - 1]
"""Words at which a reader of coordinates or scalars can go wrong."""


def words(*values: int) -> bytes:
    return b"".join(value.to_bytes(32, "big") for value in values)


def g1(scalar: int) -> bytes:
    if scalar % R == 0:
        return words(0, 0)
    x, y = curve.normalize(curve.multiply(curve.G1, scalar % R))
    return words(int(x), int(y))


def g2(point: Any) -> bytes:
    if curve.is_inf(point):
        return words(0, 0, 0, 0)
    x, y = curve.normalize(point)
    return words(int(x.coeffs[1]), int(x.coeffs[0]), int(y.coeffs[1]), int(y.coeffs[0]))


def off_subgroup(draw: random.Random) -> Any:
    """A random point of the twist: not of order r, the cofactor being 254 bits long."""
    while True:
        x = curve.FQ2([draw.randrange(Q), draw.randrange(Q)])
        y = square_root(x * x * x + curve.b2)
        if y is not None:
            return (x, y, curve.FQ2.one())


def square_root(value: Any) -> Any:
    """A root in Fq2 for q ≡ 3 (mod 4), or None [Adj and Rodríguez-Henríquez, algorithm 9]."""
    power = value ** ((Q - 3) // 4)
    alpha = power * power * value
    root = power * value
    if alpha == curve.FQ2([Q - 1, 0]):
        root = curve.FQ2([0, 1]) * root
    else:
        root = (curve.FQ2.one() + alpha) ** ((Q - 1) // 2) * root
    return root if root * root == value else None


def pyevm_point(function: Callable[[bytes], Any]) -> Callable[[bytes], bytes]:
    def call(data: bytes) -> bytes:
        x, y = function(data)
        return words(int(x), int(y))

    return call


def pyevm_pairing(data: bytes) -> bytes:
    if len(data) % 192:
        raise ValidationError("length")
    return words(int(_ecpairing(data)))


def agree(ours: Callable[[bytes], bytes], theirs: Callable[[bytes], bytes], data: bytes) -> bool:
    """Same output or both fail. Returns whether they gave one."""
    try:
        expected = theirs(data)
    except ValidationError:
        with pytest.raises(ValueError, match=r"point|coordinate|bytes"):
            ours(data)
        return False
    assert ours(data) == expected, data.hex()
    return True


def points(draw: random.Random) -> bytes:
    """A valid point, infinity, or words from the edges."""
    kind = draw.random()
    if kind < 0.6:
        return g1(draw.choice([0, 1, 2, R - 1, draw.randrange(R)]))
    return words(draw.choice(WORD_EDGES), draw.choice(WORD_EDGES))


def cut(draw: random.Random, data: bytes) -> bytes:
    """Sometimes shorter, sometimes longer."""
    kind = draw.random()
    if kind < 0.2:
        return data[: draw.randrange(len(data) + 1)]
    return data + draw.randbytes(draw.randrange(40)) if kind < 0.4 else data


def test_addition_is_py_evms(native: ModuleType) -> None:
    draw = random.Random(1)
    given = [agree(native.ecadd, pyevm_point(_ecadd), cut(draw, points(draw) + points(draw))) for _ in range(300)]
    assert 50 < sum(given) < 290
    for scalar in (1, 5):  # doubling, and a sum of opposite points
        assert native.ecadd(g1(scalar) * 2) == g1(2 * scalar)
        assert native.ecadd(g1(scalar) + g1(R - scalar)) == words(0, 0)


def test_multiplication_is_py_evms(native: ModuleType) -> None:
    draw = random.Random(2)
    scalars = [*WORD_EDGES, 1 << 255]
    cases = [points(draw) + words(draw.choice([*scalars, draw.getrandbits(256)])) for _ in range(200)]
    given = [agree(native.ecmul, pyevm_point(_ecmull), cut(draw, data)) for data in cases]
    assert 50 < sum(given) < 190


@pytest.mark.parametrize("pairs", [0, 1, 2])
def test_pairing_is_py_evms(native: ModuleType, pairs: int) -> None:
    draw = random.Random(pairs)
    factor = draw.randrange(1, R)
    true = [g1(factor) + g2(curve.G2), g1(R - 1) + g2(curve.multiply(curve.G2, factor))][:pairs]
    assert agree(native.ecpairing, pyevm_pairing, b"".join(true))
    for position in range(pairs):
        wrong = list(true)
        wrong[position] = g1(factor + 1) + true[position][64:]
        assert agree(native.ecpairing, pyevm_pairing, b"".join(wrong))
        infinite = list(true)
        infinite[position] = bytes(192)
        assert agree(native.ecpairing, pyevm_pairing, b"".join(infinite))


def test_pairing_refuses_what_py_evm_refuses(native: ModuleType) -> None:
    draw = random.Random(3)
    good = g1(7) + g2(curve.multiply(curve.G2, 9))
    outside = g2(off_subgroup(draw))
    bad = [good[:-1], good + b"\0", good[:64] + outside, bytes(64) + outside, words(1, 1) + good[64:]]
    for position in range(6):  # each coordinate not below q, in turn
        bad.append(good[: 32 * position] + words(Q) + good[32 * position + 32 :])
    for data in bad:
        assert not agree(native.ecpairing, pyevm_pairing, data)
        if len(data) % 192 == 0:
            assert not agree(native.ecpairing, pyevm_pairing, bytes(192) + data)
