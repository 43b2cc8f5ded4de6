"""One proven inference: the proof, what it reveals, and its two outside forms (JSON file, contract call)."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prover.errors import FormatError, MalformedProofError
from prover.files import write_atomic
from prover.groth16.formats.proof import Proof
from prover.jsontext import parse_json
from prover.schema import Layout, abi_encode


@dataclass(frozen=True)
class InferenceProof:
    """A Groth16 proof that the model, run on the committed input, gave ``values``.

    Attributes:
        proof: the 256 bytes of the proof.
        public_signals: every public signal in the layout's order, each in [0, r).
        layout: what the signals mean.
        vk_hash: keccak256 of the verifying key the proof was made for.
    """

    proof: Proof
    public_signals: tuple[int, ...]
    layout: Layout
    vk_hash: bytes

    @property
    def output(self) -> bytes:
        """``values`` as contracts take them: ``abi.encode(int256[])``."""
        return abi_encode(self.values)

    @property
    def commitment(self) -> int:
        """Poseidon commitment to the private input, in [0, r)."""
        return self.layout.slot(self.public_signals, "inputCommitment")[0]

    @property
    def context(self) -> int:
        """The caller's 253-bit value this proof is bound to."""
        return self.layout.slot(self.public_signals, "context")[0]

    @property
    def values(self) -> tuple[int, ...]:
        """Revealed outputs as integers at the layout's decimal scales: a tier, a label, or scores."""
        return tuple(self.layout.unpack_outputs(self.layout.slot(self.public_signals, "outputs")))

    def to_json(self) -> str:
        """snarkjs's ``proof.json`` with the public signals beside it. Holds no private value."""
        document = {
            **self.proof.to_json(),
            "publicSignals": [str(signal) for signal in self.public_signals],
            "vkHash": "0x" + self.vk_hash.hex(),
            "values": list(self.values),
        }
        return json.dumps(document, indent=1) + "\n"

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write :meth:`to_json` to ``path`` in one step.

        Raises:
            StorageError: the file could not be written.
        """
        return write_atomic(path, self.to_json())

    @classmethod
    def load(cls, path: str | os.PathLike[str], layout: Layout) -> InferenceProof:
        """Read a file that :meth:`save` wrote. Signals keep their value even when they are not canonical: it is
        the verifier's part to refuse them.

        Raises:
            FormatError: not such a file.
        """
        try:
            document = parse_json(Path(path).read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise FormatError(f"there is no proof file at {path}", "run `verdict prove` first") from error
        except (OSError, UnicodeDecodeError, ValueError, RecursionError) as error:
            raise FormatError(f"{path} is not JSON: {error}", "give the file that `verdict prove` wrote") from error
        return cls.from_json_object(document, layout)

    @classmethod
    def from_json_object(cls, document: Any, layout: Layout) -> InferenceProof:
        """The inverse of :meth:`to_json`, on the parsed document.

        Raises:
            FormatError: a field is missing or has the wrong form.
            MalformedProofError: ``values`` are not what the public signals say.
        """
        if not isinstance(document, Mapping):
            raise FormatError("a proof file holds a JSON object", "give the file that `verdict prove` wrote")
        signals = document.get("publicSignals")
        if not isinstance(signals, list) or not all(_is_decimal(signal) for signal in signals):
            raise FormatError("publicSignals must be a list of decimal strings")
        vk_hash = document.get("vkHash")
        if not isinstance(vk_hash, str) or len(vk_hash) != 66 or not vk_hash.startswith("0x"):
            raise FormatError("vkHash must be 32 bytes in hex")
        try:
            raw_hash = bytes.fromhex(vk_hash[2:])
        except ValueError as error:
            raise FormatError("vkHash must be 32 bytes in hex") from error
        points = {key: document[key] for key in _PROOF_KEYS if key in document}
        proof = cls(Proof.from_json(points), tuple(int(signal) for signal in signals), layout, raw_hash)
        if "values" in document and document["values"] != list(proof.values):
            raise MalformedProofError(
                f"the file says {document['values']}, its public signals {list(proof.values)}", "the file was altered"
            )
        return proof


_PROOF_KEYS = ("pi_a", "pi_b", "pi_c", "protocol", "curve")


def _is_decimal(value: object) -> bool:
    # 2^256 has 78 digits; longer ones cannot be a signal and would only cost time to parse.
    return isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 78
