"""The doctor tells what is there, what is not, and what to do; and importing the package stays cheap."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import prover.chain
from prover.chain import doctor
from prover.chain.doctor import Check, examine, healthy


def row(name: str) -> Check:
    return {check.name: check for check in examine()}[name]


def test_this_environment_is_healthy() -> None:
    checks = examine()
    assert healthy(checks)
    names = [check.name for check in checks]
    assert len(set(names)) == len(names)
    assert {"python", "native core", "cargo", "node", "solc", "anvil", "snarkjs", "web3", "py-evm"} <= set(names)
    for check in checks:
        assert check.ok or check.remedy
        assert check.found or not check.ok
        assert check.needed_for


def test_missing_tools_are_rows_with_a_remedy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("VERDICT_ANVIL", str(tmp_path / "anvil"))
    monkeypatch.setattr(doctor, "_ROOT", tmp_path)
    for name, remedy in (("cargo", "Rust"), ("anvil", "npm ci"), ("snarkjs", "npm ci")):
        check = row(name)
        assert (check.ok, check.found) == (False, "")
        assert remedy in check.remedy
    assert healthy(examine()), "none of them is required"


def test_a_missing_native_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prover._native", None)
    monkeypatch.delattr(prover, "_native", raising=False)
    check = row("native core")
    assert not check.ok
    for way in ("scripts/demo", "scripts/test", "cargo on PATH", "pip install ."):
        assert way in check.remedy
    assert healthy(examine()), "py_ecc takes over"


@pytest.mark.parametrize(("told", "ok"), [("1.95.0 (x)", True), ("1.85.0", True), ("1.84.9", False), ("0.99.0", False)])
def test_an_old_cargo_is_told_from_a_new_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, told: str, ok: bool
) -> None:
    cargo = tmp_path / "cargo"
    cargo.write_text(f"#!/bin/sh\necho 'cargo {told}'\n")
    cargo.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    check = row("cargo")
    assert check.ok is ok
    assert check.found == told.split()[0]


def test_a_tool_that_does_not_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "anvil"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("VERDICT_ANVIL", str(broken))
    check = row("anvil")
    assert not check.ok
    assert "does not run" in check.remedy


def test_the_pinned_py_evm(monkeypatch: pytest.MonkeyPatch) -> None:
    assert row("py-evm").ok
    monkeypatch.setattr(doctor, "PYEVM_VERSION", "0.0.1")
    assert row("py-evm").remedy == "pip install py-evm==0.0.1"
    assert not healthy(examine())


def test_a_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(doctor._PACKAGES, "verdict-of-nobody", "verdict_of_nobody")
    assert row("verdict-of-nobody").remedy == "pip install verdict-of-nobody"
    assert not healthy(examine())


def test_importing_the_package_loads_neither_web3_nor_py_evm() -> None:
    program = "import prover.chain, sys; print(sorted({'web3', 'eth', 'eth_tester'} & set(sys.modules)))"
    command = [sys.executable, "-c", program]
    answer = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    assert answer.stdout.strip() == "[]"


def test_every_public_name_is_there() -> None:
    assert sorted(prover.chain.__all__) == prover.chain.__all__
    assert set(prover.chain._MODULE_OF) == set(prover.chain.__all__)
    for name in prover.chain.__all__:
        assert getattr(prover.chain, name).__name__ == name
        assert name in dir(prover.chain)
    with pytest.raises(AttributeError):
        prover.chain.nothing_of_the_kind  # noqa: B018
