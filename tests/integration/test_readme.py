"""The README's Python block runs as it stands."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import prover


def test_the_twenty_lines_run(repository: Path, tmp_path: Path, require_tool: object) -> None:
    require_tool("native")  # type: ignore[operator]
    readme = (repository / "README.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", readme, flags=re.DOTALL)
    assert len(blocks) == 1
    (tmp_path / "tests").symlink_to(repository / "tests")
    result = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(repository)!r})\n{blocks[0]}"],
        cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert "0 decisions changed" in result.stdout
    assert prover.load(tmp_path / "loan_bundle").key is not None


def test_every_link_of_the_readme_leads_somewhere(repository: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", (repository / "README.md").read_text()):
        assert (repository / target).exists(), target


def test_the_public_names_are_these(repository: Path) -> None:
    assert prover.__all__ == [
        "Bundle", "InferenceProof", "Opening", "Schema", "VerdictError", "compile", "export_solidity", "load", "prove",
        "setup", "verify",
    ]  # fmt: skip
    assert all(hasattr(prover, name) for name in prover.__all__)
