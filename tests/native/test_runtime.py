"""Threads, forks, callbacks, full disks: what surrounds the arithmetic."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from prover import errors
from prover.field import to_limbs
from tests.native.conftest import TRUE


def test_progress_rises_to_one_on_the_callers_thread(native: ModuleType, cubic: Any, key: Any, tmp_path: Path) -> None:
    seen: list[tuple[str, float, int]] = []

    def progress(stage: str, fraction: float) -> bool:
        seen.append((stage, fraction, threading.get_ident()))
        return True

    native.setup(cubic, tmp_path / "k.zkey", progress=progress)
    in_setup = len(seen)
    key.prove(to_limbs(TRUE), progress=progress)
    for reports, verb in ((seen[:in_setup], "setup: "), (seen[in_setup:], "prove: ")):
        fractions = [fraction for _, fraction, _ in reports]
        assert fractions == sorted(fractions)
        assert fractions[0] == 0
        assert fractions[-1] == pytest.approx(1)
        assert all(stage.startswith(verb) and thread == threading.get_ident() for stage, _, thread in reports)


@pytest.mark.parametrize("stop_at", [1, 2, 4])
def test_false_cancels_and_leaves_the_old_file(native: ModuleType, cubic: Any, tmp_path: Path, stop_at: int) -> None:
    path = tmp_path / "k.zkey"
    path.write_text("old")
    calls = iter(range(1, 100))
    with pytest.raises(errors.Cancelled):
        native.setup(cubic, path, progress=lambda stage, fraction: next(calls) < stop_at)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["k.zkey"]


def test_an_exception_in_the_callback_comes_out(key: Any, cubic: Any, native: ModuleType, tmp_path: Path) -> None:
    def progress(stage: str, fraction: float) -> bool:
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        key.prove(to_limbs(TRUE), progress=progress)
    with pytest.raises(LookupError, match="mine"):
        native.setup(cubic, tmp_path / "k.zkey", progress=progress)
    assert not os.listdir(tmp_path)


def test_the_callback_may_use_the_core(native: ModuleType, key: Any) -> None:
    proof = key.prove(to_limbs(TRUE))

    def progress(stage: str, fraction: float) -> bool:
        return bool(native.verify(key.verifying_key(), to_limbs([35]), proof))

    native.set_threads(1)
    try:
        assert native.verify(key.verifying_key(), to_limbs([35]), key.prove(to_limbs(TRUE), progress=progress))
    finally:
        native.set_threads(os.cpu_count() or 1)


def test_many_threads_share_a_fresh_key(native: ModuleType, key_path: Path) -> None:
    key = native.ProvingKey.load(key_path)
    with ThreadPoolExecutor(8) as pool:
        proofs = list(pool.map(key.prove, [to_limbs(TRUE)] * 40))
    assert all(native.verify(key.verifying_key(), to_limbs([35]), proof) for proof in proofs)


def test_set_threads(native: ModuleType) -> None:
    before = native.threads()
    for count in (1, 3):
        native.set_threads(count)
        assert native.threads() == count
    native.set_threads(before)
    for count in (0, 1025):
        with pytest.raises(ValueError, match="threads"):
            native.set_threads(count)


def test_the_environment_sets_the_threads(repository: Path, native: ModuleType) -> None:
    code = "from prover import _native; print(_native.threads())"
    environment = os.environ | {"RAYON_NUM_THREADS": "3"}
    told = subprocess.run(
        [sys.executable, "-c", code], cwd=repository, env=environment, capture_output=True, check=True
    )
    assert told.stdout.strip() == b"3"


def test_a_forked_child_proves(native: ModuleType, key: Any) -> None:
    key.prove(to_limbs(TRUE))  # the pool exists
    child = os.fork()
    if child == 0:
        good = native.verify(key.verifying_key(), to_limbs([35]), key.prove(to_limbs(TRUE)))
        os._exit(0 if good else 1)
    timer = threading.Timer(60, os.kill, (child, signal.SIGKILL))
    timer.start()
    _, status = os.waitpid(child, 0)
    timer.cancel()
    assert os.waitstatus_to_exitcode(status) == 0


FULL_DISK = """
import os, resource, sys
from prover import _native, errors
from prover.field import to_limbs
from tests.native.conftest import A, B, C, TABLE
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
circuit = _native.Circuit(5, 1, A, B, C, to_limbs(TABLE))
try:
    _native.setup(circuit, sys.argv[1])
except errors.StorageError as error:
    print(error)
"""


def test_a_full_disk_is_a_storage_error(native: ModuleType, cubic: Any, repository: Path, tmp_path: Path) -> None:
    """A limit on the size of files stands for the full disk: the write fails half way."""
    path = tmp_path / "k.zkey"
    told = subprocess.run(
        [sys.executable, "-c", FULL_DISK, path], cwd=repository, capture_output=True, text=True, check=True
    )
    assert f"cannot write {path}" in told.stdout
    assert not os.listdir(tmp_path)
    with pytest.raises(errors.StorageError, match="nowhere"):
        native.setup(cubic, tmp_path / "nowhere" / "k.zkey")


INTERRUPTED = """
import os, signal, sys, threading
from prover import _native
from prover.field import to_limbs
import numpy as np
rows = 200_000
indptr = np.arange(rows + 1, dtype=np.int64)
wires = np.arange(rows, dtype=np.uint32)
matrix = (indptr, wires, np.zeros(rows, np.uint32))
circuit = _native.Circuit(rows, 0, matrix, matrix, matrix, to_limbs([1]))
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job starts with it ignored
threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    _native.setup(circuit, sys.argv[1])
except KeyboardInterrupt:
    print("interrupted")
"""


def test_ctrl_c_stops_a_setup(native: ModuleType, repository: Path, tmp_path: Path) -> None:
    told = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, tmp_path / "k.zkey"],
        cwd=repository,
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip() == "interrupted"
    assert not os.listdir(tmp_path)
