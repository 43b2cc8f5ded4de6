"""One measured child process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

LAUNCHER = Path(__file__).with_name("launcher.py")


class ToolError(Exception):
    """A tool that is missing or failed; the message is the reason the table shows."""


def measured(command: Sequence[str | os.PathLike[str]], *, cwd: Path | None = None) -> tuple[dict[str, Any], int]:
    """Run a command that prints one JSON object as its last line.

    Returns:
        the object, and the process's peak resident memory in bytes.

    Raises:
        ToolError: the command is missing, failed, or printed no JSON.
    """
    with tempfile.TemporaryDirectory() as folder:
        peak = Path(folder) / "peak"
        launch = [sys.executable, "-I", "-S", LAUNCHER, peak, *command]
        output, errors, code = _run(launch, cwd)
        if code:
            raise ToolError(_reason(errors, code))
        try:
            return json.loads(output.splitlines()[-1]), int(peak.read_text())
        except (IndexError, json.JSONDecodeError) as error:
            raise ToolError(f"{Path(command[0]).name} printed no result") from error


def _run(command: Sequence[str | os.PathLike[str]], cwd: Path | None) -> tuple[str, str, int]:
    """Standard output, standard error and exit code. Whatever ends this wait ends the whole process group."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL}
    with subprocess.Popen(command, **pipes, cwd=cwd, start_new_session=True, text=True, errors="replace") as process:
        try:
            output, errors = process.communicate()
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    return output, errors, process.returncode


def _reason(errors: str, code: int) -> str:
    """The last line a failing tool wrote that says something."""
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    return lines[-1][:200] if lines else f"exit code {code}"
