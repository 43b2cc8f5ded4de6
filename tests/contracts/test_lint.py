"""solhint over the contracts, with the configuration beside them."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path


def test_solhint_is_content(require_tool: Callable[[str], Path], repository: Path) -> None:
    node, solhint = require_tool("node"), require_tool("solhint")
    done = subprocess.run(
        [
            node,
            solhint,
            "--disc",
            "--max-warnings",
            "0",
            "--noPoster",
            "{interfaces,libraries,registry,lending,oracles,assets,periphery}/*.sol",
        ],
        cwd=repository / "contracts",
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
