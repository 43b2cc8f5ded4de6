"""iden3's files, byte for byte: .r1cs, .wtns, .zkey, verification_key.json, proof.json, public.json.

snarkjs reads what is written here, and what it writes is read here. Reading trusts nothing: lengths are compared with
the bytes present before anything is allocated, numbers must be canonical, and every fault is a FormatError.
"""

from prover.groth16.formats.proof import Proof, load_public, save_public
from prover.groth16.formats.r1cs import read_r1cs, write_r1cs
from prover.groth16.formats.vkey import VerifyingKey
from prover.groth16.formats.wtns import read_wtns, write_wtns
from prover.groth16.formats.zkey import ZKey

__all__ = [
    "Proof",
    "VerifyingKey",
    "ZKey",
    "load_public",
    "read_r1cs",
    "read_wtns",
    "save_public",
    "write_r1cs",
    "write_wtns",
]
