"""Verdict: a smart contract acts on a model's decision only when a Groth16 proof shows how it was reached.

    bundle = prover.compile("model.onnx", schema="schema.json", calibration=rows)
    bundle = prover.setup(bundle)
    proof = prover.prove(bundle, applicant, context=context, salt=salt)
    assert prover.verify(bundle, proof)
    source = prover.export_solidity(bundle)

Everything public is listed in ``__all__`` and loaded on first use: importing ``prover`` reads no onnx, no web3 and
no native code, so that a cold first proof stays quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from prover.api import compile, export_solidity, prove, setup, verify
    from prover.bundle import Bundle, load
    from prover.errors import VerdictError
    from prover.inference import InferenceProof
    from prover.opening import Opening
    from prover.schema import Schema

__version__ = "0.1.0"

_HOME = {
    "compile": "prover.api",
    "setup": "prover.api",
    "prove": "prover.api",
    "verify": "prover.api",
    "export_solidity": "prover.api",
    "load": "prover.bundle",
    "Bundle": "prover.bundle",
    "InferenceProof": "prover.inference",
    "Opening": "prover.opening",
    "Schema": "prover.schema",
    "VerdictError": "prover.errors",
}

__all__ = [
    "Bundle",
    "InferenceProof",
    "Opening",
    "Schema",
    "VerdictError",
    "compile",
    "export_solidity",
    "load",
    "prove",
    "setup",
    "verify",
]


def __getattr__(name: str) -> Any:
    try:
        home = _HOME[name]
    except KeyError:
        raise AttributeError(f"module 'prover' has no attribute {name!r}") from None
    return getattr(importlib.import_module(home), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
