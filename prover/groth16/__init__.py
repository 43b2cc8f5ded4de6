"""Groth16 on BN254 over iden3's files: setup, prove, verify, and the Solidity verifier of a key.

One module per verb of the paper; ``backend`` chooses between the native core and the py_ecc reference, ``keystate``
says how far a key can be trusted, ``formats`` reads and writes the files.
"""

from prover.groth16.backend import Backend, BackendInfo, backend_info, get_backend
from prover.groth16.batch import encode_batch_calldata, verify_batch, verify_batch_calldata
from prover.groth16.formats.proof import Proof
from prover.groth16.formats.vkey import VerifyingKey
from prover.groth16.keystate import KeyState, key_state
from prover.groth16.prove import ProvingKey, prove, public_signals
from prover.groth16.setup import setup, setup_initial
from prover.groth16.solidity import export_solidity
from prover.groth16.verify import encode_calldata, verify, verify_calldata

__all__ = [
    "Backend",
    "BackendInfo",
    "KeyState",
    "Proof",
    "ProvingKey",
    "VerifyingKey",
    "backend_info",
    "encode_batch_calldata",
    "encode_calldata",
    "export_solidity",
    "get_backend",
    "key_state",
    "prove",
    "public_signals",
    "setup",
    "setup_initial",
    "verify",
    "verify_batch",
    "verify_batch_calldata",
    "verify_calldata",
]
