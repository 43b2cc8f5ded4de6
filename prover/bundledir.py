"""The directory of a bundle: how it is written, and what is checked when it is read.

    manifest.json           format and semantics versions, the SHA-256 of every other file, the model's hashes
    model.onnx              as it was given
    schema.json             the private input's features
    plan.json               the integer program that is proved
    layout.json             what the public signals mean
    report.json             what it costs and what it gets wrong
    circuit.bin             R1CS and witness program
    proving_key.zkey        after setup: iden3's proving key
    verification_key.json   after setup: its public part

Hashes find accidents; whoever wrote the files also wrote the manifest. So a reader believes nothing that can be
recomputed: the circuit is lowered again from schema and plan and compared, the plan must name this ONNX file and this
layout, the manifest's hashes must be theirs, and the verification key must be the proving key's.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import shutil
import signal
import stat
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from prover.bundle import Bundle
from prover.compiler import Report
from prover.errors import BundleError, FormatError, StorageError, VerdictError
from prover.groth16 import ProvingKey, VerifyingKey
from prover.jsontext import parse_json
from prover.lowering import lower
from prover.quantization import SEMANTICS, Plan
from prover.schema import Layout, Schema

FORMAT = "verdict-bundle/1"
MANIFEST = "manifest.json"
PROVING_KEY = "proving_key.zkey"
VERIFYING_KEY = "verification_key.json"
_PARTS = ("model.onnx", "schema.json", "plan.json", "layout.json", "report.json", "circuit.bin")
_KEYS = (PROVING_KEY, VERIFYING_KEY)
_MAX_MANIFEST = 1 << 20
_MAX_PART = 1 << 32
"""Bytes: a part is read into memory whole; the proving key, which may be larger, is not."""

_Parsed = TypeVar("_Parsed")


def write_bundle(bundle: Bundle, target: Path) -> Path:
    """Write every file beside the old ones, then swap them in; see :meth:`Bundle.save`."""
    _check_target(target)
    try:
        target.mkdir(parents=True, exist_ok=True)
        staging = tempfile.TemporaryDirectory(prefix=".staging-", dir=target)
    except OSError as error:
        raise _storage(target, error) from error
    with staging as name:
        staged = Path(name)
        try:
            _write_parts(bundle, staged)
            (staged / MANIFEST).write_bytes(_json(_manifest(bundle, staged)))
            for path in staged.iterdir():
                with path.open("rb") as stream:
                    os.fsync(stream.fileno())
        except OSError as error:
            raise _storage(target, error) from error
        with _uninterrupted():
            _swap_in(staged, target)
    return target


def _write_parts(bundle: Bundle, folder: Path) -> None:
    documents: dict[str, bytes] = {
        "model.onnx": bundle.onnx,
        "schema.json": bundle.schema.to_json().encode(),
        "plan.json": bundle.plan.to_json().encode(),
        "layout.json": _json(bundle.layout.to_dict()),
        "report.json": bundle.report.to_json().encode(),
        "circuit.bin": bundle.circuit.to_bytes(),
    }
    for name, data in documents.items():
        (folder / name).write_bytes(data)
    if bundle.key is not None:
        shutil.copyfile(bundle.key.path, folder / PROVING_KEY)
        bundle.key.verifying_key.save(folder / VERIFYING_KEY)


def _swap_in(staged: Path, target: Path) -> None:
    """Rename the staged files onto the old ones, the manifest last: a crash in between is refused, never misread."""
    names = [name for name in (*_PARTS, *_KEYS, MANIFEST) if (staged / name).exists()]
    try:
        for name in names:
            (staged / name).replace(target / name)
        for name in _KEYS:
            if name not in names:
                (target / name).unlink(missing_ok=True)
    except OSError as error:
        raise _storage(target, error) from error


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Hold Ctrl-C back for the few renames; it strikes right after."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    held = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)


def _manifest(bundle: Bundle, folder: Path) -> dict[str, Any]:
    names = [*_PARTS, *(_KEYS if bundle.key is not None else ())]
    hashes = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names if name != PROVING_KEY}
    if bundle.key is not None:
        hashes[PROVING_KEY] = _sha256(folder / PROVING_KEY)
    return {"format": FORMAT, "semantics": SEMANTICS, "name": bundle.name, **_hashes(bundle), "files": hashes}


def _hashes(bundle: Bundle) -> dict[str, str]:
    """What the manifest says about the model, and what a reader recomputes."""
    return {
        "contentHash": "0x" + bundle.content_hash.hex(),
        "layoutHash": "0x" + bundle.layout.hash.hex(),
        "modelHash": "0x" + bundle.model_hash.hex(),
        "circuitHash": "0x" + bundle.circuit_hash.hex(),
    }


def read_bundle(root: Path) -> Bundle:
    """Read and check a bundle directory; see :func:`prover.bundle.load`."""
    manifest = _read_manifest(root)
    parts = {name: _read_part(root / name, manifest["files"][name]) for name in _PARTS}
    schema = _parsed(root / "schema.json", lambda: Schema.from_json(parts["schema.json"].decode()))
    plan = _parsed(root / "plan.json", lambda: Plan.from_json(parts["plan.json"].decode()))
    layout = _parsed(root / "layout.json", lambda: Layout.from_dict(parse_json(parts["layout.json"])))
    report = _parsed(root / "report.json", lambda: Report.from_json(parts["report.json"].decode()))
    if layout.schema_hash != schema.hash or plan.layout != layout:
        raise BundleError(f"{root}: schema, plan and layout do not belong together", "compile the model again")
    if plan.model_hash != hashlib.sha256(parts["model.onnx"]).hexdigest():
        raise BundleError(f"{root}: plan.json was made for another model.onnx", "compile the model again")
    circuit = _parsed(root / "plan.json", lambda: lower(schema, plan))
    if circuit.to_bytes() != parts["circuit.bin"]:
        raise BundleError(f"{root}: circuit.bin is not what plan.json lowers to", "compile the model again")
    key = _read_key(root, manifest["files"]) if PROVING_KEY in manifest["files"] else None
    bundle = Bundle(manifest["name"], parts["model.onnx"], schema, plan, layout, report, circuit, key)
    for name, expected in _hashes(bundle).items():
        if manifest.get(name) != expected:
            raise BundleError(f"{root}: the manifest's {name} is not the files' {expected}", "compile the model again")
    return bundle


def _read_key(root: Path, files: Mapping[str, str]) -> ProvingKey:
    path = root / PROVING_KEY
    _require_regular(path, None)
    if _sha256(path) != files[PROVING_KEY]:
        raise _changed(path)
    public = _parsed(
        root / VERIFYING_KEY, lambda: VerifyingKey.load(_read_part(root / VERIFYING_KEY, files[VERIFYING_KEY]))
    )
    key = ProvingKey(path)
    if key.verifying_key.hash != public.hash:
        raise BundleError(f"{root}: {VERIFYING_KEY} is not the public part of {PROVING_KEY}", "run setup again")
    return key


def _read_manifest(root: Path) -> dict[str, Any]:
    path = root / MANIFEST
    if not path.exists():
        raise BundleError(f"{root} is not a bundle: it has no {MANIFEST}", "run `verdict compile` first")
    _require_regular(path, _MAX_MANIFEST)
    try:
        manifest = parse_json(path.read_bytes())
    except (OSError, ValueError) as error:
        raise BundleError(f"{path} does not read: {error}", "compile the model again") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise BundleError(f"{path} is not of format {FORMAT}", "compile the model again with this version")
    if manifest.get("semantics") != SEMANTICS:
        raise BundleError(
            f"{root} was compiled under semantics {manifest.get('semantics')}, this version has {SEMANTICS}",
            "compile the model again, or use the version it was compiled with",
        )
    files = manifest.get("files")
    if (
        not isinstance(files, dict)
        or not isinstance(manifest.get("name"), str)
        or files.keys() not in ({*_PARTS}, {*_PARTS, *_KEYS})
        or not all(isinstance(digest, str) for digest in files.values())
    ):
        raise BundleError(f"{path} lists other files than a bundle has", "compile the model again")
    return manifest


def _read_part(path: Path, digest: str) -> bytes:
    """A file's bytes, read once and compared with the manifest."""
    _require_regular(path, _MAX_PART)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BundleError(f"{path} cannot be read: {error.strerror}", "restore it") from error
    if hashlib.sha256(data).hexdigest() != digest:
        raise _changed(path)
    return data


