"""The contracts, on a chain in this process, with real signatures and real Groth16 proofs."""
