"""The circuit file ``circuit.bin``: R1CS and witness program in one container of arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from prover.constraint.check import check_circuit_rules
from prover.constraint.circuit import Circuit
from prover.constraint.container import read_container, write_container
from prover.constraint.csr import Coefs
from prover.constraint.program import InputSlot, Rows, Step, WitnessProgram
from prover.constraint.r1cs import R1CS, Matrix
from prover.errors import FormatError, MalformedCircuitError

MAGIC = b"VERDICT\x01"


class _Writer:
    """Collects arrays and hands out their numbers."""

    def __init__(self) -> None:
        self.arrays: list[NDArray[Any]] = []

    def add(self, array: NDArray[Any]) -> int:
        self.arrays.append(array)
        return len(self.arrays) - 1

    def coefs(self, coefs: Coefs) -> int:
        return self.add(_limbs(coefs.tolist()) if coefs.dtype == object else coefs)

    def param(self, value: Any) -> Any:
        if isinstance(value, np.ndarray):
            return {"array": self.add(value.reshape(-1))}
        if isinstance(value, list):
            return {"elements": self.add(_limbs(value))}
        return int(value)


class _Reader:
    """Takes arrays out by number and insists on their dtype and shape."""

    def __init__(self, arrays: list[NDArray[Any]]) -> None:
        self._arrays = arrays

    def get(self, index: int, dtype: Any, columns: int = 0) -> NDArray[Any]:
        array = self._arrays[_natural(index)]
        if array.dtype != dtype or array.ndim != (2 if columns else 1) or (columns and array.shape[1] != columns):
            raise FormatError(f"array {index} of the circuit has another type or shape than its place requires")
        return array

    def coefs(self, index: int) -> Coefs:
        if self._arrays[_natural(index)].ndim == 2:
            return np.array(_integers(self.get(index, np.uint64, 4)), dtype=object)
        return self.get(index, np.int64)

    def param(self, value: Any) -> Any:
        if not isinstance(value, dict):
            return _integer(value)
        if "array" in value:
            return self.get(value["array"], np.int64)
        return _integers(self.get(value["elements"], np.uint64, 4))


def circuit_to_bytes(circuit: Circuit) -> bytes:
    """Deterministic bytes of a circuit."""
    out, r1cs, program = _Writer(), circuit.r1cs, circuit.program
    body = {
        "modulus": str(r1cs.modulus),
        "wires": [r1cs.n_wires, r1cs.n_outputs, r1cs.n_public_inputs],
        "matrices": [[out.add(m.indptr), out.add(m.wires), out.add(m.coef_ids)] for m in (r1cs.a, r1cs.b, r1cs.c)],
        "table": out.add(r1cs.table),
        "origins": list(r1cs.origins),
        "origin_starts": out.add(r1cs.origin_starts),
        "phase": out.add(circuit.phase),
        "publics": {name: out.add(wires) for name, wires in sorted(circuit.publics.items())},
        "field_wires": out.add(program.field_wires),
        "slots": {
            name: [slot.first, slot.count]
            + ([] if slot.lo is None or slot.hi is None else [out.add(slot.lo), out.add(slot.hi)])
            for name, slot in sorted(program.slots.items())
        },
        "steps": [
            {
                "kind": step.kind,
                "origin": step.origin,
                "inputs": [
                    [out.add(r.indptr), out.add(r.wires), out.coefs(r.coefs), int(r.integer)] for r in step.inputs
                ],
                "params": {key: out.param(value) for key, value in sorted(step.params.items())},
                "writes": [step.first, step.count],
            }
            for step in program.steps
        ],
    }
    return write_container(MAGIC, body, out.arrays)


def circuit_from_bytes(data: bytes) -> Circuit:
    """Inverse of :func:`circuit_to_bytes`.

    Raises:
        FormatError: the bytes are no circuit, or one that breaks a rule of ``constraint/check.py``.
    """
    body, arrays = read_container(MAGIC, data)
    source = _Reader(arrays)
    try:
        circuit = _circuit(body, source)
        check_circuit_rules(circuit)
    except MalformedCircuitError as error:
        raise FormatError(f"the circuit file breaks a rule: {error}") from error
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise FormatError(f"the circuit file is malformed: {error!r}") from error
    return circuit


def _circuit(body: Any, source: _Reader) -> Circuit:
    n_wires, n_outputs, n_public_inputs = (_natural(n) for n in body["wires"])
    modulus = int(body["modulus"])
    phase = source.get(body["phase"], np.uint8)
    if phase.size != n_wires or n_outputs + n_public_inputs >= n_wires or modulus < 3 or modulus.bit_length() > 254:
        raise FormatError("the circuit file's sizes contradict each other")
    a, b, c = (
        Matrix(source.get(p, np.int64), source.get(w, np.uint32), source.get(i, np.uint32))
        for p, w, i in body["matrices"]
    )
    origins = tuple(str(name) for name in body["origins"])
    starts = source.get(body["origin_starts"], np.int64)
    if starts.size != len(origins) or not origins or int(starts[0]) != 0 or bool((np.diff(starts) < 0).any()):
        raise FormatError("the circuit file's origins do not cover its rows")
    table = source.get(body["table"], np.uint64, 4)
    r1cs = R1CS(n_wires, n_outputs, n_public_inputs, a, b, c, table, origins, starts, modulus)
    field_wires = source.get(body["field_wires"], np.int64)
    if field_wires.size and (int(field_wires.min()) < 1 or int(field_wires.max()) >= n_wires):
        raise FormatError("the circuit file names field wires that do not exist")
    slots = {str(name): _slot(entry, source) for name, entry in body["slots"].items()}
    steps = tuple(_step(entry, source) for entry in body["steps"])
    publics = {str(name): source.get(wires, np.int64) for name, wires in body["publics"].items()}
    if any(wires.size and (wires.min() < 1 or wires.max() > r1cs.n_public) for wires in publics.values()):
        raise FormatError("the circuit file names public wires that do not exist")
    return Circuit(r1cs, WitnessProgram(n_wires, modulus, field_wires, slots, steps), publics, phase)


def _slot(entry: Any, source: _Reader) -> InputSlot:
    first, count, *bounds = entry
    slot = InputSlot(
        _natural(first), _natural(count), *(source.get(array, np.int64) for array in bounds) if bounds else (None, None)
    )
    if slot.lo is not None and (slot.hi is None or slot.lo.size != slot.count or slot.hi.size != slot.count):
        raise FormatError("an input of the circuit file has bounds of another length")
    return slot


def _step(entry: Any, source: _Reader) -> Step:
    inputs = tuple(
        Rows(source.get(p, np.int64), source.get(w, np.uint32), source.coefs(c), bool(integer))
        for p, w, c, integer in entry["inputs"]
    )
    if any(rows.integer and rows.coefs.dtype == object for rows in inputs):
        raise FormatError("a step of the circuit file evaluates field coefficients as machine integers")
    params = {str(key): source.param(value) for key, value in entry["params"].items()}
    first, count = (_natural(n) for n in entry["writes"])
    return Step(str(entry["kind"]), str(entry["origin"]), inputs, params, first, count)


def _integer(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise FormatError(f"{value!r} in the circuit file is no integer")
    return value


def _natural(value: Any) -> int:
    if _integer(value) < 0:
        raise FormatError(f"{value} in the circuit file is negative")
    return int(value)


def _limbs(values: list[int]) -> NDArray[np.uint64]:
    raw = b"".join(int(value).to_bytes(32, "little") for value in values)
    return np.frombuffer(raw, dtype="<u8").reshape(-1, 4).astype(np.uint64)


def _integers(limbs: NDArray[np.uint64]) -> list[int]:
    raw = np.ascontiguousarray(limbs, dtype="<u8").tobytes()
    return [int.from_bytes(raw[start : start + 32], "little") for start in range(0, len(raw), 32)]
