"""Witnesses that lie: single-wire mutations of a good one, and every witness there is in a small field."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from prover.constraint.csr import Ints, gather, indptr_of
from prover.constraint.r1cs import R1CS, Matrix
from prover.field import from_limbs

Terms = tuple[tuple[int, int], ...]
"""(wire, coefficient) pairs of one linear form."""

Row = tuple[Terms, Terms, Terms]


def python_rows(r1cs: R1CS) -> list[Row]:
    """The constraints as Python tuples."""
    table = from_limbs(r1cs.table)
    sides = []
    for matrix in (r1cs.a, r1cs.b, r1cs.c):
        wires, ids, ends = matrix.wires.tolist(), matrix.coef_ids.tolist(), matrix.indptr.tolist()
        terms = [(wire, table[coef]) for wire, coef in zip(wires, ids, strict=True)]
        sides.append([tuple(terms[s:e]) for s, e in itertools.pairwise(ends)])
    return list(zip(*sides, strict=True))


def omit(r1cs: R1CS, origin: str) -> R1CS:
    """The system without the rows whose origin contains ``origin``: how a test breaks a soundness rule.

    Raises:
        ValueError: no row has such an origin, so the test would test nothing.
    """
    ends = np.append(r1cs.origin_starts[1:], r1cs.n_constraints)
    kept = np.array([origin not in name for name in r1cs.origins], dtype=np.bool_)
    if kept.all():
        raise ValueError(f"no constraint comes from {origin!r}; there are {sorted(set(r1cs.origins))}")
    sizes = ends - r1cs.origin_starts
    rows = np.flatnonzero(np.repeat(kept, sizes)).astype(np.int64)
    starts = (np.cumsum(sizes[kept]) - sizes[kept]).astype(np.int64)
    names = tuple(name for name, keep in zip(r1cs.origins, kept, strict=True) if keep)
    a, b, c = (_take_rows(matrix, rows) for matrix in (r1cs.a, r1cs.b, r1cs.c))
    return replace(r1cs, a=a, b=b, c=c, origins=names, origin_starts=starts)


def _take_rows(matrix: Matrix, rows: Ints) -> Matrix:
    positions = gather(matrix.indptr, rows)
    lengths = np.diff(matrix.indptr)[rows]
    indptr = indptr_of(np.repeat(np.arange(rows.size), lengths), rows.size)
    return Matrix(indptr, matrix.wires[positions], matrix.coef_ids[positions])


def mutants(value: int, modulus: int, seed: int = 0) -> list[int]:
    """Other values to try for one wire: all of them in a small field, telling ones in a large field."""
    if modulus < 1 << 12:
        return [other for other in range(modulus) if other != value]
    draw = random.Random(f"{seed}/{value}")
    near = [value + step for step in (-2, -1, 1, 2)]
    shifted = [value + sign * (1 << k) for k in (8, 16, 32, 64, 128, 251) for sign in (1, -1)]
    special = [0, 1, 2, -1, -value, 2 * value, modulus // 2, pow(2, -1, modulus) * value]
    others = {other % modulus for other in [*near, *shifted, *special, *(draw.randrange(modulus) for _ in range(8))]}
    return sorted(others - {value})


def surviving_mutations(
    r1cs: R1CS, witness: Sequence[int], wires: Sequence[int], seed: int = 0
) -> Iterator[tuple[int, int]]:
    """(wire, value) of every single-wire change that no constraint notices.

    Only rows that read the wire are evaluated again, each as the polynomial of the change.
    """
    p, rows = r1cs.modulus, python_rows(r1cs)
    readers: dict[int, list[Row]] = {}
    for row in rows:
        for wire in {wire for side in row for wire, _ in side}:
            readers.setdefault(wire, []).append(row)
    for wire in wires:
        polynomials = [_polynomial(row, wire, witness, p) for row in readers.get(wire, [])]
        for other in mutants(witness[wire], p, seed):
            if all((q2 * other * other + q1 * other + q0) % p == 0 for q2, q1, q0 in polynomials):
                yield wire, other


def _polynomial(row: Row, wire: int, values: Sequence[int], p: int) -> tuple[int, int, int]:
    """a·b - c as a polynomial (q2, q1, q0) of one wire, the others at their values."""
    (a0, a1), (b0, b1), (c0, c1) = (_split(side, wire, values) for side in row)
    return a1 * b1 % p, (a0 * b1 + a1 * b0 - c1) % p, (a0 * b0 - c0) % p


def _split(side: Terms, wire: int, values: Sequence[int]) -> tuple[int, int]:
    constant = slope = 0
    for other, coef in side:
        if other == wire:
            slope = coef
        else:
            constant += coef * values[other]
    return constant, slope


@dataclass(frozen=True)
class _Move:
    """Assign ``wire`` from ``row`` (or, without one, try the whole field), then test the completed ``checks``."""

    wire: int
    row: Row | None
    checks: tuple[Row, ...]


def all_witnesses(r1cs: R1CS, fixed: Mapping[int, int]) -> Iterator[list[int]]:
    """Every witness that satisfies the constraints and has the ``fixed`` wires' values. For fields below 2^12.

    A depth-first search over the wires in an order in which, wherever possible, one row with a single unknown wire
    leaves only its roots to try.
    """
    search = _start(r1cs, fixed)
    if search is not None:
        yield from _search(*search, 0, lambda roots: roots)


def some_witnesses(
    r1cs: R1CS, fixed: Mapping[int, int], attempts: int = 10, moves: int = 2000, seed: int = 0
) -> Iterator[list[int]]:
    """Some of :func:`all_witnesses`, for systems with too many: random descents of at most ``moves`` moves each."""
    search = _start(r1cs, fixed)
    if search is None:
        return
    for attempt in range(attempts):
        draw = random.Random(f"{seed}/{attempt}")
        left = [moves]

        def shuffled(roots: Sequence[int], draw: random.Random = draw, left: list[int] = left) -> Sequence[int]:
            left[0] -= 1
            return draw.sample(roots, min(len(roots), 64)) if left[0] > 0 else ()

        yield from itertools.islice(_search(*search, 0, shuffled), 8)


def _start(r1cs: R1CS, fixed: Mapping[int, int]) -> tuple[list[_Move], list[int], int] | None:
    rows = python_rows(r1cs)
    values = [0] * r1cs.n_wires
    values[0] = 1
    for wire, value in fixed.items():
        values[wire] = value % r1cs.modulus
    known = {0, *fixed}
    if not all(_holds(row, values, r1cs.modulus) for row in rows if _wires(row) <= known):
        return None
    return _plan(rows, known, r1cs.n_wires), values, r1cs.modulus


def _search(
    plan: Sequence[_Move],
    values: list[int],
    p: int,
    depth: int,
    order: Callable[[Sequence[int]], Sequence[int]],
) -> Iterator[list[int]]:
    if depth == len(plan):
        yield list(values)
        return
    move = plan[depth]
    roots: Sequence[int] = range(p)
    if move.row is not None:
        roots = _roots(*_polynomial(move.row, move.wire, values, p), p)
    for root in order(roots):
        values[move.wire] = root
        if all(_holds(row, values, p) for row in move.checks):
            yield from _search(plan, values, p, depth + 1, order)


def _plan(rows: Sequence[Row], known: set[int], n_wires: int) -> list[_Move]:
    known = set(known)
    waiting = [(row, _wires(row)) for row in rows]
    waiting = [(row, wires) for row, wires in waiting if not wires <= known]
    moves: list[_Move] = []
    while len(known) < n_wires:
        row, wires = min(waiting, key=lambda item: _rank(item[0], item[1] - known), default=(None, set()))
        unknown = sorted(wires - known) or sorted(set(range(n_wires)) - known)
        wire = unknown[0]
        known.add(wire)
        done = tuple(other for other, used in waiting if used <= known)
        waiting = [(other, used) for other, used in waiting if not used <= known]
        single = row if row is not None and len(unknown) == 1 and wires else None
        moves.append(_Move(wire, single, tuple(other for other in done if other is not single)))
    return moves


def _rank(row: Row, unknown: set[int]) -> tuple[int, int]:
    """Fewest unknown wires first; among those, rows linear in the unknown."""
    a, b, _ = ({wire for wire, _ in side} & unknown for side in row)
    return len(unknown), int(bool(a) and bool(b))


def _wires(row: Row) -> set[int]:
    return {wire for side in row for wire, _ in side}


def _holds(row: Row, values: Sequence[int], p: int) -> bool:
    a, b, c = (sum(coef * values[wire] for wire, coef in side) for side in row)
    return (a * b - c) % p == 0


@lru_cache(maxsize=1 << 16)
def _roots(q2: int, q1: int, q0: int, p: int) -> tuple[int, ...]:
    if q2 == 0 and q1 != 0:
        return (-q0 * pow(q1, -1, p) % p,)
    return tuple(x for x in range(p) if (q2 * x * x + q1 * x + q0) % p == 0)
