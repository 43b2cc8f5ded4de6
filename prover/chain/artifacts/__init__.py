"""Compiled contracts: what a deployment needs (ABI, bytecode) and what an explorer needs to check it (settings).

The JSON files beside this module are the stock contracts of ``contracts/``, built by ``scripts/regenerate``, so
that their user needs no compiler. ``load_artifact("DecisionRegistry")`` reads one; ``artifact_names()`` lists them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from prover.errors import DeploymentError, FormatError
from prover.jsontext import parse_json

__all__ = ["Artifact", "artifact_names", "error_entries", "load_artifact"]

_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Artifact:
    """One compiled contract.

    Attributes:
        name: the contract's name, for example ``"ModelRegistry"``.
        source: its source unit name, for example ``"contracts/registry/ModelRegistry.sol"``.
        abi: the ABI, entries as solc prints them; errors raised by inlined libraries included.
        bytecode: creation code without constructor arguments.
        deployed_bytecode: runtime code with zeros where immutables go.
        immutables: (start, length) of every immutable in ``deployed_bytecode``, ascending, in bytes.
        compiler: long version, for example ``"0.8.37+commit.f401782d"``.
        settings: the compiler settings that reproduce the code (optimizer, evmVersion, viaIR, metadata).
    """

    name: str
    source: str
    abi: list[dict[str, Any]]
    bytecode: bytes
    deployed_bytecode: bytes
    immutables: tuple[tuple[int, int], ...]
    compiler: str
    settings: Mapping[str, Any]

    def matches(self, code: bytes) -> bool:
        """Whether ``code``, read from a chain, is this contract's runtime code, whatever its immutables hold.

        Two contracts that differ in their constructor arguments only both match: read the immutables through their
        getters to tell them apart.
        """
        if len(code) != len(self.deployed_bytecode):
            return False
        masked = bytearray(code)
        for start, length in self.immutables:
            masked[start : start + length] = bytes(length)
        return bytes(masked) == self.deployed_bytecode

    def to_json(self) -> str:
        """The artifact file: sorted keys and a final newline, so that the same build gives the same bytes."""
        document = {
            "contractName": self.name,
            "sourceName": self.source,
            "abi": self.abi,
            "bytecode": "0x" + self.bytecode.hex(),
            "deployedBytecode": "0x" + self.deployed_bytecode.hex(),
            "immutables": [list(item) for item in self.immutables],
            "compiler": self.compiler,
            "settings": dict(self.settings),
        }
        return json.dumps(document, indent=1, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> Artifact:
        """Inverse of ``to_json``.

        Raises:
            FormatError: not an artifact file.
        """
        try:
            document = parse_json(text)
            return cls(
                name=str(document["contractName"]),
                source=str(document["sourceName"]),
                abi=list(document["abi"]),
                bytecode=bytes.fromhex(document["bytecode"].removeprefix("0x")),
                deployed_bytecode=bytes.fromhex(document["deployedBytecode"].removeprefix("0x")),
                immutables=tuple((int(start), int(length)) for start, length in document["immutables"]),
                compiler=str(document["compiler"]),
                settings=dict(document["settings"]),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise FormatError(f"not a contract artifact: {error!r}", "rebuild it with scripts/regenerate") from error


def artifact_names() -> list[str]:
    """Names of the stock contracts, sorted."""
    return sorted(path.stem for path in _FOLDER.glob("*.json"))


@cache
def load_artifact(name: str) -> Artifact:
    """Read a stock contract's artifact.

    Raises:
        DeploymentError: no such contract.
        FormatError: its file is damaged.
    """
    path = _FOLDER / f"{name}.json"
    if name not in artifact_names():
        raise DeploymentError(f"no artifact of a contract {name!r}", f"known: {', '.join(artifact_names())}")
    return Artifact.from_json(path.read_bytes())


@cache
def error_entries() -> list[dict[str, Any]]:
    """ABI entries of every custom error of the stock contracts, once each.

    A call may pass on the error of a contract behind the one called: decode a revert with all of them.
    """
    unique = {
        json.dumps(entry, sort_keys=True): entry
        for name in artifact_names()
        for entry in load_artifact(name).abi
        if entry["type"] == "error"
    }
    return [unique[key] for key in sorted(unique)]
