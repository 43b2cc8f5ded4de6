"""Verify: the same answer off chain as the contract gives on chain, for every input there is.

the contract returns true          True
the contract returns false         False
the contract reverts               MalformedProofError
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from eth_hash.auto import keccak

from prover.errors import MalformedProofError
from prover.field import Q, R
from prover.groth16.backend import Backend, get_backend
from prover.groth16.formats.proof import PROOF_BYTES, Proof
from prover.groth16.formats.vkey import VerifyingKey


def verify(key: VerifyingKey, signals: Sequence[int], proof: Proof, *, backend: Backend | str | None = None) -> bool:
    """Whether the proof shows the statement with these public signals.

    Checks come in the contract's order: number of signals, coordinates, signals, points.

    Args:
        signals: the public signals in layout order.
        backend: by object or name; None picks one (see :func:`get_backend`).

    Raises:
        MalformedProofError: another number of signals than the key has, a coordinate outside [0, q), a signal outside
            [0, r), or a point that is not in its group. The point at infinity, all zero, is well-formed.
    """
    if len(signals) != key.n_public:
        raise MalformedProofError(f"{len(signals)} public signals, the key has {key.n_public}")
    for index, word in enumerate(proof.words):
        if word >= Q:
            raise MalformedProofError(f"coordinate {index} of the proof is not below q", "the proof was altered")
    for index, signal in enumerate(signals):
        if not 0 <= signal < R:
            raise MalformedProofError(f"public signal {index} is not in [0, r)", "reduce nothing: reject it")
    chosen = get_backend(backend) if backend is None or isinstance(backend, str) else backend
    return chosen.verify(key, signals, proof)


def verify_calldata(key: VerifyingKey, calldata: bytes, *, backend: Backend | str | None = None) -> bool:
    """What the verifier contract would answer to these exact bytes.

    Raises:
        MalformedProofError: another selector, a length other than 4 + 32·(8 + n), or as in :func:`verify`.
    """
    expected = 4 + PROOF_BYTES + 32 * key.n_public
    if calldata[:4] != selector(key.n_public) or len(calldata) != expected:
        raise MalformedProofError(f"{len(calldata)} bytes of calldata are no call of verifyProof ({expected} bytes)")
    signals = [int.from_bytes(calldata[start : start + 32], "big") for start in range(260, expected, 32)]
    return verify(key, signals, Proof(calldata[4:260]), backend=backend)


def encode_calldata(signals: Sequence[int], proof: Proof) -> bytes:
    """The call of verifyProof, for signals in [0, 2^256)."""
    return selector(len(signals)) + proof.data + b"".join(signal.to_bytes(32, "big") for signal in signals)


@cache
def selector(n_public: int) -> bytes:
    """First four bytes of a call of ``verifyProof`` with this many public signals."""
    signature = f"verifyProof(uint256[2],uint256[2][2],uint256[2],uint256[{n_public}])"
    return bytes(keccak(signature.encode())[:4])
