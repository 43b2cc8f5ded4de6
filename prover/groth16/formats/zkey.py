"""The .zkey file: iden3's Groth16 proving key.

Sections (little-endian; points affine, in Montgomery form x·2²⁵⁶ mod q, infinity all zero):

    1  protocol:u32 = 1
    2  n8q q n8r r n_wires n_public domain_size  [α]₁ [β]₁ [β]₂ [γ]₂ [δ]₁ [δ]₂
    3  ICⱼ = [βuⱼ(τ) + αvⱼ(τ) + wⱼ(τ)]₁                    n_public + 1
    4  n:u32 { matrix:u32 row:u32 wire:u32 value·2⁵¹² mod r }   rows of A (0) and B (1); C is never needed
    5  [uⱼ(τ)]₁    6  [vⱼ(τ)]₁    7  [vⱼ(τ)]₂               n_wires each
    8  [(βuⱼ + αvⱼ + wⱼ)(τ) / δ]₁                          n_wires - n_public - 1
    9  [L₂ᵢ₊₁(τ) / δ]₁, L the Lagrange basis of the domain of twice the size      domain_size
    10 circuit hash[64], n:u32, contributions              hash zero and n = 0 for a key made without a ceremony

A has one row more for the constant wire and each public signal, so that no statement can be re-used for another.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from prover.errors import FormatError
from prover.field import Q, R
from prover.groth16.formats.binfile import Buffer, read_sections, section, write_sections
from prover.groth16.formats.elements import is_canonical
from prover.groth16.formats.vkey import VerifyingKey
from prover.groth16.points import G1Point, G2Point

MAGIC, VERSION = b"zkey", 1
MAX_DOMAIN = 1 << 28
COEFFICIENT = np.dtype([("matrix", "<u4"), ("row", "<u4"), ("wire", "<u4"), ("value", "<u8", 4)])
"""One record of section 4; ``value`` is the coefficient times 2⁵¹² mod r."""

G1_SECTIONS = {"ic": 3, "a": 5, "b1": 6, "c": 8, "h": 9}
_FIELDS = struct.pack("<I", 32) + Q.to_bytes(32, "little") + struct.pack("<I", 32) + R.to_bytes(32, "little")
_HEADER_SIZE = len(_FIELDS) + 12 + 3 * 64 + 3 * 128
_TO_MONTGOMERY = (1 << 256) % Q
_FROM_MONTGOMERY = pow(1 << 256, -1, Q)


@dataclass(frozen=True)
class ZKeyHeader:
    """Section 2 without the fields' constants."""

    n_wires: int
    n_public: int
    domain_size: int
    alpha1: G1Point
    beta1: G1Point
    beta2: G2Point
    gamma2: G2Point
    delta1: G1Point
    delta2: G2Point


class ZKey:
    """A proving key on disk, mapped into memory; sections are decoded when they are asked for.

    Opening compares every size with the header. A section's numbers are checked for being canonical when it is read;
    whether a point is on its curve is checked for the verifying key, and by whoever multiplies the others.

    Raises:
        FormatError: not an iden3 Groth16 key over BN254, truncated, or contradicting itself.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._name = name = str(path)
        sections = read_sections(path, MAGIC, VERSION)
        if bytes(section(sections, 1, 4, name)) != struct.pack("<I", 1):
            raise FormatError(f"{name}: not a Groth16 key")
        self.header = header = _parse_header(section(sections, 2, _HEADER_SIZE, name), name)
        n_private = header.n_wires - header.n_public - 1
        counts = {"ic": header.n_public + 1, "a": header.n_wires, "b1": header.n_wires, "c": n_private}
        counts["h"] = header.domain_size
        self._g1 = {key: section(sections, G1_SECTIONS[key], 64 * count, name) for key, count in counts.items()}
        self._b2 = section(sections, 7, 128 * header.n_wires, name)
        self._coefficients = section(sections, 4, None, name)
        if len(self._coefficients) < 4 or len(self._coefficients) != 4 + COEFFICIENT.itemsize * int.from_bytes(
            self._coefficients[:4], "little"
        ):
            raise FormatError(f"{name}: section 4 does not have the size its count implies")

    def g1(self, key: str) -> Iterator[G1Point]:
        """Points of one of the sections ``ic a b1 c h``; raises FormatError when a coordinate is not canonical."""
        body = self._canonical(self._g1[key], key)
        return (_decode_g1(body[start : start + 64]) for start in range(0, len(body), 64))

    def b2(self) -> Iterator[G2Point]:
        """Points of section 7; raises FormatError when a coordinate is not canonical."""
        body = self._canonical(self._b2, "b2")
        return (_decode_g2(body[start : start + 128]) for start in range(0, len(body), 128))

    def coefficients(self) -> NDArray[np.void]:
        """Records of section 4, dtype :data:`COEFFICIENT`.

        Raises:
            FormatError: one lies outside the matrices or is not canonical.
        """
        records = np.frombuffer(self._coefficients, dtype=COEFFICIENT, offset=4)
        if len(records) and (
            records["matrix"].max() > 1
            or records["row"].max() >= self.header.domain_size
            or records["wire"].max() >= self.header.n_wires
        ):
            raise FormatError(f"{self._name}: a coefficient lies outside the matrices")
        if not is_canonical(records["value"], R):
            raise FormatError(f"{self._name}: a coefficient is not below r")
        return records

    def verifying_key(self) -> VerifyingKey:
        """The key's public part; raises FormatError when one of its points is not in its group."""
        header = self.header
        return VerifyingKey(header.alpha1, header.beta2, header.gamma2, header.delta2, tuple(self.g1("ic")))

    def _canonical(self, body: memoryview, key: str) -> memoryview:
        if not is_canonical(np.frombuffer(body, dtype="<u8").reshape(-1, 4), Q):
            raise FormatError(f"{self._name}: a coordinate of {key} is not below q")
        return body


