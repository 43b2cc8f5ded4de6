"""Everything between Verdict and an Ethereum chain: networks, signers, transactions, deployments, decisions.

Nothing is loaded until it is asked for by name: ``import prover.chain`` imports neither web3 nor py-evm.
"""
