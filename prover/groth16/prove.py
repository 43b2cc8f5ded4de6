"""Prove: from a key and a checked witness to a checked proof."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from prover.constraint.r1cs import R1CS
from prover.errors import InputError, KeyMismatchError, UnsatisfiedError
from prover.field import R, from_limbs
from prover.groth16.backend import Backend, LoadedKey, get_backend
from prover.groth16.formats.elements import is_canonical
from prover.groth16.formats.proof import Proof
from prover.groth16.formats.vkey import VerifyingKey
from prover.groth16.formats.zkey import ZKey
from prover.groth16.keystate import refuse_initial
from prover.groth16.verify import verify
from prover.progress import Progress, silent


class ProvingKey:
    """A .zkey on disk. A backend loads it at the first proof and keeps it for the next ones."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._loaded: dict[str, LoadedKey] = {}
        self._verifying_key: VerifyingKey | None = None
        self._circuits: dict[str, R1CS] = {}

    def load(self, backend: Backend) -> LoadedKey:
        """The key in that backend's memory; raises FormatError."""
        if backend.name not in self._loaded:
            self._loaded[backend.name] = backend.load_key(self.path)
        return self._loaded[backend.name]

    def check_circuit(self, r1cs: R1CS, backend: Backend) -> None:
        """Compare the key with a circuit, once for each; raises FormatError, KeyMismatchError."""
        if self._circuits.get(backend.name) is not r1cs:
            self.load(backend).check_circuit(r1cs)
            self._circuits[backend.name] = r1cs

    @property
    def verifying_key(self) -> VerifyingKey:
        """The key's public part; raises FormatError."""
        if self._verifying_key is None:
            self._verifying_key = ZKey(self.path).verifying_key()
        return self._verifying_key


def prove(
    key: ProvingKey,
    r1cs: R1CS,
    witness: NDArray[np.uint64],
    *,
    backend: Backend | str | None = None,
    seed: bytes | None = None,
    progress: Progress = silent,
) -> Proof:
    """Prove that the witness's public wires extend to a solution of the circuit.

    The witness is checked against every constraint first (the key holds only A and B, so a wrong witness would still
    give a proof, of nothing), and the proof is verified before it is returned.

    Args:
        witness: uint64[n_wires, 4], canonical, wire 0 equal to one.
        backend: by object or name; None picks one (see :func:`get_backend`).
        seed: makes the blinding predictable, which reveals the witness; for tests only.

    Raises:
        UnsafeKeyError: the key is initial.
        KeyMismatchError: the key is for another circuit.
        InputError: the witness has another shape, is not canonical, or wire 0 is not one.
        UnsatisfiedError: the witness violates a constraint.
        Cancelled: ``progress`` asked to stop.
    """
    chosen = get_backend(backend) if backend is None or isinstance(backend, str) else backend
    loaded = key.load(chosen)
    refuse_initial(loaded.verifying_key(), "prove")
    if (loaded.n_wires, loaded.n_public) != (r1cs.n_wires, r1cs.n_public):
        raise KeyMismatchError(
            f"{key.path}: for {loaded.n_wires} wires and {loaded.n_public} public signals, "
            f"the circuit has {r1cs.n_wires} and {r1cs.n_public}",
            "run setup for this circuit",
        )
    key.check_circuit(r1cs, chosen)
    check_witness(r1cs, witness, chosen)
    proof = loaded.prove(witness, seed=seed, progress=progress)
    if not verify(loaded.verifying_key(), public_signals(r1cs, witness), proof, backend=chosen):
        raise KeyMismatchError(
            f"{key.path}: the proof it gave does not verify, so it belongs to another circuit or is damaged",
            "run setup for this circuit",
        )
    return proof


def check_witness(r1cs: R1CS, witness: NDArray[np.uint64], backend: Backend) -> None:
    """Check a witness's form and every constraint.

    Raises:
        InputError, UnsatisfiedError: as in :func:`prove`.
    """
    if witness.dtype != np.uint64 or witness.shape != (r1cs.n_wires, 4):
        raise InputError(f"the witness is {witness.dtype}{list(witness.shape)}, expected uint64[{r1cs.n_wires}, 4]")
    if not is_canonical(witness, R):
        raise InputError("the witness holds a value that is not below r")
    if from_limbs(witness[:1]) != [1]:
        raise InputError("wire 0 of the witness is not one")
    row = backend.first_violation(r1cs, witness)
    if row is not None:
        raise UnsatisfiedError(
            f"the witness violates constraint {row} of {r1cs.origin(row)}", row=row, origin=r1cs.origin(row)
        )


def public_signals(r1cs: R1CS, witness: NDArray[np.uint64]) -> list[int]:
    """The public part of a witness, in layout order."""
    return from_limbs(witness[1 : 1 + r1cs.n_public])
