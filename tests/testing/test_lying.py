"""The search for lies finds the lies that are there, and only those."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from prover.constraint import ConstraintSystem, LinearVector
from prover.field import R
from prover.gadgets import decompose, relu_truncate
from prover.testing import Tier, all_witnesses, build_circuit, check_circuit, check_unique, find_lie, mutants, omit

P = 41


def square(cs: ConstraintSystem) -> LinearVector:
    x = cs.private("x", 1, (0, 3))
    return cs.product(x, x, "square")


def square_root(cs: ConstraintSystem) -> LinearVector:
    """Not a function: both roots satisfy the only row."""
    x = cs.private("x", 1, (0, 3))
    root = cs.solve("linear", (x,), 1, bounds=(0, 3), origin="root")
    cs.enforce(root, root, 4, "root")
    cs.enforce(x, 1, x, "touch")
    return root


def loose_bit(cs: ConstraintSystem) -> LinearVector:
    """A wire that occurs in a row which never constrains it where x = 0."""
    x = cs.private("x", 1, (0, 3))
    y = cs.solve("linear", (x,), 1, bounds=(0, 3), origin="loose")
    cs.enforce(x, y - 1, 0, "loose")
    return x


def brute_force(r1cs, fixed: dict[int, int]) -> set[tuple[int, ...]]:
    """By definition: try every assignment."""
    found = set()
    free = [wire for wire in range(1, r1cs.n_wires) if wire not in fixed]
    for values in itertools.product(range(P), repeat=len(free)):
        witness = [1] * r1cs.n_wires
        for wire, value in [*fixed.items(), *zip(free, values, strict=True)]:
            witness[wire] = value
        limbs = np.zeros((r1cs.n_wires, 4), dtype=np.uint64)
        limbs[:, 0] = witness
        if r1cs.first_violation(limbs) is None:
            found.add(tuple(witness))
    return found


@pytest.mark.parametrize("build", [square, square_root, loose_bit])
@pytest.mark.parametrize("x", [0, 2, 5])
def test_all_witnesses_are_exactly_those_of_brute_force(build, x: int) -> None:
    r1cs = build_circuit(build, P).r1cs
    fixed = {2: x}  # wire 1 is the public output, wire 2 the input
    found = [tuple(witness) for witness in all_witnesses(r1cs, fixed)]
    assert len(found) == len(set(found))
    assert set(found) == brute_force(r1cs, fixed)


def test_all_witnesses_of_a_contradiction_are_none() -> None:
    r1cs = build_circuit(square, P).r1cs
    assert list(all_witnesses(r1cs, {2: 3, 1: 4})) == []


def test_an_ambiguous_circuit_fails() -> None:
    with pytest.raises(AssertionError, match=r"admit the outputs \[\(2,\), \(39,\)\]"):
        check_unique(square_root, P, lambda x: [2])


def test_a_gadget_that_admits_too_much_or_too_little_fails() -> None:
    with pytest.raises(AssertionError, match=r"inputs \(4,\)"):
        check_unique(square, P, lambda x: [x * x] if x in range(4) else None)
    with pytest.raises(AssertionError, match="the reference says"):
        check_unique(square, P, lambda x: [x * x + 1])


def test_a_loose_wire_is_found_by_mutation() -> None:
    check_circuit(loose_bit, {"x": [1]}, [1], modulus=P)
    with pytest.raises(AssertionError, match=r"wire \d \(loose\[0\]\) = 0 may become 1 unnoticed"):
        check_circuit(loose_bit, {"x": [0]}, [0], modulus=P)
    check_circuit(loose_bit, {"x": [0]}, [0], modulus=P, free=["loose"])


def test_a_loose_input_is_found_on_demand() -> None:
    def halve(cs: ConstraintSystem) -> LinearVector:
        return relu_truncate(cs, cs.private("x", 1, (0, 7)), 1, substitute=True)

    check_circuit(halve, {"x": [4]}, [2])
    with pytest.raises(AssertionError, match=r"\(x\[0\]\) = 4 may become 5 unnoticed"):
        check_circuit(halve, {"x": [4]}, [2], mutate_inputs=True)


def test_wrong_references_and_counts_fail() -> None:
    with pytest.raises(AssertionError, match=r"outputs \[9\], the reference says \[8\]"):
        check_circuit(square, {"x": [3]}, [8])
    with pytest.raises(AssertionError, match="1 constraints instead of 2"):
        check_circuit(square, {"x": [3]}, [9], n_constraints=2)


def test_omitting_rows_keeps_the_others() -> None:
    circuit = build_circuit(lambda cs: decompose(cs, cs.private("x", 1, (0, 7)), 3, "bits", substitute=False).digits)
    broken = omit(circuit.r1cs, "recompose")
    assert broken.rows_by_origin() == {"bits.boolean": 3, "check.outputs": 3}
    assert broken.n_wires == circuit.r1cs.n_wires
    broken.check(circuit.program.run({"x": [5]}))
    assert broken.origin(3) == "check.outputs"


def test_omitting_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="no constraint comes from 'typo'"):
        omit(build_circuit(square, P).r1cs, "typo")


def test_no_lie_is_found_where_the_rows_were_not_needed() -> None:
    def twice(cs: ConstraintSystem) -> LinearVector:
        x = cs.private("x", 1, (0, 3))
        y = cs.product(x, x, "first")
        cs.enforce(x, x, y, "second")
        return y

    circuit = build_circuit(twice, P)
    assert find_lie(circuit, "second", [[x] for x in range(P)], lambda x: [x * x]) is None
    assert find_lie(circuit, "check.outputs", [[2]], lambda x: [4]) is not None


def test_mutants_of_a_large_field_are_canonical_and_different() -> None:
    for value in (0, 1, R - 1, 2**251):
        others = mutants(value, R)
        assert len(others) > 20
        assert value not in others
        assert all(0 <= other < R for other in others)
        assert {(value + 1) % R, (value - 1) % R} <= {*others}
    assert mutants(3, P) == [0, 1, 2, *range(4, P)]


def test_proofs_by_the_default_backend() -> None:
    check_circuit(square, {"x": [3]}, [9], tiers=Tier.FAST | Tier.PROOF)


@pytest.mark.full
def test_proofs_by_every_backend() -> None:
    check_circuit(square, {"x": [3]}, [9], tiers=Tier.ALL)
