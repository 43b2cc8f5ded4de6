"""The native backend: the Rust core behind :class:`prover.groth16.backend.Backend`."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from prover import _native
from prover.constraint.r1cs import R1CS, Matrix
from prover.errors import MalformedProofError
from prover.groth16.formats.proof import Proof
from prover.groth16.formats.vkey import VerifyingKey
from prover.groth16.points import g1_to_evm, g2_to_evm, negate_g2
from prover.progress import Progress


class NativeBackend:
    """Implements :class:`prover.groth16.backend.Backend`."""

    name = "native"

    def __init__(self) -> None:
        self._latest: tuple[R1CS, _native.Circuit] | None = None

    def setup(
        self, r1cs: R1CS, path: str | os.PathLike[str], *, initial: bool, seed: bytes | None, progress: Progress
    ) -> None:
        """See the protocol."""
        make = _native.setup_initial if initial else _native.setup
        make(self._circuit(r1cs), os.fspath(path), seed, progress)

    def load_key(self, path: str | os.PathLike[str]) -> NativeKey:
        """See the protocol."""
        return NativeKey(_native.ProvingKey.load(os.fspath(path)), self._circuit)

    def first_violation(self, r1cs: R1CS, witness: NDArray[np.uint64]) -> int | None:
        """See the protocol."""
        return self._circuit(r1cs).check(witness)

    def verify(self, key: VerifyingKey, signals: Sequence[int], proof: Proof) -> bool:
        """See the protocol."""
        return _native.verify(key.data, b"".join(signal.to_bytes(32, "big") for signal in signals), proof.data)

    def verify_combination(
        self, key: VerifyingKey, sums: Sequence[int], factors: Sequence[int], proofs: Sequence[Proof]
    ) -> bool:
        """See the protocol. On the core's EVM precompiles, as the contract does it on the chain's."""
        pairs, c = [], bytes(64)
        try:
            for factor, proof in zip(factors, proofs, strict=True):
                pairs.append(_times(proof.data[:64], factor) + proof.data[64:192])
                c = _native.ecadd(c + _times(proof.data[192:], factor))
            statement = bytes(64)
            for point, scalar in zip(key.ic, sums, strict=True):
                statement = _native.ecadd(statement + _times(g1_to_evm(point), scalar))
            alpha = _times(g1_to_evm(key.alpha1), sums[0])
            for first, second in ((alpha, key.beta2), (statement, key.gamma2), (c, key.delta2)):
                pairs.append(first + g2_to_evm(negate_g2(second)))
            return _native.ecpairing(b"".join(pairs))[-1] == 1
        except ValueError as error:
            raise MalformedProofError(
                f"a point of a proof is not in its group: {error}", "a proof was damaged or made up"
            ) from error

    def _circuit(self, r1cs: R1CS) -> _native.Circuit:
        """The circuit in native memory. The last one is kept: its coefficients need converting only once."""
        latest = self._latest
        if latest is None or latest[0] is not r1cs:
            a, b, c = (_arrays(matrix) for matrix in (r1cs.a, r1cs.b, r1cs.c))
            latest = (r1cs, _native.Circuit(r1cs.n_wires, r1cs.n_public, a, b, c, r1cs.table))
            self._latest = latest
        return latest[1]


class NativeKey:
    """Implements :class:`prover.groth16.backend.LoadedKey`."""

    def __init__(self, key: _native.ProvingKey, circuit: Callable[[R1CS], _native.Circuit]) -> None:
        self._key, self._circuit = key, circuit
        self._verifying_key: VerifyingKey | None = None

    @property
    def n_wires(self) -> int:
        """Wires of the circuit, the constant one among them."""
        return self._key.n_wires

    @property
    def n_public(self) -> int:
        """Public signals."""
        return self._key.n_public

    @property
    def domain_size(self) -> int:
        """Rows of the evaluation domain."""
        return self._key.domain_size

    def verifying_key(self) -> VerifyingKey:
        """See the protocol."""
        if self._verifying_key is None:
            self._verifying_key = VerifyingKey.from_bytes(self._key.verifying_key())
        return self._verifying_key

    def check_circuit(self, r1cs: R1CS) -> None:
        """See the protocol."""
        self._key.check_circuit(self._circuit(r1cs))

    def prove(self, witness: NDArray[np.uint64], *, seed: bytes | None, progress: Progress) -> Proof:
        """See the protocol."""
        return Proof(self._key.prove(witness, seed, progress))


def _times(point: bytes, scalar: int) -> bytes:
    return _native.ecmul(point + scalar.to_bytes(32, "big"))


def _arrays(matrix: Matrix) -> tuple[NDArray[np.int64], NDArray[np.uint32], NDArray[np.uint32]]:
    return matrix.indptr, matrix.wires, matrix.coef_ids


BACKEND = NativeBackend()
"""What :func:`prover.groth16.backend.get_backend` returns."""
