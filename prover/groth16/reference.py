"""The reference backend: Groth16 on py_ecc, written from the paper and iden3's formats, sharing no code with the core.

It reads and writes the same files as the native backend, slowly: a few seconds for five hundred constraints. Setup and
proof follow Groth, "On the Size of Pairing-based Non-interactive Arguments" (2016), section 3.2, with γ = 1 and the
quotient in the odd Lagrange basis of the doubled domain, as snarkjs has it.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from py_ecc.optimized_bn128.optimized_curve import Z1, Z2, neg

from prover.constraint.r1cs import R1CS, Matrix
from prover.errors import Cancelled, FormatError, KeyMismatchError, MalformedProofError
from prover.field import R, from_limbs, to_limbs
from prover.groth16 import curve
from prover.groth16.domain import domain_size, lagrange, odd_coset
from prover.groth16.formats.proof import Proof
from prover.groth16.formats.vkey import VerifyingKey
from prover.groth16.formats.zkey import COEFFICIENT, ZKey, ZKeyHeader, write_zkey
from prover.groth16.points import is_in_g2, is_on_g1, is_on_twist, negate_g2
from prover.progress import Progress


class Toxic(NamedTuple):
    """Setup's secrets. Whoever knows them forges proofs; they live only inside :meth:`ReferenceBackend.setup`."""

    tau: int
    alpha: int
    beta: int
    delta: int


class ReferenceBackend:
    """Implements :class:`prover.groth16.backend.Backend`."""

    name = "reference"

    def setup(
        self, r1cs: R1CS, path: str | os.PathLike[str], *, initial: bool, seed: bytes | None, progress: Progress
    ) -> None:
        """See the protocol."""
        draw = _scalars(seed)
        toxic = Toxic(draw(), draw(), draw(), 1 if initial else draw())
        n_public = r1cs.n_public
        size = domain_size(r1cs.n_constraints + n_public + 1)
        u, v, w = _wire_polynomials(r1cs, lagrange(size, toxic.tau))
        statement = [(toxic.beta * u[j] + toxic.alpha * v[j] + w[j]) % R for j in range(r1cs.n_wires)]
        inverse = pow(toxic.delta, -1, R)
        quotient = lagrange(2 * size, toxic.tau)[1::2]
        scalars = {
            "ic": statement[: n_public + 1],
            "a": u,
            "b1": v,
            "c": [value * inverse % R for value in statement[n_public + 1 :]],
            "h": [value * inverse % R for value in quotient],
        }
        g1, g2 = curve.generator_g1(), curve.generator_g2()
        points = {}
        for index, (key, values) in enumerate(scalars.items()):
            _report(progress, f"setup: section {key}", index / 6)
            points[key] = [curve.store_g1(g1.times(value)) for value in values]
        _report(progress, "setup: section b2", 5 / 6)
        b2 = [curve.store_g2(g2.times(value)) for value in v]
        header = ZKeyHeader(
            r1cs.n_wires,
            n_public,
            size,
            alpha1=curve.store_g1(g1.times(toxic.alpha)),
            beta1=curve.store_g1(g1.times(toxic.beta)),
            beta2=curve.store_g2(g2.times(toxic.beta)),
            gamma2=curve.store_g2(g2.times(1)),
            delta1=curve.store_g1(g1.times(toxic.delta)),
            delta2=curve.store_g2(g2.times(toxic.delta)),
        )
        write_zkey(path, header, _coefficients(r1cs), points, b2)
        _report(progress, "setup: done", 1.0)

    def load_key(self, path: str | os.PathLike[str]) -> ReferenceKey:
        """See the protocol."""
        return ReferenceKey.load(path)

    def first_violation(self, r1cs: R1CS, witness: NDArray[np.uint64]) -> int | None:
        """See the protocol."""
        wires = from_limbs(witness)
        table = from_limbs(r1cs.table)
        products = zip(*(_row_values(matrix, table, wires) for matrix in (r1cs.a, r1cs.b, r1cs.c)), strict=True)
        return next((row for row, (a, b, c) in enumerate(products) if (a * b - c) % R), None)

    def verify(self, key: VerifyingKey, signals: Sequence[int], proof: Proof) -> bool:
        """See the protocol."""
        a, b, c = proof.a, proof.b, proof.c
        if not (is_on_g1(a) and is_in_g2(b) and is_on_g1(c)):
            raise MalformedProofError("a point of the proof is not in its group", "the proof was damaged or made up")
        ic = [curve.load_g1(point) for point in key.ic]
        statement = curve.multiply_sum(ic, [1, *signals], Z1)
        minus_gamma, minus_delta = curve.load_g2(negate_g2(key.gamma2)), curve.load_g2(negate_g2(key.delta2))
        return curve.pairing_is_one(
            [
                (curve.load_g1(a), curve.load_g2(b)),
                (curve.load_g1(key.alpha1), curve.load_g2(negate_g2(key.beta2))),
                (statement, minus_gamma),
                (curve.load_g1(c), minus_delta),
            ]
        )

    def verify_combination(
        self, key: VerifyingKey, sums: Sequence[int], factors: Sequence[int], proofs: Sequence[Proof]
    ) -> bool:
        """See the protocol."""
        for proof in proofs:
            if not (is_on_g1(proof.a) and is_in_g2(proof.b) and is_on_g1(proof.c)):
                raise MalformedProofError("a point of a proof is not in its group", "a proof was damaged or made up")
        pairs = [
            (curve.multiply_sum([curve.load_g1(proof.a)], [factor], Z1), curve.load_g2(proof.b))
            for factor, proof in zip(factors, proofs, strict=True)
        ]
        alpha = curve.multiply_sum([curve.load_g1(key.alpha1)], sums[:1], Z1)
        statement = curve.multiply_sum([curve.load_g1(point) for point in key.ic], sums, Z1)
        c = curve.multiply_sum([curve.load_g1(proof.c) for proof in proofs], factors, Z1)
        for first, second in ((alpha, key.beta2), (statement, key.gamma2), (c, key.delta2)):
            pairs.append((first, curve.load_g2(negate_g2(second))))
        return curve.pairing_is_one(pairs)


