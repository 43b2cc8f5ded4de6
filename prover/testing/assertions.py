"""Assertions about circuits, from cheap to dear."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from enum import Flag, auto
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from prover.constraint import Circuit, ConstraintSystem, LinearVector
from prover.constraint.program import Assignment
from prover.field import R, from_limbs, signed
from prover.testing.lying import all_witnesses, omit, some_witnesses, surviving_mutations

Build = Callable[[ConstraintSystem], LinearVector]
"""Declares its inputs with ``cs.private``, emits constraints, returns the forms whose values are the outputs."""

OUTPUTS = "outputs"


class Tier(Flag):
    """What :func:`check_circuit` does; later tiers cost more.

    REFERENCE: outputs equal the expected integers. CONSTRAINTS: the witness satisfies every row. SERIALISATION: the
    file reads back to the same bytes and the same witness. MUTATION: no single wire can change unnoticed. PROOF: the
    default Groth16 backend proves, and verifies the true statement and not another one. BACKENDS: every installed
    backend does (py_ecc takes seconds even for a dozen constraints).
    """

    REFERENCE = auto()
    CONSTRAINTS = auto()
    SERIALISATION = auto()
    MUTATION = auto()
    PROOF = auto()
    BACKENDS = auto()
    FAST = REFERENCE | CONSTRAINTS | SERIALISATION
    DISHONEST = FAST | MUTATION
    ALL = DISHONEST | PROOF | BACKENDS


def build_circuit(build: Build, modulus: int = R) -> Circuit:
    """Compile a gadget with its outputs bound to the public vector ``outputs``."""
    cs = ConstraintSystem(modulus)
    result = build(cs)
    if len(result):
        cs.bind(cs.public(OUTPUTS, len(result)), result, "check.outputs")
    return cs.compile()


def check_circuit(
    build: Build,
    inputs: Mapping[str, Assignment],
    expected: Sequence[int] | NDArray[np.int64],
    *,
    modulus: int = R,
    tiers: Tier = Tier.DISHONEST,
    free: Collection[str] = (),
    mutate_inputs: bool = False,
    n_constraints: int | None = None,
) -> Circuit:
    """Assert that a circuit computes what its integer reference says and that nobody can make it say otherwise.

    Args:
        build: the gadget or layer under test.
        inputs: one honest assignment.
        expected: the outputs the integer reference gives (signed integers, or field elements).
        tiers: what to check.
        free: origins (substrings) of auxiliary wires that may take several values for one output; each use needs a
            reason in the gadget's docstring.
        mutate_inputs: also change assigned inputs. Without a commitment another input may be another true statement
            (a truncation drops its low bits), so by default only computed wires are changed.
        n_constraints: the gadget's own constraints, without the rows that bind outputs.

    Returns:
        The compiled circuit.
    """
    circuit = build_circuit(build, modulus)
    witness = circuit.program.run(inputs)
    values = from_limbs(witness)
    wanted = [int(value) % modulus for value in expected]
    outputs = _outputs(circuit)
    if Tier.REFERENCE in tiers:
        got = [values[wire] for wire in outputs]
        assert got == wanted, f"outputs {_readable(got, modulus)}, the reference says {_readable(wanted, modulus)}"
    if Tier.CONSTRAINTS in tiers:
        circuit.r1cs.check(witness)
        if n_constraints is not None:
            own = circuit.r1cs.n_constraints - len(outputs)
            detail = circuit.r1cs.rows_by_origin()
            assert own == n_constraints, f"{own} constraints instead of {n_constraints}: {detail}"
    if Tier.SERIALISATION in tiers:
        _check_serialisation(circuit, inputs, witness)
    if Tier.MUTATION in tiers:
        skipped = set() if mutate_inputs else set(_input_wires(circuit))
        computed = [wire for wire in range(1, len(values)) if wire not in skipped]
        wires = [wire for wire in computed if not any(name in circuit.wire_name(wire) for name in free)]
        for wire, value in surviving_mutations(circuit.r1cs, values, wires):
            name = circuit.wire_name(wire)
            raise AssertionError(f"wire {wire} ({name}) = {values[wire]} may become {value} unnoticed")
    if (Tier.PROOF | Tier.BACKENDS) & tiers and modulus == R:
        _check_proofs(circuit, witness, every_backend=Tier.BACKENDS in tiers)
    return circuit


def check_unique(
    build: Build,
    modulus: int,
    reference: Callable[..., Sequence[int] | None],
    cases: Iterable[Sequence[int]] | None = None,
) -> Circuit:
    """Prove by exhaustion over a small field that a gadget accepts exactly the honest outputs.

    For every case (by default: every assignment of field values to the input wires, in slot order) all witnesses are
    enumerated. ``reference(*values)`` gets the inputs' signed values and returns the outputs, or None where the gadget
    must have no witness at all.
    """
    circuit = build_circuit(build, modulus)
    wires = _input_wires(circuit)
    for case in cases if cases is not None else itertools.product(range(modulus), repeat=len(wires)):
        honest = reference(*(signed(value % modulus, modulus) for value in case))
        wanted = set() if honest is None else {tuple(int(value) % modulus for value in honest)}
        got = _possible_outputs(circuit, dict(zip(wires, case, strict=True)))
        assert got == wanted, f"inputs {tuple(case)} admit the outputs {sorted(got)}, the reference says {wanted}"
    return circuit


def find_lie(
    circuit: Circuit, without: str, cases: Iterable[Sequence[int]], reference: Callable[..., Sequence[int] | None]
) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """Drop the rows whose origin contains ``without`` and look for inputs that then admit a dishonest output.

    Returns:
        (inputs, dishonest outputs), or None when none was found: the search is random, its seed fixed.
    """
    modulus, wires = circuit.r1cs.modulus, _input_wires(circuit)
    broken = omit(circuit.r1cs, without)
    for case in cases:
        honest = reference(*(signed(value % modulus, modulus) for value in case))
        wanted = None if honest is None else tuple(int(value) % modulus for value in honest)
        for witness in some_witnesses(broken, dict(zip(wires, case, strict=True))):
            got = tuple(witness[wire] for wire in _outputs(circuit))
            if got != wanted:
                return tuple(case), got
    return None


def _outputs(circuit: Circuit) -> list[int]:
    return [int(wire) for wire in circuit.publics[OUTPUTS]] if OUTPUTS in circuit.publics else []


def _input_wires(circuit: Circuit) -> list[int]:
    return [slot.first + i for slot in circuit.program.slots.values() for i in range(slot.count)]


def _possible_outputs(circuit: Circuit, fixed: Mapping[int, int]) -> set[tuple[int, ...]]:
    outputs = _outputs(circuit)
    return {tuple(witness[wire] for wire in outputs) for witness in all_witnesses(circuit.r1cs, fixed)}


def _readable(values: Sequence[int], modulus: int) -> list[int]:
    return [signed(value, modulus) for value in values]


def _check_serialisation(circuit: Circuit, inputs: Mapping[str, Assignment], witness: NDArray[np.uint64]) -> None:
    data = circuit.to_bytes()
    copy = Circuit.from_bytes(data)
    assert copy.to_bytes() == data, "a circuit read back has other bytes"
    assert np.array_equal(copy.program.run(inputs), witness), "a circuit read back computes another witness"


def _check_proofs(circuit: Circuit, witness: NDArray[np.uint64], every_backend: bool) -> None:
    """Proofs by Groth16 backends; imported here because circuits stand below proof systems."""
    from prover import groth16

    signals = from_limbs(witness[1 : 1 + circuit.r1cs.n_public])
    installed = [info.name for info in groth16.backend_info() if info.available]
    for name in installed if every_backend else [groth16.get_backend().name]:
        with tempfile.TemporaryDirectory() as folder:
            key = groth16.setup(circuit.r1cs, Path(folder) / "key.zkey", backend=name)
            proof = groth16.prove(key, circuit.r1cs, witness, backend=name)  # verifies before it returns
            for last in signals[-1:]:
                forged = [*signals[:-1], (last + 1) % R]
                forgery = groth16.verify(key.verifying_key, forged, proof, backend=name)
                assert not forgery, f"{name} accepts a forged signal"
