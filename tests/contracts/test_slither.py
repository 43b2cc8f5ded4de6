"""slither over the contracts: every finding is mended or answered in its file, by a comment beside the line.

// slither-disable-next-line unused-return
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from prover.chain.solc import STOCK_FOLDERS, find_solc, standard_input

# Not asked, because the answer is the same everywhere.
LEFT_OUT = {
    "assembly": "each block is commented, memory-safe and tested; nothing else bounds a call's gas and answer",
    "timestamp": "days, terms and expiry are the subject; the seconds a proposer can shift change none of them",
    "incorrect-equality": "what is compared with zero is the contracts' own books, never a balance a stranger can move",
    "uninitialized-local": "a local starts at zero; each of these is meant to",
    "calls-loop": "batches and feeds call contracts that the caller or the deployer chose",
    "dead-code": "what VerdictConsumer and the libraries offer is for those who inherit or import it",
    "naming-convention": "solhint's business",
    "unused-return": "members of a tuple are left out by name, never a whole answer",
    "too-many-digits": "selectors and bytecode constants",
    "cyclomatic-complexity": "a list of checks, each with its own error, is easier to read than its parts",
}
OPENZEPPELIN = "contracts/node_modules/@openzeppelin/"


def analyse(slither: Path, repository: Path) -> dict[str, Any]:
    """What the driver prints: detectors, number of contracts, findings, functions it could not read."""
    folders = [repository / "contracts" / folder for folder in STOCK_FOLDERS]
    paths = sorted(path for folder in folders for path in folder.glob("*.sol"))
    sources = {path.relative_to(repository).as_posix(): path.read_text() for path in paths}
    document = standard_input(sources, via_ir=True)
    # slither wants to find every source as a file from the repository's root
    document["sources"] = {
        name.replace("@openzeppelin/", OPENZEPPELIN, 1) if name.startswith("@openzeppelin/") else name: text
        for name, text in document["sources"].items()
    }
    outputs = ["abi", "metadata", "devdoc", "userdoc", "evm.bytecode", "evm.deployedBytecode"]
    document["settings"]["remappings"] = [f"@openzeppelin/={OPENZEPPELIN}"]
    document["settings"]["outputSelection"] = {"*": {"*": outputs, "": ["ast"]}}
    driver = Path(__file__).with_name("slither_driver.py")
    done = subprocess.run(
        [slither.with_name("python"), driver, find_solc(), *LEFT_OUT],
        input=json.dumps(document),
        cwd=repository,
        capture_output=True,
        text=True,
        timeout=580,
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    answer["unread"] = [line for line in done.stderr.splitlines() if "Impossible to generate IR" in line]
    return answer


@pytest.fixture(scope="module")
def answer(require_tool: Callable[[str], Path], repository: Path) -> dict[str, Any]:
    for tool in ("node", "solc", "openzeppelin"):
        require_tool(tool)
    return analyse(require_tool("slither"), repository)


def test_every_finding_is_answered(answer: dict[str, Any]) -> None:
    assert not answer["findings"], "\n".join(f"{found['check']}: {found['text']}" for found in answer["findings"])


def test_slither_saw_every_contract(answer: dict[str, Any]) -> None:
    """An empty list means something only when it looked: nothing unread, and nearly a hundred detectors."""
    assert not answer["unread"], answer["unread"]
    assert len(answer["detectors"]) > 80
    assert answer["contracts"] > 50
