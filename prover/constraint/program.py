"""Witness programs: the ordered steps that compute every wire of a circuit from its named inputs."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prover.constraint.csr import LIMIT, Coefs, Ints, row_sums
from prover.constraint.instructions import INSTRUCTIONS, WitnessRefusedError, WitnessUndefinedError, WitnessValueError
from prover.errors import (
    UNDECIDED_HINT,
    UNDEFINED_HINT,
    FormatError,
    InputError,
    UndecidedError,
    UndefinedError,
    UnsatisfiedError,
)
from prover.field import R, limbs_from_int64, signed

Assignment = Sequence[int] | Ints


@dataclass(frozen=True, eq=False)
class Rows:
    """Linear forms as a step reads them: ``indptr`` int64[m + 1], ``wires`` uint32[nnz], ``coefs`` int64[nnz] or an
    object array of Python integers; ``integer`` says that bounds prove int64 evaluation exact."""

    indptr: Ints
    wires: NDArray[np.uint32]
    coefs: Coefs
    integer: bool


@dataclass(frozen=True, eq=False)
class Step:
    """One instruction: reads ``inputs``, writes wires ``first`` .. ``first + count - 1``."""

    kind: str
    origin: str
    inputs: tuple[Rows, ...]
    params: Mapping[str, Any]
    first: int
    count: int


@dataclass(frozen=True, eq=False)
class InputSlot:
    """Wires ``first`` .. ``first + count - 1`` assigned by name.

    ``lo`` and ``hi`` are int64[count] for integer wires, None for field elements.
    """

    first: int
    count: int
    lo: Ints | None
    hi: Ints | None


@dataclass(frozen=True, eq=False)
class WitnessProgram:
    """How to compute a witness.

    Attributes:
        n_wires: number of wires, the constant one included.
        modulus: the field's prime.
        field_wires: int64[f], ascending numbers of the field-valued wires.
        slots: assigned inputs by name.
        steps: in an order in which every wire is written before it is read.
    """

    n_wires: int
    modulus: int
    field_wires: Ints
    slots: Mapping[str, InputSlot]
    steps: tuple[Step, ...]
    _index: Ints = field(init=False, repr=False)

    def __post_init__(self) -> None:
        index = np.full(self.n_wires, -1, dtype=np.int64)
        index[self.field_wires] = np.arange(self.field_wires.size)
        object.__setattr__(self, "_index", index)

    def run(self, assignments: Mapping[str, Assignment]) -> NDArray[np.uint64]:
        """Compute the witness: uint64[n_wires, 4], canonical limbs, wire 0 equal to one.

        Args:
            assignments: for every slot its integers (inside the slot's bounds) or field elements in [0, p).

        Raises:
            InputError: a slot is missing, unknown, of the wrong length, or a value is out of bounds.
            UndecidedError: a value the circuit refuses, being too close to a threshold.
            UndefinedError: a value outside the domain of a function.
            UnsatisfiedError: a value left the range an instruction can represent (names the step's origin).
            FormatError: a step that makes no sense, in a file somebody tampered with.
        """
        return self.limbs(*self.values(assignments))

    def values(self, assignments: Mapping[str, Assignment]) -> tuple[Ints, list[int]]:
        """The witness before it becomes limbs: (int64[n_wires], values of ``field_wires`` as Python integers)."""
        small = np.zeros(self.n_wires, dtype=np.int64)
        small[0] = 1
        large = [0] * int(self.field_wires.size)
        if set(assignments) != set(self.slots):
            odd = sorted(set(assignments) ^ set(self.slots))
            raise InputError(f"witness inputs {odd} are missing or unknown", f"this circuit takes {sorted(self.slots)}")
        for name, slot in self.slots.items():
            self._assign(name, slot, assignments[name], small, large)
        for step in self.steps:
            self._execute(step, small, large)
        return small, large

    def limbs(self, small: Ints, large: list[int]) -> NDArray[np.uint64]:
        """Canonical limbs uint64[n_wires, 4] of values as :meth:`values` returns them."""
        if self.modulus == R:
            limbs = limbs_from_int64(small)
        else:
            limbs = np.zeros((self.n_wires, 4), dtype=np.uint64)
            limbs[:, 0] = (small % self.modulus).astype(np.uint64)
        if large:
            raw = b"".join((value % self.modulus).to_bytes(32, "little") for value in large)
            limbs[self.field_wires] = np.frombuffer(raw, dtype="<u8").reshape(-1, 4)
        return limbs

    def _assign(self, name: str, slot: InputSlot, given: Assignment, small: Ints, large: list[int]) -> None:
        numbers = [int(value) for value in given]
        if len(numbers) != slot.count:
            raise InputError(f"witness input {name!r} takes {slot.count} values, got {len(numbers)}")
        if slot.lo is None or slot.hi is None:
            lows, highs = [0] * slot.count, [self.modulus - 1] * slot.count
        else:
            lows, highs = slot.lo.tolist(), slot.hi.tolist()
        for position, (low, value, high) in enumerate(zip(lows, numbers, highs, strict=True)):
            if not low <= value <= high:
                raise InputError(f"witness input {name!r}[{position}] is outside [{low}, {high}]")
        self._store(slot.first, slot.count, numbers, small, large)

    def _store(self, first: int, count: int, numbers: Sequence[int] | Ints, small: Ints, large: list[int]) -> None:
        index = self._index[first : first + count]
        if not count or int(index[0]) < 0:
            small[first : first + count] = numbers
            return
        for position, number in zip(index.tolist(), numbers, strict=True):
            large[position] = int(number) % self.modulus

    def _execute(self, step: Step, small: Ints, large: list[int]) -> None:
        instruction = INSTRUCTIONS.get(step.kind)
        if instruction is None:
            raise FormatError(f"witness step {step.kind!r} ({step.origin}) is no known instruction")
        outputs_integer = not step.count or int(self._index[step.first]) < 0
        integer = outputs_integer and all(rows.integer for rows in step.inputs)
        result: Ints | list[int]
        try:
            if integer and instruction.integer is not None:
                result = instruction.integer([self._integers(rows, small) for rows in step.inputs], step.params)
            elif instruction.field is not None:
                values = [self._elements(rows, small, large) for rows in step.inputs]
                result = instruction.field(values, step.params, self.modulus)
                if outputs_integer:
                    result = [value if value < LIMIT else value - self.modulus for value in result]
            elif instruction.integer is not None and outputs_integer:
                integers = [self._small_elements(rows, small, large) for rows in step.inputs]
                result = instruction.integer(integers, step.params)
            else:
                raise FormatError(f"witness step {step.kind!r} ({step.origin}) has no field form")
        except WitnessRefusedError as error:
            raise UndecidedError(
                f"{step.origin}: this input is too close to a threshold to be decided: {error}", UNDECIDED_HINT
            ) from error
        except WitnessUndefinedError as error:
            raise UndefinedError(
                f"{step.origin}: the model gives no number for this input: {error}", UNDEFINED_HINT
            ) from error
        except WitnessValueError as error:
            raise UnsatisfiedError(f"{step.origin}: {error}", origin=step.origin) from error
        except (ValueError, TypeError, IndexError, KeyError, AttributeError, OverflowError, MemoryError) as error:
            raise FormatError(f"witness step {step.kind!r} ({step.origin}) is malformed: {error}") from error
        if len(result) != step.count:
            raise FormatError(f"witness step {step.kind!r} ({step.origin}) gave {len(result)} of {step.count} wires")
        self._store(step.first, step.count, result, small, large)

    def _integers(self, rows: Rows, small: Ints) -> Ints:
        # Partial sums may wrap; the bounds prove that the final sum fits, so it is exact modulo 2^64.
        return np.asarray(row_sums(rows.indptr, rows.coefs * small[rows.wires]), dtype=np.int64)

    def _small_elements(self, rows: Rows, small: Ints, large: list[int]) -> Ints:
        """Field-valued forms for an instruction on machine integers: their signed values, when those are small."""
        values = [signed(value, self.modulus) for value in self._elements(rows, small, large)]
        for form, value in enumerate(values):
            if abs(value) >= LIMIT:
                raise WitnessValueError(f"value {value} of form {form} is no machine integer")
        return np.array(values, dtype=np.int64)

    def _elements(self, rows: Rows, small: Ints, large: list[int]) -> list[int]:
        if rows.integer:
            return [int(value) % self.modulus for value in self._integers(rows, small)]
        index, integers = self._index[rows.wires].tolist(), small[rows.wires].tolist()
        terms = [
            int(coef) * (large[position] if position >= 0 else number)
            for coef, position, number in zip(rows.coefs.tolist(), index, integers, strict=True)
        ]
        ends = rows.indptr.tolist()
        return [sum(terms[start:end]) % self.modulus for start, end in itertools.pairwise(ends)]
