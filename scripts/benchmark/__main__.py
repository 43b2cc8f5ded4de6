"""``scripts/bench``: measure the models, print the tables, optionally write the samples as JSON."""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from benchmark.process import ToolError
from benchmark.result import Result
from benchmark.table import print_results
from benchmark.tools import ROOT, Ezkl, Gnark, Model, Snarkjs, Tool, Verdict

MODELS = ROOT / "tests" / "models"
WIDTH = 190  # of tables that go to a file
DEFAULT = ("loan_logistic", "loan_mlp", "credit_logistic", "credit_mlp")


def find_model(name: str) -> Model:
    """A model of tests/models by name, or any ONNX file that has its samples (.npz) beside it.

    Raises:
        SystemExit: a file is missing.
    """
    path = Path(name) if name.endswith(".onnx") else MODELS / f"{name}.onnx"
    samples = path.with_suffix(".npz")
    for needed in (path, samples):
        if not needed.is_file():
            raise SystemExit(f"bench: {needed} is missing")
    index = path.parent / "models.json"
    described = json.loads(index.read_text()).get(path.stem, {}) if index.is_file() else {}
    schema = path.parent / described["schema"] if "schema" in described else None
    return Model(path, samples, schema)


def measure(model: Model, tools: list[Tool], runs: int, folder: Path, console: Console) -> list[Result]:
    """Prepare every tool, then let them prove by turns. A tool that fails keeps its reason and sits out."""
    results = [Result(tool.name, model.name) for tool in tools]
    folders = [folder / tool.name for tool in tools]
    for step in range(1 + runs):
        for tool, result, own in zip(tools, results, folders, strict=True):
            if result.reason:
                continue
            console.print(f"{model.name}: {tool.name}: {f'round {step}' if step else 'prepare'}", style="dim")
            try:
                if step:
                    tool.prove(model, own, result)
                else:
                    own.mkdir()
                    tool.prepare(model, own, result)
            except ToolError as error:
                result.reason = str(error)
            if result.reason and tool.name == "verdict":
                return results[:1]  # the others read its files
    return results


def main() -> int:
    """Parse the arguments, measure, print."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description="Measure what proving a model costs.")
    parser.add_argument("--peers", action="store_true", help="beside snarkjs, gnark and ezkl, where they install")
    parser.add_argument(
        "--model", action="append", metavar="M", help=f"name or ONNX file; default: {', '.join(DEFAULT)}"
    )
    parser.add_argument("--runs", type=int, default=3, metavar="N", help="processes of each tool; default 3")
    parser.add_argument("--json", type=Path, metavar="F", help="also write every sample to this file")
    arguments = parser.parse_args()
    if arguments.runs < 1:
        parser.error("--runs is at least 1")
    models = [find_model(name) for name in arguments.model or DEFAULT]
    tools: list[Tool] = [Verdict(), *((Snarkjs(), Gnark(), Ezkl()) if arguments.peers else ())]
    console, progress = Console(), Console(stderr=True)
    if not console.is_terminal:
        console.width = WIDTH
    # End as after Ctrl-C: the children have sessions of their own and would run on.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    results: list[Result] = []
    for model in models:
        with tempfile.TemporaryDirectory(prefix="verdict-bench-") as folder:
            results += measure(model, tools, arguments.runs, Path(folder), progress)
    print_results(console, results)
    if arguments.json:
        machine = {"cores": os.cpu_count(), "machine": platform.machine(), "system": platform.platform()}
        document = {"machine": machine, "results": [result.to_dict() for result in results]}
        arguments.json.write_text(json.dumps(document, indent=2) + "\n")
    return 1 if any(result.reason and result.tool == "verdict" for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
