"""What was measured of one tool on one model."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any


@dataclass
class Result:
    """Times in seconds, sizes and memory in bytes. What a tool does not have stays None or empty.

    Attributes:
        tool: whose figures these are.
        model: name of the model.
        reason: why there are none; empty when there are.
        compile: from the ONNX file to the circuit.
        setup: to the keys.
        witness: from the input to the witness alone, a sample each.
        groth16: from the witness to the proof, a sample each.
        groth16_cpu: CPU time of that over all threads.
        prove: from the input to the proof (ezkl: from its witness), a sample each.
        prove_cpu: CPU time of that over all threads.
        verify: one verification.
        setup_memory: peak of the process that made the keys.
        prove_memory: peak of the processes that proved, the highest.
        constraints: rows of the constraint system; for ezkl rows of the table.
        domain: size of the evaluation domain.
        proving_key: size of the key file.
        verifying_key: likewise.
        proof: size of the proof.
        gas: of one on-chain verification.
    """

    tool: str
    model: str
    reason: str = ""
    compile: float | None = None
    setup: float | None = None
    witness: list[float] = field(default_factory=list)
    groth16: list[float] = field(default_factory=list)
    groth16_cpu: list[float] = field(default_factory=list)
    prove: list[float] = field(default_factory=list)
    prove_cpu: list[float] = field(default_factory=list)
    verify: float | None = None
    setup_memory: int | None = None
    prove_memory: int | None = None
    constraints: int | None = None
    domain: int | None = None
    proving_key: int | None = None
    verifying_key: int | None = None
    proof: int | None = None
    gas: int | None = None

    def update(self, values: dict[str, Any]) -> None:
        """Take over measured values: samples are added to the earlier ones, anything else replaces."""
        for name, value in values.items():
            if isinstance(value, list):
                getattr(self, name).extend(value)
            else:
                setattr(self, name, value)

    def remember_peak(self, peak: int) -> None:
        """Keep the highest memory of the proving processes."""
        self.prove_memory = max(peak, self.prove_memory or 0)

    def to_dict(self) -> dict[str, Any]:
        """For JSON: every value, and the median and minimum of the samples."""
        summary = {
            f"{name}_{label}": function(samples)
            for name in ("witness", "groth16", "groth16_cpu", "prove", "prove_cpu")
            if (samples := getattr(self, name))
            for label, function in (("median", median), ("min", min))
        }
        return asdict(self) | summary
