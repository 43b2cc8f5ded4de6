"""From a constraint system under construction to a circuit: wire order, coefficient table, witness program."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from prover.constraint.check import check_circuit_rules
from prover.constraint.circuit import Circuit
from prover.constraint.csr import LIMIT, Coefs, Ints, canonical, row_numbers
from prover.constraint.linear import LinearVector
from prover.constraint.program import InputSlot, Rows, Step, WitnessProgram
from prover.constraint.r1cs import R1CS, Matrix
from prover.constraint.wires import Group
from prover.errors import MalformedCircuitError
from prover.field import signed

if TYPE_CHECKING:
    from prover.constraint.system import ConstraintSystem


def freeze(system: ConstraintSystem) -> Circuit:
    """Order the wires (1, public outputs, public inputs, private), build the arrays and check every rule.

    Raises:
        MalformedCircuitError: a rule of ``constraint/check.py`` is broken.
    """
    group = system.table.group
    order = np.argsort(group, kind="stable")
    number = np.empty(len(system.table), dtype=np.int64)
    number[order] = np.arange(order.size)
    circuit = Circuit(
        _r1cs(system, number),
        _program(system, number, order),
        {name: number[run.first] + np.arange(run.n) for name, run in system.publics.items()},
        system.table.phase[order],
    )
    check_circuit_rules(circuit)
    return circuit


def _r1cs(system: ConstraintSystem, number: Ints) -> R1CS:
    blocks = system.blocks
    if not blocks:
        raise MalformedCircuitError("a circuit without constraints")
    sides = [[block.a for block in blocks], [block.b for block in blocks], [block.c for block in blocks]]
    table = _Coefficients([vector for side in sides for vector in side], system.modulus)
    a, b, c = (_matrix(side, number, table) for side in sides)
    starts = np.cumsum([0] + [len(block.a) for block in blocks])[:-1].astype(np.int64)
    group = system.table.group
    return R1CS(
        n_wires=len(system.table),
        n_outputs=int((group == Group.PUBLIC_OUTPUT).sum()),
        n_public_inputs=int((group == Group.PUBLIC_INPUT).sum()),
        a=a,
        b=b,
        c=c,
        table=table.limbs,
        origins=tuple(block.origin for block in blocks),
        origin_starts=starts,
        modulus=system.modulus,
    )


def _matrix(vectors: Sequence[LinearVector], number: Ints, table: _Coefficients) -> Matrix:
    joined = np.concatenate([table.ids(vector) for vector in vectors])
    ends = np.cumsum([0] + [vector.wires.size for vector in vectors])
    indptr = np.concatenate([[0]] + [v.indptr[1:] + end for v, end in zip(vectors, ends, strict=False)])
    wires = number[np.concatenate([vector.wires for vector in vectors])]
    # Renumbering may break the order inside a row; ids start at 1 here so that canonical() keeps the first one.
    rows = row_numbers(indptr.astype(np.int64))
    sorted_indptr, sorted_wires, sorted_ids = canonical(indptr.size - 1, rows, wires, joined + 1)
    return Matrix(sorted_indptr, sorted_wires, (sorted_ids - 1).astype(np.uint32))


class _Coefficients:
    """The table of distinct coefficients: small ones in signed order, then the wide ones ascending.

    Attributes:
        limbs: uint64[k, 4], canonical.
    """

    def __init__(self, vectors: Sequence[LinearVector], modulus: int) -> None:
        narrow = [vector.coefs for vector in vectors if not vector.is_wide]
        self._modulus = modulus
        wide = {int(coef) for vector in vectors if vector.is_wide for coef in vector.coefs}
        centred = {signed(coef, modulus) for coef in wide}
        small = [coef for coef in centred if abs(coef) < LIMIT]
        self._small = np.unique(np.concatenate([*narrow, np.array(small, dtype=np.int64)]))
        if self._small.size and 2 * max(-int(self._small[0]), int(self._small[-1])) >= modulus:
            raise MalformedCircuitError("a coefficient wraps around the modulus")
        large = sorted(coef for coef in wide if abs(signed(coef, modulus)) >= LIMIT)
        self._large = {coef: self._small.size + position for position, coef in enumerate(large)}
        values = [int(coef) % modulus for coef in self._small] + large
        raw = b"".join(value.to_bytes(32, "little") for value in values)
        self.limbs = np.frombuffer(raw, dtype="<u8").reshape(-1, 4).astype(np.uint64)

    def ids(self, vector: LinearVector) -> Ints:
        """Table positions of a vector's coefficients: int64[nnz]."""
        if not vector.is_wide:
            return np.searchsorted(self._small, vector.coefs).astype(np.int64)
        return np.array([self._id(int(coef)) for coef in vector.coefs], dtype=np.int64)

    def _id(self, coef: int) -> int:
        position = self._large.get(coef)
        return int(np.searchsorted(self._small, signed(coef, self._modulus))) if position is None else position


def _program(system: ConstraintSystem, number: Ints, order: NDArray[np.int64]) -> WitnessProgram:
    table = system.table
    steps = []
    for step in system.steps:
        inputs = tuple(_rows(vector, number, table.is_field) for vector in step.inputs)
        first = int(number[step.first]) if step.count else 0
        steps.append(Step(step.kind, step.origin, inputs, _canonical_params(step.params), first, step.count))
    slots = {}
    for name, run in system.slots.items():
        span = slice(run.first, run.first + run.n)
        integer = run.n == 0 or not bool(table.is_field[run.first])
        lo, hi = (table.lo[span].copy(), table.hi[span].copy()) if integer else (None, None)
        slots[name] = InputSlot(int(number[run.first]) if run.n else 0, run.n, lo, hi)
    field_wires = np.flatnonzero(table.is_field[order]).astype(np.int64)
    return WitnessProgram(len(table), system.modulus, field_wires, slots, tuple(steps))


def _rows(vector: LinearVector, number: Ints, is_field: NDArray[np.bool_]) -> Rows:
    # A form over a field wire may have claimed bounds; its value is still computed from a Python integer.
    integer = vector.lo is not None and not vector.is_wide and not bool(is_field[vector.wires].any())
    coefs: Coefs = vector.coefs
    return Rows(vector.indptr, number[vector.wires].astype(np.uint32), coefs, integer)


def _canonical_params(params: Any) -> dict[str, Any]:
    clean: dict[str, Any] = {}
    for key, value in params.items():
        if isinstance(value, np.ndarray):
            clean[key] = np.ascontiguousarray(value, dtype=np.int64)
        elif isinstance(value, (list, tuple)):
            clean[key] = [int(item) for item in value]
        else:
            clean[key] = int(value)
    return clean
