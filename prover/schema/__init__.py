"""Schemas of private inputs: feature types, exact encoding, packing, commitment, and layouts of public signals.

In order of use: a :class:`Schema` encodes an applicant's raw facts into integer codes, ``schema.packing`` packs the
codes into field elements, :func:`commit` hashes them under a salt, and a :class:`Layout` says which public signals a
proof shows next to that commitment.
"""

from prover.schema.commitment import commit, commit_elements, initial_state, new_salt
from prover.schema.encoding import EncodedBatch, EncodedInput
from prover.schema.features import Bool, Category, Feature, Fixed, Float32, Int
from prover.schema.float_codes import code_of_float32, float32_of_code
from prover.schema.hashing import abi_encode, keccak256
from prover.schema.layout import THRESHOLD_DECIMALS, Layout, Polarity, Reveal, Slot
from prover.schema.packing import ELEMENT_BITS, PackedField, PackingPlan
from prover.schema.poseidon import parameters, poseidon
from prover.schema.schema import Schema

__all__ = [
    "ELEMENT_BITS",
    "THRESHOLD_DECIMALS",
    "Bool",
    "Category",
    "EncodedBatch",
    "EncodedInput",
    "Feature",
    "Fixed",
    "Float32",
    "Int",
    "Layout",
    "PackedField",
    "PackingPlan",
    "Polarity",
    "Reveal",
    "Schema",
    "Slot",
    "abi_encode",
    "code_of_float32",
    "commit",
    "commit_elements",
    "float32_of_code",
    "initial_state",
    "keccak256",
    "new_salt",
    "parameters",
    "poseidon",
]
