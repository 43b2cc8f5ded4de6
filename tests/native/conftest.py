"""The native module, one circuit and one key."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray

from prover.field import to_limbs

Arrays = tuple[NDArray[np.int64], NDArray[np.uint32], NDArray[np.uint32]]

TABLE = [1, 5]
"""Coefficients of the cubic."""

TRUE = [1, 35, 3, 9, 27]
"""A witness of the cubic: one, y, x, x², x³."""


def matrix(*rows: dict[int, int]) -> Arrays:
    """Rows of {wire: coefficient of TABLE} as CSR arrays."""
    indptr = np.cumsum([0, *map(len, rows)]).astype(np.int64)
    wires = np.array([wire for row in rows for wire in row], np.uint32)
    ids = np.array([TABLE.index(value) for row in rows for value in row.values()], np.uint32)
    return indptr, wires, ids


A = matrix({2: 1}, {3: 1}, {4: 1, 2: 1, 0: 5})
B = matrix({2: 1}, {2: 1}, {0: 1})
C = matrix({3: 1}, {4: 1}, {1: 1})


@pytest.fixture(scope="session")
def native(require_tool: Callable[[str], Path]) -> ModuleType:
    """``prover._native``."""
    require_tool("native")
    from prover import _native

    return _native


@pytest.fixture(scope="session")
def cubic(native: ModuleType):  # type: ignore[no-untyped-def]  # the class lives in an optional module
    """x³ + x + 5 = y in native memory; y is public."""
    return native.Circuit(5, 1, A, B, C, to_limbs(TABLE))


@pytest.fixture(scope="session")
def key_path(native: ModuleType, cubic: object, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A development key for the cubic."""
    path = tmp_path_factory.mktemp("native") / "cubic.zkey"
    native.setup(cubic, path)
    return path


@pytest.fixture(scope="session")
def key(native: ModuleType, key_path: Path):  # type: ignore[no-untyped-def]
    """The same, loaded."""
    return native.ProvingKey.load(key_path)
