"""The compiler front, the artifacts, and that what is shipped is what the sources give."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from prover.chain import solc
from prover.chain.artifacts import Artifact, artifact_names, error_entries, load_artifact
from prover.errors import CompilerError, DeploymentError, FormatError
from tests.contracts.lab import Lab

SOURCE = """// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;
/* import "nothing/Comment.sol"; */ // import "nothing/Line.sol";
import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol"; import "./Base.sol";
interface Shape { function area() external; }
contract Box is Ownable, Base {
    uint256 public immutable width;
    constructor(uint256 width_) Ownable(msg.sender) { width = width_; }
}
"""
BASE = "// SPDX-License-Identifier: Apache-2.0\npragma solidity 0.8.37;\nabstract contract Base {}\n"
SOURCES = {"shapes/Box.sol": SOURCE, "shapes/Base.sol": BASE}


@pytest.fixture(autouse=True)
def tools(require_tool: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The compiler, and a cache of the test's own."""
    for name in ("node", "solc", "openzeppelin"):
        require_tool(name)
    monkeypatch.setenv("VERDICT_CACHE_DIR", str(tmp_path / "cache"))


def test_imports_are_found_and_only_asked_for_contracts_returned() -> None:
    artifacts = solc.compile_sources(SOURCES)
    assert list(artifacts) == ["Box"]
    box = artifacts["Box"]
    assert box.source == "shapes/Box.sol"
    assert box.compiler.startswith("0.8.37+commit.")
    assert box.settings["evmVersion"] == "prague"
    assert {entry["name"] for entry in box.abi if entry["type"] == "function"} >= {"width", "owner"}
    ((start, length),) = box.immutables
    assert box.deployed_bytecode[start : start + length] == bytes(32)


def test_code_on_chain_is_compared_without_its_immutables() -> None:
    box = solc.compile_sources(SOURCES)["Box"]
    ((start, length),) = box.immutables
    code = bytearray(box.deployed_bytecode)
    code[start : start + length] = (12345).to_bytes(32, "big")
    assert box.matches(bytes(code))
    code[start - 1] ^= 1
    assert not box.matches(bytes(code))
    assert not box.matches(box.deployed_bytecode + b"\0")


def test_the_input_is_self_contained_and_names_no_folder() -> None:
    document = solc.standard_input(SOURCES)
    assert "@openzeppelin/contracts/utils/Context.sol" in document["sources"]
    assert str(solc.ROOT) not in json.dumps(document)


def test_the_same_sources_give_the_same_bytes_with_and_without_the_cache() -> None:
    first = solc.compile_sources(SOURCES)
    assert solc.compile_sources(SOURCES) == first == solc.compile_sources(SOURCES, cache=False)


def test_a_damaged_cache_is_compiled_over(tmp_path: Path) -> None:
    first = solc.compile_sources(SOURCES)
    (stored,) = (tmp_path / "cache" / "solc").glob("*.json")
    stored.write_text('{"Box": "{}"}')
    assert solc.compile_sources(SOURCES) == first


def test_remappings_lead_imports_to_folders(tmp_path: Path) -> None:
    (tmp_path / "Base.sol").write_text(BASE)
    source = SOURCE.replace("./Base.sol", "lib/Base.sol")
    assert "Box" in solc.compile_sources({"Box.sol": source}, remappings={"lib/": tmp_path})
    with pytest.raises(CompilerError, match="cannot read the import"):
        solc.compile_sources({"Box.sol": source}, remappings={"lib/": tmp_path / "nowhere"})


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("contract A { function f() {} }", "No visibility specified"),
        ("contract A { function f() external { g(); } }", "Undeclared identifier"),
        ('import "nothing/A.sol"; contract A {}', "cannot find the import nothing/A.sol"),
        ('import "@openzeppelin/contracts/Nothing.sol"; contract A {}', "cannot read the import"),
        ('import "contracts/../../etc/passwd"; contract A {}', "cannot find the import"),
        ("pragma solidity 0.7.0; contract A {}", "requires different compiler version"),
    ],
)
def test_what_solc_refuses_is_said_in_its_words(source: str, message: str) -> None:
    with pytest.raises(CompilerError, match=message) as caught:
        solc.compile_sources({"A.sol": source})
    assert "standard-json" not in str(caught.value)  # not py-solc-x's dump of the command


def test_two_contracts_of_one_name_are_refused() -> None:
    with pytest.raises(CompilerError, match="two contracts named A"):
        solc.compile_sources({"A.sol": "contract A {}", "B.sol": "contract A {}"})


def test_missing_tools_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(solc, "ROOT", tmp_path)
    monkeypatch.delenv("VERDICT_NODE_MODULES", raising=False)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CompilerError, match="npm package solc is missing"):
        solc.compile_sources({"A.sol": "contract A {}"})
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    with pytest.raises(CompilerError, match="node is missing"):
        solc.find_node()


def test_artifacts_survive_their_file() -> None:
    for name in artifact_names():
        artifact = load_artifact(name)
        assert artifact.name == name
        assert Artifact.from_json(artifact.to_json()) == artifact
        assert replace(artifact, bytecode=b"") != artifact


def test_bad_artifacts_are_typed_errors() -> None:
    with pytest.raises(DeploymentError, match="Nothing"):
        load_artifact("Nothing")
    for text in ("", "[]", "{}", '{"contractName": "A"}', '{"bytecode": 1}'):
        with pytest.raises(FormatError):
            Artifact.from_json(text)


def test_errors_of_all_contracts_have_distinct_selectors_and_names() -> None:
    names = [entry["name"] for entry in error_entries()]
    assert len(names) == len(set(names))
    assert {"PrecompileFailed", "SignalNotCanonical", "ConsentNonceUsed", "PersonCapExceeded"} <= set(names)


def test_the_readmes_consumer_and_its_test_work(repository: Path, lab: Lab) -> None:
    """What an integrator is told to write, and how to test it without a proof."""
    text = (repository / "contracts" / "README.md").read_text()
    consumer, its_test = re.findall(r"```solidity\n(.*?)```", text, re.DOTALL)
    header = "// SPDX-License-Identifier: Apache-2.0\npragma solidity ^0.8.28;\n"
    compiled = solc.compile_sources({"Lender.sol": header + consumer + its_test})
    lab.deploy_as("LenderTest", compiled["LenderTest"])
    lab.send("LenderTest", "test_aGoodTierBorrows")


def test_generated_files_are_up_to_date(repository: Path) -> None:
    """The shipped artifacts are what the sources compile to."""
    environment = {name: value for name, value in os.environ.items() if name != "VERDICT_CACHE_DIR"}
    done = subprocess.run(
        [sys.executable, repository / "scripts" / "regenerate", "--check"],
        capture_output=True,
        text=True,
        timeout=600,
        env=environment,  # the user's own cache: keyed by the sources' content, so as good as compiling again
    )
    assert done.returncode == 0, done.stdout + done.stderr
