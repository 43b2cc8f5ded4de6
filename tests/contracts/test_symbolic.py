"""halmos proves properties of the arithmetic libraries for every input: ``forge/symbolic``."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from prover.chain.solc import find_solc
from tests.contracts.foundry import PROJECT

SECONDS = 120  # for one question to the solver; the longest takes about ten
LOOPS = 9  # one more than the lanes of a word
PROOF = re.compile(r"function (check_\w+)\(")


def declared() -> list[str]:
    """Every property in the folder, so that none goes unproven unnoticed."""
    return sorted(name for path in (PROJECT / "symbolic").glob("*.sol") for name in PROOF.findall(path.read_text()))


@pytest.mark.timeout(1800)
def test_every_property_is_proven(require_tool: Callable[[str], Path], repository: Path) -> None:
    forge, halmos = require_tool("forge"), require_tool("halmos")
    for tool in ("node", "solc", "openzeppelin"):
        require_tool(tool)
    environment = dict(os.environ) | {
        "FOUNDRY_CONFIG": str(PROJECT / "foundry.toml"),
        "FOUNDRY_PROFILE": "symbolic",
        "FOUNDRY_SOLC": str(find_solc()),
        "NO_COLOR": "1",
        "PATH": f"{forge.parent}{os.pathsep}{os.environ['PATH']}",
    }
    out = (PROJECT / "out" / "symbolic").relative_to(repository)
    command = [halmos, "--root", repository, "--forge-build-out", out, "--no-status"]
    command += ["--loop", str(LOOPS), "--solver-timeout-assertion", str(SECONDS * 1000)]
    done = subprocess.run(command, cwd=repository, env=environment, capture_output=True, text=True, timeout=1700)
    printed = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout)
    assert done.returncode == 0, printed + done.stderr
    assert sorted(re.findall(r"\[PASS\] (check_\w+)", printed)) == declared(), printed
