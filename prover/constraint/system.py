"""The constraint system under construction: wires, rank-1 rows, and the steps that compute the witness."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from prover.constraint.circuit import Circuit
from prover.constraint.csr import LIMIT, Ints
from prover.constraint.freeze import freeze
from prover.constraint.instructions import INSTRUCTIONS
from prover.constraint.linear import LinearVector
from prover.constraint.wires import Bounds, Group, WireTable
from prover.errors import CircuitError, MalformedCircuitError
from prover.field import R

Form = LinearVector | int


@dataclass(frozen=True, eq=False)
class RowBlock:
    """Rows a·b = c of one origin."""

    a: LinearVector
    b: LinearVector
    c: LinearVector
    origin: str


@dataclass(frozen=True, eq=False)
class PendingStep:
    """A witness step over provisional wires."""

    kind: str
    origin: str
    inputs: tuple[LinearVector, ...]
    params: Mapping[str, Any]
    first: int
    count: int


class Run(NamedTuple):
    """A named run of wires: a witness input or a public vector."""

    first: int
    n: int


class ConstraintSystem:
    """Builds a circuit. All methods work on whole vectors; none loops over rows.

    Attributes:
        modulus: the field's prime; a small one serves exhaustive tests.
        table: the wires.
    """

    def __init__(self, modulus: int = R) -> None:
        self.modulus = modulus
        self.table = WireTable(modulus)
        self.blocks: list[RowBlock] = []
        self.steps: list[PendingStep] = []
        self.slots: dict[str, Run] = {}
        self.publics: dict[str, Run] = {}
        self._scopes: list[str] = []

    # --- wires ---------------------------------------------------------------------------------------------------

    def public(self, name: str, n: int, *, output: bool = True, phase: int = 0) -> LinearVector:
        """n public wires, in layout order: all outputs first, then inputs.

        An output's value is computed by :meth:`bind`; an input (``output=False``, such as the context) is a field
        element the caller assigns by ``name``.

        Raises:
            MalformedCircuitError: the name is taken, or an output follows an input.
        """
        self._claim(name)
        if output and bool((self.table.group == Group.PUBLIC_INPUT).any()):
            raise MalformedCircuitError(f"public output {name!r} is declared after a public input")
        group = Group.PUBLIC_OUTPUT if output else Group.PUBLIC_INPUT
        first = self.table.allocate(n, None, group, phase)
        self.publics[name] = Run(first, n)
        if not output:
            self.slots[name] = Run(first, n)
        return self._wires(first, n)

    def private(self, name: str, n: int, bounds: Bounds, *, phase: int = 0) -> LinearVector:
        """n private wires assigned by ``name``: integers within bounds (scalars or int64[n]), or field elements (None).

        The bounds are only promised by the prover: constrain the wires with the gadgets ``range`` or ``one_hot``.
        """
        self._claim(name)
        first = self.table.allocate(n, bounds, Group.PRIVATE, phase)
        self.slots[name] = Run(first, n)
        return self._wires(first, n)

    def constant(self, values: Sequence[int] | Ints) -> LinearVector:
        """Constant forms."""
        return LinearVector.constant(self.table, values)

    def solve(
        self,
        kind: str,
        inputs: Sequence[LinearVector],
        n_outputs: int,
        params: Mapping[str, Any] | None = None,
        bounds: Bounds = None,
        *,
        origin: str = "",
        phase: int = 0,
    ) -> LinearVector:
        """n new private wires computed by an instruction (``constraint/instructions.py``). Emits no constraint.

        Args:
            bounds: of the outputs' integer values; None for field-valued outputs.
            params: ints, int64 arrays or lists of Python integers.
        """
        if kind not in INSTRUCTIONS:
            raise MalformedCircuitError(f"unknown witness instruction {kind!r}")
        first = self.table.allocate(n_outputs, bounds, Group.PRIVATE, phase)
        if n_outputs:
            self.steps.append(PendingStep(kind, self._origin(origin), tuple(inputs), params or {}, first, n_outputs))
        return self._wires(first, n_outputs)

    # --- rows ----------------------------------------------------------------------------------------------------

    def enforce(self, a: Form, b: Form, c: Form, origin: str) -> None:
        """Rows a_i · b_i = c_i; vectors of length one and integers are repeated.

        Raises:
            MalformedCircuitError: lengths differ, or a bounded form's value may reach p/4 in magnitude.
        """
        m = max((len(form) for form in (a, b, c) if isinstance(form, LinearVector)), default=1)
        name = self._origin(origin)
        left, right, out = (self._expand(form, m, name) for form in (a, b, c))
        if m:
            self.blocks.append(RowBlock(left, right, out, name))

    def enforce_zero(self, form: LinearVector, origin: str) -> None:
        """Rows form_i = 0. The form goes into C, whose terms no iden3 key stores."""
        self.enforce(0, 0, form, origin)

    def product(self, a: LinearVector, b: LinearVector, origin: str) -> LinearVector:
        """New wires a_i · b_i, one row each; integer-valued when the product's interval stays below 2^62."""
        m = max(len(a), len(b))
        name = self._origin(origin)
        left, right = self._expand(a, m, name), self._expand(b, m, name)
        out = self.solve("product", (left, right), m, bounds=_product_bounds(left, right), origin=origin)
        self.enforce(left, right, out, origin)
        return out

    def materialise(self, form: LinearVector, origin: str) -> LinearVector:
        """New wires equal to the forms, one row each: for dense forms that are used often."""
        bounds = None if form.lo is None else form.bounds
        out = self.solve("linear", (form,), len(form), bounds=bounds, origin=origin)
        self.enforce_zero(form - out, origin)
        return out

    def bind(self, public: LinearVector, expression: LinearVector, origin: str) -> None:
        """Make public output wires equal to an expression: a witness step and one row each.

        Raises:
            MalformedCircuitError: ``public`` is not a whole run of public output wires as :meth:`public` returned it,
                or has another length than the expression.
        """
        runs = [run for run in self.publics.values() if run.n == len(public)]
        first = next((run.first for run in runs if np.array_equal(public.wires, self._wires(*run).wires)), -1)
        if first < 0 or self.table.group[first] != Group.PUBLIC_OUTPUT or len(expression) != len(public):
            where = self._origin(origin)
            raise MalformedCircuitError(f"{where}: only a whole public output is bound, to as many forms")
        self.steps.append(PendingStep("linear", self._origin(origin), (expression,), {}, first, len(public)))
        self.enforce_zero(expression - public, origin)

    # --- naming and the end --------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def scope(self, name: str) -> Iterator[None]:
        """Prefix the origins inside with ``name``; errors raised inside are told apart by it."""
        self._scopes.append(name)
        try:
            yield
        except CircuitError as error:
            if not getattr(error, "__notes__", None):
                error.add_note(f"while building {'/'.join(self._scopes)}")
            raise
        finally:
            self._scopes.pop()

    def compile(self) -> Circuit:
        """Freeze, order the wires, and run the check pass.

        Raises:
            MalformedCircuitError: a rule of ``constraint/check.py`` is broken.
        """
        return freeze(self)

    def _origin(self, origin: str) -> str:
        return "/".join([*self._scopes, origin] if origin else self._scopes)

    def _wires(self, first: int, n: int) -> LinearVector:
        return LinearVector.from_wires(self.table, np.arange(first, first + n))

    def _claim(self, name: str) -> None:
        if name in self.slots or name in self.publics:
            raise MalformedCircuitError(f"the wire name {name!r} is used twice")

    def _expand(self, form: Form, m: int, origin: str) -> LinearVector:
        vector = form if isinstance(form, LinearVector) else self.constant([form])
        if len(vector) != m:
            if len(vector) != 1:
                raise MalformedCircuitError(f"{origin}: a vector of {len(vector)} forms in {m} rows")
            vector = vector[np.zeros(m, dtype=np.int64)]
        self._require_no_wrap(vector, origin)
        return vector

    def _require_no_wrap(self, vector: LinearVector, origin: str) -> None:
        """Every integer-valued form stays below p/4 in magnitude.

        Bounded forms are compared with p/4; in BN254's field they cannot reach it, nor can any form of int64
        coefficients over integer wires (2^62 · 2^62 · 2^32). Wide forms are field-valued, where nothing wraps that is
        not meant to, except packed ones: those the gadget ``pack`` keeps in 0 .. 2^252 - 1 < p itself.
        """
        if vector.lo is None or not len(vector) or self.modulus >= 4 * LIMIT:
            return
        low, high = vector.bounds
        largest = max(-int(low.min()), int(high.max()))
        if 4 * largest >= self.modulus:
            raise MalformedCircuitError(f"{origin}: a linear form may reach {largest}, p/4 is {self.modulus // 4}")


def _product_bounds(a: LinearVector, b: LinearVector) -> Bounds:
    if a.lo is None or b.lo is None:
        return None
    (a_lo, a_hi), (b_lo, b_hi) = a.bounds, b.bounds
    corners: NDArray[np.int64] = np.stack((a_lo * b_lo, a_lo * b_hi, a_hi * b_lo, a_hi * b_hi))
    size_a = np.maximum(np.abs(a_lo.astype(float)), np.abs(a_hi.astype(float)))
    size_b = np.maximum(np.abs(b_lo.astype(float)), np.abs(b_hi.astype(float)))
    if len(a) and float((size_a * size_b).max()) >= LIMIT:
        return None
    return corners.min(axis=0), corners.max(axis=0)
