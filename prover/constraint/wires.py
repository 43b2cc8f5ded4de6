"""The wires of a constraint system while it is being built: kind, proven bounds, group and phase of each."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prover.constraint.csr import LIMIT, Ints
from prover.errors import MalformedCircuitError

Bounds = tuple[int | Ints, int | Ints] | None
"""(lo, hi) of the integer values of some wires, scalars or int64[n]; None for field-valued wires."""

ONE = 0
"""The wire that holds the constant one."""


class Group(IntEnum):
    """Where a wire stands in the final order: the statement first, committed blocks (when there are any) between
    the public inputs and the private wires."""

    CONSTANT = 0
    PUBLIC_OUTPUT = 1
    PUBLIC_INPUT = 2
    PRIVATE = 3


class WireTable:
    """Growing columns, one entry per wire; wire numbers are provisional until ``compile`` orders them by group.

    Attributes:
        modulus: the field's prime.
        lo, hi: int64[n] proven bounds of integer wires (0, 0 for field wires).
        is_field: bool[n], a wire whose value is any field element.
        group: uint8[n] of :class:`Group`.
        phase: uint8[n]; a wire of phase k may depend on challenges drawn after all wires of phases below k are fixed.
    """

    def __init__(self, modulus: int) -> None:
        self.modulus = modulus
        self._size = 0
        self._columns: dict[str, NDArray[Any]] = {
            "lo": np.zeros(64, dtype=np.int64),
            "hi": np.zeros(64, dtype=np.int64),
            "is_field": np.zeros(64, dtype=np.bool_),
            "group": np.zeros(64, dtype=np.uint8),
            "phase": np.zeros(64, dtype=np.uint8),
        }
        self.allocate(1, (1, 1), Group.CONSTANT, 0)

    def __len__(self) -> int:
        return self._size

    @property
    def lo(self) -> Ints:
        return self._columns["lo"][: self._size]

    @property
    def hi(self) -> Ints:
        return self._columns["hi"][: self._size]

    @property
    def is_field(self) -> NDArray[np.bool_]:
        return self._columns["is_field"][: self._size]

    @property
    def group(self) -> NDArray[np.uint8]:
        return self._columns["group"][: self._size]

    @property
    def phase(self) -> NDArray[np.uint8]:
        return self._columns["phase"][: self._size]

    def allocate(self, n: int, bounds: Bounds, group: Group, phase: int) -> int:
        """Add n wires and return the number of the first.

        Raises:
            MalformedCircuitError: lo > hi, a bound of magnitude 2^62 or more, or more than 2^32 wires.
        """
        first, last = self._size, self._size + n
        if last >= 1 << 32:
            raise MalformedCircuitError(f"{last} wires do not fit 32-bit wire numbers")
        for name, column in self._columns.items():
            if last > column.size:
                grown = np.zeros(max(last, 2 * column.size), dtype=column.dtype)
                grown[: self._size] = column[: self._size]
                self._columns[name] = grown
        self._size = last
        span = slice(first, last)
        if bounds is None:
            self._columns["is_field"][span] = True
        else:
            self._columns["lo"][span], self._columns["hi"][span] = bounds
            lo, hi = self._columns["lo"][span], self._columns["hi"][span]
            if n and (bool(np.any(lo > hi)) or int(lo.min()) <= -LIMIT or int(hi.max()) >= LIMIT):
                raise MalformedCircuitError("wire bounds must satisfy -2^62 < lo <= hi < 2^62")
        self._columns["group"][span] = int(group)
        self._columns["phase"][span] = phase
        return first