def _parse_header(body: memoryview, name: str) -> ZKeyHeader:
    if bytes(body[: len(_FIELDS)]) != _FIELDS:
        raise FormatError(f"{name}: not over BN254")
    n_wires, n_public, domain_size = struct.unpack_from("<III", body, len(_FIELDS))
    if n_public + 1 > n_wires:
        raise FormatError(f"{name}: {n_public} public signals among {n_wires} wires")
    if domain_size & (domain_size - 1) or not n_public + 1 <= domain_size <= MAX_DOMAIN:
        raise FormatError(f"{name}: domain size {domain_size}")
    points = body[len(_FIELDS) + 12 :]
    if not is_canonical(np.frombuffer(points, dtype="<u8").reshape(-1, 4), Q):
        raise FormatError(f"{name}: a coordinate in the header is not below q")
    return ZKeyHeader(
        n_wires,
        n_public,
        domain_size,
        alpha1=_decode_g1(points[:64]),
        beta1=_decode_g1(points[64:128]),
        beta2=_decode_g2(points[128:256]),
        gamma2=_decode_g2(points[256:384]),
        delta1=_decode_g1(points[384:448]),
        delta2=_decode_g2(points[448:576]),
    )


def write_zkey(
    path: str | os.PathLike[str],
    header: ZKeyHeader,
    coefficients: NDArray[np.void],
    g1: dict[str, list[G1Point]],
    b2: list[G2Point],
) -> Path:
    """Write a key without contributions, atomically and in snarkjs's section order.

    Args:
        coefficients: records of dtype :data:`COEFFICIENT`.
        g1: the points of sections ``ic a b1 c h``.

    Raises:
        StorageError: the disk is full or the directory is not writable.
    """
    fixed = (encode_g1(header.alpha1), encode_g1(header.beta1), encode_g2(header.beta2), encode_g2(header.gamma2))
    points = b"".join((*fixed, encode_g1(header.delta1), encode_g2(header.delta2)))
    sizes = struct.pack("<III", header.n_wires, header.n_public, header.domain_size)
    bodies: dict[int, Buffer] = {number: b"".join(map(encode_g1, g1[key])) for key, number in G1_SECTIONS.items()}
    bodies[1] = struct.pack("<I", 1)
    bodies[2] = _FIELDS + sizes + points
    bodies[4] = struct.pack("<I", len(coefficients)) + coefficients.tobytes()
    bodies[7] = b"".join(map(encode_g2, b2))
    bodies[10] = bytes(64) + struct.pack("<I", 0)
    return write_sections(
        path, MAGIC, VERSION, [(number, bodies[number]) for number in (1, 2, 4, 3, 9, 8, 5, 6, 7, 10)]
    )


def encode_g1(point: G1Point) -> bytes:
    """64 bytes, little-endian Montgomery; infinity is all zero."""
    return b"".join((value * _TO_MONTGOMERY % Q).to_bytes(32, "little") for value in point)


def encode_g2(point: G2Point) -> bytes:
    """128 bytes, real parts first."""
    return encode_g1(point[0]) + encode_g1(point[1])


def _decode_g1(body: memoryview) -> G1Point:
    x, y = (int.from_bytes(body[start : start + 32], "little") * _FROM_MONTGOMERY % Q for start in (0, 32))
    return x, y


def _decode_g2(body: memoryview) -> G2Point:
    return _decode_g1(body[:64]), _decode_g1(body[64:])