@dataclass(frozen=True)
class ReferenceKey:
    """A proving key with every point on its curve."""

    header: ZKeyHeader
    key: VerifyingKey
    coefficients: NDArray[np.void]
    g1: dict[str, list[curve.Point]]
    b2: list[curve.Point]

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> ReferenceKey:
        """Read a key.

        Raises:
            FormatError: as :class:`ZKey`, or a point off its curve.
        """
        file = ZKey(path)
        g1, b2 = {key: list(file.g1(key)) for key in ("a", "b1", "c", "h")}, list(file.b2())
        g1["header"] = [file.header.beta1, file.header.delta1]
        for key, points in g1.items():
            if not all(map(is_on_g1, points)):
                raise FormatError(f"{path}: a point of {key} is not on the curve")
        if not all(map(is_on_twist, b2)):
            raise FormatError(f"{path}: a point of b2 is not on the twist")
        loaded = {key: [curve.load_g1(point) for point in points] for key, points in g1.items()}
        return cls(
            file.header, file.verifying_key(), file.coefficients(), loaded, [curve.load_g2(point) for point in b2]
        )

    @property
    def n_wires(self) -> int:
        """Wires of the circuit, the constant one among them."""
        return self.header.n_wires

    @property
    def n_public(self) -> int:
        """Public signals."""
        return self.header.n_public

    @property
    def domain_size(self) -> int:
        """Rows of the evaluation domain."""
        return self.header.domain_size

    def verifying_key(self) -> VerifyingKey:
        """See the protocol."""
        return self.key

    def check_circuit(self, r1cs: R1CS) -> None:
        """See the protocol."""
        held, expected = (_in_order(records) for records in (self.coefficients, _coefficients(r1cs)))
        counts = (r1cs.n_wires, r1cs.n_public)
        if counts != (self.n_wires, self.n_public) or not np.array_equal(held, expected):
            raise KeyMismatchError("the key's matrices are not the circuit's", "run setup for this circuit")

    def prove(self, witness: NDArray[np.uint64], *, seed: bytes | None, progress: Progress) -> Proof:
        """See the protocol."""
        draw = _scalars(seed)
        r, s = draw(), draw()
        wires = from_limbs(witness)
        _report(progress, "prove: quotient", 0.0)
        quotient = self._quotient(wires)
        header, (beta1, delta1) = self.header, self.g1["header"]
        _report(progress, "prove: A", 0.1)
        a = curve.multiply_sum([curve.load_g1(header.alpha1), delta1, *self.g1["a"]], [1, r, *wires], Z1)
        _report(progress, "prove: B", 0.2)
        b = curve.multiply_sum(
            [curve.load_g2(header.beta2), curve.load_g2(header.delta2), *self.b2], [1, s, *wires], Z2
        )
        _report(progress, "prove: C", 0.7)
        b1 = curve.multiply_sum([beta1, delta1, *self.g1["b1"]], [1, s, *wires], Z1)
        c = curve.multiply_sum(
            [*self.g1["c"], *self.g1["h"], a, b1, neg(delta1)],
            [*wires[self.n_public + 1 :], *quotient, s, r, r * s % R],
            Z1,
        )
        _report(progress, "prove: done", 1.0)
        return Proof.from_points(curve.store_g1(a), curve.store_g2(b), curve.store_g1(c))

    def _quotient(self, wires: list[int]) -> list[int]:
        """(AB - C)(ω₂ₙ²ⁱ⁺¹) for every i: the coefficients of the H points, no division by Z.

        On the domain itself C = A∘B, which is why the key need not hold C's matrix.
        """
        rows = {0: [0] * self.domain_size, 1: [0] * self.domain_size}
        scale = pow(1 << 512, -1, R)
        values = from_limbs(np.ascontiguousarray(self.coefficients["value"]))
        for matrix, row, wire, value in zip(
            self.coefficients["matrix"].tolist(),
            self.coefficients["row"].tolist(),
            self.coefficients["wire"].tolist(),
            values,
            strict=True,
        ):
            if wires[wire]:
                rows[matrix][row] = (rows[matrix][row] + value * scale * wires[wire]) % R
        product = [a * b % R for a, b in zip(rows[0], rows[1], strict=True)]
        a, b, c = (odd_coset(values) for values in (rows[0], rows[1], product))
        return [(x * y - z) % R for x, y, z in zip(a, b, c, strict=True)]


