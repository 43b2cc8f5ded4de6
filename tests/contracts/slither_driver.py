"""Runs in slither's own environment: reads solc's standard JSON input from stdin, prints the findings as JSON.

usage: slither_driver.py <solc> <detector to leave out>... < input.json
"""

from __future__ import annotations

import inspect
import json
import sys

from crytic_compile import CryticCompile  # type: ignore[import-not-found]
from crytic_compile.platform.solc_standard_json import SolcStandardJson  # type: ignore[import-not-found]
from slither import Slither  # type: ignore[import-not-found]
from slither.detectors import all_detectors  # type: ignore[import-not-found]
from slither.detectors.abstract_detector import AbstractDetector  # type: ignore[import-not-found]


def main() -> None:
    solc, *left_out = sys.argv[1:]
    document = json.load(sys.stdin)
    compiled = CryticCompile(SolcStandardJson(document), solc=solc, solc_working_dir=".")
    analysis = Slither(compiled, filter_paths=["node_modules"])
    detectors = [found for _, found in inspect.getmembers(all_detectors, inspect.isclass)]
    chosen = {found.ARGUMENT for found in detectors if issubclass(found, AbstractDetector)} - set(left_out)
    for found in detectors:
        if found.ARGUMENT in chosen:
            analysis.register_detector(found)
    findings = [
        {"check": item["check"], "impact": item["impact"], "text": item["description"].strip()}
        for result in analysis.run_detectors()
        for item in result
    ]
    json.dump({"detectors": sorted(chosen), "contracts": len(analysis.contracts), "findings": findings}, sys.stdout)


if __name__ == "__main__":
    main()
