"""``python -m tests.lowering.snapshot`` rewrites tests/snapshots/constraints.json: costs by model and reveal mode."""

from __future__ import annotations

import json
from pathlib import Path

from prover.compiler import CompiledParts, compile_model
from tests.quantization.nets import IMAGES, NAMES, TREES, samples, schema_of

REVEALS = ("tier", "label", "score")

RECORDED = {**dict.fromkeys((*NAMES, *TREES), REVEALS), **dict.fromkeys(IMAGES, ("label",))}
"""Reveal modes whose costs are tracked, by model."""


def layers(parts: CompiledParts) -> dict[str, int]:
    """Constraints of each layer and their sum, the domain, and the size of the proving key."""
    counts = {layer.name: layer.constraints for layer in parts.report.layers}
    return {
        **counts,
        "total": parts.circuit.r1cs.n_constraints,
        "domain": parts.report.domain,
        "proving_key_bytes": parts.report.proving_key_bytes,
    }


def main() -> None:
    """Compile every model in every reveal mode and write the file."""
    tests = Path(__file__).resolve().parent.parent
    counts: dict[str, dict[str, dict[str, int]]] = {}
    for name, reveals in RECORDED.items():
        rows, _ = samples(tests / "models", name)
        schema = schema_of(tests / "models", name)
        path = tests / "models" / f"{name}.onnx"
        compiled = {mode: compile_model(path, schema=schema, calibration=rows, reveal=mode) for mode in reveals}
        counts[name] = {mode: layers(parts) for mode, parts in compiled.items()}
    (tests / "snapshots" / "constraints.json").write_text(json.dumps(counts, indent=1) + "\n")


if __name__ == "__main__":
    main()
