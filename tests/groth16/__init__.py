"""The protocol, its files, its contract: one suite over both backends, with snarkjs and the EVM as outside judges."""
