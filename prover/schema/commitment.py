"""The input commitment: a salted Poseidon hash of the packed codes.

Blocks of circomlib's PoseidonEx, each with the schema's hash modulo r as initial state. The first block takes
[salt, e0 .. e14], every later one [previous hash, next 15 elements]; a block of n inputs uses t = n + 1. The number of
elements is fixed by the schema, so no padding is needed.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from prover.errors import InputError
from prover.field import R
from prover.schema.encoding import EncodedInput
from prover.schema.poseidon import MAX_INPUTS, poseidon
from prover.schema.schema import Schema

SALT_BITS = 248
"""Random bits of a salt: what keeps a commitment to few-valued facts from being guessed."""


def new_salt() -> int:
    """A salt from the operating system's randomness, in [0, 2^248)."""
    return secrets.randbits(SALT_BITS)


def initial_state(schema_hash: bytes) -> int:
    """Capacity element of every block: the schema's hash modulo r."""
    return int.from_bytes(schema_hash, "big") % R


def blocks(n_elements: int) -> list[tuple[int, int]]:
    """Which elements each block takes: [start, end) ranges, 15 elements to a block."""
    size = MAX_INPUTS - 1
    return [(start, min(start + size, n_elements)) for start in range(0, n_elements, size)]


def commit_elements(schema_hash: bytes, elements: Sequence[int], salt: int) -> int:
    """Hash packed elements, each in [0, r), under a salt; the result is a canonical field element.

    Raises:
        InputError: a salt outside [0, r), or no elements.
    """
    if isinstance(salt, bool) or not isinstance(salt, int) or not 0 <= salt < R:
        raise InputError("the salt is not a field element", "use new_salt(), and keep it: it opens the commitment")
    if not elements:
        raise InputError("nothing to commit to")
    state, digest = initial_state(schema_hash), salt
    for start, end in blocks(len(elements)):
        digest = poseidon([digest, *elements[start:end]], state)
    return digest


def commit(schema: Schema, encoded: EncodedInput, salt: int) -> int:
    """``inputCommitment`` of one encoded input: what an issuer attests and a proof opens.

    Raises:
        InputError: encoded under another schema, or a salt outside [0, r).
    """
    return commit_elements(schema.hash, schema.packing.pack(encoded), salt)
