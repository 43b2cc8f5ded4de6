"""Many proofs of one key by one pairing: the off-chain twin of the contract's ``verifyProofs``.

The batch holds when one random linear combination of its equations holds,

    Π e(rᵢ·Aᵢ, Bᵢ) · e(Σ rᵢ·α, −β) · e(Σ rᵢ·(IC₀ + Σ sᵢⱼ·ICⱼ₊₁), −γ) · e(Σ rᵢ·Cᵢ, −δ) = 1,

where every multiplier is 2^128 plus 128 bits hashed from the chain, the key, the number of proofs, all proofs and all
signals. Whoever makes a batch fixes the proofs before the multipliers are known, so a batch with a false proof passes
with probability at most 2^-128 for each batch that is hashed. A relayer asks here before paying for the transaction;
when the answer is False, :func:`prover.groth16.verify.verify` of each proof tells which one is to blame.
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

BATCH_DOMAIN = bytes(keccak(b"verdict/batch/v1"))
"""What multipliers are hashed under, and nothing else is."""

MULTIPLIER_BITS = 128
"""Random bits of a multiplier. The bit above them is set, so that none is zero."""

_HEAD = 4 + 32 * 3
"""Bytes before the first proof: selector, two offsets, the number of proofs."""


def verify_batch(
    key: VerifyingKey,
    signals: Sequence[Sequence[int]],
    proofs: Sequence[Proof],
    *,
    chain_id: int,
    backend: Backend | str | None = None,
) -> bool:
    """Whether every proof shows its statement, answered as the contract on that chain answers.

    Args:
        signals: the public signals of each proof.
        proofs: at least one, as many as rows of signals.
        chain_id: of the chain whose contract would be asked; part of what the multipliers are hashed from.
        backend: by object or name; None picks one (see :func:`prover.groth16.backend.get_backend`).

    Raises:
        MalformedProofError: where the contract reverts. No proof, another number of rows than proofs, a row of another
            length than the key's, a coordinate not below q, a signal not below r, or a point not in its group.
    """
    if not proofs or len(proofs) != len(signals):
        raise MalformedProofError(f"{len(proofs)} proofs with {len(signals)} rows of signals are no batch")
    for index, row in enumerate(signals):
        if len(row) != key.n_public:
            raise MalformedProofError(f"row {index} has {len(row)} public signals, the key has {key.n_public}")
    for index, word in enumerate(word for proof in proofs for word in proof.words):
        if word >= Q:
            raise MalformedProofError(f"coordinate {index} of the batch is not below q", "a proof was altered")
    for index, signal in enumerate(signal for row in signals for signal in row):
        if not 0 <= signal < R:
            raise MalformedProofError(f"public signal {index} of the batch is not in [0, r)", "reduce nothing")
    chosen = get_backend(backend) if backend is None or isinstance(backend, str) else backend
    factors = multipliers(key, signals, proofs, chain_id)
    sums = [sum(factors) % R]
    sums += [sum(r * row[j] for r, row in zip(factors, signals, strict=True)) % R for j in range(key.n_public)]
    return chosen.verify_combination(key, sums, factors, proofs)


def multipliers(
    key: VerifyingKey, signals: Sequence[Sequence[int]], proofs: Sequence[Proof], chain_id: int
) -> list[int]:
    """rᵢ for every proof, as the contract draws them. ``signals`` in [0, 2^256)."""
    words = (chain_id, int.from_bytes(key.hash, "big"), len(proofs))
    head = BATCH_DOMAIN + b"".join(word.to_bytes(32, "big") for word in words)
    seed = keccak(head + b"".join(proof.data for proof in proofs) + _signal_bytes(signals))
    draws = (keccak(seed + index.to_bytes(32, "big")) for index in range(len(proofs)))
    return [1 << MULTIPLIER_BITS | int.from_bytes(draw[: MULTIPLIER_BITS // 8], "big") for draw in draws]


def verify_batch_calldata(
    key: VerifyingKey, calldata: bytes, *, chain_id: int, backend: Backend | str | None = None
) -> bool:
    """What the verifier contract would answer to these exact bytes.

    Raises:
        MalformedProofError: they are no canonical call of verifyProofs, or as in :func:`verify_batch`.
    """
    count = int.from_bytes(calldata[_HEAD - 32 : _HEAD], "big") if len(calldata) >= _HEAD else 0
    rows = _HEAD + PROOF_BYTES * count + 32
    row_bytes = 32 * key.n_public
    if not 0 < count <= len(calldata) or len(calldata) != rows + row_bytes * count:
        raise MalformedProofError(f"{len(calldata)} bytes of calldata are no call of verifyProofs")
    proofs = [Proof(calldata[at : at + PROOF_BYTES]) for at in range(_HEAD, rows - 32, PROOF_BYTES)]
    words = [int.from_bytes(calldata[at : at + 32], "big") for at in range(rows, len(calldata), 32)]
    signals = [words[at : at + key.n_public] for at in range(0, len(words), key.n_public)]
    if calldata != encode_batch_calldata(signals, proofs):
        raise MalformedProofError("the calldata is no canonical call of verifyProofs")
    return verify_batch(key, signals, proofs, chain_id=chain_id, backend=backend)


def encode_batch_calldata(signals: Sequence[Sequence[int]], proofs: Sequence[Proof]) -> bytes:
    """The call of verifyProofs, for as many rows of signals in [0, 2^256) as proofs; rows of one length.

    Raises:
        MalformedProofError: no proof, or another number of rows.
    """
    if not proofs or len(proofs) != len(signals):
        raise MalformedProofError(f"{len(proofs)} proofs with {len(signals)} rows of signals are no batch")
    count = len(proofs).to_bytes(32, "big")
    offsets = (64).to_bytes(32, "big") + (96 + PROOF_BYTES * len(proofs)).to_bytes(32, "big")
    data = b"".join(proof.data for proof in proofs)
    return batch_selector(len(signals[0])) + offsets + count + data + count + _signal_bytes(signals)


@cache
def batch_selector(n_public: int) -> bytes:
    """First four bytes of a call of ``verifyProofs`` with this many public signals for each proof."""
    return bytes(keccak(f"verifyProofs(uint256[8][],uint256[{n_public}][])".encode())[:4])


def _signal_bytes(signals: Sequence[Sequence[int]]) -> bytes:
    return b"".join(signal.to_bytes(32, "big") for row in signals for signal in row)
