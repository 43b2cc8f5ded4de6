"""The check pass: every rule of ``constraint/check.py`` refuses a circuit that breaks it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from prover.constraint import Circuit, ConstraintSystem
from prover.constraint.check import check_circuit_rules
from prover.errors import MalformedCircuitError
from prover.gadgets import range_bits


def build(cs: ConstraintSystem) -> None:
    out = cs.public("out", 1)
    context = cs.public("context", 1, output=False)
    x = cs.private("x", 2, (0, 15))
    range_bits(cs, x, 4, "range")
    cs.bind(out, cs.product(x[0], x[1], "product"), "out")
    cs.product(context, context, "context")


def circuit() -> Circuit:
    cs = ConstraintSystem()
    build(cs)
    return cs.compile()


def with_matrix(name: str, **changes: np.ndarray) -> Callable[[Circuit], Circuit]:
    def change(c: Circuit) -> Circuit:
        matrix = replace(getattr(c.r1cs, name), **changes)
        return replace(c, r1cs=replace(c.r1cs, **{name: matrix}))

    return change


def edit(name: str, column: str, position: int, value: int) -> Callable[[Circuit], Circuit]:
    def change(c: Circuit) -> Circuit:
        array = getattr(getattr(c.r1cs, name), column).copy()
        array[position] = value
        return with_matrix(name, **{column: array})(c)

    return change


def swap_first_terms(c: Circuit) -> Circuit:
    """Two wires of the first row with two terms change places."""
    matrix = c.r1cs.b
    start = int(matrix.indptr[np.flatnonzero(np.diff(matrix.indptr) >= 2)[0]])
    wires = matrix.wires.copy()
    wires[[start, start + 1]] = wires[[start + 1, start]]
    return with_matrix("b", wires=wires)(c)


def table(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Circuit], Circuit]:
    return lambda c: replace(c, r1cs=replace(c.r1cs, table=change(c.r1cs.table.copy())))


def first_entry(limbs: list[int]) -> Callable[[np.ndarray], np.ndarray]:
    def change(array: np.ndarray) -> np.ndarray:
        array[0] = limbs
        return array

    return change


def steps(change: Callable[[tuple], tuple]) -> Callable[[Circuit], Circuit]:
    return lambda c: replace(c, program=replace(c.program, steps=change(c.program.steps)))


def later_phase_for_inputs(c: Circuit) -> Circuit:
    phase = c.phase.copy()
    phase[c.program.slots["x"].first] = 1
    return replace(c, phase=phase)


BROKEN = {
    "a wire number out of range": (edit("a", "wires", -1, 99), "wire 99 of"),
    "a coefficient number out of range": (edit("c", "coef_ids", 0, 99), "coefficient number is out of range"),
    "row pointers that descend": (edit("a", "indptr", 1, 50), "row pointers descend"),
    "row pointers that end early": (edit("b", "indptr", -1, 1), "row pointers do not span"),
    "wires that do not ascend": (swap_first_terms, "wires do not ascend"),
    "a zero coefficient": (table(first_entry([0, 0, 0, 0])), "zero or a value that is not below p"),
    "a coefficient that is not canonical": (table(first_entry([2**64 - 1] * 4)), "not below p"),
    "a coefficient twice": (table(lambda t: np.concatenate((t, t[:1]))), "holds a value twice"),
    "a step twice": (steps(lambda s: (*s, s[-1])), "writes a wire a second time"),
    "a missing step": (steps(lambda s: s[:-1]), "is never computed"),
    "steps out of order": (steps(lambda s: s[::-1]), "reads a wire before it is computed"),
    "a step that writes outside": (
        steps(lambda s: (*s[:-1], replace(s[-1], first=1000))),
        "writes wires that do not exist",
    ),
    "a step that writes both kinds of wires": (
        lambda c: replace(c, program=replace(c.program, field_wires=np.append(c.program.field_wires, 5))),
        "both integer and field wires",
    ),
    "a step that reads a field wire as an integer": (
        lambda c: replace(
            c,
            program=replace(
                c.program,
                steps=tuple(
                    replace(s, inputs=tuple(replace(rows, integer=True) for rows in s.inputs)) for s in c.program.steps
                ),
            ),
        ),
        "reads a field wire as a machine integer",
    ),
    "an integer input without bounds": (
        lambda c: replace(
            c, program=replace(c.program, slots={**c.program.slots, "x": replace(c.program.slots["x"], lo=None)})
        ),
        "if and only if it is integer-valued",
    ),
    "a step that reads a later phase": (later_phase_for_inputs, "of phase 0 reads a later phase"),
    "a program for another number of wires": (
        lambda c: replace(c, program=replace(c.program, n_wires=c.program.n_wires + 1)),
        "disagree on the number of wires",
    ),
}


def test_the_honest_circuit_passes() -> None:
    check_circuit_rules(circuit())


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_rule_is_refused(name: str) -> None:
    change, message = BROKEN[name]
    with pytest.raises(MalformedCircuitError, match=message):
        check_circuit_rules(change(circuit()))


def test_an_unbound_context_is_refused() -> None:
    cs = ConstraintSystem()
    out = cs.public("out", 1)
    cs.public("context", 1, output=False)
    cs.bind(out, range_bits(cs, cs.private("x", 1, (0, 15)), 4, "range"), "out")
    with pytest.raises(MalformedCircuitError, match=r"public wire 2 \(context\[0\]\) occurs in no constraint"):
        cs.compile()


def test_an_output_without_a_value_is_refused() -> None:
    cs = ConstraintSystem()
    out = cs.public("out", 1)
    cs.enforce_zero(out - range_bits(cs, cs.private("x", 1, (0, 15)), 4, "range"), "equal")
    with pytest.raises(MalformedCircuitError, match="is never computed"):
        cs.compile()


def test_an_unconstrained_private_wire_is_refused() -> None:
    cs = ConstraintSystem()
    build(cs)
    cs.private("unused", 3, (0, 1))
    with pytest.raises(MalformedCircuitError, match=r"private wire \d+ \(unused\[0\]\) occurs in no constraint"):
        cs.compile()


@pytest.mark.parametrize(
    "row",
    [
        lambda cs, x: cs.enforce(x, 0, 0, "row"),
        lambda cs, x: cs.enforce(2, 3, 6, "row"),
        lambda cs, x: cs.enforce_zero(x - x, "row"),
    ],
)
def test_a_row_that_constrains_nothing_is_refused(row) -> None:
    cs = ConstraintSystem()
    build(cs)
    row(cs, range_bits(cs, cs.private("y", 1, (0, 15)), 4, "range"))
    with pytest.raises(MalformedCircuitError, match=r"\(row\) constrains no wire"):
        cs.compile()


def test_phases_ride_on_wires() -> None:
    cs = ConstraintSystem()
    x = cs.private("x", 1, (0, 3))
    challenge = cs.private("challenge", 1, None, phase=1)
    late = cs.solve("product", (x, challenge), 1, phase=1, origin="late")
    cs.enforce(x, challenge, late, "late")
    assert cs.compile().phase.tolist() == [0, 0, 1, 1]
    early = cs.solve("product", (x, challenge), 1, phase=0, origin="early")
    cs.enforce(x, challenge, early, "early")
    with pytest.raises(MalformedCircuitError, match=r"'product' \(early\) of phase 0 reads a later phase"):
        cs.compile()
