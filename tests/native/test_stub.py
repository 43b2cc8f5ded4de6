"""The stub mypy reads says what the compiled module has."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from types import ModuleType


def declared(repository: Path) -> dict[str, list[str]]:
    """Functions and methods of the stub with the names of their parameters; ``Class.method`` for methods."""
    found: dict[str, list[str]] = {}
    for node in ast.parse((repository / "prover" / "_native.pyi").read_text()).body:
        members = node.body if isinstance(node, ast.ClassDef) else [node]
        prefix = f"{node.name}." if isinstance(node, ast.ClassDef) else ""
        for member in members:
            if isinstance(member, ast.FunctionDef) and not member.decorator_list:
                found[prefix + member.name] = [argument.arg for argument in member.args.args]
    return found


def test_the_stub_names_what_the_module_has(native: ModuleType, repository: Path) -> None:
    public = {name for name in native.__all__ if name != "__version__"}
    assert {name.split(".")[0] for name in declared(repository)} == public


def test_the_stub_names_the_parameters(native: ModuleType, repository: Path) -> None:
    checked = 0
    for name, parameters in declared(repository).items():
        owner, _, method = name.rpartition(".")
        target = getattr(getattr(native, owner), method) if owner else getattr(native, name)
        if method == "__new__":
            target, parameters = getattr(native, owner), parameters[1:]
        assert list(inspect.signature(target).parameters) == parameters, name
        checked += 1
    assert checked >= 12
