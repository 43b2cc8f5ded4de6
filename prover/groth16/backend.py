"""Which code does the arithmetic: the native core, or the py_ecc reference.

name         needs            speed
native       the Rust core    milliseconds to seconds
reference    py_ecc           seconds for a few hundred constraints, minutes for a few thousand
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from prover.constraint.r1cs import R1CS
from prover.errors import BackendError
from prover.groth16.formats.proof import Proof
from prover.groth16.formats.vkey import VerifyingKey
from prover.progress import Progress

ENVIRONMENT_VARIABLE = "VERDICT_BACKEND"
NAMES = ("native", "reference")
"""In order of preference."""


class LoadedKey(Protocol):
    """A proving key in a backend's own memory."""

    @property
    def n_wires(self) -> int: ...

    @property
    def n_public(self) -> int: ...

    @property
    def domain_size(self) -> int: ...

    def verifying_key(self) -> VerifyingKey:
        """The key's public part."""
        ...

    def check_circuit(self, r1cs: R1CS) -> None:
        """Compare counts and the matrices A and B with a circuit's; a key holds no C.

        Raises:
            KeyMismatchError: the key is for another circuit.
        """
        ...

    def prove(self, witness: NDArray[np.uint64], *, seed: bytes | None, progress: Progress) -> Proof:
        """A proof for uint64[n_wires, 4], which nobody has checked against the circuit.

        Args:
            seed: None blinds with the operating system's randomness; anything else is for tests only.

        Raises:
            Cancelled: ``progress`` returned False.
        """
        ...


class Backend(Protocol):
    """What both backends do. Callers use setup.py, prove.py and verify.py, which add the checks around it."""

    @property
    def name(self) -> str: ...

    def setup(
        self, r1cs: R1CS, path: str | os.PathLike[str], *, initial: bool, seed: bytes | None, progress: Progress
    ) -> None:
        """Write a .zkey made from fresh secrets that are forgotten; with ``initial``, delta is the generator.

        Raises:
            Cancelled: ``progress`` returned False; no file was written.
            StorageError: the file could not be written.
        """
        ...

    def load_key(self, path: str | os.PathLike[str]) -> LoadedKey:
        """Read a .zkey; raises FormatError."""
        ...

    def first_violation(self, r1cs: R1CS, witness: NDArray[np.uint64]) -> int | None:
        """The first row the witness does not satisfy, or None."""
        ...

    def verify(self, key: VerifyingKey, signals: Sequence[int], proof: Proof) -> bool:
        """The pairing equation, for canonical signals, as many as the key has, and canonical coordinates.

        Raises:
            MalformedProofError: a point is not in its group, where the precompiles fail.
        """
        ...

    def verify_combination(
        self, key: VerifyingKey, sums: Sequence[int], factors: Sequence[int], proofs: Sequence[Proof]
    ) -> bool:
        """A linear combination of pairing equations, see :mod:`prover.groth16.batch`, for canonical coordinates.

        Args:
            sums: Σ rᵢ and then Σ rᵢ·sᵢⱼ for every signal j, in [0, r).
            factors: rᵢ of each proof, in (0, r).

        Raises:
            MalformedProofError: as :meth:`verify`.
        """
        ...


@dataclass(frozen=True)
class BackendInfo:
    """One line of ``verdict doctor``."""

    name: str
    available: bool
    detail: str


def get_backend(name: str | None = None) -> Backend:
    """A backend by name; else the one VERDICT_BACKEND names; else native when it is there, else reference.

    Raises:
        BackendError: no such name, or that backend cannot be imported.
    """
    wanted = name or os.environ.get(ENVIRONMENT_VARIABLE) or None
    if wanted is not None and wanted not in NAMES:
        raise BackendError(f"no proving backend named {wanted!r}", f"choose one of: {', '.join(NAMES)}")
    if wanted is not None:
        return _load(wanted)
    try:
        return _load("native")
    except BackendError:
        return _load("reference")


def backend_info() -> list[BackendInfo]:
    """Every backend, whether it is there, and if not why."""
    lines = []
    for name in NAMES:
        try:
            _load(name)
            lines.append(BackendInfo(name, True, "ready"))
        except BackendError as error:
            lines.append(BackendInfo(name, False, error.message))
    return lines


@cache
def _load(name: str) -> Backend:
    module = {"native": "prover.groth16.native_backend", "reference": "prover.groth16.reference"}[name]
    try:
        imported = import_module(module)
    except ImportError as error:
        hint = {
            "native": "build the Rust core (cargo 1.83 or newer, then reinstall), or use the reference backend",
            "reference": "pip install py_ecc",
        }[name]
        raise BackendError(f"the {name} backend is missing: {error}", hint) from error
    backend: Backend = imported.BACKEND
    return backend
