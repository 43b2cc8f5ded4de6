"""A compiled circuit: the constraints, the program that satisfies them, and one deterministic file for both."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from prover.constraint.csr import Ints
from prover.constraint.program import Assignment, WitnessProgram
from prover.constraint.r1cs import R1CS
from prover.errors import FormatError


@dataclass(frozen=True, eq=False)
class Circuit:
    """What ``ConstraintSystem.compile`` returns.

    Attributes:
        r1cs: the constraints.
        program: the witness program.
        publics: wire numbers of each named public vector.
        phase: uint8[n_wires].
    """

    r1cs: R1CS
    program: WitnessProgram
    publics: Mapping[str, Ints]
    phase: NDArray[np.uint8]

    def witness(self, assignments: Mapping[str, Assignment], *, check: bool = True) -> NDArray[np.uint64]:
        """Run the program and, unless told otherwise, check the result: uint64[n_wires, 4].

        Raises:
            InputError: an assignment is missing or out of bounds.
            UnsatisfiedError: the witness violates a constraint.
        """
        witness = self.program.run(assignments)
        if check:
            self.r1cs.check(witness)
        return witness

    def wire_name(self, wire: int) -> str:
        """Who computes a wire: an input's name or a step's origin."""
        for name, slot in self.program.slots.items():
            if slot.first <= wire < slot.first + slot.count:
                return f"{name}[{wire - slot.first}]"
        for step in self.program.steps:
            if step.first <= wire < step.first + step.count:
                return f"{step.origin}[{wire - step.first}]"
        return "the constant" if wire == 0 else "unassigned"

    def to_bytes(self) -> bytes:
        """Deterministic bytes (see ``constraint/serialise.py``)."""
        from prover.constraint.serialise import circuit_to_bytes

        return circuit_to_bytes(self)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the circuit atomically.

        Raises:
            StorageError: the disk is full or the directory is not writable.
        """
        from prover.files import write_atomic

        return write_atomic(path, self.to_bytes())

    @staticmethod
    def from_bytes(data: bytes) -> Circuit:
        """Inverse of :meth:`to_bytes`; all rules of the check pass are checked again.

        Raises:
            FormatError: the bytes are not a circuit, or one that breaks a rule.
        """
        from prover.constraint.serialise import circuit_from_bytes

        return circuit_from_bytes(data)

    @staticmethod
    def load(path: str | os.PathLike[str]) -> Circuit:
        """Read a circuit written by :meth:`save`.

        Raises:
            FormatError: the file cannot be read, is not a circuit, or is one that breaks a rule.
        """
        try:
            data = Path(path).read_bytes()
        except OSError as error:
            raise FormatError(f"cannot read {path}: {error.strerror or error}") from error
        return Circuit.from_bytes(data)
