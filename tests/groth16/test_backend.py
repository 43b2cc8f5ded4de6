"""Choosing a backend."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from prover.errors import BackendError
from prover.groth16 import backend as _  # noqa: F401  (the module must be importable beside the names it gives)
from prover.groth16 import backend_info, get_backend
from prover.groth16.backend import ENVIRONMENT_VARIABLE, _load


@pytest.fixture
def without_native(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine where the Rust core was never built."""
    import sys

    real = builtins.__import__

    def blocked(name: str, globals_=None, locals_=None, fromlist=(), level=0):  # type: ignore[no-untyped-def]
        if name == "prover._native" or (name == "prover" and fromlist and "_native" in fromlist):
            raise ImportError("No module named 'prover._native'")
        return real(name, globals_, locals_, fromlist, level)

    _load.cache_clear()
    monkeypatch.delitem(sys.modules, "prover.groth16.native_backend", raising=False)
    monkeypatch.setattr(builtins, "__import__", blocked)
    yield
    _load.cache_clear()


def test_native_is_preferred(require_tool: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    require_tool("native")
    monkeypatch.delenv(ENVIRONMENT_VARIABLE, raising=False)
    assert get_backend().name == "native"


def test_reference_stands_in(without_native: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ENVIRONMENT_VARIABLE, raising=False)
    assert get_backend().name == "reference"
    with pytest.raises(BackendError, match="native backend is missing") as error:
        get_backend("native")
    assert "cargo" in error.value.hint
    native, reference = backend_info()
    assert (native.name, native.available) == ("native", False)
    assert "prover._native" in native.detail
    assert reference.available


def test_the_environment_chooses_and_a_name_overrides_it(
    require_tool: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, "reference")
    assert get_backend().name == "reference"
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, "")
    assert get_backend("reference").name == "reference"
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, "gpu")
    with pytest.raises(BackendError, match="gpu"):
        get_backend()
    assert get_backend("reference").name == "reference"
    require_tool("native")
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, "reference")
    assert get_backend("native").name == "native"
