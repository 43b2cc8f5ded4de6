"""Linear vectors against dense integer algebra."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prover.constraint import ConstraintSystem, IntMatrix, LinearVector
from prover.constraint.csr import canonical, row_sums
from prover.errors import MalformedCircuitError
from prover.field import R
from prover.testing.strategies import integer_matrices

N = 5


def vector(cs: ConstraintSystem, matrix: np.ndarray, constants: np.ndarray) -> LinearVector:
    """matrix · x + constants over five private wires in [-10, 10]."""
    x = cs.private("x", N, (-10, 10))
    return x.matmul(matrix) + constants


def evaluate(form: LinearVector, values: list[int]) -> list[int]:
    """By definition, in Python integers."""
    wires = [1, *values]
    ends = form.indptr.tolist()
    terms = [int(c) * wires[w] for c, w in zip(form.coefs, form.wires, strict=True)]
    return [sum(terms[start:end]) for start, end in itertools.pairwise(ends)]


def is_canonical(form: LinearVector) -> bool:
    rows = [form.wires[s:e] for s, e in zip(form.indptr[:-1], form.indptr[1:], strict=True)]
    return all((np.diff(row.astype(np.int64)) > 0).all() for row in rows) and bool((form.coefs != 0).all())


@given(integer_matrices(4, N, 50), integer_matrices(4, N, 50), integer_matrices(3, 4, 20), st.integers(-9, 9))
def test_algebra(a: np.ndarray, b: np.ndarray, w: np.ndarray, k: int) -> None:
    cs = ConstraintSystem()
    x = [3, -10, 10, 0, 7]
    left = vector(cs, a, np.arange(4))
    right = left.matmul(np.eye(4, dtype=np.int64))[[3, 2, 1, 0]] + cs.constant([k] * 4)
    plain = a @ x + np.arange(4)
    other = plain[::-1] + k
    factors = np.arange(-2, 2)
    for form, expected in [
        (left + right, plain + other),
        (left - right, plain - other),
        (-left, -plain),
        (k - left, k - plain),
        (left.scale(k), plain * k),
        (left.scale(factors), plain * factors),
        (left.matmul(w), w @ plain),
        (left.sum(), np.array([plain.sum()])),
        (left[1:3], plain[1:3]),
        (left[np.array([2, 2, 0])], plain[[2, 2, 0]]),
        (LinearVector.concat([left, right]), np.concatenate((plain, other))),
        (left + left[0], plain + plain[0]),
        (left - left, plain * 0),
    ]:
        assert evaluate(form, x) == expected.tolist()
        assert is_canonical(form)
        lo, hi = form.bounds
        assert (lo <= expected).all()
        assert (expected <= hi).all()
    assert left.indptr.size == 5
    assert (left - left).wires.size == 0


@given(integer_matrices(3, N, 8))
def test_bounds_are_reached(matrix: np.ndarray) -> None:
    cs = ConstraintSystem()
    form = vector(cs, matrix, np.zeros(3, dtype=np.int64))
    lo, hi = form.bounds
    corner = np.where(matrix > 0, 10, -10)
    assert hi.tolist() == (matrix * corner).sum(axis=1).tolist()
    assert lo.tolist() == (-matrix * corner).sum(axis=1).tolist()


def test_bounds_use_cancellation_between_terms() -> None:
    cs = ConstraintSystem()
    x = cs.private("x", 1, (0, 100))
    assert (x.scale(3) - x.scale(2)).bounds[1].tolist() == [100]
    assert (x - x).bounds[0].tolist() == [0]


def test_wide_coefficients_are_reduced_and_cancel() -> None:
    cs = ConstraintSystem()
    x = cs.private("x", 2, None)
    wide = x.scale(R - 1)
    assert wide.is_wide
    assert (wide + x).wires.size == 0
    assert evaluate(x.scale(2**200) + x, [1, 2]) == [2**200 + 1, 2 * (2**200 + 1)]
    assert evaluate((x.scale(2**200)).matmul(np.array([[1, -1]])), [7, 7]) == [7 * R]


def test_field_values_have_no_bounds() -> None:
    cs = ConstraintSystem()
    with pytest.raises(MalformedCircuitError, match="without proven integer bounds"):
        _ = cs.private("x", 1, None).bounds


def test_bounds_past_machine_integers_are_given_up_not_wrapped() -> None:
    cs = ConstraintSystem()
    x = cs.private("x", 2, (-(2**61), 2**61))
    assert x.sum().lo is None or int(x.sum().bounds[1][0]) == 2**62
    assert x.scale(8).lo is None
    assert (x.scale(2) + x.scale(2)).lo is None


@pytest.mark.parametrize(
    "overflow",
    [
        lambda x: x.scale(np.array([2**61])).scale(np.array([4])),
        lambda x: x.matmul(np.array([[2**61]])).matmul(np.array([[2]])),
        lambda x: x.matmul(np.array([[2**61]])) + x.matmul(np.array([[2**61]])),
    ],
)
def test_coefficients_past_machine_integers_are_refused(overflow) -> None:
    cs = ConstraintSystem()
    with pytest.raises(MalformedCircuitError, match=r"2\^62"):
        overflow(cs.private("x", 1, (0, 1)))


def test_shapes_that_disagree_are_refused() -> None:
    cs = ConstraintSystem()
    x = cs.private("x", 3, (0, 1))
    with pytest.raises(MalformedCircuitError, match="lengths 3 and 2"):
        _ = x + x[:2]
    with pytest.raises(MalformedCircuitError, match="2 columns times 3"):
        x.matmul(np.ones((1, 2), dtype=np.int64))
    with pytest.raises(MalformedCircuitError, match="an interval is empty"):
        x.with_bounds(3, 4)
    with pytest.raises(MalformedCircuitError, match="two axes"):
        x.matmul(np.ones(3, dtype=np.int64))


def test_triples_add_up() -> None:
    matrix = IntMatrix.from_triples(np.array([1, 0, 1, 1]), np.array([2, 0, 2, 0]), np.array([5, 3, -5, 4]), (2, 3))
    assert matrix.indptr.tolist() == [0, 1, 2]
    assert (matrix.columns.tolist(), matrix.values.tolist()) == ([0, 0], [3, 4])


def test_row_sums_of_empty_rows() -> None:
    assert row_sums(np.array([0, 0, 2, 2, 3, 3]), np.array([1, 2, 3])).tolist() == [0, 3, 0, 3, 0]
    indptr, wires, _ = canonical(3, np.array([2, 0]), np.array([1, 4]), np.array([7, 7]))
    assert (indptr.tolist(), wires.tolist()) == ([0, 1, 1, 2], [4, 1])
