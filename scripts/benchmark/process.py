"""One measured child process."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any


class ToolError(Exception):
    """A tool that is missing or failed; the message is the reason the table shows."""


def measured(command: Sequence[str | os.PathLike[str]], *, cwd: Path | None = None) -> tuple[dict[str, Any], int]:
    """Run a command that prints one JSON object as its last line.

    Returns:
        the object, and the process's peak resident memory in bytes. The kernel starts counting at this process's own
        size, so this one imports nothing large.

    Raises:
        ToolError: the command is missing, failed, or printed no JSON.
    """
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        try:
            process = subprocess.Popen(command, stdout=output, stderr=errors, stdin=subprocess.DEVNULL, cwd=cwd)
        except OSError as error:
            raise ToolError(f"{command[0]}: {error.strerror}") from error
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            process.wait()
            raise
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        lines = output.read().decode(errors="replace").splitlines()
        if process.returncode:
            raise ToolError(_reason(errors.read().decode(errors="replace"), process.returncode))
    try:
        answer = json.loads(lines[-1])
    except (IndexError, json.JSONDecodeError) as error:
        raise ToolError(f"{Path(command[0]).name} printed no result") from error
    kibibyte = 1 if os.uname().sysname == "Darwin" else 1024
    return answer, usage.ru_maxrss * kibibyte


def _reason(errors: str, code: int) -> str:
    """The last line a failing tool wrote that says something."""
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    return lines[-1][:200] if lines else f"exit code {code}"
