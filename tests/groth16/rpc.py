"""An anvil of our own and batched JSON-RPC to it."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any


@contextlib.contextmanager
def anvil_process(executable: Path, folder: Path) -> Iterator[str]:
    """Start anvil on a free port, yield its URL, stop exactly that process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(executable), "--port", str(port), "--hardfork", "prague", "--silent"]
    url = f"http://127.0.0.1:{port}"
    with (folder / "anvil.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
        try:
            _wait(url, process)
            yield url
        finally:
            process.terminate()
            process.wait(timeout=20)


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        assert process.poll() is None, "anvil ended at once"
        try:
            batch(url, [("eth_chainId", [])])
            return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    raise AssertionError("anvil did not answer within 30 s")


def batch(url: str, requests: Sequence[tuple[str, list[Any]]]) -> list[dict[str, Any]]:
    """Send requests as one batch; the answers come back in the order asked."""
    body = [
        {"jsonrpc": "2.0", "id": index, "method": method, "params": params}
        for index, (method, params) in enumerate(requests)
    ]
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=120) as response:
        answers = json.load(response)
    return sorted(answers, key=lambda answer: int(answer["id"]))
