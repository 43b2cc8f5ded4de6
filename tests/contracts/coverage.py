"""Line coverage of the contracts by the Python tests, which are their tests.

    python -m tests.contracts.coverage [pytest arguments]        default: tests/contracts

The contracts are compiled without optimiser, so that every statement keeps its instructions; the tests deploy these
builds; py-evm's interpreter notes each program counter; solc's source maps lead back to statements. A line counts as
covered when every statement that begins on it was reached. Printed: every line that was not, and the share that was.

Left out are tests of gas, of code size, of the compiler and of the shipped artifacts: the build is another one.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from eth.vm.code_stream import CodeStream
from eth.vm.forks.prague.computation import PragueComputation
from eth.vm.opcode_values import STOP

from prover.chain import artifacts, solc
from tests.conftest import ROOT
from tests.contracts.statements import Span, instruction_spans, reached, statements

OUTPUTS = ["evm.bytecode.sourceMap", "evm.deployedBytecode.sourceMap"]
# Yul needs its stack allocation for functions with many variables; no step changes the code.
UNOPTIMISED = {
    "enabled": False,
    "details": {"yul": True, "yulDetails": {"stackAllocation": True, "optimizerSteps": ":"}},
}
LEFT_OUT = tuple(
    f"test_{name}.py"
    for name in ("forge", "coverage", "gas", "gas_limits", "lint", "slither", "solc", "symbolic")  # no tests of lines
)

# Single tests that bound the gas of the build that ships.
LEFT_OUT_TESTS = (
    ("test_credit_dues.py", "test_a_roll_costs_little_for_each_day"),
    ("test_credit_dues.py", "test_an_idle_century_costs_little"),
    ("test_life.py", "test_the_cheap_read_is_cheap"),
)


class Coverage:
    """Compiles for coverage, notes what runs, and tells what did not."""

    def __init__(self) -> None:
        self.executed: dict[bytes, set[int]] = defaultdict(set)
        self.statements: dict[str, set[Span]] = {}
        self.texts: dict[str, bytes] = {}
        self._maps: dict[tuple[int, bytes], dict[int, Span]] = {}  # by length and masked code
        self._immutables: dict[int, set[tuple[tuple[int, int], ...]]] = defaultdict(set)  # of runtime code, by length
        self._creation: dict[bytes, dict[int, Span]] = {}

    def install(self, folder: Path) -> None:
        """From here on this process compiles, deploys and executes for coverage. For good: run it in one of its own."""
        os.environ["VERDICT_CACHE_DIR"] = str(folder / "cache")  # what is cached has no source maps
        compile_plainly = solc._run
        solc._run = lambda document, launcher: self._compile(compile_plainly, document, launcher)
        CodeStream.__iter__ = _traced(self.executed)
        PragueComputation.validate_contract_code = classmethod(lambda cls, code: None)
        PragueComputation.validate_create_message = classmethod(lambda cls, message: None)
        for name, artifact in solc.compile_contracts().items():
            (folder / f"{name}.json").write_text(artifact.to_json())
        artifacts._FOLDER = folder

    def _compile(self, compile_plainly: Any, document: dict[str, Any], launcher: Path) -> dict[str, Any]:
        if any(name.startswith("contracts/generated/") for name in document["sources"]):
            return dict(compile_plainly(document, launcher))
        document["settings"] |= {"optimizer": UNOPTIMISED, "viaIR": True}
        selection = document["settings"]["outputSelection"]
        for kinds in selection.values():
            kinds["*"] = [*kinds["*"], *OUTPUTS]
        for name in document["sources"]:
            selection.setdefault(name, {})[""] = ["ast"]
        output = dict(compile_plainly(document, launcher))
        self._learn(document, output)
        return output

    def _learn(self, document: Mapping[str, Any], output: Mapping[str, Any]) -> None:
        sources = {entry["id"]: name for name, entry in output["sources"].items() if _ours(name)}
        for name in sources.values():
            self.texts[name] = document["sources"][name]["content"].encode()
            self.statements[name] = set(statements(name, output["sources"][name]["ast"]))
        for contract in (found for unit in output["contracts"].values() for found in unit.values()):
            evm = contract.get("evm", {})
            runtime = bytes.fromhex(evm.get("deployedBytecode", {}).get("object", ""))
            if not runtime:
                continue
            references = evm["deployedBytecode"].get("immutableReferences", {})
            spans = tuple(sorted((s["start"], s["length"]) for found in references.values() for s in found))
            self._immutables[len(runtime)].add(spans)
            self._maps[len(runtime), _masked(runtime, spans)] = instruction_spans(
                runtime, evm["deployedBytecode"]["sourceMap"], sources
            )
            creation = bytes.fromhex(evm["bytecode"]["object"])
            self._creation[creation] = instruction_spans(creation, evm["bytecode"]["sourceMap"], sources)

    def _map_of(self, code: bytes) -> dict[int, Span]:
        for spans in self._immutables.get(len(code), ()):
            found = self._maps.get((len(code), _masked(code, spans)))
            if found is not None:
                return found
        for creation, found in self._creation.items():
            if code.startswith(creation):  # arguments follow
                return found
        return {}

    def report(self) -> tuple[int, int, list[str]]:
        """Covered lines, all lines, and the uncovered ones as ``file:line: text``."""
        spans: list[Span] = []
        for code, counters in self.executed.items():
            known = self._map_of(code)
            spans += [known[counter] for counter in counters if counter in known]
        total, covered, missing = 0, 0, []
        for source, found in sorted(self.statements.items()):
            hit = reached(found, spans)
            text = self.texts[source]
            lines: dict[int, bool] = {}
            for statement in found:
                line = text.count(b"\n", 0, statement.start) + 1
                lines[line] = lines.get(line, True) and statement in hit
            total += len(lines)
            covered += sum(lines.values())
            rows = text.decode().splitlines()
            missing += [f"{source}:{line}: {rows[line - 1].strip()}" for line in sorted(lines) if not lines[line]]
        return covered, total, missing


def _ours(name: str) -> bool:
    return name.startswith("contracts/")


def _masked(code: bytes, spans: Iterable[tuple[int, int]]) -> bytes:
    masked = bytearray(code)
    for start, length in spans:
        masked[start : start + length] = bytes(length)
    return bytes(masked)


def _traced(executed: dict[bytes, set[int]]) -> Any:
    """py-evm's loop over a code's opcodes, noting each program counter."""

    def opcodes(self: CodeStream) -> Iterator[int]:
        code = self._raw_code_bytes
        counters, length = executed[code], len(code)
        while self.program_counter < length:
            counters.add(self.program_counter)
            opcode = code[self.program_counter]
            self.program_counter += 1
            yield opcode
        yield STOP

    return opcodes


def main(arguments: list[str]) -> int:
    """Run the tests and print the report. Exits with pytest's code: an uncovered line is for the caller to judge."""
    here = Path(__file__).parent
    left_out = [f"--ignore={here / name}" for name in LEFT_OUT]
    left_out += [f"--deselect=tests/contracts/{file}::{test}" for file, test in LEFT_OUT_TESTS]
    chosen = [*(arguments or [str(here), "-q"]), *left_out]
    coverage = Coverage()
    with tempfile.TemporaryDirectory() as folder:
        coverage.install(Path(folder))
        status = int(pytest.main([f"--rootdir={ROOT}", "-p", "no:cacheprovider", *chosen]))
    covered, total, missing = coverage.report()
    print(*missing, sep="\n")
    print(json.dumps({"covered": covered, "lines": total, "percent": round(100 * covered / max(total, 1), 2)}))
    return status


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
