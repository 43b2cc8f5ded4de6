"""A bundle: one model with everything needed to prove and to check it, in memory or in one directory.

    manifest.json           format and semantics versions, the SHA-256 of every other file, the model's hashes
    model.onnx              as it was given
    schema.json             the private input's features
    plan.json               the integer program that is proved
    layout.json             what the public signals mean
    report.json             what it costs and what it gets wrong
    circuit.bin             R1CS and witness program
    proving_key.zkey        after setup: iden3's proving key
    verification_key.json   after setup: its public part

The directory is self-contained; :func:`load` refuses it when a file is missing, changed or foreign.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from prover.compiler import Report
from prover.constraint import Circuit
from prover.errors import BundleError, StorageError
from prover.files import atomic_path, write_atomic
from prover.groth16 import ProvingKey, VerifyingKey
from prover.groth16.formats.r1cs import r1cs_bytes
from prover.jsontext import parse_json
from prover.quantization import SEMANTICS, IntegerModel, Plan
from prover.schema import Layout, Schema, abi_encode, keccak256
from prover.schema.encoding import FeatureValues

FORMAT = "verdict-bundle/1"
MANIFEST = "manifest.json"
PROVING_KEY = "proving_key.zkey"
VERIFYING_KEY = "verification_key.json"
_PARTS = ("model.onnx", "schema.json", "plan.json", "layout.json", "report.json", "circuit.bin")
_KEYS = (PROVING_KEY, VERIFYING_KEY)
_MODEL_TAG = keccak256(b"verdict/model/v1")


@dataclass(frozen=True)
class Bundle:
    """A compiled model, with its key once there is one.

    Attributes:
        name: what contracts and messages call it.
        onnx: the bytes of the ONNX file.
        schema: the private input's features.
        plan: the integer program.
        layout: what the public signals mean.
        report: cost and accuracy, known before setup.
        circuit: R1CS and witness program.
        key: the proving key; None before setup.
    """

    name: str
    onnx: bytes = field(repr=False)
    schema: Schema = field(repr=False)
    plan: Plan = field(repr=False)
    layout: Layout
    report: Report = field(repr=False)
    circuit: Circuit = field(repr=False)
    key: ProvingKey | None = None

    @cached_property
    def content_hash(self) -> bytes:
        """keccak256(keccak256(ONNX file) ‖ keccak256(plan.json)): what was compiled, and how."""
        return keccak256(keccak256(self.onnx) + keccak256(self.plan.to_json().encode()))

    @cached_property
    def model_hash(self) -> bytes:
        """The ``modelHash`` of ERC-7992's commitment, as the registry recomputes it from content and layout."""
        return keccak256(abi_encode(_MODEL_TAG, self.content_hash, self.layout.hash))

    @cached_property
    def circuit_hash(self) -> bytes:
        """keccak256 of the circuit's iden3 ``.r1cs`` file."""
        return keccak256(r1cs_bytes(self.circuit.r1cs))

    @property
    def verifying_key(self) -> VerifyingKey:
        """The key's public part.

        Raises:
            BundleError: there is no key yet.
        """
        return self.proving_key.verifying_key

    @property
    def proving_key(self) -> ProvingKey:
        """The key.

        Raises:
            BundleError: there is no key yet.
        """
        if self.key is None:
            raise BundleError(f"{self.name} has no key yet", "run setup first")
        return self.key

    def decide(self, inputs: FeatureValues) -> tuple[int, ...]:
        """What a proof for this input would reveal, by the integer reference model; proves nothing.

        Args:
            inputs: one applicant, as for :func:`prover.prove`.

        Raises:
            InputError: a feature outside its schema.
        """
        encoded = self.schema.encode(inputs)
        run = IntegerModel(self.plan, self.schema).run(encoded.codes[None], encoded.missing[None])
        return tuple(int(value) for value in run.outputs[0])

    def with_key(self, key: ProvingKey) -> Bundle:
        """The same model with this key."""
        return replace(self, key=key)

    def save(self, directory: str | os.PathLike[str]) -> Path:
        """Write the bundle directory; an older bundle there is replaced file by file, the manifest last.

        A bundle that is interrupted half-way has a manifest that does not match, so it is refused, never misread.

        Raises:
            BundleError: the directory holds something that is not a bundle.
            StorageError: a file could not be written.
        """
        target = Path(directory)
        _check_target(target)
        documents: dict[str, bytes] = {
            "model.onnx": self.onnx,
            "schema.json": self.schema.to_json().encode(),
            "plan.json": self.plan.to_json().encode(),
            "layout.json": _json(self.layout.to_dict()),
            "report.json": self.report.to_json().encode(),
        }
        for name, data in documents.items():
            write_atomic(target / name, data)
        with atomic_path(target / "circuit.bin") as partial:
            self.circuit.save(partial)
        if self.key is not None:
            _place_key(self.key, target)
        else:
            for name in _KEYS:
                (target / name).unlink(missing_ok=True)
        write_atomic(target / MANIFEST, _json(self._manifest(target)))
        return target

    def _manifest(self, directory: Path) -> dict[str, Any]:
        names = [*_PARTS, *(_KEYS if self.key is not None else ())]
        return {
            "format": FORMAT,
            "semantics": SEMANTICS,
            "name": self.name,
            "contentHash": "0x" + self.content_hash.hex(),
            "layoutHash": "0x" + self.layout.hash.hex(),
            "modelHash": "0x" + self.model_hash.hex(),
            "circuitHash": "0x" + self.circuit_hash.hex(),
            "files": {name: _sha256(directory / name) for name in names},
        }


