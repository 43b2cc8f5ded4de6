"""``verdict node``: a local anvil whose chain survives restarts, for the command line and the service.

One node per state directory (``$VERDICT_HOME``, or ``$XDG_STATE_HOME/verdict``, or ``~/.local/state/verdict``):
``node/state.json`` is the chain (delete it for a fresh one), ``node/node.json`` says which process runs it,
``node/node.log`` is its output.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from http.client import HTTPException
from pathlib import Path

from prover.errors import ChainError, NodeUnreachableError, StorageError
from prover.files import write_atomic
from prover.jsontext import parse_json

DEFAULT_PORT = 8545
CHAIN_ID = 31337
FORK = "prague"
_HOST = "127.0.0.1"
_ROOT = Path(__file__).resolve().parents[2]
_HOW_TO_GET_ANVIL = (
    "run `npm ci` in tests/ (it installs @foundry-rs/anvil), put foundry's anvil on PATH, or set VERDICT_ANVIL to it"
)


@dataclass(frozen=True)
class NodeProcess:
    """A running node. ``identity`` tells the process from a later one with the same pid."""

    pid: int
    port: int
    chain_id: int
    identity: str

    @property
    def url(self) -> str:
        return f"http://{_HOST}:{self.port}"


def state_directory() -> Path:
    """Where the node keeps its chain, its log and its pid."""
    home = os.environ.get("VERDICT_HOME")
    if home:
        return Path(home) / "node"
    base = os.environ.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / "verdict" / "node"


def find_anvil() -> Path:
    """The anvil binary: $VERDICT_ANVIL, then node_modules of tests/ and contracts/, then PATH.

    Raises:
        ChainError: there is none; the hint says how to get it.
    """
    named = os.environ.get("VERDICT_ANVIL")
    candidates = [Path(named)] if named else [*_npm_binaries(), *filter(None, [_on_path()])]
    for candidate in candidates:
        if candidate.is_file() and os.access(candidate, os.X_OK):
            return candidate
    raise ChainError("anvil, the local Ethereum node, is not installed", _HOW_TO_GET_ANVIL)


def url() -> str:
    """URL of the node that runs here, or of the default port when none does."""
    process = running()
    return process.url if process else f"http://{_HOST}:{DEFAULT_PORT}"


def running() -> NodeProcess | None:
    """The recorded node, if its process is still alive."""
    try:
        record = parse_json((state_directory() / "node.json").read_text())
        process = NodeProcess(**record)
    except (OSError, ValueError, TypeError):
        return None
    return process if _identity(process.pid) == process.identity else None


def start(port: int = DEFAULT_PORT, chain_id: int = CHAIN_ID, *, patience: float = 20.0) -> NodeProcess:
    """Run the node in the background and return once it answers. A node that already runs here is returned as it is.

    Raises:
        ChainError: no anvil, no such port, the port is taken, another node runs here on another port or chain, or
            anvil gave up.
        StorageError: the state directory is not writable.
    """
    with _alone():
        present = running()
        if present is not None and (present.port, present.chain_id) == (port, chain_id):
            return present
        _refuse_second(present)
        child = _spawn(port, chain_id, background=True)
        process = _record(child.pid, port, chain_id)
        try:
            _wait_ready(child, process, patience)
        except BaseException:
            _terminate(child)
            _forget()
            raise
        return process


def run(port: int = DEFAULT_PORT, chain_id: int = CHAIN_ID) -> int:
    """Run the node in the foreground until it is interrupted; returns anvil's exit code.

    Raises:
        ChainError: as :func:`start`, and when a node already runs here.
    """
    with _alone():
        _refuse_second(running())
        child = _spawn(port, chain_id, background=False)
        _record(child.pid, port, chain_id)
    try:
        with _forwarded_signals(child):
            return child.wait()
    finally:
        _forget()


def stop(*, patience: float = 15.0) -> bool:
    """Stop the recorded node and let it write its state. Returns whether one was running.

    Raises:
        ChainError: it did not end in time; it is still running, its state unsaved.
    """
    process = running()
    if process is None:
        _forget()
        return False
    os.kill(process.pid, signal.SIGTERM)
    deadline = time.monotonic() + patience
    while _identity(process.pid) == process.identity:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(process.pid, os.WNOHANG)
        if time.monotonic() > deadline:
            raise ChainError(f"the node (pid {process.pid}) did not stop within {patience:.0f} s", "try again")
        time.sleep(0.05)
    _forget()
    return True


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Hold the state directory while a node is being started: two at once would overwrite each other's record."""
    directory = state_directory()
    try:
        directory.mkdir(parents=True, exist_ok=True)
        lock = (directory / "lock").open("w")
    except OSError as error:
        raise StorageError(
            f"cannot write {directory}: {error.strerror or error}", "set VERDICT_HOME to a writable folder"
        ) from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _refuse_second(present: NodeProcess | None) -> None:
    if present is not None:
        raise ChainError(
            f"a node already runs on port {present.port}, chain {present.chain_id}",
            "stop it with `verdict node --stop` first, or give this one its own VERDICT_HOME",
        )


