"""A bundle: one model with everything needed to prove and to check it, in memory or in one directory.

:mod:`prover.bundledir` says what the directory holds.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from prover.compiler import Report, solve
from prover.constraint import Circuit
from prover.errors import BundleError, KeyMismatchError, UnsatisfiedError
from prover.groth16 import ProvingKey, VerifyingKey
from prover.groth16 import prove as prove_circuit
from prover.groth16.formats.r1cs import r1cs_bytes
from prover.quantization import IntegerModel, Plan, draw
from prover.schema import Layout, Schema, keccak256, new_salt
from prover.schema.encoding import FeatureValues


@dataclass(frozen=True)
class Bundle:
    """A compiled model, with its key once there is one.

    Attributes:
        name: what contracts and messages call it.
        onnx: the bytes of the ONNX file.
        schema: the private input's features.
        plan: the integer program.
        layout: what the public signals mean.
        report: cost and accuracy, known before setup.
        circuit: R1CS and witness program.
        key: the proving key; None before setup.
    """

    name: str
    onnx: bytes = field(repr=False)
    schema: Schema = field(repr=False)
    plan: Plan = field(repr=False)
    layout: Layout
    report: Report = field(repr=False)
    circuit: Circuit = field(repr=False)
    key: ProvingKey | None = None

    @cached_property
    def content_hash(self) -> bytes:
        """keccak256(keccak256(ONNX file) ‖ keccak256(plan.json)): what was compiled, and how."""
        return keccak256(keccak256(self.onnx) + keccak256(self.plan.to_json().encode()))

    @cached_property
    def model_hash(self) -> bytes:
        """The ``modelHash`` of ERC-7992's commitment, as the registry recomputes it from content and layout."""
        return self.layout.model_hash(self.content_hash)

    @cached_property
    def circuit_hash(self) -> bytes:
        """keccak256 of the circuit's iden3 ``.r1cs`` file."""
        return keccak256(r1cs_bytes(self.circuit.r1cs))

    @property
    def verifying_key(self) -> VerifyingKey:
        """The key's public part.

        Raises:
            BundleError: there is no key yet.
        """
        return self.proving_key.verifying_key

    @property
    def proving_key(self) -> ProvingKey:
        """The key.

        Raises:
            BundleError: there is no key yet.
        """
        if self.key is None:
            raise BundleError(f"{self.name} has no key yet", "run setup first")
        return self.key

    def decide(self, inputs: FeatureValues) -> tuple[int, ...]:
        """What a proof for this input would reveal, by the integer reference model; proves nothing.

        Args:
            inputs: one applicant, as for :func:`prover.prove`.

        Raises:
            InputError: a feature outside its schema.
        """
        encoded = self.schema.encode(inputs)
        run = IntegerModel(self.plan, self.schema).run(encoded.codes[None], encoded.missing[None])
        return tuple(int(value) for value in run.outputs[0])

    def meaning(self, values: tuple[int, ...]) -> str:
        """Revealed values in words: a tier with the threshold it passed, a class by its name, scores as decimals."""
        if self.layout.thresholds:
            passed = values[0]
            reached = f": at least {self.layout.thresholds[passed - 1] / 10**6:g}" if passed else ""
            return f"tier {passed} of {len(self.layout.thresholds)}{reached}"
        if self.plan.class_names and self.layout.decimals == (0,):
            return dict(zip(self.plan.classes, self.plan.class_names, strict=True)).get(values[0], str(values[0]))
        return ", ".join(f"{value / 10**d:.{d}f}" for value, d in zip(values, self.layout.decimals, strict=True))

    def with_key(self, key: ProvingKey) -> Bundle:
        """The same model with this key. Whether it fits is checked when it is used (see :meth:`check_key`)."""
        return replace(self, key=key)

    def check_key(self) -> None:
        """Show that the key belongs to this circuit, before others are told so: export and deployment ask.

        A proving key holds the circuit's A and B, which are compared, but not C. So one drawn input is proven and the
        proof verified too: a witness of this circuit gives no valid proof under a key whose C differs on it.

        Raises:
            BundleError: there is no key.
            KeyMismatchError: the key is for another circuit.
            UnsafeKeyError: the key is initial.
        """
        key, sample = self.proving_key, draw(self.schema, 1)[0]
        solution = solve(self.circuit, self.layout, sample, salt=new_salt(), context=0, check=False)
        try:
            prove_circuit(key, self.circuit.r1cs, solution.witness)
        except UnsatisfiedError as error:
            raise KeyMismatchError(f"{self.name}: the circuit contradicts itself", "compile the model again") from error

    def save(self, directory: str | os.PathLike[str]) -> Path:
        """Write the bundle directory; an older bundle there is replaced.

        Raises:
            BundleError: the directory holds something that is not a bundle.
            StorageError: a file could not be written; the older bundle is untouched.
        """
        from prover.bundledir import write_bundle

        return write_bundle(self, Path(directory))


def load(directory: str | os.PathLike[str]) -> Bundle:
    """Read a bundle directory. Nothing in it is believed that can be recomputed.

    Raises:
        BundleError: no bundle, another format or semantics version, or a file missing, changed or foreign.
        SchemaError: its schema cannot be.
    """
    from prover.bundledir import read_bundle

    return read_bundle(Path(directory))