def load(directory: str | os.PathLike[str]) -> Bundle:
    """Read a bundle directory, checking every file against the manifest.

    Raises:
        BundleError: no bundle, another format or semantics version, or a file missing, changed or foreign.
    """
    root = Path(directory)
    manifest = _read_manifest(root)
    for name, digest in manifest["files"].items():
        _check_file(root / name, digest)
    schema = Schema.from_json((root / "schema.json").read_text(encoding="utf-8"))
    layout = Layout.from_dict(parse_json((root / "layout.json").read_text(encoding="utf-8")))
    if layout.schema_hash != schema.hash:
        raise BundleError(f"{root}: layout.json is for another schema", "compile the model again")
    return Bundle(
        name=manifest["name"],
        onnx=(root / "model.onnx").read_bytes(),
        schema=schema,
        plan=Plan.from_json((root / "plan.json").read_text(encoding="utf-8")),
        layout=layout,
        report=Report.from_json((root / "report.json").read_text(encoding="utf-8")),
        circuit=Circuit.load(root / "circuit.bin"),
        key=ProvingKey(root / PROVING_KEY) if PROVING_KEY in manifest["files"] else None,
    )


def _read_manifest(root: Path) -> dict[str, Any]:
    path = root / MANIFEST
    try:
        manifest = parse_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BundleError(f"{root} is not a bundle: it has no {MANIFEST}", "run `verdict compile` first") from error
    except (OSError, ValueError, RecursionError) as error:
        raise BundleError(f"{path} does not read: {error}", "compile the model again") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise BundleError(f"{path} is not of format {FORMAT}", "compile the model again with this version")
    if manifest.get("semantics") != SEMANTICS:
        raise BundleError(
            f"{root} was compiled under semantics {manifest.get('semantics')}, this version has {SEMANTICS}",
            "compile the model again, or use the version it was compiled with",
        )
    files = manifest.get("files")
    known = {*_PARTS, *_KEYS}
    keyed = isinstance(files, dict) and set(_KEYS) & files.keys()
    if (
        not isinstance(files, dict)
        or not isinstance(manifest.get("name"), str)
        or not set(_PARTS) <= files.keys() <= known
        or (keyed and not set(_KEYS) <= files.keys())
        or not all(isinstance(digest, str) for digest in files.values())
    ):
        raise BundleError(f"{path} lists other files than a bundle has", "compile the model again")
    return manifest


def _check_file(path: Path, digest: str) -> None:
    try:
        actual = _sha256(path)
    except OSError as error:
        raise BundleError(f"{path} is in the manifest but cannot be read: {error.strerror}", "restore it") from error
    if actual != digest:
        raise BundleError(f"{path} changed since the bundle was written", "restore it, or compile the model again")


def _check_target(target: Path) -> None:
    if target.is_dir() and any(target.iterdir()) and not (target / MANIFEST).exists():
        ours = {*_PARTS, *_KEYS}
        foreign = sorted(path.name for path in target.iterdir() if path.name not in ours)
        if foreign:
            raise BundleError(
                f"{target} holds {foreign[0]} and no {MANIFEST}: it is not a bundle", "choose an empty directory"
            )
    elif target.exists() and not target.is_dir():
        raise BundleError(f"{target} is a file", "a bundle is a directory")


def _place_key(key: ProvingKey, target: Path) -> None:
    destination = target / PROVING_KEY
    if not (destination.exists() and key.path.samefile(destination)):
        with atomic_path(destination) as partial:
            try:
                shutil.copyfile(key.path, partial)
            except OSError as error:
                raise StorageError(f"cannot copy the key to {destination}: {error.strerror}", "free space") from error
    key.verifying_key.save(target / VERIFYING_KEY)


@functools.cache
def _temporary_directory() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="verdict-")


def temporary_key_path() -> Path:
    """Where a key lives until its bundle is saved: a private directory, removed when the process ends."""
    return Path(_temporary_directory().name) / f"{os.urandom(8).hex()}.zkey"


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _json(document: Mapping[str, Any]) -> bytes:
    return (json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()
