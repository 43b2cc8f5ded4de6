"""The native core as Python sees it, judged by py_ecc, py-evm and snarkjs."""
