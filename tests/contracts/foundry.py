"""forge over ``tests/contracts/forge``, offline, with the npm package solc as its compiler.

By hand, from the repository's root: ``python -m tests.contracts.foundry test --match-contract DecisionsTest -vvv``.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from prover.chain.solc import find_solc
from tests.conftest import ROOT, find_tool

PROJECT = ROOT / "tests" / "contracts" / "forge"


def run(forge: Path, *arguments: str, profile: str = "default", timeout: float | None = None) -> str:
    """Run forge with ``arguments`` and return what it printed. Raises CalledProcessError, output included."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("FOUNDRY_", "DAPP_"))}
    environment |= {
        "FOUNDRY_CONFIG": str(PROJECT / "foundry.toml"),
        "FOUNDRY_PROFILE": profile,
        "FOUNDRY_SOLC": str(find_solc()),
        "NO_COLOR": "1",
    }
    done = subprocess.run(
        [forge, *arguments],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
    )
    if done.returncode:
        raise subprocess.CalledProcessError(done.returncode, done.args, done.stdout)
    return done.stdout


def main() -> int:
    forge = find_tool("forge")
    if forge is None:
        print("forge is missing: scripts/test installs it", file=sys.stderr)
        return 1
    profile = os.environ.get("FOUNDRY_PROFILE", "default")
    try:
        print(run(forge, *sys.argv[1:], profile=profile))
    except subprocess.CalledProcessError as error:
        print(error.output)
        return error.returncode
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
