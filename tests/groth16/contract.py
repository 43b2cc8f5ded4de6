"""A verifier compiled for a test, its answers in words, and the off-chain answers in the same words."""

from __future__ import annotations

from typing import Any

from eth_hash.auto import keccak

from prover.chain.artifacts import Artifact
from prover.chain.solc import compile_sources
from prover.errors import MalformedProofError
from prover.groth16 import Backend, VerifyingKey, export_solidity, verify_calldata

NAME = "TestVerifier"
ERRORS = {
    bytes(keccak(signature.encode())[:4]): signature
    for signature in (
        "SignalNotCanonical(uint256)",
        "CoordinateNotCanonical(uint256)",
        "MalformedCalldata()",
        "PrecompileFailed()",
    )
}


def source(key: VerifyingKey) -> str:
    """The verifier's source with made-up hashes."""
    return export_solidity(
        key, contract_name=NAME, model_name="test", model_hash=b"\x11" * 32, circuit_hash=b"\x22" * 32
    )


def compiled(key: VerifyingKey, **settings: Any) -> Artifact:
    """The verifier's artifact."""
    return compile_sources({f"{NAME}.sol": source(key)}, **settings)[NAME]


def returned(data: bytes) -> str:
    """The answer in the contract's return data."""
    assert len(data) == 32
    return {0: "false", 1: "true"}[int.from_bytes(data, "big")]


def reverted(data: bytes) -> str:
    """The answer in the contract's revert data."""
    if not data:
        return ""
    signature = ERRORS[data[:4]]
    assert len(data) == (36 if "uint256" in signature else 4)
    return signature.replace("uint256", str(int.from_bytes(data[4:], "big")) if len(data) > 4 else "")


def off_chain(key: VerifyingKey, calldata: bytes, backend: Backend) -> str:
    """``"true"``, ``"false"`` or ``"malformed"``."""
    try:
        return "true" if verify_calldata(key, calldata, backend=backend) else "false"
    except MalformedProofError:
        return "malformed"