def _scalars(seed: bytes | None) -> Callable[[], int]:
    """A source of scalars in [1, r): the operating system's randomness, or a seed's expansion for tests."""
    if seed is None:
        return lambda: 1 + secrets.randbelow(R - 1)
    counter = iter(range(1 << 30))

    def expand() -> int:
        digest = hashlib.blake2b(seed + next(counter).to_bytes(4, "little"), person=b"verdict-test").digest()
        return 1 + int.from_bytes(digest, "big") % (R - 1)

    return expand


def _wire_polynomials(r1cs: R1CS, basis: list[int]) -> tuple[list[int], list[int], list[int]]:
    """uⱼ(τ), vⱼ(τ), wⱼ(τ) for every wire, A with its extra rows for the constant and the public wires."""
    table = from_limbs(r1cs.table)
    columns = []
    for matrix in (r1cs.a, r1cs.b, r1cs.c):
        column = [0] * r1cs.n_wires
        for row, wire, coefficient in _entries(matrix):
            column[wire] = (column[wire] + table[coefficient] * basis[row]) % R
        columns.append(column)
    for wire in range(r1cs.n_public + 1):
        columns[0][wire] = (columns[0][wire] + basis[r1cs.n_constraints + wire]) % R
    return columns[0], columns[1], columns[2]


def _entries(matrix: Matrix) -> Iterator[tuple[int, int, int]]:
    """(row, wire, coefficient id) of every stored entry, row by row."""
    counts = np.diff(matrix.indptr)
    rows = np.repeat(np.arange(len(counts)), counts)
    return zip(rows.tolist(), matrix.wires.tolist(), matrix.coef_ids.tolist(), strict=True)


def _row_values(matrix: Matrix, table: list[int], wires: list[int]) -> list[int]:
    values = [0] * (len(matrix.indptr) - 1)
    for row, wire, coefficient in _entries(matrix):
        values[row] += table[coefficient] * wires[wire]
    return values


def _in_order(records: NDArray[np.void]) -> NDArray[np.void]:
    """Coefficient records by matrix, row and wire: files may list them in any order."""
    return records[np.lexsort((records["wire"], records["row"], records["matrix"]))]


def _coefficients(r1cs: R1CS) -> NDArray[np.void]:
    """Section 4: for each row its A entries, then its B entries; then one row for the constant and each public wire."""
    n_rows, n_statement = r1cs.n_constraints, r1cs.n_public + 1
    table = to_limbs(value << 512 for value in from_limbs(r1cs.table))
    parts = []
    for number, matrix in enumerate((r1cs.a, r1cs.b)):
        part = np.zeros(len(matrix.wires), dtype=COEFFICIENT)
        part["matrix"] = number
        part["row"] = np.repeat(np.arange(n_rows), np.diff(matrix.indptr))
        part["wire"] = matrix.wires
        part["value"] = table[matrix.coef_ids]
        parts.append(part)
    merged = np.concatenate(parts)
    merged = merged[np.argsort(merged["row"], kind="stable")]
    extra = np.zeros(n_statement, dtype=COEFFICIENT)
    extra["row"] = n_rows + np.arange(n_statement)
    extra["wire"] = np.arange(n_statement)
    extra["value"] = to_limbs([1 << 512])
    return np.concatenate([merged, extra])


def _report(progress: Progress, stage: str, fraction: float) -> None:
    if not progress(stage, fraction):
        raise Cancelled(f"cancelled at {stage}")


BACKEND = ReferenceBackend()
"""What :func:`prover.groth16.backend.get_backend` returns."""
