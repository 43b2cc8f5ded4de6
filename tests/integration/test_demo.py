"""The demonstration passes every check it makes."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path


def test_the_demonstration_passes(repository: Path, require_tool: object) -> None:
    for tool in ("native", "node", "solc"):
        require_tool(tool)  # type: ignore[operator]
    result = subprocess.run(
        [sys.executable, str(repository / "scripts" / "demonstration")],
        cwd=repository, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    closing = re.search(r"^demo: (\d+) of (\d+) checks passed$", result.stdout, flags=re.MULTILINE)
    assert closing is not None
    assert closing[1] == closing[2]
    for error in (
        "InvalidProof", "PrecompileFailed", "ConsentNonceUsed", "InvalidSubjectSignature", "PersonCapExceeded",
        "InvalidIssuerSignature", "StaleSequence", "AttestationExpired", "UnknownIssuer", "SchemaMismatch",
        "VerificationRefused_ModelDeprecated", "SignalNotCanonical", "OutputNotCanonical",
    ):  # fmt: skip
        assert error in result.stdout