def _require_regular(path: Path, limit: int | None) -> None:
    """No link, no pipe, no device: those could lead elsewhere or never end."""
    try:
        status = path.lstat()
    except OSError as error:
        raise BundleError(f"{path} is in the manifest but cannot be read: {error.strerror}", "restore it") from error
    if not stat.S_ISREG(status.st_mode):
        raise BundleError(f"{path} is not a regular file", "a bundle holds its files itself; copy them in")
    if limit is not None and status.st_size > limit:
        raise BundleError(f"{path} is larger than {limit:,} bytes", "that is no file of a bundle")


def _parsed(path: Path, read: Callable[[], _Parsed]) -> _Parsed:
    try:
        return read()
    except FormatError as error:
        raise BundleError(f"{path}: {error.message}", "compile the model again") from error
    except VerdictError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise BundleError(f"{path} is damaged: {error}", "compile the model again") from error


def _check_target(target: Path) -> None:
    if target.is_dir() and any(target.iterdir()) and not (target / MANIFEST).exists():
        foreign = sorted(
            path.name
            for path in target.iterdir()
            if path.name not in {*_PARTS, *_KEYS} and not path.name.startswith(".staging-")
        )
        if foreign:
            raise BundleError(
                f"{target} holds {foreign[0]} and no {MANIFEST}: it is not a bundle", "choose an empty directory"
            )
    elif target.exists() and not target.is_dir():
        raise BundleError(f"{target} is a file", "a bundle is a directory")


@functools.cache
def _temporary_directory() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="verdict-")


def temporary_key_path() -> Path:
    """Where a key lives until its bundle is saved: a private directory, removed when the process ends."""
    return Path(_temporary_directory().name) / f"{os.urandom(8).hex()}.zkey"


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _changed(path: Path) -> BundleError:
    return BundleError(f"{path} changed since the bundle was written", "restore it, or compile the model again")


def _storage(target: Path, error: OSError) -> StorageError:
    return StorageError(
        f"cannot write the bundle {target}: {error.strerror or error}",
        "free some space or choose another directory; an older bundle there is untouched",
    )


def _json(document: Mapping[str, Any]) -> bytes:
    return (json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()
