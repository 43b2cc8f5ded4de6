"""Building, freezing, running and checking circuits."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings

from prover.constraint import Circuit, ConstraintSystem, LinearVector
from prover.constraint.r1cs import canonical_limbs, small_integers
from prover.errors import InputError, MalformedCircuitError, UnsatisfiedError
from prover.field import R, from_limbs, to_limbs
from prover.gadgets import one_hot, range_exact, relu_truncate
from prover.testing import Tier, build_circuit, check_circuit
from prover.testing.strategies import Layer, layers


def small_circuit(modulus: int = R) -> Circuit:
    """output = x·y + 3, context squared; declared in an order the freeze has to undo."""
    cs = ConstraintSystem(modulus)
    x = cs.private("x", 2, (-9, 9))
    out = cs.public("output", 2)
    context = cs.public("context", 1, output=False)
    with cs.scope("layer"):
        y = cs.product(x, x[[1, 0]], "product")
    cs.bind(out, y + 3, "output")
    cs.product(context, context, "context")
    return cs.compile()


ASSIGNMENT = {"x": [5, -7], "context": [2**252 + 1]}


def test_wires_are_one_then_public_then_private() -> None:
    circuit = small_circuit()
    values = from_limbs(circuit.witness(ASSIGNMENT))
    assert values[:6] == [1, R - 32, R - 32, 2**252 + 1, 5, R - 7]
    assert (circuit.r1cs.n_outputs, circuit.r1cs.n_public_inputs, circuit.r1cs.n_public) == (2, 1, 3)
    assert {name: wires.tolist() for name, wires in circuit.publics.items()} == {"output": [1, 2], "context": [3]}
    assert circuit.r1cs.rows_by_origin() == {"layer/product": 2, "output": 2, "context": 1}
    assert [circuit.wire_name(wire) for wire in (0, 1, 3, 4, 6)] == [
        "the constant",
        "output[0]",
        "context[0]",
        "x[0]",
        "layer/product[0]",
    ]


def test_two_builds_give_the_same_bytes() -> None:
    assert small_circuit().to_bytes() == small_circuit().to_bytes()


@given(layers())
@settings(max_examples=30)
def test_random_layers_match_their_integer_reference(layer: Layer) -> None:
    def build(cs: ConstraintSystem):
        x = cs.private("x", layer.x.values.size, (layer.x.lo, layer.x.hi))
        checked = range_exact(cs, x, layer.x.lo, layer.x.hi, "range")
        return relu_truncate(cs, checked.matmul(layer.weights) + layer.bias, 4, 8)

    expected = np.maximum(0, (layer.outputs + 8) >> 4)
    check_circuit(build, {"x": layer.x.values}, expected, tiers=Tier.FAST)


def test_a_violated_row_is_named() -> None:
    circuit = small_circuit()
    witness = circuit.program.run(ASSIGNMENT)
    witness[6] = to_limbs([-36])[0]
    with pytest.raises(UnsatisfiedError, match=r"constraint 0 of layer/product is violated: 5 · -7 ≠ -36") as caught:
        circuit.r1cs.check(witness)
    assert (caught.value.row, caught.value.origin) == (0, "layer/product")


@pytest.mark.parametrize("wire", range(8))
@pytest.mark.parametrize("value", [0, 2, R - 1, 2**200, R - 2**70])
def test_both_evaluations_of_a_row_agree(wire: int, value: int) -> None:
    """Small values go through int64, large ones through Python integers; both against the definition."""
    circuit = small_circuit()
    values = from_limbs(circuit.program.run(ASSIGNMENT))
    if wire == 0:
        values[4] = value
    else:
        values[wire] = value
    r1cs = circuit.r1cs
    rows = [
        [r1cs.evaluate(matrix, row, values) for matrix in (r1cs.a, r1cs.b, r1cs.c)] for row in range(r1cs.n_constraints)
    ]
    broken = [row for row, (a, b, c) in enumerate(rows) if (a * b - c) % R]
    assert r1cs.first_violation(to_limbs(values)) == (broken[0] if broken else None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w: w[:-1], "witness of this circuit is uint64"),
        (lambda w: w.astype(np.int64), "witness of this circuit is uint64"),
        (lambda w: np.concatenate((to_limbs([2]), w[1:])), "wire 0 of a witness"),
        (lambda w: np.concatenate((w[:4], np.frombuffer(R.to_bytes(32, "little"), "<u8")[None], w[5:])), "canonical"),
    ],
)
def test_a_malformed_witness_is_refused(change, message: str) -> None:
    circuit = small_circuit()
    with pytest.raises(UnsatisfiedError, match=message):
        circuit.r1cs.check(change(circuit.program.run(ASSIGNMENT)))


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ({"x": [1, 2]}, r"\['context'\] are missing or unknown"),
        ({**ASSIGNMENT, "salt": [1]}, r"\['salt'\] are missing or unknown"),
        ({**ASSIGNMENT, "x": [1]}, "'x' takes 2 values, got 1"),
        ({**ASSIGNMENT, "x": [1, 10]}, r"'x'\[1\] is outside \[-9, 9\]"),
        ({**ASSIGNMENT, "context": [R]}, r"'context'\[0\]"),
        ({**ASSIGNMENT, "context": [-1]}, r"'context'\[0\]"),
    ],
)
def test_assignments_are_checked(assignment: dict[str, list[int]], message: str) -> None:
    with pytest.raises(InputError, match=message):
        small_circuit().program.run(assignment)


def test_a_value_outside_a_decomposition_names_its_origin() -> None:
    cs = ConstraintSystem()
    x = cs.private("x", 3, (-100, 100))
    with cs.scope("node"):
        relu_truncate(cs, x.with_bounds(-8, 7))
    circuit = cs.compile()
    with pytest.raises(UnsatisfiedError, match=r"node/relu: value 18 of form 1 does not fit 4 bits"):
        circuit.program.run({"x": [0, 10, 0]})


def test_bounds_too_narrow_for_a_one_hot_only_fail_the_check() -> None:
    cs = ConstraintSystem()
    one_hot(cs, cs.private("x", 1, (0, 9)), 4, "hot")
    circuit = cs.compile()
    with pytest.raises(UnsatisfiedError, match="of hot"):
        circuit.witness({"x": [7]})


def test_field_inputs_feed_integer_instructions() -> None:
    """A claimed interval on a field-valued wire: the value travels as a Python integer and is used if it is small."""

    def build(cs: ConstraintSystem) -> LinearVector:
        x = cs.private("x", 2, None)
        hot = one_hot(cs, x, 3, "hot")
        return LinearVector.concat([hot, relu_truncate(cs, (x - 1).with_bounds(-1, 1))])

    check_circuit(build, {"x": [2, 0]}, [0, 0, 1, 1, 0, 0, 1, 0])
    circuit = build_circuit(build)
    with pytest.raises(UnsatisfiedError, match="of form 1 is no machine integer"):
        circuit.witness({"x": [0, 2**100]})
    with pytest.raises(UnsatisfiedError):
        circuit.witness({"x": [0, 7]})


def test_field_products_take_python_integers() -> None:
    cs = ConstraintSystem()
    a, b = cs.private("a", 1, (0, 2**40)), cs.private("b", 1, (0, 2**40))
    wide = cs.product(a, b, "wide")
    assert wide.lo is None
    out = cs.public("out", 1)
    cs.bind(out, wide, "out")
    circuit = cs.compile()
    witness = circuit.witness({"a": [2**40], "b": [2**40 - 1]})
    assert from_limbs(witness)[1] == 2**40 * (2**40 - 1)


@pytest.mark.parametrize("modulus", [R, 2**61 + 15, 97])
def test_small_integers_of_field_elements(modulus: int) -> None:
    values = [0, 1, 2**60, 2**61 - 1, 2**61, 2**64, 2**128 + 1, -1, -(2**61) + 1, -(2**61), -(2**63), -(2**70)]
    inside = [value for value in values if abs(value) < modulus]
    raw = b"".join((value % modulus).to_bytes(32, "little") for value in inside)
    limbs = np.frombuffer(raw, dtype="<u8").reshape(-1, 4).astype(np.uint64)
    small, exact = small_integers(limbs, modulus)
    for value, got, known in zip(inside, small.tolist(), exact.tolist(), strict=True):
        assert not known or (got - value) % modulus == 0
        if modulus == R:
            assert known == (abs(value) < 2**61)
    assert bool(canonical_limbs(limbs, modulus).all())


def test_canonical_limbs() -> None:
    values = [0, R - 1, R, R + 1, 2**256 - 1, R - 2**64, R + 2**64, R - 2**192 + 2**100]
    raw = np.frombuffer(b"".join(v.to_bytes(32, "little") for v in values), "<u8").reshape(-1, 4).astype(np.uint64)
    assert canonical_limbs(raw, R).tolist() == [value < R for value in values]


def test_misuse_is_refused() -> None:
    cs = ConstraintSystem()
    x = cs.private("x", 2, (0, 1))
    with pytest.raises(MalformedCircuitError, match="'x' is used twice"):
        cs.private("x", 1, (0, 1))
    cs.public("context", 1, output=False)
    with pytest.raises(MalformedCircuitError, match="declared after a public input"):
        cs.public("out", 1)
    with pytest.raises(MalformedCircuitError, match="unknown witness instruction"):
        cs.solve("guess", (x,), 1)
    with pytest.raises(MalformedCircuitError, match="2 forms in 3 rows"):
        cs.enforce(x, cs.constant([1, 1, 1]), 0, "row")
    outputs = ConstraintSystem()
    public = outputs.public("out", 2)
    inside = outputs.private("x", 2, (0, 1))
    for wrong in (public[0], public[[1, 0]], inside, outputs.public("context", 2, output=False)):
        with pytest.raises(MalformedCircuitError, match="only a whole public output is bound"):
            outputs.bind(wrong, inside[: len(wrong)], "out")
    with pytest.raises(MalformedCircuitError, match="lo <= hi"):
        cs.private("y", 1, (1, 0))
    with pytest.raises(MalformedCircuitError, match="without constraints"):
        ConstraintSystem().compile()


def test_a_form_that_may_reach_a_quarter_of_the_field_is_refused() -> None:
    cs = ConstraintSystem(97)
    with pytest.raises(MalformedCircuitError, match="may reach 25, p/4 is 24"):
        cs.enforce_zero(cs.private("x", 1, (-25, 3)), "row")


def test_errors_inside_a_scope_carry_it() -> None:
    cs = ConstraintSystem()
    with pytest.raises(MalformedCircuitError) as caught, cs.scope("conv1"), cs.scope("relu"):
        relu_truncate(cs, cs.private("x", 1, None))
    assert caught.value.__notes__ == ["while building conv1/relu"]


def test_r1cs_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        small_circuit().r1cs.n_wires = 3  # type: ignore[misc]