def _npm_binaries() -> list[Path]:
    """The platform's own binary, not npm's wrapper script: a signal must reach anvil itself."""
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    package = f"@foundry-rs/anvil-{sys.platform}-{machine}/bin/anvil"
    return [_ROOT / folder / "node_modules" / package for folder in ("tests", "contracts")]


def _on_path() -> Path | None:
    found = shutil.which("anvil")
    return Path(found) if found else None


def _spawn(port: int, chain_id: int, *, background: bool) -> subprocess.Popen[bytes]:
    anvil = find_anvil()
    _require_free(port)
    directory = state_directory()
    command = [str(anvil), "--host", _HOST, "--port", str(port), "--chain-id", str(chain_id), "--hardfork", FORK]
    state = directory / "state.json"
    command += ["--state", str(state), "--state-interval", "30"]
    latest = _latest_time(state)
    if latest is not None and latest >= time.time():
        command += ["--timestamp", str(latest + 1)]  # else the clock of a chain that was advanced would run backwards
    if not background:
        return subprocess.Popen(command)
    with (directory / "node.log").open("wb") as log:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )


def _latest_time(state: Path) -> int | None:
    """Timestamp of the latest block of a saved chain; None when there is none, or none that reads: anvil will say."""
    try:
        return int(parse_json(state.read_text())["block"]["timestamp"], 16)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _require_free(port: int) -> None:
    if not 0 < port < 1 << 16:
        raise ChainError(f"{port} is not a port", "--port takes a number from 1 to 65535")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError as error:
            raise ChainError(
                f"port {port} is not free: {error}", "choose another with --port, or stop what listens there"
            ) from error


def _record(pid: int, port: int, chain_id: int) -> NodeProcess:
    process = NodeProcess(pid, port, chain_id, _identity(pid) or "")
    write_atomic(state_directory() / "node.json", json.dumps(asdict(process)) + "\n")
    return process


def _forget() -> None:
    (state_directory() / "node.json").unlink(missing_ok=True)


def _identity(pid: int) -> str | None:
    """Start time of a live process, in the words of the operating system; None when there is none (or a zombie)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return None if fields[0] == "Z" else fields[19]
    except FileNotFoundError:
        if Path("/proc/self/stat").exists():
            return None
    listing = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return listing.stdout.strip() or None


def _wait_ready(child: subprocess.Popen[bytes], process: NodeProcess, patience: float) -> None:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if child.poll() is not None:
            log = (state_directory() / "node.log").read_text(errors="replace").strip()[-500:]
            raise ChainError(
                f"anvil ended with code {child.returncode}: {log}",
                f"if its state file is damaged, delete {state_directory() / 'state.json'}",
            )
        if _answers(process):
            return
        time.sleep(0.05)
    raise NodeUnreachableError(f"the node did not answer at {process.url} within {patience:.0f} s", "try again")


def _answers(process: NodeProcess) -> bool:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []}).encode()
    request = urllib.request.Request(process.url, body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=2) as response:
            return int(parse_json(response.read(1 << 16))["result"], 16) == process.chain_id
    except (OSError, HTTPException, ValueError, TypeError, KeyError):
        return False


def _terminate(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(5)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


@contextlib.contextmanager
def _forwarded_signals(child: subprocess.Popen[bytes]) -> Iterator[None]:
    """SIGTERM goes on to anvil; SIGINT reaches it by itself, through the terminal. Either way we wait for its end."""
    earlier = {
        signal.SIGTERM: signal.signal(signal.SIGTERM, lambda *_: child.terminate()),
        signal.SIGINT: signal.signal(signal.SIGINT, lambda *_: child.send_signal(signal.SIGINT)),
    }
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
