"""The check pass: rules every frozen circuit obeys. Read this file as their specification.

    1  indices: wire numbers, coefficient numbers and row pointers are in range
    2  canonical: wires ascend inside a row, table entries are distinct, non-zero and below p
    3  no trivial row: a row constrains at least one wire, and cannot hold by being empty
    4  every public wire occurs in a constraint of the circuit itself (an iden3 key adds rows of its own, so a
       non-zero verifying-key point would prove nothing)
    5  every private wire occurs in a constraint
    6  every wire is computed exactly once, before it is read; inputs are assigned
    7  a step of phase k reads no wire of a later phase
    8  an input or a step writes wires of one kind, integer or field, and reads field wires as field elements

A broken rule is a bug of the compiler or a hostile file, never the user's fault.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from prover.constraint.circuit import Circuit
from prover.constraint.program import Step
from prover.constraint.r1cs import R1CS, Matrix, canonical_limbs
from prover.errors import MalformedCircuitError


def check_circuit_rules(circuit: Circuit) -> None:
    """Check all rules.

    Raises:
        MalformedCircuitError: naming the rule, the row or wire, and the origin.
    """
    r1cs = circuit.r1cs
    for name, matrix in (("A", r1cs.a), ("B", r1cs.b), ("C", r1cs.c)):
        _check_matrix(name, matrix, r1cs)
    _check_table(r1cs)
    _check_rows(r1cs)
    _check_occurrence(circuit)
    _check_order(circuit)


def _check_matrix(name: str, matrix: Matrix, r1cs: R1CS) -> None:
    indptr, n = matrix.indptr, matrix.wires.size
    if indptr.size != r1cs.n_constraints + 1 or int(indptr[0]) != 0 or int(indptr[-1]) != n:
        raise MalformedCircuitError(f"matrix {name}: row pointers do not span its terms")
    if bool((np.diff(indptr) < 0).any()) or matrix.coef_ids.size != n:
        raise MalformedCircuitError(f"matrix {name}: row pointers descend or terms are missing")
    if n and int(matrix.wires.max()) >= r1cs.n_wires:
        raise MalformedCircuitError(f"matrix {name}: wire {int(matrix.wires.max())} of {r1cs.n_wires} wires")
    if n and int(matrix.coef_ids.max()) >= r1cs.table.shape[0]:
        raise MalformedCircuitError(f"matrix {name}: a coefficient number is out of range")
    inside = np.ones(n, dtype=np.bool_)
    inside[indptr[:-1][indptr[:-1] < n]] = False
    descends = np.flatnonzero(inside[1:] & (np.diff(matrix.wires.astype(np.int64)) <= 0))
    if descends.size:
        row = int(np.searchsorted(indptr, descends[0], side="right")) - 1
        raise MalformedCircuitError(f"matrix {name}, row {row} ({r1cs.origin(row)}): wires do not ascend")


def _check_table(r1cs: R1CS) -> None:
    table = r1cs.table
    if not bool(canonical_limbs(table, r1cs.modulus).all()) or bool((table == 0).all(axis=1).any()):
        raise MalformedCircuitError("the coefficient table holds a zero or a value that is not below p")
    if np.unique(table, axis=0).shape[0] != table.shape[0]:
        raise MalformedCircuitError("the coefficient table holds a value twice")


def _check_rows(r1cs: R1CS) -> None:
    def filled(matrix: Matrix) -> NDArray[np.bool_]:
        return np.diff(matrix.indptr) > 0

    def constrains(matrix: Matrix) -> NDArray[np.bool_]:
        # In canonical rows the constant wire 0 can only be the first term.
        last = np.zeros(r1cs.n_constraints, dtype=np.int64)
        full = filled(matrix)
        last[full] = matrix.wires[matrix.indptr[1:][full] - 1]
        return last > 0

    trivial = ~(filled(r1cs.c) | (filled(r1cs.a) & filled(r1cs.b)))
    constant = ~(constrains(r1cs.a) | constrains(r1cs.b) | constrains(r1cs.c))
    bad = np.flatnonzero(trivial | constant)
    if bad.size:
        row = int(bad[0])
        raise MalformedCircuitError(f"row {row} ({r1cs.origin(row)}) constrains no wire")


def _check_occurrence(circuit: Circuit) -> None:
    r1cs = circuit.r1cs
    seen = np.zeros(r1cs.n_wires, dtype=np.bool_)
    for matrix in (r1cs.a, r1cs.b, r1cs.c):
        seen[matrix.wires] = True
    missing = np.flatnonzero(~seen[1:]) + 1
    if missing.size:
        wire = int(missing[0])
        raise MalformedCircuitError(
            f"{'public' if wire <= r1cs.n_public else 'private'} wire {wire} ({circuit.wire_name(wire)}) "
            "occurs in no constraint"
        )


def _check_order(circuit: Circuit) -> None:
    program, phase = circuit.program, circuit.phase
    n = program.n_wires
    if n != circuit.r1cs.n_wires or phase.size != n:
        raise MalformedCircuitError("the witness program and the constraints disagree on the number of wires")
    known = np.zeros(n, dtype=np.bool_)
    known[0] = True
    is_field = np.zeros(n, dtype=np.bool_)
    is_field[program.field_wires] = True
    for name, slot in program.slots.items():
        what = f"input {name!r}"
        span = _unwritten(known, is_field, slot.first, slot.count, what)
        if slot.count and bool(is_field[slot.first]) != (slot.lo is None):
            raise MalformedCircuitError(f"{what} has bounds if and only if it is integer-valued")
        known[span] = True
    for step in program.steps:
        span = _unwritten(known, is_field, step.first, step.count, f"step {step.kind!r} ({step.origin})")
        _check_step(step, known, phase, is_field)
        known[span] = True
    if not known.all():
        wire = int(np.flatnonzero(~known)[0])
        raise MalformedCircuitError(f"wire {wire} ({circuit.wire_name(wire)}) is never computed")


def _check_step(step: Step, known: NDArray[np.bool_], phase: NDArray[np.uint8], is_field: NDArray[np.bool_]) -> None:
    own = int(phase[step.first : step.first + step.count].min()) if step.count else 255
    for rows in step.inputs:
        indptr, n = rows.indptr, rows.wires.size
        shaped = indptr.size > 0 and int(indptr[0]) == 0 and int(indptr[-1]) == n and rows.coefs.size == n
        if not shaped or bool((np.diff(indptr) < 0).any()) or (n and int(rows.wires.max()) >= known.size):
            raise MalformedCircuitError(f"step {step.kind!r} ({step.origin}) has malformed inputs")
        if rows.integer and bool(is_field[rows.wires].any()):
            raise MalformedCircuitError(f"step {step.kind!r} ({step.origin}) reads a field wire as a machine integer")
        if n and not bool(known[rows.wires].all()):
            raise MalformedCircuitError(f"step {step.kind!r} ({step.origin}) reads a wire before it is computed")
        if n and int(phase[rows.wires].max()) > own:
            raise MalformedCircuitError(f"step {step.kind!r} ({step.origin}) of phase {own} reads a later phase")


def _unwritten(known: NDArray[np.bool_], is_field: NDArray[np.bool_], first: int, count: int, what: str) -> slice:
    if first < 0 or count < 0 or first + count > known.size:
        raise MalformedCircuitError(f"{what} writes wires that do not exist")
    span = slice(first, first + count)
    if bool(known[span].any()):
        raise MalformedCircuitError(f"{what} writes a wire a second time")
    if count and bool((is_field[span] != is_field[first]).any()):
        raise MalformedCircuitError(f"{what} writes both integer and field wires")
    return span
