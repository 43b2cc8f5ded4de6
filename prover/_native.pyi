"""The native core: Groth16 on BN254 and the EVM's BN254 precompiles, in Rust (``prover/native``).

Long calls release the GIL, run on a thread pool of their own (RAYON_NUM_THREADS, else all cores; safe after a fork)
and call ``progress(stage, fraction)`` on the calling thread; when it returns False they raise
:class:`prover.errors.Cancelled`, when it raises, its exception. Ctrl-C stops them too. Scalars are ``uint64[n, 4]``:
little-endian limbs, below r. ``seed`` makes randomness reproducible and is for tests only: whoever knows it can forge
proofs under the key, or read the witness from the proof. A panic of the core is a
:class:`prover.errors.BackendError`.
"""

from __future__ import annotations

import os
from typing import final

import numpy as np
from numpy.typing import NDArray

from prover.progress import Progress

__all__ = [
    "Circuit",
    "ProvingKey",
    "__version__",
    "ecadd",
    "ecmul",
    "ecpairing",
    "set_threads",
    "setup",
    "setup_initial",
    "threads",
    "verify",
]

__version__: str

@final
class Circuit:
    """A rank-1 constraint system, immutable, in native memory.

    Args:
        n_wires: wires, the constant one (wire 0) included.
        n_public: public signals, the constant one not included: wires 1 .. n_public.
        a, b, c: (indptr int64[m + 1], wires uint32[nnz], coef_ids uint32[nnz]) of each matrix, by rows.
        table: the coefficients, uint64[k, 4].

    Raises:
        MalformedCircuitError: an index out of range, matrices of different heights, a coefficient not below r.
        TypeError, ValueError: an array of another dtype or shape.
    """

    def __new__(
        cls,
        n_wires: int,
        n_public: int,
        a: tuple[NDArray[np.int64], NDArray[np.uint32], NDArray[np.uint32]],
        b: tuple[NDArray[np.int64], NDArray[np.uint32], NDArray[np.uint32]],
        c: tuple[NDArray[np.int64], NDArray[np.uint32], NDArray[np.uint32]],
        table: NDArray[np.uint64],
    ) -> Circuit: ...
    @property
    def n_wires(self) -> int: ...
    @property
    def n_public(self) -> int: ...
    @property
    def n_constraints(self) -> int: ...
    @property
    def domain_size(self) -> int:
        """Rows of the key's domain: the power of two that holds constraints + n_public + 1.

        Raises:
            MalformedCircuitError: more than 2^27 rows.
        """

    def check(self, witness: NDArray[np.uint64]) -> int | None:
        """Index of the first violated constraint, None when the witness satisfies all.

        Raises:
            KeyMismatchError: another number of wires.
            FormatError: a value not below r, or a first value other than 1.
        """

def setup(
    circuit: Circuit, path: str | os.PathLike[str], seed: bytes | None = None, progress: Progress | None = None
) -> None:
    """Writes a development key as an iden3 ``.zkey``; it appears at ``path`` whole or not at all.

    Raises:
        MalformedCircuitError: more than 2^27 rows.
        StorageError: the file cannot be written.
        Cancelled: ``progress`` said so.
    """

def setup_initial(
    circuit: Circuit, path: str | os.PathLike[str], seed: bytes | None = None, progress: Progress | None = None
) -> None:
    """As :func:`setup` with delta = 1, the state a ceremony starts from, and iden3's circuit hash."""

@final
class ProvingKey:
    """An iden3 ``.zkey`` for Groth16 over BN254. The bulk is read at the first proof."""

    @staticmethod
    def load(path: str | os.PathLike[str]) -> ProvingKey:
        """Opens a key and checks its header and IC.

        Raises:
            FormatError: no such key, whatever its bytes are.
            StorageError: the file cannot be read.
        """

    @property
    def n_wires(self) -> int: ...
    @property
    def n_public(self) -> int: ...
    @property
    def domain_size(self) -> int: ...
    def verifying_key(self) -> bytes:
        """alpha1 beta2 gamma2 delta2 IC[0] .. IC[n_public]: 64 + 3 * 128 + 64 * (n_public + 1) bytes in EVM order."""

    def check_circuit(self, circuit: Circuit) -> None:
        """Compares the key's matrices A and B with the circuit's; a key holds no C.

        Raises:
            KeyMismatchError: the key is for another circuit.
            FormatError, StorageError: as :meth:`prove`.
        """

    def prove(self, witness: NDArray[np.uint64], seed: bytes | None = None, progress: Progress | None = None) -> bytes:
        """The 256 bytes of a proof. Check the witness first and verify the proof after: a key holds no matrix C.

        Raises:
            KeyMismatchError: another number of wires.
            FormatError: a malformed witness, or a malformed key.
            StorageError: the key can no longer be read.
            Cancelled: ``progress`` said so.
        """

def verify(vk: bytes, signals: NDArray[np.uint64] | bytes, proof: bytes) -> bool:
    """Whether the proof proves the statement; answers as the on-chain verifier does.

    Args:
        vk: bytes of :meth:`ProvingKey.verifying_key`.
        signals: uint64[n, 4], or 32 big-endian bytes each.
        proof: 256 bytes; (0, 0) is infinity.

    Raises:
        MalformedProofError: a wrong number of signals, a signal not below r, a proof of another length, a coordinate
            not below q, a point off its curve or subgroup.
        FormatError: a malformed verifying key.
    """

def ecadd(data: bytes) -> bytes:
    """Precompile 6 (EIP-196): 64 bytes. Input is zero-padded to, or cut at, 128 bytes.

    Raises:
        ValueError: an invalid point.
    """

def ecmul(data: bytes) -> bytes:
    """Precompile 7 (EIP-196): 64 bytes. Input is zero-padded to, or cut at, 96 bytes; any 256-bit scalar.

    Raises:
        ValueError: an invalid point.
    """

def ecpairing(data: bytes) -> bytes:
    """Precompile 8 (EIP-197): 32 bytes, the integer 1 when the product of the pairings is one, else 0.

    Raises:
        ValueError: a length that is no multiple of 192, or an invalid point.
    """

def set_threads(count: int) -> None:
    """Use so many threads from now on, 1 to 1024."""

def threads() -> int:
    """How many threads are used."""
